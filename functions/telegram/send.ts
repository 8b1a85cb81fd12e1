/**
 * The calls that the bot makes to Telegram, and how each refusal is met.
 *
 * @module
 */
import { type Telegram, TelegramError } from "telegraf";
import { encodeAction } from "./callback.ts";
import { describe, type Log } from "./log.ts";
import type { Screen } from "./render/screen.ts";

/** Longest `retry_after` that is waited for, in seconds, once a call. */
const MAX_RETRY_AFTER_S = 5;
/** Telegraf itself would wait for 500 s. */
const CALL_TIMEOUT_MS = 8000;

export interface SendDeps {
  telegram: Pick<Telegram, "callApi">;
  log: Log;
  sleep: (ms: number) => Promise<void>;
  /** Told of each 429, with the seconds that Telegram asks to wait for. */
  rateLimited: (retryAfterS: number) => void;
}

/** A chat, and the message in it to edit; without one, a new message is sent. */
export interface Target {
  chat_id: number;
  message_id?: number;
}

/** `given_up`: Telegram asked for a longer wait than a person would. */
export type Shown = "edited" | "unchanged" | "sent" | "given_up";

/**
 * Shows a screen in the message of `target`, or in a new one where that cannot be edited any more.
 *
 * @throws {TelegramError} What Telegram refuses for other reasons; network errors as they are.
 */
export async function show(deps: SendDeps, target: Target, screen: Screen): Promise<Shown> {
  const { chat_id, message_id } = target;
  const content = {
    chat_id,
    text: screen.html,
    parse_mode: "HTML" as const,
    link_preview_options: { is_disabled: true },
    reply_markup: {
      inline_keyboard: screen.keyboard.map((row) =>
        row.map(({ label, action }) => ({ text: label, callback_data: encodeAction(action) }))
      ),
    },
  };
  try {
    if (message_id !== undefined) {
      try {
        await call(deps, "editMessageText", { ...content, message_id });
        return "edited";
      } catch (error) {
        if (refusedWith(error, /message is not modified/)) return "unchanged";
        if (!refusedWith(error, /message (to edit )?(is )?not found|message can't be edited|MESSAGE_ID_INVALID/)) {
          throw error;
        }
      }
    }
    await call(deps, "sendMessage", content);
    return "sent";
  } catch (error) {
    if (error instanceof TelegramError && error.code === 429) return "given_up";
    throw error;
  }
}

/** Ends the spinner of a pressed button. A press that is too old to be answered is shown all the same. */
export async function answer(deps: SendDeps, callback_query_id: string): Promise<void> {
  try {
    await callOnce(deps, "answerCallbackQuery", { callback_query_id });
  } catch (error) {
    deps.log({ level: "info", event: "callback_not_answered", ...describe(error) });
  }
}

/** Whether the same call may succeed later: no answer, or one of a server in trouble. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TelegramError) return error.code >= 500;
  // FetchError: node-fetch got no answer, or one that was not JSON. The others: a time limit has passed.
  return error instanceof Error && ["FetchError", "AbortError", "TimeoutError"].includes(error.name);
}

type Call = Telegram["callApi"];

/** {@link callOnce}, and once more after a 429 with a short wait. */
async function call(deps: SendDeps, method: Parameters<Call>[0], payload: Parameters<Call>[1]): Promise<void> {
  try {
    await callOnce(deps, method, payload);
  } catch (error) {
    const retry_after_s = error instanceof TelegramError ? error.parameters?.retry_after : undefined;
    if (retry_after_s === undefined) throw error;
    const retried = retry_after_s <= MAX_RETRY_AFTER_S;
    deps.log({ level: "warn", event: "rate_limited", method, retry_after_s, retried });
    if (!retried) throw error;
    await deps.sleep(retry_after_s * 1000);
    await callOnce(deps, method, payload);
  }
}

async function callOnce(
  { telegram, rateLimited }: SendDeps,
  method: Parameters<Call>[0],
  payload: Parameters<Call>[1],
): Promise<void> {
  // Telegraf names the signal of a package that stands in for the one of the platform.
  const signal = AbortSignal.timeout(CALL_TIMEOUT_MS) as unknown as NonNullable<Parameters<Call>[2]>["signal"];
  try {
    await telegram.callApi(method, payload, { ...(signal && { signal }) });
  } catch (error) {
    if (error instanceof TelegramError && error.code === 429) rateLimited(error.parameters?.retry_after ?? 0);
    throw error;
  }
}

function refusedWith(error: unknown, description: RegExp): boolean {
  return error instanceof TelegramError && error.code === 400 && description.test(error.description);
}
