/**
 * Calls of the Bot API through the platform's own fetch.
 *
 * Telegraf's client goes through node-fetch, and Deno's `node:http` sends a request that is aborted once more when its
 * connection had been kept alive (seen with Deno 2.9): a message would come twice, each time Telegram is slow.
 *
 * @module
 */
import { TelegramError } from "telegraf";

/** Resolves to the result. @throws {TelegramError} when Telegram refuses; what fetch throws, as it is. */
export type BotCall = (method: string, payload: object, signal: AbortSignal) => Promise<unknown>;

export function createBotCall({ apiRoot, token }: { apiRoot: string; token: string }): BotCall {
  return async function call(method, payload, signal) {
    const response = await fetch(`${apiRoot}/bot${token}/${method}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(payload),
      signal,
    });
    const body = await response.text();
    const answer = parsed(body);
    // What stands before Telegram answers in words of its own.
    if (typeof answer?.ok !== "boolean") {
      throw new Error(`${method}: HTTP ${response.status}, not an answer of Telegram`);
    }
    if (answer.ok) return answer.result;
    const { error_code = response.status, description = "", parameters } = answer;
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
