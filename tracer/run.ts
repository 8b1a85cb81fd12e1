/**
 * Runs a function as a trace, a step or a background task.
 *
 * @module
 */
import { context, type Node } from "./trace.ts";

/** Promises, and query builders that run when they are awaited, are waited for; all else has ended by now. */
export function runAndEnd<N extends Node, T>(node: N, fn: (node: N) => T): T {
  let result: T;
  try {
    result = context.run(node, fn, node);
  } catch (error) {
    node.fail(error);
    node.end();
    throw error;
  }
  if (!isThenable(result)) {
    node.end();
    return result;
  }
  // One promise more than the bot's own, which is most of what a step costs.
  return Promise.resolve(result).then(
    (value) => {
      node.end();
      return value;
    },
    (error) => {
      node.fail(error);
      node.end();
      throw error;
    },
  ) as T;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  try {
    return typeof value === "object" && value !== null && typeof (value as { then?: unknown }).then === "function";
  } catch {
    // A proxy that throws: the bot gets it as it is.
    return false;
  }
}
