/**
 * The entry `tracegram/log`: ties the lines of a console to traces.
 *
 * @module
 */
import type { LogFields } from "./handles.ts";

/** The part of a tracer that is used. */
export interface TraceSource {
  /** The fields of a line that is written now. */
  logFields(): LogFields;
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
      const fields = Object.values(tracer.logFields()).join(" ").replaceAll("%", "");
      if (fields === "") write(...args);
      else if (typeof args[0] === "string") write(`[${fields}] ${args[0]}`, ...args.slice(1));
      else write(`[${fields}]`, ...args);
    };
  }
  return traced;
}
