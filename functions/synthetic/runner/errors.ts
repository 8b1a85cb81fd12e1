/**
 * What an error says, in one line.
 *
 * @module
 */
import { LAUNCHED } from "./adapters/launched.ts";

/** What clients say of an address that is none of the network's, and where bots are when they start. */
const UNREACHED = /Only HTTP\(S\) protocols|unknown scheme|scheme 'memory' not supported/;
const STARTING = /\b(?:Telegraf\.launch|Bot\.start|Bot\.init)\b/;

/** As {@link saidBy}, with what the author should do about it. */
export function explained(error: unknown): string {
  const { message, stack } = Object(error) as Partial<Error>;
  if (STARTING.test(`${stack}`)) return `${LAUNCHED} (${saidBy(error)})`;
  if (!UNREACHED.test(`${message}`)) return saidBy(error);
  return `Telegram was called by another client than the bot's, or before the runner had the bot (${saidBy(error)}). ` +
    `Does its factory launch it? ${LAUNCHED}`;
}

/** Of grammY's errors around a handler's, the handler's. */
export function saidBy(error: unknown): string {
  const { error: inner, message } = Object(error) as { error?: unknown; message?: unknown };
  if (inner instanceof Error) return saidBy(inner);
  const text = typeof message === "string" && message !== "" ? message : String(error);
  return text.split("\n")[0]!.slice(0, 500);
}
