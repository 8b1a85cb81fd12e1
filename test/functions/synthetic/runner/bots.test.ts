// Bots of both libraries, as authors write them, between the Telegram in memory and an LLM.
import { Readable } from "node:stream";
import { InputFile } from "grammy";
import { Input, Markup } from "telegraf";
import { expect, test } from "vitest";
import example from "../../../../functions/synthetic/bot.ts";
import type { World } from "../../../../functions/synthetic/define.ts";
import type { Seen } from "../../../../functions/synthetic/expect/seen.ts";
import { png } from "../telegram/pictures.ts";
import { grammy, run, says, telegraf } from "./_support.ts";

const passed = { state: "passed", failures: [] };
const texts = ({ messages }: Seen) => messages.map(({ text, caption }) => text ?? caption);
const methods = ({ calls }: Seen) => calls.map(({ method }) => method);

test("the example bot answers, with its steps, its progress message and its cost", async () => {
  const answers: Record<string, string> = { Name: "delivery", You: "It is on its way.", Check: "ok" };
  let seen: Seen | undefined;
  const outcome = await run(example.create, {
    turns: [
      { say: "/start", expect: { text: { equals: "Hello! What can I do for you?" } } },
      {
        say: "Where is my grinder?",
        expect: {
          text: { equals: "It is on its way." },
          steps: ["llm.classify", "db.orders", "llm.answer", "llm.check", "tg.editMessageText"],
          max_tokens: 45,
          max_cost_usd: 0.0003,
          max_duration_ms: 750,
          check: (all) => void (seen = all),
        },
      },
    ],
  }, { answer: ({ messages }) => answers[messages[0]!.content.split(" ")[0]!]! });
  expect(outcome).toEqual({
    ...passed,
    hash: "0123456789abcdef",
    duration_ms: 750,
    calls: 3,
    input_tokens: 30,
    output_tokens: 15,
    cost_microusd: 300,
    saved_microusd: 0,
    trace_ids: [],
    drift: [],
    judged: [],
  });
  expect(methods(seen!)).toEqual(["sendMessage", "editMessageText"]);
  expect(seen!.transcript).toEqual([
    { from: "person", text: "/start" },
    { from: "bot", text: "Hello! What can I do for you?" },
    { from: "person", text: "Where is my grinder?" },
    { from: "bot", text: "It is on its way." },
  ]);
  expect(seen!.llm).toHaveLength(3);
});

test("the example bot that apologises has failed", async () => {
  const outcome = await run(example.create, { turns: says("hi") }, {
    answer: () => Promise.reject(new Error("no model today")),
  });
  expect(outcome.state).toBe("failed");
  expect(outcome.failures).toEqual([
    { turn: 1, expectation: "error", message: "The trace support has failed: no model today" },
  ]);
});

for (const library of ["telegraf", "grammy"] as const) {
  test(`${library}: commands, buttons, edits, captions and files`, async () => {
    const create = library === "telegraf" ? telegrafShop : grammyShop;
    const outcome = await run(create, {
      user: { first_name: "Ada", username: "ada" },
      turns: [
        { say: "/start@tested_bot", expect: { text: { equals: "Hello Ada" }, buttons: ["Buy", "Leave"] } },
        { press: "Buy", expect: { text: { equals: "Sold" }, check: (seen) => expect(texts(seen)).toEqual(["Sold"]) } },
        { say: "again" },
        { press_data: "leave", expect: { text: { equals: "Left" } } },
        { photo: { caption: "my cat" }, expect: { text: { equals: "photo: my cat" } } },
        {
          document: { file_name: "a.pdf", caption: "my bill" },
          expect: {
            text: { equals: "back" },
            json: [
              { path: "$.document.file_name", equals: "b.txt" },
              { path: "$.document.file_size", equals: 5 },
              { path: "$.reply_markup.inline_keyboard[*][*].text", equals: "More", count: 1 },
            ],
          },
        },
        { say: "picture", expect: { json: { path: "$.photo[-1:].width", equals: 30 } } },
        {
          say: "album",
          expect: { json: { path: "$.document.file_name", equals: "c.txt" }, text: { equals: "edited" } },
        },
      ],
    });
    expect(outcome).toMatchObject(passed);
  });
}

function telegrafShop(world: Parameters<typeof telegraf>[0]) {
  return telegraf(world, (bot) => {
    const offer = Markup.inlineKeyboard([
      Markup.button.callback("Buy", "buy"),
      Markup.button.callback("Leave", "leave"),
    ]);
    bot.start((ctx) => ctx.reply(`Hello ${ctx.from.first_name}`, offer));
    bot.action("buy", async (ctx) => {
      await ctx.answerCbQuery("Thank you");
      await ctx.editMessageText("Sold");
    });
    bot.action("leave", async (ctx) => {
      await bot.telegram.answerCbQuery(ctx.callbackQuery.id);
      await ctx.editMessageText("Left");
    });
    bot.on("photo", (ctx) => ctx.reply(`photo: ${(ctx.message as { caption?: string }).caption}`));
    bot.on(
      "document",
      (ctx) =>
        ctx.replyWithDocument(
          Input.fromReadableStream(Readable.from([Buffer.from("he"), Buffer.from("llo")]), "b.txt"),
          {
            caption: "back",
            ...Markup.inlineKeyboard([Markup.button.callback("More", "more")]),
          },
        ),
    );
    bot.hears("picture", (ctx) => ctx.replyWithPhoto({ source: Buffer.from(png(30, 20)) }));
    bot.hears("album", async (ctx) => {
      await ctx.reply("first");
      const { message_id } = await ctx.replyWithDocument(Input.fromBuffer(Buffer.from("a"), "a.txt"));
      await ctx.telegram.editMessageMedia(ctx.chat.id, message_id, undefined, {
        type: "document",
        media: Input.fromBuffer(Buffer.from("c"), "c.txt"),
        caption: "edited",
      });
    });
    bot.on("text", (ctx) => ctx.reply("Again?", offer));
  });
}

function grammyShop(world: Parameters<typeof grammy>[0]) {
  return grammy(world, (bot) => {
    const reply_markup = {
      inline_keyboard: [[{ text: "Buy", callback_data: "buy" }, { text: "Leave", callback_data: "leave" }]],
    };
    bot.command("start", (ctx) => ctx.reply(`Hello ${ctx.from!.first_name}`, { reply_markup }));
    bot.callbackQuery("buy", async (ctx) => {
      await ctx.answerCallbackQuery("Thank you");
      await ctx.editMessageText("Sold");
    });
    bot.callbackQuery("leave", async (ctx) => {
      await bot.api.answerCallbackQuery(ctx.callbackQuery.id);
      await ctx.editMessageText("Left");
    });
    bot.on("message:photo", (ctx) => ctx.reply(`photo: ${ctx.message.caption}`));
    bot.on(
      "message:document",
      (ctx) =>
        ctx.replyWithDocument(new InputFile(Readable.from([Buffer.from("he"), Buffer.from("llo")]), "b.txt"), {
          caption: "back",
          reply_markup: { inline_keyboard: [[{ text: "More", callback_data: "more" }]] },
        }),
    );
    bot.hears("picture", (ctx) => ctx.replyWithPhoto(new InputFile(png(30, 20), "Ä 1.png")));
    bot.hears("album", async (ctx) => {
      const { message_id } = await ctx.replyWithDocument(new InputFile(Buffer.from("a"), "a.txt"));
      await bot.api.editMessageMedia(ctx.chat.id, message_id, {
        type: "document",
        media: new InputFile(Buffer.from("c"), "c.txt"),
        caption: "edited",
      });
    });
    bot.on("message:text", (ctx) => ctx.reply("Again?", { reply_markup }));
  });
}

test("grammY's transformers stay where their author put them", async () => {
  const order: string[] = [];
  const outcome = await run((world) =>
    grammy(world, (bot) => {
      const { api } = bot;
      bot.api.config.use((prev, method, payload, signal) => {
        order.push(`inner ${method}`);
        return prev(method, payload, signal);
      });
      bot.api.config.use((prev, method, payload, signal) => {
        order.push(`outer ${method}`);
        return prev(method, { ...payload, text: "changed" }, signal);
      });
      bot.on("message", async (ctx) => {
        await ctx.reply("a");
        await api.sendMessage(ctx.chat.id, "b");
      });
    }), { turns: [{ say: "hi", expect: { check: (seen) => expect(texts(seen)).toEqual(["changed", "changed"]) } }] });
  expect(outcome).toMatchObject(passed);
  expect(order).toEqual(["outer sendMessage", "inner sendMessage", "outer sendMessage", "inner sendMessage"]);
});

test("Telegraf's refusals are Telegraf's own", async () => {
  const { TelegramError } = await import("telegraf");
  let error: unknown;
  await run((world) =>
    telegraf(world, (bot) => {
      bot.on("text", async (ctx) => {
        await ctx.telegram.sendMessage(5, "x").catch((refusal) => error = refusal);
      });
    }), {});
  expect(error).toBeInstanceOf(TelegramError);
  expect(error).toMatchObject({
    code: 400,
    message: "400: Bad Request: chat not found",
    on: { method: "sendMessage" },
  });
});

test.each(["memory://telegram", "https://api.telegram.org"])(
  "a bot gets the file that a person sends, from %s",
  async (root) => {
    const got: number[] = [];
    const { failures } = await run((world) =>
      telegraf(world, (bot) =>
        void bot.on("photo", async (ctx) => {
          const { photo } = ctx.message as { photo: { file_id: string; file_size: number }[] };
          const { file_path } = await ctx.telegram.getFile(photo.at(-1)!.file_id);
          const bytes = await (await fetch(`${root}/file/bot${world.token}/${file_path}`)).arrayBuffer();
          got.push(bytes.byteLength - photo.at(-1)!.file_size);
          await ctx.replyWithPhoto("https://example.com/parcel.png", { caption: "Yours" });
        })), { turns: [{ photo: {}, expect: { text: { equals: "Yours" }, json: { path: "$.photo[0]" } } }] });
    expect([failures, got]).toEqual([[], [0]]);
  },
);

test("a toast is seen, and can be expected", async () => {
  const bot = (world: World) =>
    telegraf(world, (bot) => {
      bot.on("text", (ctx) =>
        ctx.reply("?", { reply_markup: { inline_keyboard: [[{ text: "Yes", callback_data: "y" }]] } }));
      bot.on("callback_query", (ctx) =>
        ctx.answerCbQuery("Saved"));
    });
  const turns = (contains: string) => [{ say: "hi" }, { press: "Yes", expect: { toast: { contains } } }];
  const seen: string[] = [];
  const check = ({ transcript }: Seen) => void seen.push(...transcript.map(({ text }) => text));
  expect((await run(bot, { turns: turns("Saved"), expect: { check } })).failures).toEqual([]);
  expect(seen).toEqual(["hi", "?", "[presses Yes]", "[toast] Saved"]);
  const { failures } = await run(bot, { turns: turns("Lost") });
  expect(failures).toMatchObject([{ turn: 2, expectation: "toast", message: 'The toast does not contain "Lost"' }]);
  const none = await run(bot, { turns: [{ say: "hi", expect: { toast: { contains: "x" } } }] });
  expect(none.failures).toMatchObject([{
    expectation: "toast",
    message: expect.stringContaining("There is no toast"),
  }]);
});
