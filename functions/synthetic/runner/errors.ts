/**
 * What an error says, in one line.
 *
 * @module
 */
import { LAUNCHED } from "./adapters/launched.ts";
import { placeOf } from "./frames.ts";

/** What clients say of an address that is none of the network's, and where bots are when they start. */
const UNREACHED = /Only HTTP\(S\) protocols|unknown scheme|scheme 'memory' not supported/;
const STARTING = /\b(?:Telegraf\.launch|Bot\.start|Bot\.init)\b/;

/** As {@link saidBy}, with its place, or what the author should do about it. */
export function explained(error: unknown): string {
  const { message, stack } = Object(error) as Partial<Error>;
  if (STARTING.test(`${stack}`)) return `${LAUNCHED} (${saidBy(error)})`;
  if (!UNREACHED.test(`${message}`)) {
    const place = placeOf(innermost(error).stack);
    return `${saidBy(error)}${place ? ` (${place})` : ""}`;
  }
  return `Telegram was called by another client than the bot's, or before the runner had the bot (${saidBy(error)}). ` +
    `Does its factory launch it? ${LAUNCHED}`;
}

/** What it says, without what is around it. */
export function saidBy(error: unknown): string {
  const { message } = innermost(error);
  const text = typeof message === "string" && message !== "" ? message : String(error);
  return text.split("\n")[0]!.slice(0, 500);
}

/** Of grammY's errors around a handler's, the handler's. */
function innermost(error: unknown): Partial<Error> {
  const { error: inner } = Object(error) as { error?: unknown };
  return inner instanceof Error ? innermost(inner) : Object(error);
}
