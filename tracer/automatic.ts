/**
 * Steps that nobody writes: calls to Telegram, over HTTP, to the database.
 *
 * @module
 */
import { stepName } from "./steps.ts";
import { errorText } from "./text.ts";
import { context } from "./trace.ts";
import type { Tracer } from "./tracer.ts";

/** Whether a call that is made here belongs to a trace, which may have background tasks after its handler's end. */
export function inTrace(): boolean {
  const trace = context.getStore()?.trace;
  return trace !== undefined && trace.endTime === undefined;
}

/**
 * Makes a call as a step of the trace around it. Outside any trace it is only made: not an orphan, since nobody meant it
 * to be a step. What it resolves or rejects to passes through.
 *
 * @param name Cut to 20 characters.
 * @param problemOf What is wrong with a result that is no exception; undefined when nothing is. May fail: then nothing is.
 */
export async function automaticStep<T>(
  tracer: Tracer,
  name: string,
  call: () => Promise<T>,
  problemOf: (result: T) => string | undefined | Promise<string>,
): Promise<T> {
  if (!inTrace()) return await call();
  const step = tracer.startStep(stepName(name));
  try {
    const result = await step.run(call);
    try {
      const problem = problemOf(result);
      if (problem !== undefined) step.fail(await problem);
    } catch {
      // A mock may give what is no answer at all; the bot gets it as it is.
    }
    return result;
  } catch (error) {
    step.fail(failureText(error));
    throw error;
  } finally {
    step.end();
  }
}

/** An address, of which the host is kept: the rest may hold tokens, keys and what users wrote. */
const ADDRESS = /\bhttps?:\/\/(?:[^\s/?#@]*@)?([^\s/?#)"']+)[^\s)"']*/gi;

/** The message of an error and of what is behind it: that of fetch says no more than "fetch failed". */
function failureText(error: unknown): string {
  let behind: unknown;
  try {
    // grammY calls the cause `error`.
    const { cause, error: inner } = (error ?? {}) as { cause?: unknown; error?: unknown };
    behind = cause ?? inner;
  } catch {
    // A getter fails: the bot has to get the error that it is of.
  }
  return [error, behind].filter((part) => part != null).map(errorText).join(": ").replace(ADDRESS, "$1");
}
