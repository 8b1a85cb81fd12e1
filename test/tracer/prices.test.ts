import { describe, expect, test } from "vitest";
import { OPENAI_PRICES } from "../../tracer/openai_prices.ts";
import { costOf, type PriceTable } from "../../tracer/prices.ts";

const prices: PriceTable = {
  date: "2026-01-01",
  models: {
    "gpt-4o": { input: 2.5, cached: 1.25, output: 10 },
    "gpt-4o-2024-05-13": { input: 5, output: 15 },
    "gpt-5": { input: 1.25, output: 10 },
    "claude-sonnet-4": { input: 3, cached: 0.3, output: 15 },
    "vendor/house-1": { input: 1, output: 1 },
    embedder: { input: 0.13, output: 0 },
  },
};
const million = 1_000_000;
const inputCost = (model: string) => costOf({ model, input_tokens: million, output_tokens: 0 }, prices);

describe("which price is whose", () => {
  test.each([
    ["gpt-4o", 2.5],
    ["gpt-4o-2024-08-06", 2.5],
    ["openai/gpt-4o", 2.5],
    ["openai/gpt-4o-2024-11-20", 2.5],
    ["gpt-4o-2024-05-13", 5],
    ["openai/gpt-4o-2024-05-13", 5],
    ["gpt-5-2025-08-07", 1.25],
    ["claude-sonnet-4-20250514", 3],
    ["anthropic/claude-sonnet-4", 3],
    ["vendor/house-1", 1],
  ])("%s", (model, dollars) => {
    expect(inputCost(model)).toBe(dollars * million);
  });

  test.each([
    "gpt-4o-mini",
    "gpt-4o-mini-2024-07-18",
    "gpt-4o-audio-preview",
    "gpt-4o-audio-preview-2024-12-17",
    "chatgpt-4o-latest",
    "gpt-4o-0806",
    "gpt-5-pro",
    "gpt-5.1",
    "gpt-5-2025-08-07-custom",
    "gpt-50",
    "gpt-4",
    "ft:gpt-4o-2024-08-06:acme::abc",
    "openai/gpt-4o:free",
    "somebody/gpt-4o",
    "house-1",
    "GPT-4o",
    "toString",
    "",
  ])("%s is another model: its price is not known", (model) => {
    expect(inputCost(model)).toBeUndefined();
  });
});

describe("the sum", () => {
  test("cached input and reasoning are parts, not additions", () => {
    const call = { model: "gpt-4o", input_tokens: 1000, cached_tokens: 600, output_tokens: 100, reasoning_tokens: 90 };
    expect(costOf(call, prices)).toBe(400 * 2.5 + 600 * 1.25 + 100 * 10);
  });

  test("where a cache has no price of its own, its tokens cost what others do", () => {
    expect(costOf({ model: "gpt-5", input_tokens: 100, cached_tokens: 60, output_tokens: 0 }, prices)).toBe(125);
  });

  test("it is rounded once, and halves go up", () => {
    const mini = { date: "2026-01-01", models: { m: { input: 0.15, output: 0.6 } } };
    // 7.5, and in fractions a little less.
    expect(2 * 0.15 + 12 * 0.6).toBeLessThan(7.5);
    expect(costOf({ model: "m", input_tokens: 2, output_tokens: 12 }, mini)).toBe(8);
    expect(costOf({ model: "gpt-4o", input_tokens: 1, output_tokens: 0 }, prices)).toBe(3);
    expect(costOf({ model: "embedder", input_tokens: 3, output_tokens: 0 }, prices)).toBe(0);
  });

  test("what is not known makes the cost unknown, never 0", () => {
    expect(costOf({ model: "gpt-4o" }, prices)).toBeUndefined();
    expect(costOf({ model: "gpt-4o", input_tokens: 5 }, prices)).toBeUndefined();
    expect(costOf({ model: "gpt-4o", output_tokens: 5 }, prices)).toBeUndefined();
    expect(costOf({ input_tokens: 5, output_tokens: 5 }, prices)).toBeUndefined();
    expect(costOf({ model: "gpt-4o", input_tokens: 5, output_tokens: 5 }, undefined)).toBeUndefined();
  });

  test("embeddings have no output", () => {
    expect(costOf({ model: "embedder", input_tokens: 1000 }, prices)).toBe(130);
  });
});

test("the built-in table is dated, and a cache is never dearer than fresh input", () => {
  expect(OPENAI_PRICES.date).toMatch(/^20\d\d-[01]\d-[0-3]\d$/);
  expect(Object.keys(OPENAI_PRICES.models).length).toBeGreaterThan(10);
  for (const [model, { input, cached = input, output }] of Object.entries(OPENAI_PRICES.models)) {
    expect(cached, model).toBeLessThanOrEqual(input);
    expect(output === 0 || output > input, model).toBe(true);
  }
});
