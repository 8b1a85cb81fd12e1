/**
 * The way from a bot's client into the Telegram in memory: no sockets, and what is under way is counted.
 *
 * @module
 */
import type { Telegram } from "../../telegram/telegram.ts";

export type Body = string | FormData;

export interface TelegramPort {
  /**
   * Answers as the Bot API does.
   *
   * @param body JSON as a text, or a form; a function that makes it may take its time.
   * @throws {TypeError} when the connection was dropped, or the scenario is over.
   */
  post(method: string, body: Body | (() => Promise<Body>)): Promise<Response>;
  /** A file, by the address that a bot makes of `getFile`, wherever that is; undefined: it is none. */
  download(url: string): Promise<Response> | undefined;
  /** Calls that have not been answered, oldest first. */
  readonly underWay: readonly string[];
  /** How many calls there have been. */
  readonly count: number;
  /** From now on every call fails. */
  close(): void;
}

/** Where bots are told that Telegram is. No client can reach it by itself, which is as it should be. */
export const API_ROOT = "memory://telegram";

export function openPort(telegram: Telegram, token: string): TelegramPort {
  const underWay: string[] = [];
  let count = 0;
  let closed = false;
  return {
    underWay,
    get count() {
      return count;
    },
    close: () => void (closed = true),
    download(url) {
      const path = `/file/bot${token}/`;
      const at = url.replace(/%3a/i, ":").indexOf(path);
      if (at < 0 || closed) return undefined;
      return telegram.handle(new Request(`http://telegram.memory${url.replace(/%3a/i, ":").slice(at)}`));
    },
    async post(method, body) {
      if (closed) throw new TypeError("the scenario is over");
      count += 1;
      underWay.push(method);
      try {
        const sent = typeof body === "function" ? await body() : body;
        const headers: Record<string, string> = typeof sent === "string" ? { "content-type": "application/json" } : {};
        const url = `http://telegram.memory/bot${token}/${method}`;
        const response = await telegram.handle(new Request(url, { method: "POST", body: sent, headers }));
        if (response.type === "error") throw new TypeError("socket hang up");
        return response;
      } finally {
        underWay.splice(underWay.indexOf(method), 1);
      }
    },
  };
}
