import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Telegraf } from "telegraf";
import { describe, expect, onTestFinished, test } from "vitest";
import { traceUpdates } from "../../tracer/telegraf.ts";
import { memoryTracer } from "./_support/memory.ts";

/** Telegram, as far as this goes: takes every message and numbers it from 1,000. */
async function startTelegram(): Promise<string> {
  let messageId = 1000;
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk) => body += chunk).on("end", () => {
      const { chat_id, text } = JSON.parse(body);
      const answer = text === "fail"
        ? { ok: false, error_code: 400, description: "Bad Request: told to fail" }
        : { ok: true, result: { message_id: messageId++, date: 1, chat: { id: chat_id, type: "private" }, text } };
      response.writeHead(answer.ok ? 200 : 400, { "content-type": "application/json" }).end(JSON.stringify(answer));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function setup() {
  const { tracer, sent } = memoryTracer();
  const bot = new Telegraf("1:token", { telegram: { apiRoot: await startTelegram() } });
  bot.botInfo = {
    id: 1,
    is_bot: true,
    first_name: "Bot",
    username: "bot",
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
  };
  bot.use(traceUpdates(tracer, { pipeline: "support" }));
  return { tracer, sent, bot };
}

const user = { id: 20, is_bot: false, first_name: "U" };
const chat = { id: 10, type: "private" as const, first_name: "U" };
const message = (text: string, update_id = 1) => ({
  update_id,
  message: { message_id: 30, date: 1, chat, from: user, text },
});

describe("a real Telegraf", () => {
  test("an update becomes a trace with its ids, and the trace is in ctx.state", async () => {
    const { tracer, sent, bot } = await setup();
    let inState: string | undefined;
    bot.on("message", async (ctx) => {
      inState = ctx.state.trace.id;
      await tracer.step("think", () => Promise.resolve());
    });
    await bot.handleUpdate(message("hi"));
    expect(await sent()).toMatchObject([{
      trace_id: inState,
      pipeline: "support",
      status: "ok",
      update_id: 1,
      chat_id: 10,
      user_id: 20,
      message_id: 30,
      steps: [{ name: "think" }],
    }]);
  });

  test("message_id becomes that of the bot's last message in the chat, not elsewhere", async () => {
    const { sent, bot } = await setup();
    bot.on("message", async (ctx) => {
      await ctx.reply("one");
      await ctx.reply("two");
      await ctx.telegram.sendMessage(99, "to another chat");
    });
    await bot.handleUpdate(message("hi"));
    expect(await sent()).toMatchObject([{ message_id: 1001 }]);
  });

  test("updates that run at once keep apart", async () => {
    const { tracer, sent, bot } = await setup();
    bot.on("message", (ctx) =>
      tracer.step(ctx.text!, async () => {
        await ctx.reply("answer");
        tracer.step(`${ctx.text}.in`, () => {});
      }));
    await Promise.all(Array.from({ length: 50 }, (_, n) => bot.handleUpdate(message(`m${n}`, n))));
    const traces = await sent();
    expect(traces).toHaveLength(50);
    for (const { update_id, steps } of traces) {
      expect(steps.map((step) => [step.name, step.parent])).toEqual([
        [`m${update_id}`, undefined],
        [`m${update_id}.in`, 1],
      ]);
    }
    expect(new Set(traces.map((trace) => trace.message_id)).size).toBe(50);
  });

  test("an error is recorded and reaches bot.catch as it was", async () => {
    const { sent, bot } = await setup();
    const error = new Error("no model");
    let caught: unknown;
    bot.catch((thrown) => void (caught = thrown));
    bot.on("message", () => {
      throw error;
    });
    await bot.handleUpdate(message("hi"));
    expect(caught).toBe(error);
    expect(await sent()).toMatchObject([{ status: "error", error: "no model" }]);
  });

  test("a call that Telegram refuses fails as ever", async () => {
    const { sent, bot } = await setup();
    bot.catch(() => {});
    bot.on("message", (ctx) => ctx.reply("fail"));
    await bot.handleUpdate(message("hi"));
    expect(await sent()).toMatchObject([{ status: "error", error: "400: Bad Request: told to fail", message_id: 30 }]);
  });

  test("a button's press has its presser and its message; an update without a chat has none", async () => {
    const { sent, bot } = await setup();
    const pressed = { message_id: 31, date: 1, chat, from: { ...user, id: 1, is_bot: true }, text: "menu" };
    await bot.handleUpdate({
      update_id: 2,
      callback_query: { id: "c", from: user, chat_instance: "i", data: "d", message: pressed },
    });
    await bot.handleUpdate({ update_id: 3, inline_query: { id: "q", from: user, query: "", offset: "" } });
    const [button, inline] = await sent();
    expect(button).toMatchObject({ update_id: 2, chat_id: 10, user_id: 20, message_id: 31 });
    expect(inline).toMatchObject({ update_id: 3, user_id: 20 });
    expect(inline).not.toHaveProperty("chat_id");
  });

  test("the pipeline may depend on the update, and a function that fails does not stop the bot", async () => {
    const { tracer, sent } = memoryTracer();
    const bot = new Telegraf("1:token");
    bot.botInfo = (await setup()).bot.botInfo!;
    bot.use(
      traceUpdates(tracer, { pipeline: (ctx) => (ctx as unknown as { message: { text: string } }).message.text }),
    );
    let handled = 0;
    bot.use(() => void (handled += 1));
    await bot.handleUpdate(message("sales"));
    await bot.handleUpdate({ update_id: 3, inline_query: { id: "q", from: user, query: "", offset: "" } });
    expect((await sent()).map((trace) => trace.pipeline)).toEqual(["sales", "(unnamed)"]);
    expect(handled).toBe(2);
  });
});
