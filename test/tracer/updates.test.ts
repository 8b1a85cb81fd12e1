/** `traceUpdates` of both libraries, the real ones, before a strict Telegram over HTTP. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, onTestFinished, test } from "vitest";
import { createTracer } from "../../tracer/index.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { memoryTracer } from "./_support/memory.ts";
import { ADA, type Ctx, LIBRARIES, startBot, startTelegram, TOKEN, written } from "./_support/telegram.ts";

const UNLIMITED = {
  chat: { count: Infinity, ms: 1 },
  group: { count: Infinity, ms: 1 },
  bot: { count: Infinity, ms: 1 },
};

describe.each(LIBRARIES)("%s", (library) => {
  async function setup(handler: (ctx: Ctx) => unknown, options: Parameters<typeof startBot>[4] = {}) {
    const memory = memoryTracer();
    const telegram = await startTelegram();
    const bot = startBot(library, memory.tracer, telegram.url, handler, options);
    return { ...memory, telegram, bot };
  }

  test("an update becomes a trace with its ids; the trace is ctx.trace, and it is the current one", async () => {
    const seen: (string | undefined)[] = [];
    const { tracer, sent, bot } = await setup(async (ctx) => {
      seen.push(ctx.trace.id, tracer.currentTraceId());
      await tracer.step("think", () => Promise.resolve());
    });
    await bot.handle(written("hi", 77));
    const [trace, ...more] = await sent();
    expect(more).toEqual([]);
    expect(trace).toMatchObject({
      pipeline: "message:text",
      status: "ok",
      update_id: 77,
      chat_id: 1001,
      user_id: 1001,
      message_id: 900,
      steps: [{ name: "think" }],
    });
    expect(seen).toEqual([trace!.trace_id, trace!.trace_id]);
  });

  test("the pipeline is an option, a function of the context, or told from the update", async () => {
    const pipelines = async (pipeline?: string | ((ctx: { update: object }) => string | undefined)) => {
      const { sent, bot } = await setup(() => {}, pipeline === undefined ? {} : { pipeline });
      await bot.handle(written("hi"));
      await bot.handle({ update_id: 2, inline_query: { id: "q", from: ADA, query: "", offset: "" } });
      return (await sent()).map((trace) => trace.pipeline);
    };
    expect(await pipelines()).toEqual(["message:text", "inline_query"]);
    expect(await pipelines("support")).toEqual(["support", "support"]);
    expect(await pipelines(({ update }) => "message" in update ? "talk" : undefined)).toEqual(["talk", "inline_query"]);
    const failing = () => {
      throw new Error("the author's own");
    };
    expect(await pipelines(failing)).toEqual(["message:text", "inline_query"]);
  });

  test("calls to Telegram are steps below the step around them, with Telegram's own error", async () => {
    const { tracer, telegram, sent, bot, problems } = await setup(async (ctx) => {
      await ctx.reply("one");
      await tracer.step("llm.answer", async () => {
        await expect(ctx.reply("two")).rejects.toThrow("429: Too Many Requests: retry after 5");
        await expect(ctx.call("editMessageText", { chat_id: 1001, message_id: 5, text: "x" })).rejects.toThrow(
          "not found",
        );
      });
      // Names are cut to 20 characters.
      telegram.answer("answerCallbackQuery", true);
      await ctx.call("answerCallbackQuery", { callback_query_id: "1" });
    });
    telegram.answer("sendMessage", { message_id: 2, chat: { id: 1001 } });
    telegram.refuse("sendMessage", 429, "Too Many Requests: retry after 5", { retry_after: 5 });
    await bot.handle(written("hi"));
    const [{ status, steps }] = await sent() as [WireTrace];
    expect(status).toBe("ok");
    expect(steps.map(({ name, parent, status, error }) => ({ name, parent, status, error }))).toEqual([
      { name: "tg.sendMessage" },
      { name: "llm.answer" },
      { name: "tg.sendMessage", parent: 2, status: "error", error: "429: Too Many Requests: retry after 5" },
      { name: "tg.editMessageText", parent: 2, status: "error", error: "400: Bad Request: message to edit not found" },
      { name: "tg.answerCallbackQue" },
    ]);
    expect(problems).toEqual([]);
  });

  test("getUpdates is never a step", async () => {
    const { telegram, sent, bot } = await setup((ctx) => ctx.call("getUpdates", {}));
    telegram.answer("getUpdates", []);
    await bot.handle(written("hi"));
    expect(telegram.calls("getUpdates")).toHaveLength(1);
    expect((await sent())[0]!.steps).toEqual([]);
  });

  test("a call takes as long as Telegram does", async () => {
    const { telegram, sent, bot } = await setup((ctx) => ctx.reply("slow"));
    telegram.fault("sendMessage", { kind: "delay", ms: 120 });
    await bot.handle(written("hi"));
    const step = (await sent())[0]!.steps[0]!;
    expect(step.duration_ms).toBeGreaterThanOrEqual(119);
  });

  test("apiCalls: false records none, and the answer's id all the same", async () => {
    const { sent, bot } = await setup((ctx) => ctx.reply("one"), { apiCalls: false });
    await bot.handle(written("hi"));
    expect(await sent()).toMatchObject([{ steps: [], message_id: 2 }]);
  });

  test("calls outside any trace, or after its end, are no steps and no orphans", async () => {
    let later!: () => Promise<unknown>;
    const done = new Promise<unknown>((resolve, reject) => {
      later = () => after().then(resolve, reject);
    });
    let after!: () => Promise<unknown>;
    const { tracer, sent, bot, problems, telegram } = await setup((ctx) => {
      after = () => ctx.reply("after");
      setTimeout(() => void later(), 50); // keeps the trace as its context
    });
    await bot.handle(written("hi"));
    await done;
    await after();
    expect(telegram.shown()).toEqual(["after", "after"]);
    expect(await sent()).toMatchObject([{ steps: [], message_id: 900 }]);
    expect(tracer.stats().orphanSteps).toBe(0);
    expect(problems).toEqual([]);
  });

  test("message_id is that of the bot's last message in the chat: edits, groups of media and copies too", async () => {
    const messageIds = async (handler: (ctx: Ctx) => unknown, ...answers: [string, unknown][]) => {
      const { telegram, sent, bot } = await setup(handler);
      for (const [method, result] of answers) telegram.answer(method, result);
      await bot.handle(written("hi"));
      return (await sent())[0]!.message_id;
    };
    expect(await messageIds(async (ctx) => [await ctx.reply("one"), await ctx.reply("two")])).toBe(3);
    const chat = { id: 1001 };
    const other = { id: 99 };
    const send = (ctx: Ctx) => ctx.call("sendMessage", { chat_id: 1001, text: "x" });
    expect(await messageIds(send, ["sendMessage", { message_id: 5, chat: other }])).toBe(900);
    expect(
      await messageIds(
        (ctx) => ctx.call("editMessageText", { chat_id: 1001, message_id: 4, text: "x" }),
        ["editMessageText", { message_id: 4, chat }],
      ),
    ).toBe(4);
    // Of a message that was sent inline, Telegram tells no id.
    const inline = { inline_message_id: "i", text: "x" };
    expect(await messageIds((ctx) => ctx.call("editMessageText", inline), ["editMessageText", true])).toBe(900);
    expect(
      await messageIds(
        (ctx) => ctx.call("sendMediaGroup", { chat_id: 1001, media: [] }),
        ["sendMediaGroup", [{ message_id: 7, chat }, { message_id: 8, chat }]],
      ),
    ).toBe(8);
    const copy = (chat_id: number | string) => (ctx: Ctx) =>
      ctx.call("copyMessage", { chat_id, from_chat_id: 99, message_id: 1 });
    expect(await messageIds(copy(1001), ["copyMessage", { message_id: 12 }])).toBe(12);
    expect(await messageIds(copy("1001"), ["copyMessage", { message_id: 13 }])).toBe(13);
    expect(await messageIds(copy(99), ["copyMessage", { message_id: 14 }])).toBe(900);
    expect(
      await messageIds(
        (ctx) => ctx.call("copyMessages", { chat_id: 1001, from_chat_id: 99, message_ids: [1, 2] }),
        ["copyMessages", [{ message_id: 15 }, { message_id: 16 }]],
      ),
    ).toBe(16);
  });

  test("an update without a chat has no message of it, whatever the bot sends", async () => {
    const { telegram, sent, bot } = await setup((ctx) => ctx.call("copyMessage", { from_chat_id: 99, message_id: 1 }));
    telegram.answer("copyMessage", { message_id: 12 });
    await bot.handle({ update_id: 3, inline_query: { id: "q", from: ADA, query: "", offset: "" } });
    const [trace] = await sent();
    expect(trace).toMatchObject({ user_id: 1001, steps: [{ name: "tg.copyMessage" }] });
    expect(trace).not.toHaveProperty("chat_id");
    expect(trace).not.toHaveProperty("message_id");
  });

  test("what a handler throws is recorded, and reaches the bot as it was", async () => {
    const error = new Error("no model");
    const { sent, bot } = await setup(() => {
      throw error;
    });
    await expect(bot.handle(written("hi"))).rejects.toBe(error);
    expect(await sent()).toMatchObject([{ status: "error", error: "no model" }]);
  });

  test("a refusal that is not caught fails the trace", async () => {
    const { telegram, sent, bot } = await setup((ctx) => ctx.reply("hello"));
    telegram.refuse("sendMessage", 403, "Forbidden: bot was blocked by the user");
    await expect(bot.handle(written("hi"))).rejects.toMatchObject({
      description: "Forbidden: bot was blocked by the user",
    });
    const [trace] = await sent();
    expect(trace).toMatchObject({ status: "error", steps: [{ status: "error" }] });
    expect(trace!.error).toContain("403: Forbidden: bot was blocked by the user");
  });

  test.each<[string, (answer: ServerResponse) => void, RegExp]>([
    ["a connection that is lost", (response) => void response.destroy(), /socket hang up|ECONNRESET/],
    ["an answer that is no JSON", (response) => void response.end("<html>"), /invalid json/],
  ])("%s: the reason is recorded; the bot's token, which is in the error, is not", async (kind, how, reason) => {
    const server = createServer((_, response) => how(response));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    const { tracer, sent } = memoryTracer();
    const root = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    let thrown!: Error;
    const bot = startBot(library, tracer, root, (ctx) =>
      tracer.step("telegram", async () => {
        await ctx.reply("a secret text").catch((error) => {
          // grammY keeps it apart, unless it is told to have `sensitiveLogs`.
          throw thrown = error.error ?? error;
        });
      }));
    expect(await bot.handle(written("hi")).catch((error) => error)).toBe(thrown);
    // Telegraf takes it out of some errors.
    if (library === "grammY" || kind === "an answer that is no JSON") expect(thrown.message).toContain(TOKEN);
    const [trace] = await sent();
    expect(trace!.steps.map(({ name, status }) => [name, status])).toEqual([
      ["telegram", "error"],
      ["tg.sendMessage", "error"],
    ]);
    for (const { error } of [trace!, ...trace!.steps]) expect(error).toMatch(reason);
    expect(JSON.stringify(trace)).not.toMatch(/AAtest|secret/);
  });

  test("200 updates at once: each trace has its own steps, its own calls and its own answer", async () => {
    const people = Array.from({ length: 200 }, (_, n) => ({ id: 5000 + n, first_name: `P${n}` }));
    const telegram = await startTelegram({ limits: UNLIMITED, users: [ADA, ...people] });
    const answers = new Map<number, number>();
    for (const { id } of people) {
      telegram.client.openChat(id, "first_bot");
      telegram.client.send({ chat: `7001:${id}`, text: "/start" });
      // Ids of messages differ between the chats.
      for (let n = id % 7; n > 0; n--) telegram.client.send({ chat: `7001:${id}`, text: "again" });
    }
    const { tracer, sent, problems } = memoryTracer();
    const bot = startBot(library, tracer, telegram.url, async (ctx) => {
      const n = ctx.update.update_id;
      await Promise.all([
        tracer.step(`a${n}`, () => ctx.call("sendChatAction", { chat_id: 5000 + n, action: "typing" })),
        tracer.step(`b${n}`, async () => {
          await new Promise((resolve) => setTimeout(resolve, n % 13));
          await tracer.step(`c${n}`, () => ctx.call("sendChatAction", { chat_id: 5000 + n, action: "typing" }));
        }),
      ]);
      answers.set(n, (await ctx.reply(ctx.trace.id)).message_id);
    });
    await Promise.all(people.map((user, n) => bot.handle(written(`m${n}`, n, user as typeof ADA))));
    const traces = await sent();
    expect(traces).toHaveLength(200);
    for (const { trace_id, update_id: n, chat_id, user_id, message_id, steps } of traces) {
      expect({ chat_id, user_id, message_id }).toEqual({
        chat_id: 5000 + n!,
        user_id: 5000 + n!,
        message_id: answers.get(n!),
      });
      const named = steps.map(({ name, parent }) => `${name} ${parent === undefined ? "" : steps[parent - 1]!.name}`);
      expect(named.sort()).toEqual(
        [`a${n} `, `b${n} `, `c${n} b${n}`, "tg.sendChatAction a" + n, "tg.sendChatAction c" + n, "tg.sendMessage "]
          .sort(),
      );
      // The id that the user was told is that of the trace.
      expect(telegram.client.chat(`7001:${user_id}`).messages.at(-1)!.text).toBe(trace_id);
    }
    expect(problems).toEqual([]);
    expect(tracer.stats().orphanSteps).toBe(0);
  });

  test("a tracer without an address costs a bot nothing but the traces", async () => {
    const telegram = await startTelegram();
    const tracer = createTracer({ flushOnExit: false, onError: () => {} });
    const bot = startBot(library, tracer, telegram.url, (ctx) => ctx.reply("hello"));
    await bot.handle(written("hi"));
    expect(telegram.shown()).toEqual(["hello"]);
    expect(await tracer.flush()).toBe(false);
    await tracer.close();
  });
});
