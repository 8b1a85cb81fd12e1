/**
 * The words after `/admin`: what they ask for.
 *
 * @module
 */
import type { ListFilter } from "../_shared/db.ts";
import type { Action } from "./callback.ts";

/** `find`: a trace by the first characters of its id. `usage`: how to ask; `unknown` is what was not understood. */
export type Command =
  | { kind: "open"; action: Action }
  | { kind: "filter"; filter: ListFilter }
  | { kind: "find"; prefix: string }
  | { kind: "usage"; unknown?: string };

export function parseCommand(words: string): Command {
  const [first = "", second] = words.toLowerCase().split(/\s+/);
  if (first === "") return { kind: "usage" };
  if (first === "traces" && second === undefined) return { kind: "open", action: { screen: "traces" } };
  if (first === "trace" && second !== undefined) return { kind: "find", prefix: second };
  return { kind: "usage", unknown: words };
}
