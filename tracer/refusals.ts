/**
 * What Telegram means by a refusal, as the errors of Telegraf and of grammY carry it.
 *
 * @module
 */
interface Refusal {
  /** Telegraf's errors call it `code`. */
  error_code?: unknown;
  code?: unknown;
  description?: unknown;
  parameters?: { retry_after?: unknown };
}

const refusalOf = (error: unknown) => (error ?? {}) as Refusal;

/** How long Telegram asks to wait, in milliseconds; 0 if the error is another one than 429. */
export function retryAfterMs(error: unknown): number {
  const seconds = refusalOf(error).parameters?.retry_after;
  return typeof seconds === "number" ? seconds * 1000 : 0;
}

/** The message is already as it shall be. */
export const isUnchanged = (error: unknown): boolean => says(error, /message is not modified/);

/** The message was deleted, or is one that nobody can edit. */
export const isGone = (error: unknown): boolean =>
  says(error, /message to edit not found|message can't be edited|MESSAGE_ID_INVALID/);

/** The user has blocked the bot, or the group has thrown it out. */
export const isForbidden = (error: unknown): boolean => (refusalOf(error).error_code ?? refusalOf(error).code) === 403;

const says = (error: unknown, what: RegExp) => what.test(String(refusalOf(error).description));
