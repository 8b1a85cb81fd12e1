/**
 * Telling one chat of an alert: its message is edited, or sent where there is none.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import type { AlertClaims, AlertOutcome } from "../_shared/db.ts";
import type { BotCall } from "./bot_api.ts";
import { encodeAction } from "./callback.ts";
import { describe, type Log } from "./log.ts";
import type { Screen } from "./render/screen.ts";

const CALL_TIMEOUT_MS = 8000;
/** Longest `retry_after` that is waited for here, in seconds; for a longer one the database waits. */
const MAX_RETRY_AFTER_S = 3;

export interface AlertSendDeps {
  bot: BotCall;
  sleep: (ms: number) => Promise<void>;
  log: Log;
  /** Of `performance.now()`. No call lasts longer. */
  deadline: number;
}

export type Told = Pick<AlertOutcome, "outcome" | "message_id" | "error" | "retry_after">;

/** Never throws. */
export async function tellChat(
  deps: AlertSendDeps,
  { chat_id, message_id }: AlertClaims["claims"][number],
  screen: Screen,
): Promise<Told> {
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
  const seen: Seen = {};
  try {
    if (message_id !== null && await edit(deps, { ...content, message_id }, seen)) {
      return { outcome: "shown", message_id, ...seen };
    }
    const sent = await call(deps, "sendMessage", content, seen) as { message_id: number };
    return { outcome: "shown", message_id: sent.message_id, ...seen };
  } catch (error) {
    const { error: reason } = describe(error);
    return { outcome: isFinal(error) ? "unreachable" : "later", error: reason, ...seen };
  }
}

/** The longest wait that Telegram asked for. */
interface Seen {
  retry_after?: number;
}

/** False when there is nothing to edit any more. */
async function edit(deps: AlertSendDeps, payload: object, seen: Seen): Promise<boolean> {
  try {
    await call(deps, "editMessageText", payload, seen);
    return true;
  } catch (error) {
    if (!(error instanceof TelegramError) || error.code !== 400) throw error;
    if (/message is not modified/.test(error.description)) return true;
    if (/message (to edit )?(is )?not found|message can't be edited|MESSAGE_ID_INVALID/.test(error.description)) {
      return false;
    }
    throw error;
  }
}

/**
 * Whether the same call would be refused for as long as it matters: the bot was blocked, or never started, or is not in the
 * group any more; or what we send is wrong. A wrong token is put right by a deployment.
 */
const isFinal = (error: unknown): boolean => error instanceof TelegramError && [400, 403].includes(error.code);

/** The call, and once more after a 429 with a short wait. */
async function call(deps: AlertSendDeps, method: string, payload: object, seen: Seen): Promise<unknown> {
  try {
    return await callOnce(deps, method, payload);
  } catch (error) {
    if (!(error instanceof TelegramError) || error.code !== 429) throw error;
    const wait = error.parameters?.retry_after ?? 1;
    seen.retry_after = Math.max(seen.retry_after ?? 0, wait);
    const retried = wait <= MAX_RETRY_AFTER_S && performance.now() + wait * 1000 < deps.deadline;
    deps.log({ level: "warn", event: "rate_limited", method, retry_after_s: wait, retried });
    if (!retried) throw error;
    await deps.sleep(wait * 1000);
    return await callOnce(deps, method, payload);
  }
}

function callOnce({ bot, deadline }: AlertSendDeps, method: string, payload: object): Promise<unknown> {
  const ms = Math.max(1, Math.min(CALL_TIMEOUT_MS, Math.floor(deadline - performance.now())));
  return bot(method, payload, AbortSignal.timeout(ms));
}
