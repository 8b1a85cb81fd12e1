/**
 * A Telegram of one's own: a Bot API in memory, strict where Telegram is, with the users' side beside it.
 *
 * It is one `Request → Response` handler that serves four kinds of paths: `/bot<token>/<method>` (the Bot API),
 * `/file/bot<token>/<file_path>` (what bots get), `/client/…` (the users' side, see `client_http.ts`) and `/` (a page to chat in). In memory it is the Telegram of
 * synthetic tests; behind a port, that of tests and of the demo.
 *
 * @module
 */
import { BotApi, type CallRecord } from "./bot_api.ts";
import { type BotAccount, type BotState, createBot } from "./bots.ts";
import { CallbackQueries } from "./callbacks.ts";
import { Chats } from "./chats.ts";
import { Client, type UserProfile } from "./client.ts";
import { createClientHttp } from "./client_http.ts";
import { Events } from "./events.ts";
import { Features } from "./features.ts";
import { Faults } from "./faults.ts";
import { Files } from "./files.ts";
import { type Limits, RateLimiter, TELEGRAM_LIMITS } from "./limits.ts";
import { servePage } from "./page/page.ts";
import { Polling } from "./polling.ts";
import { type Delivery, type DeliveryOptions, Webhook, type WebhookSettings } from "./webhook.ts";
import type { World } from "./world.ts";

export interface TelegramOptions {
  bots: BotAccount[];
  users?: UserProfile[];
  /**
   * Id of each bot's first update, default 1. A Telegram that forgets everything at its end, before bots that do not,
   * starts higher each time, or they take its updates for ones that they have handled.
   */
  firstUpdateId?: number | undefined;
  /** Epoch milliseconds: the clock of dates, limits and the age of queries. Default `Date.now`. */
  now?: () => number;
  /** Default {@link TELEGRAM_LIMITS}. */
  limits?: Partial<Limits>;
  /** How long after a press its query may be answered, in milliseconds. Default 15,000. */
  callbackTimeoutMs?: number;
  /** How long after sending it a bot may edit a message, in milliseconds. Default for ever, as in Telegram. */
  editTimeLimitMs?: number;
  /** Whether the server knows rich messages (Bot API 10.1). Default true; `client.setRich` changes it. */
  rich?: boolean;
  delivery?: Partial<DeliveryOptions>;
  /** Delivers to webhooks. Default the global `fetch`; a handler of one's own keeps everything in memory. */
  fetch?: typeof fetch;
}

export interface Telegram {
  /**
   * A response of type "error" (`Response.error()`) stands for a connection that was dropped, see `faults.ts`; a server
   * must then drop its own.
   */
  handle(request: Request): Promise<Response>;
  client: Client;
  /** Ends polls, deliveries and event streams. */
  close(): void;
}

const DELIVERY: DeliveryOptions = { firstRetryMs: 500, maxRetryMs: 5_000, timeoutMs: 60_000 };
const MAX_RECORDS = 10_000;

export function createTelegram(options: TelegramOptions): Telegram {
  const {
    now = Date.now,
    rich = true,
    limits,
    callbackTimeoutMs = 15_000,
    editTimeLimitMs = Infinity,
    delivery,
    fetch = globalThis.fetch,
  } = options;
  const closing = new AbortController();
  const records = { calls: [] as CallRecord[], deliveries: [] as Delivery[] };
  const events = new Events();
  const faults = new Faults();
  const features = new Features();
  features.setRich(rich);

  const world: World = {
    now,
    bots: new Map(options.bots.map((account) => [account.token, createBot(account, options.firstUpdateId)])),
    chats: new Chats(events),
    queries: new CallbackQueries(now, callbackTimeoutMs),
    files: new Files(),
    features,
    editTimeLimitMs,
    limiter: new RateLimiter({ ...TELEGRAM_LIMITS, ...limits }, now),
    events,
    polling: new Polling(closing.signal),
    webhooks: new Map(),
    openWebhook: (bot: BotState, settings: WebhookSettings) =>
      new Webhook(bot, settings, {
        now,
        fetch,
        options: { ...DELIVERY, ...delivery },
        reply: (bot, method, params) => botApi.call(bot, method, params, closing.signal),
        onDelivery: (delivery) => keep(records.deliveries, delivery),
      }),
  };
  const botApi = new BotApi(world, faults, (call) => keep(records.calls, call));
  const client = new Client(world, faults, records);
  const clientHttp = createClientHttp(client, closing.signal);
  for (const user of options.users ?? []) client.addUser(user);

  return {
    client,
    async handle(request) {
      const { pathname } = new URL(request.url);
      if (pathname.startsWith("/bot")) return await botApi.handle(request, pathname.slice("/bot".length));
      if (pathname.startsWith("/file/bot")) return botApi.download(pathname.slice("/file/bot".length));
      if (pathname.startsWith("/client/")) return await clientHttp(request);
      return servePage(pathname);
    },
    close() {
      closing.abort();
      for (const webhook of world.webhooks.values()) webhook.close();
    },
  };
}

function keep<T>(records: T[], record: T): void {
  records.push(record);
  if (records.length > MAX_RECORDS) records.shift();
}
