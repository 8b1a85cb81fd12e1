/** What a bot calls instead of a tracer: it only calls through. */
import type { BotTracer } from "./worker.ts";

const handle = {
  id: "",
  ended: false,
  set() {},
  onStep() {},
  llm() {},
  fail() {},
  end() {},
  run: <T>(fn: () => T): T => fn(),
  startStep: () => handle,
};

/** @param run Runs a trace or a step. */
export const through = (run: <T>(fn: () => T) => T): BotTracer =>
  ({
    trace: <T>(_: string, fn: (trace: typeof handle) => T): T => run(() => fn(handle)),
    step: <T>(_: string, fn: (step: typeof handle) => T): T => run(() => fn(handle)),
    startTrace: () => handle,
    startStep: () => handle,
    currentTrace: () => undefined,
    currentTraceId: () => undefined,
    stats: () => ({ recorded: 0, delivered: 0, queued: 0 }),
  }) as unknown as BotTracer;
