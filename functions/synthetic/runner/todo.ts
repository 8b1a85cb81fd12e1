/**
 * What is yet to be written in a scenario, such as one made of a trace: a text that is `TODO`.
 *
 * @module
 */
import type { Scenario } from "../scenario.ts";

/** Keys of what an author writes. Labels, steps and JSON are the bot's, which may well have a `TODO`; or must not have one. */
const WRITTEN = ["say", "caption", "equals", "contains", "matches", "error", "rubric"];

/** Where it is: keys, and positions in lists. */
export const todosOf = ({ turns, expect }: Scenario): (string | number)[][] => [...within({ turns, expect }, [])];

function* within(value: unknown, path: (string | number)[]): Generator<(string | number)[]> {
  if (typeof value === "string" && value.trim() === "TODO" && WRITTEN.includes(String(path.at(-1)))) yield path;
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key !== "json") yield* within(inner, [...path, Array.isArray(value) ? Number(key) : key]);
  }
}
