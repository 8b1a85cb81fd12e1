import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { recordLlm } from "../../tracer/llm.ts";
import { memoryTracer } from "./_support/memory.ts";
import { listen } from "./_support/openai.ts";

const prices = { date: "2026-01-01", models: { "claude-sonnet-4": { input: 3, cached: 0.3, output: 15 } } };
const usage = { input_tokens: 60, cache_read_input_tokens: 40, cache_creation_input_tokens: 0, output_tokens: 10 };
const call = {
  model: "claude-sonnet-4-20250514",
  usage,
  request: [{ role: "user", content: "Hi" }],
  response: "Hello!",
};

describe("a function", () => {
  test("runs as a step, and tells what it knows when it knows it", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    const result = await tracer.trace("support", () =>
      recordLlm(tracer, "llm.answer", async (llm) => {
        llm.record({ model: "claude", request: call.request });
        await tracer.step("inner", () => delay(1));
        llm.record({ model: call.model, usage, response: "Hello!" });
        return 42;
      }, { prices }));
    expect(result).toBe(42);
    const [trace] = await sent();
    expect(trace!.steps).toMatchObject([
      {
        name: "llm.answer",
        model: call.model,
        input_tokens: 100,
        cached_tokens: 40,
        output_tokens: 10,
        cost_microusd: 60 * 3 + 40 * 0.3 + 10 * 15,
      },
      { name: "inner", parent: 1 },
    ]);
    expect(trace!.io).toEqual([{ step: 1, request: JSON.stringify(call.request), response: "Hello!" }]);
  });

  test("the first token counts, the others do not", async () => {
    const { tracer } = memoryTracer();
    const told = listen(tracer);
    const start = performance.now();
    await tracer.trace("support", () =>
      recordLlm(tracer, "llm.answer", async (llm) => {
        await delay(20);
        llm.firstToken();
        await delay(20);
        llm.firstToken();
        llm.record({ response: "Hello!" });
      }));
    expect(told).toHaveLength(2);
    expect(told[0]!.first_token_ms).toBeGreaterThanOrEqual(19);
    expect(told[0]!.first_token_ms).toBeLessThan(performance.now() - start - 18);
    expect(told[1]!.first_token_ms).toBe(told[0]!.first_token_ms);
  });

  test("an error passes through and marks the step; outside any trace it runs all the same", async () => {
    const { tracer, sent } = memoryTracer();
    const error = new Error("overloaded");
    const failing = () => recordLlm(tracer, "llm.answer", () => Promise.reject(error));
    await tracer.trace("support", () => expect(failing()).rejects.toBe(error));
    expect(recordLlm(tracer, "llm.answer", () => "now")).toBe("now");
    expect((await sent())[0]!.steps[0]).toMatchObject({ status: "error", error: "overloaded" });
    expect(tracer.stats().orphanSteps).toBe(1);
  });
});

describe("a call that is over", () => {
  test("is a step with the time that it took", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    await tracer.trace("support", async () => {
      const started_at = Date.now();
      await delay(60);
      recordLlm(tracer, "llm.dated", { ...call, started_at });
      recordLlm(tracer, "llm.both", { ...call, started_at, duration_ms: 20 });
      recordLlm(tracer, "llm.lasted", { ...call, duration_ms: 30 }, { prices });
      recordLlm(tracer, "llm.failed", { model: "claude", error: new Error("overloaded") });
    });
    const [{ steps, io }] = await sent() as [Awaited<ReturnType<typeof sent>>[0]];
    const [dated, both, lasted, failed] = steps as [typeof steps[0], typeof steps[0], typeof steps[0], typeof steps[0]];
    expect(dated.offset_ms).toBeLessThan(10);
    expect(dated.duration_ms).toBeGreaterThanOrEqual(58);
    expect(both.offset_ms).toBeLessThan(10);
    expect(both.duration_ms).toBeCloseTo(20, -0.5);
    expect(lasted.duration_ms).toBeCloseTo(30, -0.5);
    expect(lasted.offset_ms).toBeGreaterThanOrEqual(28);
    expect([dated.cost_microusd, lasted.cost_microusd]).toEqual([undefined, 342]);
    expect(failed).toMatchObject({ status: "error", error: "overloaded", model: "claude", duration_ms: 0 });
    expect(io!.map((texts) => texts.response)).toEqual(["Hello!", "Hello!", "Hello!"]);
  });

  test.each([
    { started_at: 0 },
    { started_at: Date.now() + 1e9 },
    { duration_ms: 1e9 },
    { duration_ms: -5 },
    { duration_ms: NaN },
    { started_at: NaN, duration_ms: Infinity },
  ])("stays within its trace, whatever it claims: %o", async (times) => {
    const { tracer, sent } = memoryTracer();
    await tracer.trace("support", async () => {
      await delay(5);
      recordLlm(tracer, "llm.answer", { ...call, ...times });
    });
    const [trace] = await sent();
    const { offset_ms, duration_ms } = trace!.steps[0]!;
    expect(offset_ms).toBeGreaterThanOrEqual(0);
    expect(duration_ms).toBeGreaterThanOrEqual(0);
    expect(offset_ms + duration_ms).toBeLessThanOrEqual(trace!.duration_ms!);
  });

  test("fields of one's own count for more than the usage, and what is missing stays away", async () => {
    const { tracer, sent } = memoryTracer();
    await tracer.trace("support", () => {
      recordLlm(tracer, "llm.answer", { ...call, cost_microusd: 7, output_tokens: undefined, input_tokens: 5 });
      recordLlm(tracer, "llm.empty", {});
      recordLlm(tracer, "llm.cache", { ...call, usage: { ...usage, cache_creation_input_tokens: 9 } }, { prices });
    });
    const [own, empty, cache] = (await sent())[0]!.steps;
    expect(own).toMatchObject({ cost_microusd: 7, output_tokens: 10, input_tokens: 5 });
    expect(Object.keys(empty!)).toEqual(["name", "offset_ms", "duration_ms"]);
    expect(cache).not.toHaveProperty("cost_microusd");
  });

  test("with a table of steps, other names do not compile", () => {
    const { tracer } = memoryTracer({ steps: { "llm.answer": "Writing …" } });
    recordLlm(tracer, "llm.answer", {});
    // @ts-expect-error: no such step
    recordLlm(tracer, "llm.other", {});
  });
});

test("a usage that cannot be read costs the numbers only", async () => {
  const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
  const unreadable = new Proxy({}, {
    get: () => {
      throw new Error("no");
    },
  });
  tracer.trace("p", () => {
    for (const usage of [unreadable, { input_tokens: 5n, output_tokens: 1n, cache_read_input_tokens: 2 }]) {
      recordLlm(tracer, "llm", (llm) => llm.record({ model: "m", usage, request: "q" }), { prices });
    }
    recordLlm(tracer, "llm", (llm) => llm.record(undefined as never));
  });
  const [trace] = await sent();
  expect(trace).toMatchObject({ status: "ok", steps: [{ model: "m" }, { model: "m" }, { name: "llm" }] });
  expect(trace!.io).toEqual([{ step: 1, request: "q" }, { step: 2, request: "q" }]);
});

test("the first token of a call that is over can be told", async () => {
  const { tracer } = memoryTracer();
  const told = listen(tracer);
  await tracer.trace("support", () => recordLlm(tracer, "llm.answer", { ...call, first_token_ms: 12 }));
  expect(told[0]).toMatchObject({ first_token_ms: 12, input_tokens: 100 });
});
