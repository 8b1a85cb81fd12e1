// What needs no database. With one: the end-to-end tests of the whole function.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Update } from "telegraf/types";
import { describe, expect, test } from "vitest";
import { createDb } from "../../../functions/_shared/db.ts";
import { createBot, type Handling } from "../../../functions/telegram/bot.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { accept, hangUp, refuse, scriptedTelegram } from "./scripted_telegram.ts";

const ADMIN = 1001;

/** An address where nothing listens any more. */
async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A bot whose database is away. */
async function setUp(username?: string) {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const bot = createBot({
    token: "123456:AB-secret",
    username,
    apiRoot: telegram.apiRoot,
    adminIds: [ADMIN],
    db: createDb(await closedAddress(), "key"),
    log: (record) => void logged.push(record),
    now: () => new Date(),
    sleep: () => Promise.resolve(),
  });
  return { ...telegram, bot, logged, methods: () => telegram.calls.map((call) => call.method) };
}

const chat = (id = ADMIN, type = "private") => ({ id, type, first_name: "Ada" });
const from = (id = ADMIN) => ({ id, is_bot: false, first_name: "Ada" });

const said = (text: string): Update =>
  ({
    update_id: 1,
    message: {
      message_id: 5,
      date: 1738324991,
      chat: chat(),
      from: from(),
      text,
      ...(text.startsWith("/") && {
        entities: [{ type: "bot_command", offset: 0, length: text.split(" ")[0]!.length }],
      }),
    },
  }) as Update;

const pressed = (data: string): Update =>
  ({
    update_id: 2,
    callback_query: {
      id: "42",
      from: from(),
      chat_instance: "1",
      data,
      message: { message_id: 7, date: 1738324991, chat: chat(), text: "old" },
    },
  }) as Update;

describe("admits", () => {
  const message = (user: number, type: string) => ({
    update_id: 1,
    message: { from: from(user), chat: chat(7, type) },
  });
  const press = (user: number, type: string) => ({
    update_id: 1,
    callback_query: { from: from(user), message: { chat: chat(7, type) } },
  });

  test.each([
    ["an admin's message", message(ADMIN, "private"), true],
    ["an admin's press", press(ADMIN, "private"), true],
    ["a stranger's message", message(6666, "private"), false],
    ["a stranger's press", press(6666, "private"), false],
    ["an admin in a group", message(ADMIN, "supergroup"), false],
    ["an admin's press in a group", press(ADMIN, "group"), false],
    ["a press on an inline message", { update_id: 1, callback_query: { from: from() } }, false],
    ["a message without a sender", { update_id: 1, message: { chat: chat() } }, false],
    ["an edit", { update_id: 1, edited_message: { from: from(), chat: chat() } }, false],
    ["a message that is none", { update_id: 1, message: null }, false],
    ["nothing at all", { update_id: 1 }, false],
  ])("%s: %s", async (_, update, admitted) => {
    const { bot } = await setUp();
    expect(bot.admits(update as unknown as Update)).toBe(admitted);
  });
});

describe("commands", () => {
  test.each(["/start", "/admin", "/admin tarces", "/admin traces now", "/help", "hello"])(
    "%s is answered with what there is",
    async (text) => {
      const { bot, calls, logged } = await setUp();
      expect(await bot.handle(said(text))).toMatchObject({ handled: true });
      expect(calls).toMatchObject([{
        method: "sendMessage",
        payload: {
          chat_id: ADMIN,
          text: "<b>Tracegram</b>\n\n<code>/admin traces</code> · what your bot's pipelines did, newest first",
          reply_markup: { inline_keyboard: [[{ text: "Traces", callback_data: "1l" }]] },
        },
      }]);
      expect(logged).toEqual([
        { level: "info", event: "response", screen: "usage", chars: 70, ms: expect.any(Number), shown: "sent" },
      ]);
    },
  );

  test.each([["/admin traces", undefined], ["/admin  Traces ", undefined], ["/admin@my_bot traces", "my_bot"]])(
    "%s opens the list",
    async (text, username) => {
      const { bot, logged } = await setUp(username);
      await bot.handle(said(text));
      expect(logged[0]).toMatchObject({ event: "screen_failed", screen: "traces" });
    },
  );
});

describe("when the database is away", () => {
  test("the message says so, with a way to try the same again", async () => {
    const { bot, calls, logged } = await setUp();
    const data = "1tAZS8H50AcACAAAAAAAAAAQAZS8H50AcACAAAAAAAAAAQ";
    expect(await bot.handle(pressed(data))).toMatchObject({ handled: true });
    expect(calls).toMatchObject([
      { method: "answerCallbackQuery", payload: { callback_query_id: "42" } },
      {
        method: "editMessageText",
        payload: {
          chat_id: ADMIN,
          message_id: 7,
          text: expect.stringMatching(/^<b>The database did not answer\.<\/b>\n.*Try again in a minute/),
          reply_markup: { inline_keyboard: [[{ text: "🔄 Try again", callback_data: data }]] },
        },
      },
    ]);
    expect(logged).toMatchObject([
      { level: "warn", event: "screen_failed", screen: "trace" },
      { level: "info", event: "response", screen: "failure", shown: "edited" },
    ]);
  });

  test.each(["", "9l", "garbage 🙂", "1lo!"])("data %j asks for the first page", async (data) => {
    const { bot, calls } = await setUp();
    expect(await bot.handle(pressed(data))).toMatchObject({ handled: true });
    expect(calls.at(-1)!.payload.reply_markup.inline_keyboard[0][0].callback_data).toBe("1l");
  });

  test("of three presses at once only the last is shown, and each is answered", async () => {
    const { bot, methods } = await setUp();
    const handled = await Promise.all(
      [pressed("1l"), pressed("1l"), pressed("1l")].map((update) => bot.handle(update)),
    );
    expect(handled.map(({ handled }) => handled)).toEqual([true, true, true]);
    expect(methods().filter((method) => method === "answerCallbackQuery")).toHaveLength(3);
    expect(methods().filter((method) => method === "editMessageText")).toHaveLength(1);
  });

  test("a press that another one overtakes before it is shown is not shown any more", async () => {
    const { bot, methods, next } = await setUp();
    // The first press waits for the answer to its spinner while the second one comes in.
    const second = new Promise<Handling>((resolve) => {
      next("answerCallbackQuery", (res) => {
        resolve(bot.handle(pressed("1l")));
        accept(res);
      });
    });
    expect(await bot.handle(pressed("1l"))).toMatchObject({ handled: true });
    expect(await second).toMatchObject({ handled: true });
    expect(methods().sort()).toEqual(["answerCallbackQuery", "answerCallbackQuery", "editMessageText"]);
  });
});

describe("what Telegram does not take", () => {
  test("is worth another delivery when Telegram is in trouble", async () => {
    const { bot, next, logged } = await setUp();
    next("sendMessage", hangUp);
    expect(await bot.handle(said("/start"))).toMatchObject({ handled: false });
    expect(logged).toMatchObject([{ level: "warn", event: "update_failed", update_id: 1, transient: true }]);
    expect(JSON.stringify(logged)).not.toContain("AB-secret");
  });

  test("is not delivered for ever when it is refused", async () => {
    const { bot, next, logged } = await setUp();
    next("sendMessage", refuse(403, "Forbidden: bot was blocked by the user"));
    expect(await bot.handle(said("/start"))).toMatchObject({ handled: true });
    expect(logged).toMatchObject([{ event: "update_failed", transient: false }]);
  });

  test("for its rate limit is given up with a warning", async () => {
    const { bot, next, logged } = await setUp();
    next("sendMessage", refuse(429, "Too Many Requests", { retry_after: 60 }));
    expect(await bot.handle(said("/start"))).toMatchObject({ handled: true });
    expect(logged.at(-1)).toMatchObject({ level: "warn", event: "response", shown: "given_up" });
  });
});

describe("what was answered", () => {
  const query_ms = expect.any(Number);

  test("is the screen, its visible length, and no query where there was none", async () => {
    const { bot, next } = await setUp();
    expect((await bot.handle(said("/start"))).responses).toEqual([{ screen: "usage", characters: 70, query_ms: null }]);
    // Also what Telegram does not take: it may be too long for it.
    next("sendMessage", refuse(400, "Bad Request: message is too long"));
    expect((await bot.handle(said("/start"))).responses).toEqual([{ screen: "usage", characters: 70, query_ms: null }]);
  });

  test("says how long the query took that failed", async () => {
    const { bot } = await setUp();
    expect((await bot.handle(pressed("1l"))).responses).toEqual([
      { screen: "failure", characters: expect.any(Number), query_ms },
    ]);
  });

  test("says the longest wait that Telegram asked for, be it for the answer to the press", async () => {
    const { bot, next } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 2 }));
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 60 }));
    next("answerCallbackQuery", refuse(429, "Too Many Requests", { retry_after: 5 }));
    expect((await bot.handle(pressed("1l"))).responses).toMatchObject([{ screen: "failure", retry_after: 60 }]);
    next("answerCallbackQuery", refuse(429, "Too Many Requests", { retry_after: 5 }));
    expect((await bot.handle(pressed("1l"))).responses).toMatchObject([{ screen: "failure", retry_after: 5 }]);
  });

  test("to a press that another one overtakes is nothing, or the 429 that its answer met", async () => {
    for (const limited of [false, true]) {
      const { bot, next } = await setUp();
      const second = new Promise<Handling>((resolve) => {
        next("answerCallbackQuery", (res) => {
          resolve(bot.handle(pressed("1l")));
          if (limited) refuse(429, "Too Many Requests", { retry_after: 3 })(res);
          else accept(res);
        });
      });
      expect((await bot.handle(pressed("1l"))).responses).toEqual(
        limited ? [{ screen: "answer", characters: 0, query_ms: null, retry_after: 3 }] : [],
      );
      expect((await second).responses).toEqual([
        { screen: "failure", characters: expect.any(Number), query_ms },
      ]);
    }
  });
});
