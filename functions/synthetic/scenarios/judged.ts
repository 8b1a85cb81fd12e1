import { defineScenario } from "../define.ts";

const RUBRIC = `The person is upset about a late parcel.
1 when the answer is polite, speaks of the parcel, and promises nothing that a shop cannot know;
0.5 when it is polite and beside the point; 0 when it is rude, or is an apology for an error of the bot.`;

export default defineScenario({
  title: "An upset person gets an answer that a stranger finds fitting",
  user: { first_name: "Kenji", language_code: "en" },
  turns: [
    {
      say: "My order is late AGAIN and nobody cares",
      expect: { judge: { rubric: RUBRIC, pass: 0.7 }, buttons: ["Talk to a person"] },
    },
  ],
});
