/**
 * What an expectation is held against, and what it says when it is not met.
 *
 * @module
 */
import type { Failure } from "../../_shared/synthetic_work.ts";
import type { Message } from "../telegram/types.ts";
import type { Seen } from "./seen.ts";

/** A failure, but for the turn that it is of. */
export type Unmet = Omit<Failure, "turn">;

export interface Held {
  seen: Seen;
  /** The bot's last message; undefined: it has said nothing. */
  last: Message | undefined;
  /** Whether durations are real. */
  live: boolean;
}

export const unmet = (expectation: string, message: string, diff?: string[]): Unmet => ({
  expectation,
  message,
  ...(diff && diff.length > 0 && { diff }),
});

/** One or more, as a list. */
export const listed = <T>(value: T | T[] | undefined): T[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

/** As it stands in a sentence. */
export const quoted = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
};
