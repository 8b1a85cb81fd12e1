import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { defineSteps, type StartedStep } from "../../tracer/index.ts";
import { showProgress } from "../../tracer/progress.ts";
import { memoryTracer } from "./_support/memory.ts";

const steps = defineSteps({ classify: "Reading…", "db.find": "Looking it up…", "llm.generate": "Writing…" });

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const wait = (ms: number) => vi.advanceTimersByTimeAsync(ms);
const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

describe("showProgress", () => {
  test("shows the very steps that are traced: same names, same clock", async () => {
    const { tracer, sent } = memoryTracer({ steps });
    const shown: (StartedStep & { label: string })[] = [];
    const run = tracer.trace("support", async (trace) => {
      showProgress(trace, (label, step) => Promise.resolve(shown.push({ label, ...step })), { steps });
      await tracer.step("classify", () => pause(1500));
      await tracer.step("db.find", () => pause(1500));
      await tracer.step("llm.generate", () => pause(1500));
    });
    await wait(5000);
    await run;
    vi.useRealTimers();
    const traced = (await sent())[0]!.steps.map(({ name, offset_ms }) => ({ name, offset_ms }));
    expect(shown.map(({ name, offset_ms }) => ({ name, offset_ms }))).toEqual(traced);
    expect(shown.map(({ label }) => label)).toEqual(Object.values(steps));
  });

  test("at most one edit a second, of the newest step; a step without a label shows nothing", async () => {
    const { tracer } = memoryTracer();
    const shown: [string, number][] = [];
    const start = performance.now();
    const run = tracer.trace("support", async (trace) => {
      showProgress(trace, (label) => Promise.resolve(shown.push([label, performance.now() - start])), { steps });
      for (let i = 0; i < 20; i++) {
        await tracer.step(["classify", "db.find", "other", "toString"][i % 4]!, () => pause(100));
      }
      await tracer.step("llm.generate", () => pause(3000));
    });
    await wait(10_000);
    await run;
    expect(shown.map(([label]) => label)).toEqual(["Reading…", "Looking it up…", "Writing…"]);
    for (let i = 1; i < shown.length; i++) expect(shown[i]![1] - shown[i - 1]![1]).toBeGreaterThanOrEqual(1000);
  });

  test("an edit that hangs or fails is not in the step's way", async () => {
    const { tracer } = memoryTracer();
    let calls = 0;
    const run = tracer.trace("support", async (trace) => {
      const progress = showProgress(trace, () => {
        calls += 1;
        if (calls === 1) throw new Error("message is not modified");
        return new Promise(() => {});
      }, { steps });
      await tracer.step("classify", () => pause(1100));
      await tracer.step("db.find", () => pause(1100));
      await tracer.step("llm.generate", () => pause(1100));
      return progress.failed;
    });
    await wait(3300);
    expect(await run).toBe(1);
    expect(calls).toBe(2);
  });

  test("429: waits as long as Telegram asks, then shows what is newest", async () => {
    const { tracer } = memoryTracer();
    const shown: string[] = [];
    const run = tracer.trace("support", async (trace) => {
      showProgress(trace, (label) => {
        shown.push(label);
        if (shown.length > 1) return Promise.resolve();
        return Promise.reject(Object.assign(new Error("Too Many Requests"), { parameters: { retry_after: 5 } }));
      }, { steps });
      await tracer.step("classify", () => pause(3000));
      await tracer.step("db.find", () => pause(3000));
    });
    await wait(4900);
    expect(shown).toEqual(["Reading…"]);
    await wait(1100);
    await run;
    expect(shown).toEqual(["Reading…", "Looking it up…"]);
  });

  test("429 on a label that is no longer the newest: that one is not tried again", async () => {
    const { tracer } = memoryTracer();
    const shown: string[] = [];
    const run = tracer.trace("support", async (trace) => {
      showProgress(trace, async (label) => {
        shown.push(label);
        await pause(200);
        if (shown.length === 1) throw Object.assign(new Error(), { parameters: { retry_after: 2 } });
      }, { steps });
      await tracer.step("classify", () => pause(100));
      await tracer.step("db.find", () => pause(5000));
    });
    await wait(6000);
    await run;
    expect(shown).toEqual(["Reading…", "Looking it up…"]);
  });

  test("after stop and after the trace, nothing overwrites the answer", async () => {
    const { tracer } = memoryTracer();
    const messages: string[][] = [[], []];
    const editing = (message: string[]) => (text: string) => pause(300).then(() => void message.push(text));
    const run = tracer.trace("support", async (trace) => {
      const progress = showProgress(trace, editing(messages[0]!), { steps });
      await tracer.step("classify", () => pause(100));
      await tracer.step("llm.generate", () => pause(100));
      await progress.stop();
      messages[0]!.push("the answer");
      await tracer.step("db.find", () => {});
    });
    const unstopped = tracer.trace("support", async (trace) => {
      showProgress(trace, editing(messages[1]!), { steps });
      await tracer.step("classify", () => pause(10));
      await tracer.step("llm.generate", () => pause(10));
    });
    await wait(10_000);
    await Promise.all([run, unstopped]);
    expect(messages).toEqual([["Reading…", "the answer"], ["Reading…"]]);
  });

  test("stop gives up on an edit that hangs after five seconds", async () => {
    const { tracer } = memoryTracer();
    const run = tracer.trace("support", async (trace) => {
      const progress = showProgress(trace, () => new Promise(() => {}), { steps });
      await tracer.step("classify", () => pause(10));
      await progress.stop();
    });
    await wait(5100);
    await run;
  });

  test("without a trace it shows nothing", async () => {
    await showProgress(undefined, () => Promise.reject(new Error("never")), { steps }).stop();
  });
});
