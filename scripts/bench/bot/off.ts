/** The example bot without a tracer: what it calls instead only calls through. Its middleware is left out (`untraced.ts`). */
import { type BotTracer, serveBot } from "./worker.ts";

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

const off = {
  trace: <T>(_: string, fn: (trace: typeof handle) => T): T => fn(handle),
  step: <T>(_: string, fn: (step: typeof handle) => T): T => fn(handle),
  startTrace: () => handle,
  startStep: () => handle,
  currentTrace: () => undefined,
  currentTraceId: () => undefined,
  stats: () => ({ recorded: 0, delivered: 0, queued: 0 }),
};

serveBot(off as unknown as BotTracer, () => Promise.resolve());
