/**
 * How soon a chat may be written to again. Telegram limits chats, not messages: all that is edited in one shares its pace.
 *
 * @module
 */
import { retryAfterMs } from "./refusals.ts";

/** In the time of `performance.now()`. */
export interface Pace {
  /** The next edit. */
  nextAt: number;
  /** The next of anything, because Telegram has answered 429. */
  pausedUntil: number;
}

export const newPace = (): Pace => ({ nextAt: 0, pausedUntil: 0 });

/** Obeys a 429. @returns How long Telegram asks to wait, in milliseconds; 0 if the error is another one. */
export function pause(pace: Pace, error: unknown): number {
  const ms = retryAfterMs(error);
  pace.pausedUntil = Math.max(pace.pausedUntil, performance.now() + ms);
  return ms;
}

const paces = new Map<string, Pace>();
/** Beyond it, those that hold nothing back are forgotten. */
const MAX_PACES = 1000;

/** The pace of a chat in this process. */
export function paceOf(chat: string): Pace {
  const known = paces.get(chat);
  if (known !== undefined) return known;
  if (paces.size >= MAX_PACES) {
    const now = performance.now();
    for (const [key, { nextAt, pausedUntil }] of paces) if (nextAt < now && pausedUntil < now) paces.delete(key);
  }
  const pace = newPace();
  paces.set(chat, pace);
  return pace;
}
