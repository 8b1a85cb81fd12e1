/**
 * Ties log lines to traces: each tells the trace id and the step that it was written in.
 *
 * @module
 */
import type { Trace } from "./handles.ts";
import { context } from "./trace.ts";

/** Empty outside any trace. */
export interface LogFields {
  trace_id?: string;
  /** The innermost step; absent where none is around. */
  step?: string;
}

/** The part of a tracer that is used. */
export interface TraceSource {
  currentTrace(): Trace | undefined;
}

/** A new object each time, since loggers add to it. */
export function logFields(tracer: TraceSource): LogFields {
  const trace = tracer.currentTrace();
  if (trace === undefined) return {};
  const step = context.getStore()?.name;
  return step === undefined ? { trace_id: trace.id } : { trace_id: trace.id, step };
}

/**
 * A console whose lines start with the trace id and the step, as in `[019ab… llm.generate] calling`; outside any trace they
 * are as they were. `const console = traceConsole(tracer)` at the top of a module, or for the whole process
 * `Object.assign(console, traceConsole(tracer))`.
 *
 * @param target Where the lines go. Everything but `debug`, `error`, `info`, `log`, `trace` and `warn` is its own.
 */
export function traceConsole(tracer: TraceSource, target: Console = console): Console {
  const traced: Console = Object.create(target);
  for (const method of ["debug", "error", "info", "log", "trace", "warn"] as const) {
    // Not looked up when it is called: the target may become what is made here.
    const write = target[method].bind(target);
    traced[method] = (...args: unknown[]) => {
      // What is first may be a format string: it stays first, and a `%` in a step's name must not make another one of it.
      const fields = Object.values(logFields(tracer)).join(" ").replaceAll("%", "");
      if (fields === "") write(...args);
      else if (typeof args[0] === "string") write(`[${fields}] ${args[0]}`, ...args.slice(1));
      else write(`[${fields}]`, ...args);
    };
  }
  return traced;
}
