/**
 * Calls of the Bot API, within the time that there is for an update.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import { RpcError } from "../_shared/errors.ts";
import { type BotCall, NoAnswer } from "./bot_api.ts";
import { LaneBusy } from "./lane.ts";
import type { Log } from "./log.ts";
import type { Files } from "./multipart.ts";

const CALL_TIMEOUT_MS = 8000;
/** A file of some megabytes takes its time. */
const UPLOAD_TIMEOUT_MS = 20_000;
/** What must be left for the call that follows a wait. */
const SPARE_MS = 1000;

export interface CallDeps {
  api: BotCall;
  log: Log;
  sleep: (ms: number) => Promise<void>;
  /** Milliseconds until all must have ended. */
  left: () => number;
  /** Longest `retry_after` that is waited for, in seconds, once a call. */
  maxRetryAfterS: number;
  /** Told of each 429, with the seconds that Telegram asks to wait for. */
  rateLimited: (retryAfterS: number) => void;
}

export interface SendDeps extends CallDeps {
  /** Told what is about to be shown, or has been. */
  showing: (shown: { name: string; chars: number }) => void;
  /** Whether the chat is sent rich messages; made false when Telegram does not know them. */
  rich: { accepted: boolean };
}

/** {@link callOnce}, and once more after a 429 that there is time to wait for. */
export async function call(deps: CallDeps, method: string, payload: object, files?: Files): Promise<unknown> {
  try {
    return await callOnce(deps, method, payload, files);
  } catch (error) {
    const retry_after_s = error instanceof TelegramError ? error.parameters?.retry_after : undefined;
    if (retry_after_s === undefined) throw error;
    const retried = retry_after_s <= deps.maxRetryAfterS && retry_after_s * 1000 + SPARE_MS < deps.left();
    deps.log({ level: "warn", event: "rate_limited", method, retry_after_s, retried });
    if (!retried) throw error;
    await deps.sleep(retry_after_s * 1000);
    return await callOnce(deps, method, payload, files);
  }
}

export async function callOnce(
  { api, rateLimited, left }: CallDeps,
  method: string,
  payload: object,
  files?: Files,
  timeoutMs = files ? UPLOAD_TIMEOUT_MS : CALL_TIMEOUT_MS,
): Promise<unknown> {
  // A call that goes out after the update was given up would run over what is shown for the next one.
  const ms = Math.floor(Math.min(timeoutMs, left()));
  if (ms <= 0) throw new NoAnswer(`${method}: no time left`);
  try {
    return await api(method, payload, { signal: AbortSignal.timeout(ms), files });
  } catch (error) {
    if (error instanceof TelegramError && error.code === 429) rateLimited(error.parameters?.retry_after ?? 0);
    throw error;
  }
}

export function refusedWith(error: unknown, description: RegExp): boolean {
  return error instanceof TelegramError && error.code === 400 && description.test(error.description);
}

/** Whether the same may succeed later: no answer, or one of a server in trouble, or a chat in which somebody else edits. */
export function isTransient(error: unknown): boolean {
  if (error instanceof TelegramError) return error.code >= 500;
  if (error instanceof RpcError) return error.status === 503;
  if (error instanceof LaneBusy || error instanceof NoAnswer) return true;
  // Telegraf's, when handling an update takes too long.
  return error instanceof Error && error.name === "TimeoutError";
}
