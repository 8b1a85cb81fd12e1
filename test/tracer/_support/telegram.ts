// The strict Telegram over HTTP, and the real Telegraf and grammY before it, so that each test runs with both.
import { Bot as Grammy } from "grammy";
import { Telegraf } from "telegraf";
import { onTestFinished } from "vitest";
import type { Fault } from "../../../functions/synthetic/telegram/faults.ts";
import type { TelegramOptions } from "../../../functions/synthetic/telegram/telegram.ts";
import { serve } from "../../../scripts/stack/serve.ts";
import type { Trace, Tracer } from "../../../tracer/index.ts";
import * as grammy from "../../../tracer/grammy.ts";
import * as telegraf from "../../../tracer/telegraf.ts";
import { ADA, CHAT, setUp, TOKEN } from "../../functions/synthetic/telegram/_support.ts";

export { ADA, CHAT, TOKEN };

export type Library = "Telegraf" | "grammY";
export const LIBRARIES: Library[] = ["Telegraf", "grammY"];

// deno-lint-ignore no-explicit-any -- results differ by method, and tests look into them
type Result = any;

/** What the contexts of both libraries can do. */
export interface Ctx {
  update: { update_id: number };
  trace: Trace;
  reply(text: string, extra?: object): Promise<{ message_id: number }>;
  call(method: string, payload: object): Promise<Result>;
  progress(
    ...args: Parameters<typeof telegraf.progress> extends [unknown, ...infer Rest] ? Rest : never
  ): telegraf.ProgressMessage;
}

export interface BotUnderTest {
  /** Handles an update with the handler; rejects with what the library's own error handling gets. */
  handle(update: { update_id: number; [type: string]: unknown }): Promise<void>;
}

const ME = {
  id: 7001,
  is_bot: true as const,
  first_name: "first_bot",
  username: "first_bot",
  can_join_groups: true,
  can_read_all_group_messages: false,
  supports_inline_queries: false,
};

/** Options of `traceUpdates`. */
interface Updates {
  pipeline?: string | ((ctx: { update: object }) => string | undefined);
  apiCalls?: boolean;
}

/** A Telegram of this test's own, on a real clock. */
export async function startTelegram(options: Partial<TelegramOptions> = {}) {
  const set = setUp({ now: Date.now, ...options });
  const server = await serve(set.telegram.handle, { port: 0 });
  onTestFinished(async () => {
    set.telegram.close();
    await server.close();
  });
  const { client } = set;
  return {
    client,
    url: server.url,
    /** Calls of a method, by its parameters. */
    calls: (method: string) => client.records.calls.filter((call) => call.method === method),
    /** What the bot's messages in Ada's chat say now. */
    shown: () => client.chat(CHAT).messages.filter((message) => message.from.is_bot).map(({ text }) => text),
    answer: (method: string, result: unknown, times = 1) =>
      client.fault({ method, fault: { kind: "respond", status: 200, body: { ok: true, result } }, times }),
    refuse: (method: string, error_code: number, description: string, parameters?: object, times = 1) => {
      const body = { ok: false, error_code, description, ...(parameters && { parameters }) };
      client.fault({ method, fault: { kind: "respond", status: error_code, body }, times });
    },
    fault: (method: string, fault: Fault, times = 1) => client.fault({ method, fault, times }),
  };
}

/** The real library with `traceUpdates` and one handler, before a Telegram. */
export function startBot(
  library: Library,
  tracer: Tracer,
  apiRoot: string,
  handler: (ctx: Ctx) => unknown,
  updates: Updates = {},
): BotUnderTest {
  if (library === "Telegraf") {
    const bot = new Telegraf(TOKEN, { telegram: { apiRoot } });
    bot.botInfo = ME;
    bot.catch((error) => {
      throw error;
    });
    bot.use(telegraf.traceUpdates(tracer, updates));
    bot.use(async (ctx) =>
      void await handler({
        update: ctx.update,
        trace: (ctx as unknown as telegraf.Traced).trace,
        reply: (text, extra) => ctx.reply(text, extra),
        call: (method, payload) => ctx.telegram.callApi(method as "sendMessage", payload as never),
        progress: (...args) => telegraf.progress(ctx, ...args),
      })
    );
    return { handle: (update) => bot.handleUpdate(update as never) };
  }
  const bot = new Grammy(TOKEN, { botInfo: ME as never, client: { apiRoot } });
  bot.use(grammy.traceUpdates(tracer, updates));
  bot.use(async (ctx) =>
    void await handler({
      update: ctx.update,
      trace: (ctx as unknown as grammy.Traced).trace,
      reply: (text, extra) => ctx.reply(text, extra),
      call: (method, payload) =>
        (ctx.api.raw as unknown as Record<string, (p: object) => Promise<Result>>)[method]!(payload),
      progress: (...args) => grammy.progress(ctx, ...args),
    })
  );
  return {
    handle: (update) =>
      bot.handleUpdate(update as never).catch((error) => {
        throw error.error;
      }),
  };
}

/** An update with a text that Ada has written. */
export function written(text: string, update_id = 1, user = ADA, message_id = 900) {
  const from = { ...user, is_bot: false };
  return { update_id, message: { message_id, date: 1, chat: { ...user, type: "private" }, from, text } };
}
