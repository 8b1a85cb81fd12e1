/**
 * The state of one Telegram, and what a method of the Bot API is given to act on it.
 *
 * @module
 */
import type { BotState } from "./bots.ts";
import type { CallbackQueries } from "./callbacks.ts";
import type { Chats } from "./chats.ts";
import type { Events } from "./events.ts";
import type { Features } from "./features.ts";
import type { Files } from "./files.ts";
import type { RateLimiter } from "./limits.ts";
import type { Params } from "./params.ts";
import type { Polling } from "./polling.ts";
import type { Webhook, WebhookSettings } from "./webhook.ts";

export interface World {
  /** Epoch milliseconds. */
  now: () => number;
  /** By token. */
  bots: Map<string, BotState>;
  chats: Chats;
  queries: CallbackQueries;
  files: Files;
  features: Features;
  /** How long a bot may edit its messages. */
  editTimeLimitMs: number;
  limiter: RateLimiter;
  events: Events;
  polling: Polling;
  webhooks: Map<BotState, Webhook>;
  openWebhook: (bot: BotState, settings: WebhookSettings) => Webhook;
}

export interface Call {
  world: World;
  bot: BotState;
  params: Params;
  /** Aborts when the caller has gone. */
  signal: AbortSignal;
}

/** Returns the `result` of the answer. @throws {ApiError} for an answer that is not ok. */
export type Method = (call: Call) => unknown;

/** Epoch seconds, as dates are in the Bot API. */
export const seconds = (ms: number): number => Math.floor(ms / 1000);
