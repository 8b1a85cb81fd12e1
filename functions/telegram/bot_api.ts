/**
 * Calls of the Bot API through the platform's own fetch: the only place that knows the token.
 *
 * Telegraf's client goes through node-fetch, and Deno's `node:http` sends a request that is aborted once more when its
 * connection had been kept alive (seen with Deno 2.9): a message would come twice, each time Telegram is slow. Its files are
 * Node streams, which never end in Deno.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import { describe } from "./log.ts";
import { type Files, multipart } from "./multipart.ts";

export interface CallOptions {
  signal: AbortSignal;
  files?: Files | undefined;
}

/**
 * Resolves to the result.
 *
 * @throws {TelegramError} when Telegram refuses. @throws {NoAnswer} @throws What making a file throws, as it is.
 */
export type BotCall = (method: string, payload: object, options: CallOptions) => Promise<unknown>;

/** No answer in time, or none at all, or one that is not Telegram's: whether the call was made is not known. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export function createBotCall({ apiRoot, token }: { apiRoot: string; token: string }): BotCall {
  return async function call(method, payload, { signal, files }) {
    const form = files && multipart(payload, files);
    let status: number;
    let body: string;
    try {
      const response = await fetch(`${apiRoot}/bot${token}/${method}`, {
        method: "POST",
        headers: { "content-type": form?.type ?? "application/json" },
        body: form?.body ?? JSON.stringify(payload),
        signal,
        ...(form && { duplex: "half" }),
      } as RequestInit);
      status = response.status;
      body = await response.text();
    } catch (error) {
      if (form?.failure) throw form.failure.error;
      throw new NoAnswer(`${method}: ${describe(error).error}`);
    }
    const answer = parsed(body);
    // What stands before Telegram answers in words of its own.
    if (typeof answer?.ok !== "boolean") throw new NoAnswer(`${method}: HTTP ${status}, not an answer of Telegram`);
    if (answer.ok) return answer.result;
    const { error_code = status, description = "", parameters } = answer;
    throw new TelegramError({ error_code, description, ...(parameters && { parameters }) }, { method, payload: {} });
  };
}

interface Answer {
  ok?: unknown;
  result?: unknown;
  error_code?: number;
  description?: string;
  parameters?: { retry_after?: number };
}

function parsed(body: string): Answer | null {
  try {
    return JSON.parse(body) as Answer | null;
  } catch {
    return null;
  }
}
