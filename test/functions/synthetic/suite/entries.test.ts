import { expect, test } from "vitest";
import type { BotUnderTest } from "../../../../functions/synthetic/define.ts";
import type { Recorded } from "../../../../functions/synthetic/llm/ports.ts";
import { scenarioEntries } from "../../../../functions/synthetic/suite/entries.ts";
import { scenario } from "./_support.ts";

const PRICES = {
  date: "2026-01-01",
  models: { big: { input: 10, output: 100 }, small: { input: 1, output: 10 } },
};

const bot = (more: Partial<BotUnderTest> = {}): BotUnderTest => ({
  create: () => Promise.reject(new Error("unused")),
  provider: () => ({ baseUrl: "", apiKey: "" }),
  prices: PRICES,
  models: { smoke: { "*": "small" } },
  ...more,
});

const call = (model: string, request: object, more: Partial<Recorded> = {}): Recorded => ({
  key: `${model}${JSON.stringify(request)}`,
  nth: 0,
  request: { model, ...request },
  status: 200,
  content_type: "application/json",
  chunks: [],
  duration_ms: 1,
  model,
  input_tokens: 100,
  output_tokens: 10,
  cost_microusd: null,
  ...more,
});

const priced = (recorded: Recorded[], more: Partial<BotUnderTest> = {}) =>
  scenarioEntries([scenario("a")], { a: recorded }, bot(more))[0]!.priced;

test("each tier by its own recordings: expected as recorded, worst as much as each request lets be answered", () => {
  expect(priced([call("big", { max_tokens: 50 }), call("small", { max_tokens: 50, n: 2 })])).toEqual({
    smoke: { expected_microusd: 100 + 100, worst_microusd: 100 + 1000 },
    release: { expected_microusd: 1000 + 1000, worst_microusd: 1000 + 5000 },
  });
});

test("a judge is paid for in both tiers", () => {
  const recorded = [call("big", { max_tokens: 10 }), call("small", { max_tokens: 10 })];
  expect(priced(recorded, { judge: { model: "small" } }).release).toEqual({
    expected_microusd: 2200,
    worst_microusd: 2200,
  });
});

test("what is not known is null: no recording, of the other tier only, no limit, no price, no tokens", () => {
  expect(priced([])).toEqual({ smoke: null, release: null });
  expect(priced([call("small", { max_tokens: 10 })]).release).toBeNull();
  expect(priced([call("small", {})]).smoke).toBeNull();
  expect(priced([call("dear", { max_tokens: 10 })], { models: {} })).toEqual({ smoke: null, release: null });
  expect(priced([call("small", { max_tokens: 10 }, { output_tokens: null })]).smoke).toBeNull();
});
