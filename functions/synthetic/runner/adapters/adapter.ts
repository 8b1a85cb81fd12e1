/**
 * Which library a bot is of, told by its shape: neither is imported.
 *
 * @module
 */
import type { AnyBot } from "../../define.ts";
import type { User } from "../../telegram/types.ts";
import { adaptGrammy, isGrammy } from "./grammy.ts";
import { adaptTelegraf, isTelegraf } from "./telegraf.ts";
import type { TelegramPort } from "./telegram_port.ts";

export interface Adapted {
  /** Rejects with what the bot does not handle. */
  handleUpdate(update: object): Promise<unknown>;
  /** Whether the bot fetches updates by itself. */
  launched(): boolean;
}

export interface AdaptOptions {
  port: TelegramPort;
  me: User;
  /** Longest that a scenario may take: a library's own limit only counts when it is shorter. */
  timeoutMs: number;
  /** Gets what a bot sends by its address. */
  download: (url: string) => Promise<Uint8Array<ArrayBuffer>>;
}

/** @throws {Error} in words for the author, when it is none. */
export async function adapt(bot: AnyBot, options: AdaptOptions): Promise<Adapted> {
  if (isTelegraf(bot)) return adaptTelegraf(bot, options);
  if (isGrammy(bot)) return await adaptGrammy(bot, options);
  throw new Error("the factory has made neither a Telegraf nor a grammY bot");
}
