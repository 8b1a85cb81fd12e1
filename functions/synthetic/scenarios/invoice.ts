import { defineScenario } from "../define.ts";

export default defineScenario({
  title: "An invoice: what was paid for it is what its trace says",
  turns: [
    {
      say: "I need an invoice for my taxes",
      expect: {
        text: { matches: "/invoice|receipt|tax/i" },
        json: [
          { of: "trace", path: "$.steps[?@.name == 'llm.answer'].model", matches: "/gpt/" },
          { of: "trace", path: "$.steps[?@.output_tokens > 0]", count: 3 },
        ],
        check({ traces, llm }) {
          const steps = traces.at(-1)?.steps?.filter(({ name }) => name.startsWith("llm.")) ?? [];
          const told = steps.reduce((sum, step) => sum + (step.input_tokens ?? 0) + (step.output_tokens ?? 0), 0);
          // What the bot has left, it asked for again.
          const paid = llm.filter(({ whole }) => whole).reduce(
            (sum, call) => sum + call.input_tokens + call.output_tokens,
            0,
          );
          if (told !== paid) throw new Error(`the trace has ${told} tokens, the provider has counted ${paid}`);
        },
      },
    },
  ],
  expect: { max_cost_usd: 0.01 },
});
