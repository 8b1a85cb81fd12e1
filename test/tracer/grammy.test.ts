/** What only grammY has; what it shares with Telegraf is in `updates.test.ts` and `progress_message.test.ts`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Bot, type Context, webhookCallback } from "grammy";
import { expect, onTestFinished, test } from "vitest";
import { type Traced, traceUpdates } from "../../tracer/grammy.ts";
import { tracedFetch } from "../../tracer/fetch.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { memoryTracer } from "./_support/memory.ts";
import { CHAT, startTelegram, TOKEN, written } from "./_support/telegram.ts";

async function setup(client: object = {}) {
  const { tracer, sent } = memoryTracer();
  const telegram = await startTelegram();
  const bot = new Bot<Context & Traced>(TOKEN, { client: { apiRoot: telegram.url, ...client } });
  bot.use(traceUpdates(tracer));
  return { tracer, sent, telegram, bot };
}

test("polling: the updates are traced, the polls are not; ctx.trace has a type, also in what is filtered", async () => {
  const { tracer, sent, telegram, bot } = await setup();
  bot.command("start", (ctx) => ctx.reply(`trace ${ctx.trace.id}`));
  bot.on("message:text", (ctx) => ctx.reply(`${ctx.message.text} ${ctx.trace.id}`));
  const running = bot.start();
  telegram.client.send({ chat: CHAT, text: "hello" });
  await telegram.client.until(CHAT, ({ messages }) => messages.filter(({ from }) => from.is_bot).length === 2);
  await bot.stop();
  await running;
  await expect.poll(() => tracer.stats().recorded).toBe(2);
  const [start, hello, ...more] = await sent();
  expect(more).toEqual([]);
  // The update of `setUp` was waiting.
  expect([start!.pipeline, hello!.pipeline]).toEqual(["/start", "message:text"]);
  expect(telegram.shown()).toEqual([`trace ${start!.trace_id}`, `hello ${hello!.trace_id}`]);
  for (const { steps } of [start!, hello!]) expect(steps.map(({ name }) => name)).toEqual(["tg.sendMessage"]);
  expect(telegram.calls("getUpdates").length).toBeGreaterThan(0);
});

test("a call in the answer to a webhook is a step, and works as ever", async () => {
  const { sent, telegram, bot } = await setup({ canUseWebhookReply: (method: string) => method === "sendMessage" });
  const seen: unknown[] = [];
  bot.on("message", async (ctx) => {
    seen.push(await ctx.reply("by webhook"));
  });
  const hook = createServer(webhookCallback(bot, "http"));
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    hook.closeAllConnections();
    hook.close();
  });
  await bot.api.setWebhook(`http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`);
  await telegram.client.until(CHAT, ({ messages }) => messages.at(-1)?.text === "by webhook");
  await expect.poll(() => telegram.client.records.deliveries.map(({ status }) => status)).toEqual([200]);
  expect(seen).toEqual([true]);
  // What Telegram calls the message is not known here.
  expect(await sent()).toMatchObject([{ status: "ok", message_id: 1, steps: [{ name: "tg.sendMessage" }] }]);
});

test("the transformers of bot.api go on working, inside the step", async () => {
  const { sent, telegram, bot } = await setup();
  let attempts = 0;
  bot.api.config.use(async (prev, method, payload, signal) => {
    for (;;) {
      attempts += 1;
      const answer = await prev(method, payload, signal);
      if (answer.ok || method !== "sendMessage") return answer;
    }
  });
  bot.on("message", (ctx) => ctx.reply("at last"));
  await bot.init();
  attempts = 0;
  telegram.refuse("sendMessage", 429, "Too Many Requests: retry after 1", { retry_after: 1 }, 2);
  await bot.handleUpdate(written("hi") as never);
  expect(attempts).toBe(3);
  const [{ steps }] = await sent() as [WireTrace];
  expect(steps.map(({ name, status }) => ({ name, status }))).toEqual([{ name: "tg.sendMessage" }]);
});

test("what the client itself calls is below the step", async () => {
  const { tracer, sent } = memoryTracer();
  const telegram = await startTelegram();
  const client = { apiRoot: telegram.url, fetch: tracedFetch(tracer) as never };
  const bot = new Bot<Context & Traced>(TOKEN, { client });
  await bot.init();
  bot.use(traceUpdates(tracer));
  bot.on("message", (ctx) => ctx.reply("hello"));
  await bot.handleUpdate(written("hi") as never);
  const [{ steps }] = await sent() as [WireTrace];
  expect(steps.map(({ name, parent }) => ({ name, parent }))).toEqual([
    { name: "tg.sendMessage" },
    { name: "http.127.0.0.1", parent: 1 },
  ]);
});

test("a context that cannot be written to, and a client that is frozen or missing: the handler runs, traced", async () => {
  const { tracer, sent } = memoryTracer();
  const update = { update_id: 4 };
  const api = Object.freeze({ config: Object.freeze({}) });
  const contexts = [Object.freeze({ update, api }), {
    update,
    api,
    get trace() {
      return "the bot's own";
    },
  }, { update }];
  let handled = 0;
  for (const ctx of contexts) {
    await traceUpdates(tracer)(ctx as never, () => Promise.resolve(void (handled += 1)));
  }
  expect(handled).toBe(3);
  expect((await sent()).map(({ status, update_id }) => [status, update_id])).toEqual(Array(3).fill(["ok", 4]));
});

test("an update without grammY's API object is traced all the same", async () => {
  const { tracer, sent } = memoryTracer();
  const ctx = { update: { update_id: 4 }, api: {} };
  await traceUpdates(tracer, { pipeline: "mock" })(ctx, () => Promise.resolve());
  expect(await sent()).toMatchObject([{ pipeline: "mock", update_id: 4, status: "ok" }]);
});
