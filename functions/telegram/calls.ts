/**
 * Calls of the Bot API, within the time that there is for an update.
 *
 * @module
 */
import { type Telegram, TelegramError } from "telegraf";
import { RpcError } from "../_shared/errors.ts";
import { LaneBusy } from "./lane.ts";
import type { Log } from "./log.ts";
import { type Files, upload, UploadFailed } from "./upload.ts";

/** Longest `retry_after` that is waited for, in seconds, once a call. A person has left by then. */
const MAX_RETRY_AFTER_S = 15;
/** Telegraf itself would wait for 500 s. */
const CALL_TIMEOUT_MS = 8000;
/** A file of some megabytes takes its time. */
const UPLOAD_TIMEOUT_MS = 20_000;
/** What must be left for the call that follows a wait. */
const SPARE_MS = 1000;

export interface SendDeps {
  telegram: Pick<Telegram, "callApi" | "token" | "options">;
  log: Log;
  sleep: (ms: number) => Promise<void>;
  /** Milliseconds until the handling of the update must end. */
  left: () => number;
  /** Told of each 429, with the seconds that Telegram asks to wait for. */
  rateLimited: (retryAfterS: number) => void;
  /** Told what is about to be shown, or has been. */
  showing: (shown: { name: string; chars: number }) => void;
  /** Whether the chat is sent rich messages; made false when Telegram does not know them. */
  rich: { accepted: boolean };
}

type Call = Telegram["callApi"];

/** {@link callOnce}, and once more after a 429 that there is time to wait for. */
export async function call(deps: SendDeps, method: string, payload: object, files?: Files): Promise<unknown> {
  try {
    return await callOnce(deps, method, payload, files);
  } catch (error) {
    const retry_after_s = error instanceof TelegramError ? error.parameters?.retry_after : undefined;
    if (retry_after_s === undefined) throw error;
    const retried = retry_after_s <= MAX_RETRY_AFTER_S && retry_after_s * 1000 + SPARE_MS < deps.left();
    deps.log({ level: "warn", event: "rate_limited", method, retry_after_s, retried });
    if (!retried) throw error;
    await deps.sleep(retry_after_s * 1000);
    return await callOnce(deps, method, payload, files);
  }
}

export async function callOnce(
  { telegram, rateLimited, left }: SendDeps,
  method: string,
  payload: object,
  files?: Files,
  timeoutMs = files ? UPLOAD_TIMEOUT_MS : CALL_TIMEOUT_MS,
): Promise<unknown> {
  // A call that goes out after the update was given up would run over what is shown for the next one.
  const ms = Math.max(0, Math.min(timeoutMs, left()));
  const signal = AbortSignal.timeout(ms);
  try {
    if (files) return await upload(telegram, method, payload, files, signal);
    // Telegraf names the signal of a package that stands in for the one of the platform; and its types end at Bot API 7.1.
    const options = { signal: signal as unknown as NonNullable<Parameters<Call>[2]>["signal"] } as Parameters<Call>[2];
    return await telegram.callApi(method as Parameters<Call>[0], payload as Parameters<Call>[1], options);
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
  if (error instanceof LaneBusy || error instanceof UploadFailed) return true;
  // FetchError: node-fetch got no answer, or one that was not JSON. The others: a time limit has passed.
  return error instanceof Error && ["FetchError", "AbortError", "TimeoutError"].includes(error.name);
}
