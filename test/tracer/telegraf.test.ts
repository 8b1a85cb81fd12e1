/** What only Telegraf has; what it shares with grammY is in `updates.test.ts` and `progress_message.test.ts`. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type Context, Telegraf } from "telegraf";
import { message } from "telegraf/filters";
import { expect, onTestFinished, test } from "vitest";
import { type Traced, traceUpdates } from "../../tracer/telegraf.ts";
import { memoryTracer } from "./_support/memory.ts";
import { CHAT, startTelegram, TOKEN, written } from "./_support/telegram.ts";

async function setup() {
  const { tracer, sent } = memoryTracer();
  const telegram = await startTelegram();
  const bot = new Telegraf<Context & Traced>(TOKEN, { telegram: { apiRoot: telegram.url } });
  bot.use(traceUpdates(tracer));
  return { tracer, sent, telegram, bot };
}

test("polling: the updates are traced, the polls are not; ctx.trace has a type, also in what is filtered", async () => {
  const { tracer, sent, telegram, bot } = await setup();
  bot.start((ctx) => ctx.reply(`trace ${ctx.trace.id}`));
  bot.on(message("text"), (ctx) => ctx.reply(`${ctx.message.text} ${ctx.trace.id}`));
  const running = bot.launch();
  telegram.client.send({ chat: CHAT, text: "hello" });
  await telegram.client.until(CHAT, ({ messages }) => messages.filter(({ from }) => from.is_bot).length === 2);
  bot.stop();
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
  const { sent, telegram, bot } = await setup();
  const seen: unknown[] = [];
  bot.on("message", async (ctx) => {
    seen.push(ctx.webhookReply, await ctx.sendChatAction("upload_document"));
  });
  const hook = createServer(bot.webhookCallback("/hook"));
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    hook.closeAllConnections();
    hook.close();
  });
  await bot.telegram.setWebhook(`http://127.0.0.1:${(hook.address() as AddressInfo).port}/hook`);
  await expect.poll(() => telegram.calls("sendChatAction")).toHaveLength(1);
  expect(telegram.calls("sendChatAction")[0]).toMatchObject({ status: 200, params: { action: "upload_document" } });
  await expect.poll(() => telegram.client.records.deliveries.map(({ status }) => status)).toEqual([200]);
  expect(seen).toEqual([true, true]);
  expect(await sent()).toMatchObject([{ status: "ok", steps: [{ name: "tg.sendChatAction" }] }]);
});

test("a call keeps all its arguments", async () => {
  const { sent, bot } = await setup();
  bot.botInfo = await bot.telegram.getMe();
  bot.catch(() => {});
  bot.on("message", async (ctx) => {
    const signal = AbortSignal.abort();
    await ctx.telegram.callApi("sendMessage", { chat_id: 1001, text: "no" }, { signal: signal as never });
  });
  await bot.handleUpdate(written("hi") as never);
  expect(await sent()).toMatchObject([{ steps: [{ name: "tg.sendMessage", error: expect.stringMatching(/abort/) }] }]);
});

test("a context that cannot be written to, and a client that is frozen or missing: the handler runs, traced", async () => {
  const { tracer, sent } = memoryTracer();
  const update = { update_id: 4 };
  const telegram = Object.freeze({ callApi() {} });
  const contexts = [Object.freeze({ update, telegram }), {
    update,
    telegram,
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

test("an update without Telegraf's client is traced all the same", async () => {
  const { tracer, sent } = memoryTracer();
  const ctx = { update: { update_id: 4 }, telegram: {} };
  await traceUpdates(tracer, { pipeline: "mock" })(ctx, () => Promise.resolve());
  expect(await sent()).toMatchObject([{ pipeline: "mock", update_id: 4, status: "ok" }]);
});
