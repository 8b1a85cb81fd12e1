import { expect, test } from "vitest";
import { hasOtherPrice, usageOf } from "../../tracer/usage.ts";

const known = (usage: unknown) => Object.fromEntries(Object.entries(usageOf(usage)).filter(([, v]) => v !== undefined));

test.each([
  ["chat completions", {
    prompt_tokens: 100,
    prompt_tokens_details: { cached_tokens: 40 },
    completion_tokens: 30,
    completion_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 130,
  }],
  ["responses", {
    input_tokens: 100,
    input_tokens_details: { cached_tokens: 40 },
    output_tokens: 30,
    output_tokens_details: { reasoning_tokens: 20 },
    total_tokens: 130,
  }],
  ["Gemini, where thoughts come on top", {
    promptTokenCount: 100,
    cachedContentTokenCount: 40,
    candidatesTokenCount: 10,
    thoughtsTokenCount: 20,
    totalTokenCount: 130,
  }],
])("%s", (_, usage) => {
  expect(known(usage)).toEqual({ input_tokens: 100, cached_tokens: 40, output_tokens: 30, reasoning_tokens: 20 });
});

test("Anthropic, where the cache comes on top", () => {
  const usage = { input_tokens: 10, cache_read_input_tokens: 40, cache_creation_input_tokens: 50, output_tokens: 30 };
  expect(known(usage)).toEqual({ input_tokens: 100, cached_tokens: 40, output_tokens: 30 });
  expect(known({ ...usage, cache_read_input_tokens: null, cache_creation_input_tokens: null }).input_tokens).toBe(10);
});

test("OpenRouter's dollars become micro-dollars; with a key of one's own the provider's come on top", () => {
  const usage = {
    prompt_tokens: 1,
    completion_tokens: 1,
    cost: 0.0000125,
    cost_details: { upstream_inference_cost: 0.01 },
  };
  expect(known({ ...usage, is_byok: false }).cost_microusd).toBe(13);
  expect(known({ ...usage, is_byok: true }).cost_microusd).toBe(10_013);
  expect(known({ ...usage, is_byok: true, cost_details: null }).cost_microusd).toBeUndefined();
});

test("0 is known, what is missing is not", () => {
  expect(known({ prompt_tokens: 0, completion_tokens: 0, cost: 0 })).toEqual({
    input_tokens: 0,
    output_tokens: 0,
    cost_microusd: 0,
  });
  for (const usage of [undefined, null, 5, "x", {}, { prompt_tokens: null, prompt_tokens_details: null }]) {
    expect(known(usage)).toEqual({});
  }
});

test.each([
  [false, { prompt_tokens: 1, service_tier: "default" }],
  [false, { prompt_tokens: 1, prompt_tokens_details: { audio_tokens: 0 }, cache_creation_input_tokens: 0 }],
  [false, { input_tokens: 1, service_tier: "standard" }],
  [false, undefined],
  [true, { prompt_tokens: 1, service_tier: "flex" }],
  [true, { prompt_tokens: 1, service_tier: "priority" }],
  [true, { prompt_tokens: 1, prompt_tokens_details: { audio_tokens: 1 } }],
  [true, { prompt_tokens: 1, completion_tokens_details: { audio_tokens: 1 } }],
  [true, { input_tokens: 1, cache_creation_input_tokens: 1 }],
])("%s: another price than the table's for %j", (other, usage) => {
  expect(hasOtherPrice(usage)).toBe(other);
});
