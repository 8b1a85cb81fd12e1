import { expect, test } from "vitest";
import { readFacts } from "../../../../functions/synthetic/llm/answer.ts";
import { OPENAI_PRICES } from "../../../../tracer/openai_prices.ts";

const usage = { prompt_tokens: 1_000_000, completion_tokens: 0, total_tokens: 1_000_000 };

test.each<[string, object, number | null]>([
  ["that is told", { cost: 0.25 }, 250_000],
  ["of nothing", { cost: 0 }, 0],
  ["that is not told: the table's", {}, 150_000],
  ["that is null: the table's", { cost: null }, 150_000],
  // It was told something: the table's would be a guess.
  ["below nothing", { cost: -1 }, null],
  ["in words", { cost: "0.25" }, null],
  ["without end", { cost: 1e300 }, null],
  ["of more than the books take: as much as they do", { cost: 2500 }, 2 ** 31 - 1],
  ["of the router alone, where the maker bills too", { cost: 0, is_byok: true }, null],
  ["of no tokens at all", { prompt_tokens: 0 }, null],
  ["of nothing for no tokens", { prompt_tokens: 0, cost: 0 }, null],
  ["of tokens below nothing", { prompt_tokens: -5 }, null],
  ["of parts of tokens", { completion_tokens: 1.5 }, null],
  ["of more tokens than there are", { prompt_tokens: 1e13 }, null],
])("a cost %s", (_, told, cost_microusd) => {
  const answer = {
    id: "gen-1",
    model: "gpt-4o-mini",
    choices: [{ index: 0, message: { role: "assistant", content: "ok" }, finish_reason: "stop" }],
    usage: { ...usage, ...told },
  };
  expect(readFacts(JSON.stringify(answer), "application/json", "gpt-4o-mini", OPENAI_PRICES)).toMatchObject({
    whole: true,
    cost_microusd,
  });
});
