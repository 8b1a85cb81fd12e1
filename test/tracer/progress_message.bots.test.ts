/** `progress` of both libraries, the real ones, before a strict Telegram over HTTP. */
import { describe, expect, test, vi } from "vitest";
import { defineSteps } from "../../tracer/index.ts";
import { ADA, CHAT } from "../functions/synthetic/telegram/_support.ts";
import { memoryTracer } from "./_support/memory.ts";
import { type Ctx, LIBRARIES, startBot, startTelegram, written } from "./_support/telegram.ts";

const steps = defineSteps({ classify: "Reading…", "db.find": "Looking it up…", "llm.generate": "Writing…" });

describe.each(LIBRARIES)("%s", (library) => {
  async function setup(handler: (ctx: Ctx) => unknown) {
    const memory = memoryTracer({ steps });
    const unlimited = { count: Infinity, ms: 1 };
    const telegram = await startTelegram({ limits: { chat: unlimited } });
    const bot = startBot(library, memory.tracer as never, telegram.url, handler);
    return { ...memory, telegram, bot };
  }

  test("shows the very steps that are traced: same names in the same order, same clock; then the answer", async () => {
    const { tracer, telegram, sent, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps, {
        minIntervalMs: 1,
        text: (label, { name, offset_ms }) => JSON.stringify({ label, name, offset_ms }),
      });
      await shown.message;
      for (const name of ["classify", "db.find", "classify", "llm.generate", "db.find"] as const) {
        // A step takes until the user has seen its label.
        await tracer.step(name, () => vi.waitFor(() => expect(telegram.shown()[0]).toContain(steps[name])));
      }
      expect(await shown.done("the answer")).toBe(await shown.message);
    });
    await bot.handle(written("hi"));

    expect(telegram.shown()).toEqual(["the answer"]);
    const texts = telegram.client.records.calls.flatMap(({ params }) => params["text"] ?? []);
    expect(texts.pop()).toBe("the answer");
    const [first, ...shown] = texts.map((text) => JSON.parse(text));
    expect(first).toEqual({ label: "Reading…", name: "", offset_ms: 0 });
    const [trace] = await sent();
    const own = trace!.steps.filter(({ name }) => !name.startsWith("tg."));
    // The label of the first step was there already.
    expect(own).toHaveLength(5);
    expect(shown).toEqual(
      own.slice(1).map(({ name, offset_ms }) => ({
        label: steps[name as keyof typeof steps],
        name,
        offset_ms,
      })),
    );
    // Of what it sends, the answer alone is what the bot's author does.
    expect(trace!.steps.filter(({ name }) => name.startsWith("tg.")).map(({ name }) => name)).toEqual([
      "tg.editMessageText",
    ]);
    expect(trace!.message_id).toBe(2);
    expect(tracer.stats().orphanSteps).toBe(0);
  });

  test("the handler does not wait for it", async () => {
    const order: string[] = [];
    const { tracer, telegram, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps);
      const sent = shown.message.then((id) => order.push(`sent ${id}`));
      await tracer.step("classify", () => new Promise((resolve) => setTimeout(resolve, 20)));
      order.push("step");
      await sent;
      order.push(`done ${await shown.done("the answer")}`);
    });
    telegram.fault("sendMessage", { kind: "delay", ms: 200 });
    await bot.handle(written("hi"));
    expect(order).toEqual(["step", "sent 2", "done 2"]);
  });

  test("the message leads to the trace, also without an answer", async () => {
    const { tracer, sent, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps);
      expect(await shown.message).toBe(2);
      expect(await shown.stop()).toBe(true);
      await tracer.step("db.find", () => new Promise((resolve) => setTimeout(resolve, 20)));
    });
    await bot.handle(written("hi"));
    expect(await sent()).toMatchObject([{ message_id: 2, steps: [{ name: "db.find" }] }]);
  });

  test("what the bot sends beside it stays its last message, whatever label is shown after that", async () => {
    const { tracer, telegram, sent, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps, { minIntervalMs: 1 });
      await shown.message;
      expect((await ctx.reply("by the way")).message_id).toBe(3);
      await tracer.step("db.find", () => vi.waitFor(() => expect(telegram.shown()[0]).toBe(steps["db.find"])));
      await shown.stop();
    });
    await bot.handle(written("hi"));
    expect(await sent()).toMatchObject([{ message_id: 3, steps: [{ name: "tg.sendMessage" }, { name: "db.find" }] }]);
  });

  test("an answer that is there at once is the only message", async () => {
    const { telegram, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps);
      expect(await shown.done("the answer")).toBe(2);
      expect(await shown.message).toBeUndefined();
    });
    await bot.handle(written("hi"));
    expect(telegram.client.records.calls.map(({ method }) => method)).toEqual(["sendMessage"]);
  });

  test("a deleted message ends it quietly; the answer is a new message, with its format", async () => {
    const { tracer, telegram, sent, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps, { minIntervalMs: 1 });
      const id = await shown.message;
      await ctx.call("deleteMessage", { chat_id: ADA.id, message_id: id });
      for (let n = 0; n < 5; n++) {
        await tracer.step(n % 2 ? "classify" : "db.find", () => new Promise((resolve) => setTimeout(resolve, 20)));
      }
      expect(telegram.calls("editMessageText")).toHaveLength(1);
      expect(await shown.done("<b>the answer</b>", { parse_mode: "HTML" })).toBe(id! + 1);
      // It can be changed once more.
      expect(await shown.done({ text: "better", entities: [{ type: "bold", offset: 0, length: 6 }] })).toBe(id! + 1);
    });
    await bot.handle(written("hi"));
    expect(telegram.client.chat(CHAT).messages.at(-1)).toMatchObject({
      text: "better",
      entities: [{ type: "bold", offset: 0, length: 6 }],
    });
    expect((await sent())[0]).toMatchObject({ status: "ok", message_id: 3 });
  });

  test("a text that Telegram refuses is the bot's error, as with ctx.reply", async () => {
    const { sent, bot } = await setup(async (ctx) => {
      const shown = ctx.progress(steps);
      await shown.message;
      await shown.done("<b>", { parse_mode: "HTML" });
    });
    await expect(bot.handle(written("hi"))).rejects.toMatchObject({
      description: expect.stringContaining("can't parse entities"),
    });
    expect((await sent())[0]).toMatchObject({
      status: "error",
      steps: [{ name: "tg.editMessageText", status: "error" }],
    });
  });

  test("a button's press: the message goes to the chat of the button, and to its topic", async () => {
    const { telegram, bot } = await setup(async (ctx) => {
      await ctx.progress(steps, { first: "One moment…", extra: { disable_notification: true } }).done("the answer");
    });
    const { message } = written("menu");
    const pressed = { ...message, message_thread_id: 7, is_topic_message: true };
    await bot.handle({ update_id: 2, callback_query: { id: "c", from: ADA, data: "d", message: pressed } });
    expect(telegram.calls("sendMessage")[0]!.params).toMatchObject({ message_thread_id: "7", text: "the answer" });
  });
});
