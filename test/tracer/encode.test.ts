import { describe, expect, test, vi } from "vitest";
import { MAX_BODY_BYTES, MAX_ERROR, MAX_IO_CHARS } from "../../tracer/wire.ts";
import { memoryTracer } from "./_support/memory.ts";

describe("requests and responses", () => {
  test("are kept for a tenth of the traces, told by the id alone, and for every error", async () => {
    const { tracer, sent } = memoryTracer({ maxQueued: 5000 });
    const llm = () => tracer.step("llm", (step) => step.llm({ request: "q", response: "a" }));
    for (let i = 0; i < 2000; i++) tracer.trace("ok", llm);
    for (let i = 0; i < 20; i++) {
      tracer.trace("failed", (trace) => {
        llm();
        trace.fail("no");
      });
      tracer.trace("recovered", () => {
        llm();
        tracer.step("retry", (step) => step.fail("no"));
      });
    }
    const traces = await sent();
    let kept = 0;
    for (const { trace_id, pipeline, io } of traces) {
      const sampled = parseInt(trace_id.slice(-4), 16) / 2 ** 16 < 0.1;
      expect(io).toEqual(pipeline !== "ok" || sampled ? [{ step: 1, request: "q", response: "a" }] : undefined);
      if (pipeline === "ok" && io) kept += 1;
    }
    // 200 expected; seven standard deviations either side.
    expect(kept).toBeGreaterThan(106);
    expect(kept).toBeLessThan(294);
  });

  test("a capture rate of 0 keeps none and 1 keeps all", async () => {
    for (const rate of [0, 1]) {
      const { tracer, sent } = memoryTracer({ capture: { rate } });
      for (let i = 0; i < 100; i++) tracer.trace("p", () => tracer.step("llm", (step) => step.llm({ request: "q" })));
      expect((await sent()).filter((trace) => trace.io)).toHaveLength(rate * 100);
    }
  });

  test("objects are stored as JSON, as they were when they were told", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    tracer.trace("p", () => {
      const messages = [{ role: "user", content: "hi" }];
      tracer.step("llm", (step) => step.llm({ request: messages }));
      messages.push({ role: "assistant", content: "later" });
      const circular: Record<string, unknown> = {};
      circular.self = circular;
      tracer.step("odd", (step) => step.llm({ request: circular, response: 10n }));
      tracer.step("none", (step) => step.llm({ model: "m" }));
    });
    expect((await sent())[0]!.io).toEqual([
      { step: 1, request: '[{"role":"user","content":"hi"}]' },
      { step: 2, request: "[not serialisable]", response: "10" },
    ]);
  });

  test("are cut with their length kept, never through an emoji", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    const long = "x".repeat(MAX_IO_CHARS - 1) + "🦊🦊";
    tracer.trace("p", () => tracer.step("llm", (step) => step.llm({ request: long, response: "short" })));
    expect((await sent())[0]!.io).toEqual([
      { step: 1, request: "x".repeat(MAX_IO_CHARS - 1), request_chars: MAX_IO_CHARS + 3, response: "short" },
    ]);
  });

  test("give way when the trace would not fit into one request; the steps stay", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    tracer.trace("p", () => {
      for (let i = 0; i < 30; i++) tracer.step("llm", (step) => step.llm({ request: "語".repeat(MAX_IO_CHARS) }));
    });
    const [trace] = await sent();
    expect(Buffer.byteLength(JSON.stringify([trace]))).toBeLessThanOrEqual(MAX_BODY_BYTES);
    expect(trace!.steps).toHaveLength(30);
    expect(trace!.io).toHaveLength(30);
    for (const io of trace!.io!) expect(io).toMatchObject({ request_chars: MAX_IO_CHARS });
    expect(trace!.io![0]!.request!.length).toBeGreaterThan(1000);
  });
});

test("a step says only what there is to say: ok is left out, and so is what is not known of a call", async () => {
  const { tracer, sent } = memoryTracer();
  const all = { input_tokens: 900, cached_tokens: 800, output_tokens: 70, reasoning_tokens: 60, cost_microusd: 5 };
  tracer.trace("p", () => {
    tracer.step("plain", () => {});
    tracer.step("all", (step) => step.llm({ model: "m", ...all }));
    tracer.step("none", (step) => step.llm({ model: "m", cached_tokens: undefined, reasoning_tokens: -1 }));
    tracer.step("failed", (step) => step.fail("no"));
  });
  const times = { offset_ms: expect.any(Number), duration_ms: expect.any(Number) };
  expect((await sent())[0]!.steps).toEqual([
    { name: "plain", ...times },
    { name: "all", ...times, model: "m", ...all },
    { name: "none", ...times, model: "m" },
    { name: "failed", ...times, status: "error", error: "no" },
  ]);
});

describe("masking", () => {
  const record = async (mask: (text: string) => string) => {
    const { tracer, sent } = memoryTracer({ mask });
    tracer.trace("p", (trace) => {
      tracer.step("llm", (step) => {
        step.llm({ request: "key secret", response: { key: "secret" } });
        step.fail(new Error("secret in a step"));
      });
      trace.fail(new Error("secret in a trace"));
    });
    return (await sent())[0]!;
  };

  test("runs over requests, responses and errors", async () => {
    const trace = await record((text) => text.replaceAll("secret", "***"));
    expect(JSON.stringify(trace)).not.toContain("secret");
    expect(trace).toMatchObject({
      error: "*** in a trace",
      steps: [{ error: "*** in a step" }],
      io: [{ request: "key ***", response: '{"key":"***"}' }],
    });
  });

  test.each([
    ["throws", () => {
      throw new Error("secret");
    }],
    ["returns no string", () => Promise.resolve("secret") as unknown as string],
  ])("takes the whole text when the mask %s", async (_, mask) => {
    const trace = await record(mask);
    expect(JSON.stringify(trace)).not.toContain("secret");
    expect(trace).toMatchObject({
      error: "[mask failed]",
      steps: [{ error: "[mask failed]" }],
      io: [{ request: "[mask failed]", response: "[mask failed]" }],
    });
  });

  test("comes before cutting, so that no half of a secret is left at the edge", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 }, mask: (text) => text.replaceAll("secret", "***") });
    const request = "x".repeat(MAX_IO_CHARS - 3) + "secret";
    tracer.trace("p", () => tracer.step("llm", (step) => step.llm({ request })));
    expect((await sent())[0]!.io![0]!.request!.slice(-4)).toBe("x***");
  });
});

describe("what the server would refuse", () => {
  test.each([
    ["backward", [1000.5, 900, 800, 700, 600, 500]],
    ["nowhere", [NaN]],
  ])("clocks that go %s give times that are whole and not negative", async (_, times) => {
    const { tracer, sent } = memoryTracer();
    const clocks = [vi.spyOn(performance, "now"), vi.spyOn(Date, "now")];
    for (const clock of clocks) {
      let n = 0;
      clock.mockImplementation(() => times[Math.min(n++, times.length - 1)]!);
    }
    try {
      tracer.trace("p", () => tracer.step("s", () => {}));
    } finally {
      for (const clock of clocks) clock.mockRestore();
    }
    const [trace] = await sent();
    expect(trace!.started_at).toBe(times[0]! > 0 ? 1001 : 0);
    expect(trace).toMatchObject({ duration_ms: 0, steps: [{ offset_ms: 0, duration_ms: 0 }] });
  });

  test("what makes no JSON of itself costs its field alone", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    const request = { toJSON: () => undefined };
    const response = { toJSON: () => () => {} };
    tracer.trace("p", () => tracer.step("s", (step) => step.llm({ model: "m", request, response })));
    expect(await sent()).toMatchObject([{
      steps: [{ model: "m" }],
      io: [{ request: "[not serialisable]", response: "[not serialisable]" }],
    }]);
  });

  test("a long error is cut and tells its length", async () => {
    const { tracer, sent } = memoryTracer();
    expect(() =>
      tracer.trace("p", () => {
        throw new Error("e".repeat(5000));
      })
    ).toThrow();
    const { error } = (await sent())[0]!;
    expect(error).toHaveLength(MAX_ERROR);
    expect(error).toMatch(/e… \[5000 characters\]$/);
  });

  test("NUL, lone surrogates, odd numbers and unprintable errors do not cost the trace", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 }, release: "r\0" });
    tracer.trace("p\ud83d", () => {
      tracer.step("s\0", (step) => {
        step.llm({
          model: "m\udc00",
          input_tokens: NaN,
          output_tokens: -1,
          cost_microusd: 12.5,
          request: "a\0b\ud83d",
          response: "🦊",
        });
        step.fail(Object.create(null));
      });
    }, { update_id: 1.5, chat_id: Infinity, user_id: "7" as unknown as number });
    expect((await sent())[0]).toMatchObject({ pipeline: "p\ufffd", release: "r\ufffd", update_id: 2 });
    const { chat_id, user_id, steps, io } = (await sent())[0]!;
    expect({ chat_id, user_id }).toEqual({});
    expect(steps[0]).toMatchObject({
      name: "s\ufffd",
      model: "m\ufffd",
      cost_microusd: 13,
      error: "[unprintable error]",
    });
    expect(steps[0]).not.toHaveProperty("input_tokens");
    expect(steps[0]).not.toHaveProperty("output_tokens");
    expect(io).toEqual([{ step: 1, request: "a\ufffdb\ufffd", response: "🦊" }]);
  });
});

test("an error that is a plain object, as supabase-js throws it, says its code and message", async () => {
  const { tracer, sent } = memoryTracer();
  const error = { code: "42P01", message: "relation does not exist", details: null, hint: null };
  const odd = [error, { message: "only this" }, { code: "E" }, new AggregateError([], ""), {
    get message() {
      throw new Error("no");
    },
  }];
  expect(() =>
    tracer.trace("p", () => {
      for (const thrown of odd) tracer.step("s", (step) => step.fail(thrown));
      throw error;
    })
  ).toThrow(expect.objectContaining(error));
  const [trace] = await sent();
  expect(trace!.error).toBe("42P01 relation does not exist");
  expect(trace!.steps.map((step) => step.error)).toEqual([
    "42P01 relation does not exist",
    "only this",
    "[object Object]",
    "AggregateError",
    "[unprintable error]",
  ]);
});
