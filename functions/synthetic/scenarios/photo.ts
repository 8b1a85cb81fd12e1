import { defineScenario } from "../define.ts";

const NO_LLM = ["llm.classify", "llm.answer", "llm.check"];

export default defineScenario({
  title: "A picture without a word is asked about, one with a caption is answered",
  turns: [
    { photo: {}, expect: { text: { contains: "Please write a few words" }, not_steps: NO_LLM, max_tokens: 0 } },
    {
      photo: { caption: "The headphones I got are broken 💔" },
      expect: {
        text: { not_contains: "Sorry, something went wrong" },
        steps: ["llm.classify", "llm.answer", "llm.check"],
        check({ calls }) {
          const sent = calls.filter(({ method }) => method === "sendMessage").length;
          if (sent !== 1) throw new Error(`one message becomes the answer, but ${sent} were sent`);
        },
      },
    },
  ],
});
