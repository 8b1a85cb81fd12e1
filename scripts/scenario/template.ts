/** What `npm run scenario -- new` writes: a scenario that is valid, runs, and says what else there is. */
const title = (name: string): string =>
  name.replaceAll("-", " ").trim().replace(/^./, (letter) => letter.toUpperCase()) || name;

export const YAML_HEAD = "# yaml-language-server: $schema=../../../docs/scenario.schema.json\n";

export const yamlTemplate = (name: string): string =>
  `${YAML_HEAD}# All that can be said here: docs/synthetic.md
title: ${title(name)} # what it shows, in a sentence
# smoke: true # also in the cheap runs

turns:
  - say: /start # or press: …, press_data: …, photo: { caption: … }, document: { file_name: …, caption: … }
    expect:
      text:
        matches: \\S # a regular expression; also equals, contains, not_contains
      # buttons: [Talk to a person]

  # - say: Where is my order?
  #   expect:
  #     steps: [llm.classify, llm.answer] # in this order; others may be between them
  #     judge:
  #       rubric: The answer is friendly and says when the parcel arrives.
  #       pass: 0.8

expect: # of the whole conversation
  max_duration_ms: 30000
  max_cost_usd: 0.05
`;

export const tsTemplate = (name: string): string =>
  `// All that can be said here: docs/synthetic.md
import { defineScenario } from "../define.ts";

export default defineScenario({
  title: ${JSON.stringify(title(name))}, // what it shows, in a sentence
  // smoke: true, // also in the cheap runs
  turns: [
    {
      say: "/start", // or press, press_data, photo, document
      expect: {
        text: { matches: "\\\\S" }, // a regular expression; also equals, contains, not_contains
        // What no expectation has a word for. It throws what is wrong.
        check: ({ messages }) => {
          if (messages.length === 0) throw new Error("the bot has not answered");
        },
      },
    },
    // { say: "Where is my order?", expect: { judge: { rubric: "The answer is friendly.", pass: 0.8 } } },
  ],
  expect: { max_duration_ms: 30_000, max_cost_usd: 0.05 }, // of the whole conversation
});
`;
