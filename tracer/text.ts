/**
 * What happens to every text before it leaves the process: masked, cleaned, cut.
 *
 * @module
 */
import { MAX_ERROR } from "./wire.ts";

/** Takes personal data and secrets out of a text. */
export type Mask = (text: string) => string;

/** NUL and lone surrogates (a streamed answer cut in an emoji) are valid in JavaScript and refused by Postgres. */
const UNSTORABLE = /\0|\p{Surrogate}/gu;

export const clean = (text: string): string => text.replace(UNSTORABLE, "\uFFFD");

/** At most `max` UTF-16 units, never half an emoji. */
export function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const last = text.charCodeAt(max - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? max - 1 : max);
}

/** Fails closed: a mask that throws or returns no string takes the whole text with it. */
export function masked(text: string, mask: Mask | undefined): string {
  if (mask === undefined) return clean(text);
  try {
    const result: unknown = mask(text);
    return typeof result === "string" ? clean(result) : "[mask failed]";
  } catch {
    return "[mask failed]";
  }
}

/** An error text of at most `max` characters, which tells its own length when it was cut. */
export function cutError(text: string, max = MAX_ERROR): string {
  if (text.length <= max) return text;
  const tail = `… [${text.length} characters]`;
  return cut(text, Math.max(0, max - tail.length)) + tail;
}

/** A bot's token is part of each address at Telegram, and errors of fetch quote addresses. */
const BOT_TOKEN = /(\/(?:bot|user)\d+)(?::|%3A)[\w-]+/gi;

/** The message of whatever was thrown, without the token of a bot. */
export function errorText(error: unknown): string {
  try {
    return (error instanceof Error ? error.message || error.name : String(error)).replace(BOT_TOKEN, "$1");
  } catch {
    return "[unprintable error]";
  }
}

/** A request or response as text: strings as they are, all else as JSON. Undefined when there is nothing. */
export function ioText(value: unknown): string | undefined {
  if (typeof value === "string" || value === undefined) return value;
  try {
    return JSON.stringify(value);
  } catch {
    return "[not serialisable]";
  }
}
