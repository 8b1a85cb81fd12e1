import { execFile } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, test, vi } from "vitest";
import { startIngest } from "./_support/ingest.ts";
import { memoryTracer } from "./_support/memory.ts";

function newGate() {
  let open!: () => void;
  const opened = new Promise<void>((resolve) => open = resolve);
  return { open, opened };
}

describe("a background task", () => {
  test("does not hold up the handler, but the trace, and keeps the step around it", async () => {
    const { tracer, sent } = memoryTracer();
    const gate = newGate();
    let ended: boolean | undefined;
    const result = await tracer.trace("p", (trace) =>
      tracer.step("answer", () => {
        expect(trace.background(async () => {
          await gate.opened;
          ended = trace.ended;
          await tracer.step("memory.save", () => delay(5));
          expect(tracer.currentTraceId()).toBe(trace.id);
        })).toBeUndefined();
        return "answered";
      }));
    expect(result).toBe("answered");
    expect(await sent()).toEqual([]);
    expect(tracer.stats().recorded).toBe(0);
    gate.open();
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(1));
    const [trace] = await sent();
    expect(ended).toBe(true);
    expect(trace).toMatchObject({
      status: "ok",
      steps: [{ name: "answer" }, { name: "memory.save", parent: 1 }],
    });
    const [, save] = trace!.steps;
    expect(save).not.toHaveProperty("status");
    expect(trace!.duration_ms).toBeGreaterThanOrEqual(save!.offset_ms + save!.duration_ms);
    expect(save!.duration_ms).toBeGreaterThanOrEqual(4);
  });

  test("starts at once, and tracer.background is that of the current step", async () => {
    const { tracer, sent } = memoryTracer();
    const order: string[] = [];
    await tracer.trace("p", async () => {
      await tracer.step("outer", () => {
        tracer.background(() => {
          order.push("task");
          tracer.step("inner", () => {});
        });
        order.push("handler");
      });
    });
    expect(order).toEqual(["task", "handler"]);
    expect((await sent())[0]!.steps).toMatchObject([{ name: "outer" }, { name: "inner", parent: 1 }]);
  });

  test("is given no arguments, so that a function with optional ones can be passed", () => {
    const { tracer } = memoryTracer();
    let given: unknown[] | undefined;
    tracer.trace("p", (trace) => trace.background((...args: unknown[]) => given = args));
    expect(given).toEqual([]);
  });

  test("of a trace by handle hangs on the trace where another one runs", async () => {
    const { tracer, sent } = memoryTracer();
    const other = tracer.startTrace("other");
    tracer.trace("p", () => tracer.step("s", () => other.background(() => tracer.step("of.other", () => {}))));
    other.end();
    expect((await sent()).map(({ pipeline, steps }) => [pipeline, steps.map((step) => step.name)])).toEqual([
      ["p", ["s"]],
      ["other", ["of.other"]],
    ]);
    expect((await sent())[1]!.steps[0]).not.toHaveProperty("parent");
  });

  test("that starts another one is waited for with it", async () => {
    const { tracer, sent } = memoryTracer();
    const gate = newGate();
    tracer.trace("p", (trace) => {
      trace.background(async () => {
        await delay(1);
        tracer.background(() => tracer.step("second", () => gate.opened));
      });
    });
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(0));
    await delay(10);
    expect(tracer.stats().recorded).toBe(0);
    gate.open();
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(1));
    expect((await sent())[0]!.steps).toMatchObject([{ name: "second" }]);
  });

  test.each([
    ["throws", () => {
      throw new Error("no memory");
    }],
    ["rejects", () => Promise.reject(new Error("no memory"))],
    ["rejects later", () => delay(2).then(() => Promise.reject(new Error("no memory")))],
  ])("that %s fails the trace, and nothing comes back to the bot", async (_, task) => {
    const rejections: unknown[] = [];
    const listen = (reason: unknown) => rejections.push(reason);
    process.on("unhandledRejection", listen);
    const { tracer, problems, sent } = memoryTracer();
    expect(tracer.trace("p", (trace) => trace.background(task))).toBeUndefined();
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(1));
    await delay(5);
    process.removeListener("unhandledRejection", listen);
    expect(await sent()).toMatchObject([{ status: "error", error: "no memory" }]);
    expect(problems).toEqual([]);
    expect(rejections).toEqual([]);
  });

  test("does not take the place of the handler's own error", async () => {
    const { tracer, sent } = memoryTracer();
    await expect(tracer.trace("p", async (trace) => {
      trace.background(() => delay(2).then(() => Promise.reject(new Error("second"))));
      await Promise.reject(new Error("first"));
    })).rejects.toThrow("first");
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(1));
    expect(await sent()).toMatchObject([{ status: "error", error: "first" }]);
  });

  test("outside any trace runs all the same, and its error is told to the author", async () => {
    const { tracer, problems, sent } = memoryTracer();
    let ran = 0;
    tracer.background(() => ran++);
    tracer.background(() => {
      throw new Error("alone");
    });
    const done = tracer.startTrace("done");
    done.end();
    done.background(() => ran++);
    expect(ran).toBe(2);
    expect(problems).toEqual([
      { code: "background_failed", message: "A background task failed: alone" },
    ]);
    expect(await sent()).toHaveLength(1);
  });

  test("that takes too long is left behind: its steps are detached, with their time until then", async () => {
    const { tracer, sent } = memoryTracer({ backgroundMs: 20 });
    const gate = newGate();
    let over = false;
    await tracer.trace("p", async (trace) => {
      void tracer.step("forgotten", () => gate.opened);
      trace.background(async () => {
        await tracer.step("quick", () => {});
        const byHand = trace.startStep("by.hand");
        byHand.startStep("by.hand.deep");
        const failed = tracer.startStep("failed");
        failed.fail("no");
        await tracer.step("slow", () => gate.opened);
        await tracer.step("after", () => {});
        over = true;
      });
      await Promise.resolve();
    });
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(1));
    const [trace] = await sent();
    const before = structuredClone(trace);
    expect(trace!.status).toBe("ok");
    expect(trace!.steps.map(({ name, status, error }) => [name, status, error])).toEqual([
      ["forgotten", "error", "still running when the trace ended"],
      ["quick", undefined, undefined],
      ["by.hand", "detached", undefined],
      ["by.hand.deep", "detached", undefined],
      ["failed", "error", "no"],
      ["slow", "detached", undefined],
    ]);
    expect(trace!.duration_ms).toBeGreaterThanOrEqual(19);
    const slow = trace!.steps[5]!;
    expect(slow.offset_ms + slow.duration_ms).toBe(trace!.duration_ms);
    // What comes later changes nothing, and is not lost silently.
    gate.open();
    await vi.waitFor(() => expect(over).toBe(true));
    expect(await sent()).toEqual([before]);
    expect(tracer.stats()).toMatchObject({ recorded: 1, orphanSteps: 1 });
  });

  test("is not waited for when the tracer closes, which is no failure", async () => {
    const { tracer, sent } = memoryTracer();
    tracer.trace("p", (trace) => trace.background(() => tracer.step("slow", () => new Promise(() => {}))));
    await tracer.close();
    expect(await sent()).toMatchObject([{ status: "ok", steps: [{ name: "slow", status: "detached" }] }]);
  });

  test("that never ends does not take the trace with it when the process has nothing else to do", async () => {
    const ingest = await startIngest();
    const program = fileURLToPath(new URL("_support/waiting.ts", import.meta.url));
    await promisify(execFile)(process.execPath, ["--import", "tsx", program, ingest.url]);
    expect([...ingest.stored.values()]).toMatchObject([{ steps: [{ name: "never", status: "detached" }] }]);
  });

  test("is handed to waitUntil until the trace is on its way", async () => {
    const waits: Promise<unknown>[] = [];
    const { tracer, sent } = memoryTracer({ waitUntil: (promise) => waits.push(promise) });
    const gate = newGate();
    await tracer.trace("p", async (trace) => {
      trace.background(() => gate.opened.then(() => Promise.reject(new Error("no"))));
      trace.background(() => {});
      await Promise.resolve();
    });
    expect(waits).toHaveLength(1);
    gate.open();
    await waits[0];
    // By now the trace has ended, and its way to the server is waited for.
    expect(waits).toHaveLength(2);
    await waits[1];
    expect(tracer.stats()).toMatchObject({ recorded: 1, delivered: 1 });
    expect(await sent()).toMatchObject([{ status: "error", error: "no" }]);
  });

  test("shows the user no more steps", async () => {
    const { tracer } = memoryTracer();
    const shown: string[] = [];
    const gate = newGate();
    await tracer.trace("p", async (trace) => {
      trace.onStep((step) => shown.push(step.name));
      tracer.step("answer", () => {});
      trace.background(() => gate.opened.then(() => tracer.step("memory.save", () => {})));
      await Promise.resolve();
    });
    gate.open();
    await vi.waitFor(() => expect(tracer.stats().recorded).toBe(1));
    expect(shown).toEqual(["answer"]);
  });
});

describe("an LLM call", () => {
  test("keeps what it knew when it is told again", async () => {
    const { tracer, sent } = memoryTracer({ capture: { rate: 1 } });
    tracer.trace("p", () =>
      tracer.step("llm", (step) => {
        step.llm({ model: "m", input_tokens: 5, request: "q" });
        step.llm({ model: undefined, output_tokens: 7, response: "a" });
      }));
    const [trace] = await sent();
    expect(trace!.steps[0]).toMatchObject({ model: "m", input_tokens: 5, output_tokens: 7 });
    expect(trace!.io).toEqual([{ step: 1, request: "q", response: "a" }]);
  });

  test("that tells nothing, or cannot be read, harms nobody", async () => {
    const { tracer, sent } = memoryTracer();
    const unreadable = {
      get model(): string {
        throw new Error("no");
      },
    };
    tracer.trace("p", () =>
      tracer.step("llm", (step) => {
        step.llm({ model: "m" });
        for (const told of [undefined, null, unreadable]) step.llm(told as never);
      }));
    expect(await sent()).toMatchObject([{ status: "ok", steps: [{ model: "m" }] }]);
  });

  test("tells when the first token came, if that can be", async () => {
    const { tracer, sent } = memoryTracer();
    await tracer.trace("p", async () => {
      await tracer.step("within", async (step) => {
        await delay(12);
        step.llm({ first_token_ms: 10.4 });
      });
      for (const first_token_ms of [-1, NaN, 60_000]) tracer.step("odd", (step) => step.llm({ first_token_ms }));
      tracer.step("at.once", (step) => step.llm({ first_token_ms: 0 }));
    });
    const [within, ...odd] = (await sent())[0]!.steps;
    expect(within!.first_token_ms).toBe(10);
    expect(odd.map((step) => step.first_token_ms)).toEqual([undefined, undefined, undefined, 0]);
  });
});
