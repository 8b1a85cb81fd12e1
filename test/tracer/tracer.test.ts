// Over 300 lines, because it is one list: what a tracer promises the bot that it lives in.
import { setImmediate, setTimeout as delay } from "node:timers/promises";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { createTracer } from "../../tracer/index.ts";
import { idTime } from "./_support/ingest.ts";
import { memoryTracer } from "./_support/memory.ts";

const shape = (steps: { name: string; parent?: number }[]) => steps.map(({ name, parent = 0 }) => `${name}<${parent}`);

function newGate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => open = resolve);
  return { open, opened };
}

describe("traces and steps", () => {
  test("a step's parent is the step around it, in start order", async () => {
    const { tracer, sent } = memoryTracer();
    const result = await tracer.trace("support", async () => {
      await tracer.step("a", async () => {
        await setImmediate();
        tracer.step("a.sync", () => tracer.step("a.sync.deep", () => 1));
        await tracer.step("a.async", () => setImmediate());
      });
      return tracer.step("b", () => "result");
    }, { update_id: 1, chat_id: -2, user_id: 3, message_id: 4 });

    expect(result).toBe("result");
    const [trace] = await sent();
    expect(trace).toMatchObject({
      pipeline: "support",
      status: "ok",
      update_id: 1,
      chat_id: -2,
      user_id: 3,
      message_id: 4,
    });
    expect(shape(trace!.steps)).toEqual(["a<0", "a.sync<1", "a.sync.deep<2", "a.async<1", "b<0"]);
  });

  test("parallel steps get their own children", async () => {
    const { tracer, sent } = memoryTracer();
    await tracer.trace("support", () =>
      Promise.all(["x", "y", "z"].map((name, index) =>
        tracer.step(name, async () => {
          await delay(3 - index);
          await tracer.step(`${name}.child`, () => setImmediate());
        })
      )));
    const steps = (await sent())[0]!.steps;
    for (const step of steps.filter((step) => step.name.endsWith(".child"))) {
      expect(`${steps[step.parent! - 1]!.name}.child`).toBe(step.name);
    }
    expect(shape(steps.slice(0, 3))).toEqual(["x<0", "y<0", "z<0"]);
    expect(steps).toHaveLength(6);
  });

  test("1,000 interleaved traces: not one step in a wrong trace", async () => {
    const { tracer, sent } = memoryTracer();
    await Promise.all(Array.from({ length: 1000 }, (_, n) =>
      tracer.trace(`p${n}`, async () => {
        const id = tracer.currentTraceId();
        for (let i = 0; i < 3; i++) {
          await tracer.step(`${n}.${i}`, async () => {
            await delay((n * 7 + i * 3) % 5);
            tracer.step(`${n}.${i}.in`, () => expect(tracer.currentTraceId()).toBe(id));
          });
        }
      })));
    const traces = await sent();
    expect(new Set(traces.map((trace) => trace.trace_id)).size).toBe(1000);
    for (const { pipeline, steps } of traces) {
      const n = pipeline.slice(1);
      expect(shape(steps)).toEqual(
        [`${n}.0<0`, `${n}.0.in<1`, `${n}.1<0`, `${n}.1.in<3`, `${n}.2<0`, `${n}.2.in<5`],
      );
    }
  });

  test.each([
    ["async", () => Promise.reject(new Error("no model"))],
    ["sync", () => {
      throw new Error("no model");
    }],
  ])("an error thrown by %s code marks the step and the trace, and passes through unchanged", async (_, fail) => {
    const { tracer, sent } = memoryTracer();
    let thrown: unknown;
    const caught = await Promise.resolve().then(() =>
      tracer.trace("support", () => {
        const pass = (error: unknown) => {
          thrown = error;
          throw error;
        };
        try {
          const result: unknown = tracer.step("llm", fail as () => unknown);
          return Promise.resolve(result).catch(pass);
        } catch (error) {
          return pass(error);
        }
      })
    ).catch((error) => error);

    expect(caught).toBe(thrown);
    const [trace] = await sent();
    expect(trace).toMatchObject({ status: "error", error: "no model" });
    expect(trace!.steps).toMatchObject([{ name: "llm", status: "error", error: "no model" }]);
  });

  test("an error that the bot catches marks the step only; fail() marks the trace", async () => {
    const { tracer, sent } = memoryTracer();
    const attempt = () => tracer.step("llm", () => Promise.reject(new Error("429"))).catch(() => {});
    await tracer.trace("recovered", attempt);
    await tracer.trace("apologised", async (trace) => {
      await attempt();
      trace.fail("gave up");
    });
    const [recovered, apologised] = await sent();
    expect(recovered).toMatchObject({ status: "ok", steps: [{ status: "error", error: "429" }] });
    expect(apologised).toMatchObject({ status: "error", error: "gave up" });
  });

  test("a query that runs when it is awaited runs once", async () => {
    const { tracer, sent } = memoryTracer();
    let runs = 0;
    const query: PromiseLike<number> = {
      then: (resolve, reject) => Promise.resolve(++runs).then(resolve, reject),
    };
    expect(await tracer.trace("db", () => tracer.step("db.save", () => query))).toBe(1);
    expect((await sent())[0]!.steps).toHaveLength(1);
    expect(runs).toBe(1);
  });

  test("a rejection that nobody handles stays unhandled", async () => {
    const { tracer } = memoryTracer();
    const unhandled = new Promise((resolve) => {
      const others = process.listeners("unhandledRejection");
      process.removeAllListeners("unhandledRejection").once("unhandledRejection", (reason) => {
        for (const listener of others) process.on("unhandledRejection", listener);
        resolve(reason);
      });
    });
    void tracer.trace("support", () => Promise.reject("left alone"));
    expect(await unhandled).toBe("left alone");
  });
});

describe("what does not fit", () => {
  test("a step outside any trace runs, is counted, and warned about once per name", async () => {
    const { tracer, problems, sent } = memoryTracer();
    for (let i = 0; i < 3; i++) expect(tracer.step("lonely", () => tracer.currentTraceId())).toBeUndefined();
    tracer.startStep("other").end();
    expect(tracer.stats().orphanSteps).toBe(4);
    expect(problems.map((problem) => problem.code)).toEqual(["orphan_step", "orphan_step"]);
    expect(await sent()).toEqual([]);
  });

  test("a step that outlives its trace is recorded as unfinished and changes nothing later", async () => {
    const { tracer, sent } = memoryTracer();
    const gate = newGate();
    let background!: Promise<number>;
    await tracer.trace("support", async () => {
      background = tracer.step("slow", async (step) => {
        await gate.opened;
        step.llm({ model: "late", request: "late" });
        tracer.step("slow.child", () => {});
        throw new Error("late");
      });
      await setImmediate();
    });
    const [trace] = await sent();
    const before = structuredClone(trace);
    gate.open();
    await expect(background).rejects.toThrow("late");
    expect(await sent()).toEqual([before]);
    expect(trace).toMatchObject({
      status: "ok",
      steps: [{ name: "slow", status: "error", error: "still running when the trace ended" }],
    });
    expect(tracer.stats().orphanSteps).toBe(1);
  });

  test("steps beyond the 1,000th run unrecorded, and their children stay out too", async () => {
    const { tracer, problems, sent } = memoryTracer();
    let ran = 0;
    tracer.trace("loop", () => {
      for (let i = 0; i < 1001; i++) tracer.step("s", () => ran++);
      tracer.step("s", () => tracer.step("child", () => ran++));
    });
    expect(ran).toBe(1002);
    expect((await sent())[0]!.steps).toHaveLength(1000);
    expect(tracer.stats().excessSteps).toBe(3);
    expect(problems.map((problem) => problem.code)).toEqual(["excess_step"]);
  });

  test("a long step name is cut to 20 characters, whole emoji, with one warning", async () => {
    const { tracer, problems, sent } = memoryTracer();
    const name = "🦊".repeat(21);
    tracer.trace("names", () => {
      tracer.step(name, () => {});
      tracer.step(name, () => {});
      tracer.step("🦊".repeat(20), () => {});
      tracer.step("", () => {});
    });
    const fox = "🦊".repeat(20);
    expect((await sent())[0]!.steps.map((step) => step.name)).toEqual([fox, fox, fox, "(unnamed)"]);
    expect(problems.filter((problem) => problem.message.includes("🦊"))).toHaveLength(1);
  });

  test("a trace that was never ended is closed with the tracer, and later ones are counted", async () => {
    const { tracer, sent } = memoryTracer();
    tracer.startTrace("forgotten");
    await tracer.close();
    expect(await tracer.trace("after", () => Promise.resolve(1))).toBe(1);
    expect(await sent()).toMatchObject([{ status: "error", error: "still running when the tracer was closed" }]);
    expect(tracer.stats()).toMatchObject({ recorded: 2, delivered: 1, queued: 0, dropped: { closed: 1 } });
  });
});

test("of traces that nobody ends for 15 minutes, the oldest give way beyond 10,000", async () => {
  const { tracer, problems, sent } = memoryTracer();
  const ids = Array.from({ length: 10_000 }, () => tracer.startTrace("leak").id);
  const later = performance.now() + 15 * 60_000;
  vi.spyOn(performance, "now").mockReturnValue(later);
  onTestFinished(() => void vi.restoreAllMocks());
  tracer.startTrace("new");
  tracer.startTrace("new");
  vi.restoreAllMocks();
  expect(await sent()).toMatchObject([
    { trace_id: ids[0], status: "error", error: "never ended" },
    { trace_id: ids[1], status: "error", error: "never ended" },
  ]);
  expect(problems.map((problem) => problem.code)).toEqual(["never_ended"]);
});

test("more than 10,000 traces that run are as healthy as any", async () => {
  const { tracer, problems, sent } = memoryTracer({ maxQueued: 20_000 });
  const traces = Array.from({ length: 10_100 }, () => tracer.startTrace("busy"));
  for (const trace of traces) trace.end();
  expect((await sent()).filter(({ status }) => status === "ok")).toHaveLength(10_100);
  expect(problems).toEqual([]);
});

describe("by hand", () => {
  test("handles nest by startStep and by run, and end once", async () => {
    const { tracer, sent } = memoryTracer();
    const trace = tracer.startTrace("stream", { chat_id: 5 });
    const step = trace.startStep("llm");
    step.startStep("llm.first").end();
    expect(step.run(() => tracer.currentTraceId())).toBe(trace.id);
    step.run(() => tracer.step("llm.inner", () => {}));
    trace.run(() => tracer.startStep("db").end());
    step.end();
    trace.set({ message_id: 9 });
    trace.end();
    trace.end();
    const traces = await sent();
    expect(traces).toMatchObject([{ pipeline: "stream", chat_id: 5, message_id: 9 }]);
    expect(shape(traces[0]!.steps)).toEqual(["llm<0", "llm.first<1", "llm.inner<1", "db<0"]);
    expect(tracer.currentTrace()).toBeUndefined();
  });
});

describe("what a bot in JavaScript may give", () => {
  test("no options, no rules of capture, no keys: it works all the same", async () => {
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    onTestFinished(() => warn.mockRestore());
    const bare = createTracer();
    onTestFinished(async () => void await bare.close({ timeoutMs: 100 }));
    expect(bare.trace("p", () => 1)).toBe(1);
    const { tracer, sent } = memoryTracer({ capture: null as never });
    tracer.trace("p", (trace) => trace.set(undefined as never));
    expect(await sent()).toMatchObject([{ status: "ok" }]);
  });

  test("a result whose then cannot be read is passed on as it is", async () => {
    const { tracer, sent } = memoryTracer();
    const odd = new Proxy({}, {
      get: () => {
        throw new Error("no");
      },
    });
    tracer.trace("p", () => {
      expect(tracer.step("s", () => odd) === odd).toBe(true);
    });
    expect(await sent()).toMatchObject([{ status: "ok", steps: [{ name: "s" }] }]);
  });

  test("a spool that throws: traces are kept in memory, and the author is told", async () => {
    const { tracer, sent, problems } = memoryTracer({
      spool: () => {
        throw new Error("no disk");
      },
    });
    tracer.trace("p", () => {});
    expect(await sent()).toHaveLength(1);
    expect(problems).toEqual([{ code: "spool", message: expect.stringContaining("no disk") }]);
  });
});

describe("the clock", () => {
  test("the id carries started_at to the millisecond, and no step sticks out of the one around it", async () => {
    const { tracer, sent } = memoryTracer();
    await Promise.all(Array.from({ length: 50 }, (_, n) =>
      tracer.trace("clock", async () => {
        await delay(n % 4);
        await tracer.step("outer", () => tracer.step("inner", () => delay(n % 3)));
      })));
    for (const trace of await sent()) {
      expect(idTime(trace.trace_id)).toBe(trace.started_at);
      const [outer, inner] = trace.steps;
      const end = (step: typeof outer) => step!.offset_ms + step!.duration_ms;
      expect(inner!.offset_ms).toBeGreaterThanOrEqual(outer!.offset_ms);
      expect(end(inner)).toBeLessThanOrEqual(end(outer));
      expect(end(outer)).toBeLessThanOrEqual(trace.duration_ms!);
      for (const { offset_ms, duration_ms } of trace.steps) {
        expect([offset_ms, duration_ms].every(Number.isInteger)).toBe(true);
      }
    }
  });

  test.each([Infinity, 2 ** 31])("a time of %d ms is long, and not none", async (ms) => {
    const { tracer, sent } = memoryTracer({ announceAfterMs: ms, backgroundMs: ms, requestTimeoutMs: ms });
    const gate = newGate();
    await tracer.trace("p", (trace) => {
      trace.background(() => tracer.step("task", () => gate.opened));
      return new Promise((resolve) => setTimeout(resolve, 20));
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    gate.open();
    await vi.waitFor(async () => expect(await sent()).toHaveLength(1));
    const number = expect.any(Number);
    expect((await sent())[0]!.steps).toEqual([{ name: "task", offset_ms: number, duration_ms: number }]);
  });

  test("a trace that runs for long is announced, and completed under the same id", async () => {
    const { tracer, sent } = memoryTracer({ announceAfterMs: 20, flushIntervalMs: 1 });
    const gate = newGate();
    tracer.trace("short", () => {});
    const long = tracer.trace("long", async (trace) => {
      await tracer.step("wait", () => gate.opened);
      return trace.id;
    }, { chat_id: 7 });
    await vi.waitFor(async () => expect(await sent()).toHaveLength(2));
    const later = tracer.startTrace("later");
    await vi.waitFor(async () => expect((await sent()).length).toBeGreaterThan(2));
    gate.open();
    const id = await long;
    later.end();
    expect(await sent()).toMatchObject([
      { pipeline: "short", status: "ok" },
      { trace_id: id, pipeline: "long", status: "running", chat_id: 7, steps: [] },
      { trace_id: later.id, status: "running" },
      { trace_id: id, pipeline: "long", status: "ok", steps: [{ name: "wait" }] },
      { trace_id: later.id, status: "ok" },
    ]);
    expect((await sent())[1]).not.toHaveProperty("duration_ms");
    expect(tracer.stats()).toMatchObject({ recorded: 5, delivered: 5, queued: 0 });
  });
});
