/**
 * What happens to every text before it leaves the process: masked, cleaned, cut.
 *
 * @module
 */
/** Takes personal data and secrets out of a text. */
export type Mask = (text: string) => string;

/** Of a text that is cut, this many characters more are masked, so that a secret at the edge is seen whole. */
export const MARGIN = 4096;

/** NUL and lone surrogates (a streamed answer cut in an emoji) are valid in JavaScript and refused by Postgres. */
export function clean(text: string): string {
  // In every runtime that runs this, but not yet in the types of all who compile against it.
  return (text as string & { toWellFormed(): string }).toWellFormed().replaceAll("\0", "\uFFFD");
}

/** At most `max` UTF-16 units of a clean text, never half an emoji. */
export function cut(text: string, max: number): string {
  return text.length <= max ? text : text.slice(0, max).replace(/[\ud800-\udbff]$/, "");
}

/**
 * The head of a text, masked and clean, to be cut to `max` characters: masked before it is cut, since half a secret at the
 * edge would no longer look like one. Fails closed: a mask that throws or returns no string takes the whole text with it.
 *
 * @param length Of the text that `text` itself may be the head of.
 */
export function masked(text: string, max: number, mask: Mask, length = text.length): string {
  let result: unknown;
  try {
    result = mask(text.slice(0, max + MARGIN));
  } catch {
    // As if it had returned nothing.
  }
  if (typeof result !== "string") return "[mask failed]";
  // Whatever the masks have made shorter, nothing from the edge moves up into what is kept.
  return clean(length > max + MARGIN ? result.slice(0, -MARGIN) : result);
}

/** An error text, masked, of at most `max` characters. It tells its own length when it was cut. */
export function maskedError(text: string, max: number, mask: Mask): string {
  const safe = masked(text, max, mask);
  if (safe.length <= max && text.length <= max + MARGIN) return safe;
  const tail = `… [${text.length} characters]`;
  return cut(safe, Math.max(0, max - tail.length)) + tail;
}

/** A bot's token is part of each address at Telegram, and errors of fetch quote addresses. */
const BOT_TOKEN = /(\/(?:bot|user)\d+)(?::|%3A)[\w-]+/gi;

/** The message of whatever was thrown, without the token of a bot. */
export function errorText(error: unknown): string {
  try {
    const { message, code, name } = Object(error);
    const text = error instanceof Error
      // What fails at several addresses of a host at once has a code and no message.
      ? message || code || name
      : typeof message !== "string"
      ? error
      // supabase-js throws plain objects.
      : code
      ? `${code} ${message}`
      : message;
    return String(text).replace(BOT_TOKEN, "$1");
  } catch {
    return "[unprintable error]";
  }
}
