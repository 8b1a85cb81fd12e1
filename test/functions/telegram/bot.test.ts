// What an update of an admin leads to without a database, or with one that is away. What is asked of one:
// bot_database.test.ts; with the whole function: the end-to-end tests.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Update } from "telegraf/types";
import { describe, expect, test } from "vitest";
import { createDb } from "../../../functions/_shared/db.ts";
import type { Handling } from "../../../functions/telegram/bot.ts";
import { encodeAction } from "../../../functions/telegram/callback.ts";
import { renderUsage } from "../../../functions/telegram/render/usage.ts";
import { ADMIN, givenBot, pressed, said, TRACE, TRACES } from "./bot_fixture.ts";
import { accept, hangUp, refuse } from "./scripted_telegram.ts";

/** An address where nothing listens any more. */
async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

/** A bot whose updates were claimed by an owner, and whose database is away by now. */
async function setUp(username?: string) {
  const { bot, ...given } = await givenBot(createDb(await closedAddress(), "key"), { username });
  const handle = (update: Update) => bot.handle(update, { role: "owner", lane: "yours", rich: true });
  return { ...given, bot: { handle } };
}

describe("commands", () => {
  test("what is no command is answered with what there is", async () => {
    const { bot, calls, logged } = await setUp();
    expect(await bot.handle(said("hello"))).toMatchObject({ handled: true });
    expect(calls).toMatchObject([{ method: "sendMessage", payload: { chat_id: ADMIN, text: renderUsage().html } }]);
    expect(logged).toMatchObject([{ level: "info", event: "response", screen: "usage", shown: "sent" }]);
  });

  test("what is not understood is answered with that, too", async () => {
    const { bot, calls } = await setUp();
    await bot.handle(said("/admin frobnicate"));
    expect(calls).toMatchObject([{ payload: { text: renderUsage("frobnicate").html } }]);
  });

  test.each([["/admin traces", undefined], ["/admin  Traces ", undefined], ["/admin@my_bot traces", "my_bot"]])(
    "%s opens the list",
    async (text, username) => {
      const { bot, logged, calls } = await setUp(username);
      await bot.handle(said(text));
      expect(logged[0]).toMatchObject({ level: "warn" });
      expect(calls).toMatchObject([{ payload: { text: expect.stringContaining("The database did not answer.") } }]);
    },
  );

  test("an answer in a topic of a forum goes there", async () => {
    const { bot, calls } = await setUp();
    const update = said("/admin") as Update.MessageUpdate;
    await bot.handle({ ...update, message: { ...update.message, is_topic_message: true, message_thread_id: 44 } });
    expect(calls).toMatchObject([{ method: "sendMessage", payload: { message_thread_id: 44 } }]);
  });
});

describe("when the database is away", () => {
  test("the message says so, with a way to try the same again", async () => {
    const { bot, calls, logged } = await setUp();
    const data = encodeAction({ screen: "trace", trace_id: TRACE, back: { to: "home" } });
    expect(await bot.handle(pressed(data))).toMatchObject({ handled: true });
    expect(calls).toMatchObject([
      { method: "answerCallbackQuery", payload: { callback_query_id: "42" } },
      {
        method: "editMessageText",
        payload: {
          chat_id: ADMIN,
          message_id: 7,
          text: expect.stringMatching(/^<b>The database did not answer\.<\/b>\n.*Try again in a minute/),
          reply_markup: {
            inline_keyboard: [[{ text: "🔄 Try again", callback_data: data }, { text: "🏠", callback_data: "2h" }]],
          },
        },
      },
    ]);
    expect(logged).toMatchObject([
      { level: "warn", event: "screen_failed", screen: "trace" },
      { level: "info", event: "response", screen: "failure", shown: "edited" },
    ]);
  });

  test("a button of an earlier version leads home", async () => {
    const { bot, calls } = await setUp();
    expect(await bot.handle(pressed("1l"))).toMatchObject({ handled: true });
    expect(calls.at(-1)).toMatchObject({ method: "editMessageText", payload: { message_id: 7 } });
  });

  test("of three presses at once only the last is shown, and each is answered", async () => {
    const { bot, methods } = await setUp();
    const handled = await Promise.all(
      [pressed(TRACES, 2), pressed(TRACES, 4), pressed(TRACES, 3)].map((update) => bot.handle(update)),
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
        resolve(bot.handle(pressed(TRACES, 3)));
        accept(res);
      });
    });
    expect(await bot.handle(pressed(TRACES))).toMatchObject({ handled: true });
    expect(await second).toMatchObject({ handled: true });
    expect(methods().sort()).toEqual(["answerCallbackQuery", "answerCallbackQuery", "editMessageText"]);
  });
});

describe("what Telegram does not take", () => {
  test("is worth another delivery when Telegram is in trouble", async () => {
    const { bot, next, logged } = await setUp();
    next("sendMessage", hangUp);
    expect(await bot.handle(said("hello"))).toMatchObject({ handled: false });
    expect(logged).toMatchObject([{ level: "warn", event: "update_failed", update_id: 1, transient: true }]);
    expect(JSON.stringify(logged)).not.toContain("AB-secret");
  });

  test("is not delivered for ever when it is refused", async () => {
    const { bot, next, logged } = await setUp();
    next("sendMessage", refuse(403, "Forbidden: bot was blocked by the user"));
    expect(await bot.handle(said("hello"))).toMatchObject({ handled: true });
    expect(logged).toMatchObject([{ event: "update_failed", transient: false }]);
  });

  test.each<[string, Update, string]>([
    ["a setting", pressed(encodeAction({ screen: "settings", set: { setting: 0, choice: 0 } })), "editMessageText"],
    ["an act on an alert", pressed(encodeAction({ screen: "alert", alert_id: 3, act: "mute_1h" })), "editMessageText"],
    ["an admin", said("/admin remove 5"), "sendMessage"],
    ["a rule", said("/admin alert quota off"), "sendMessage"],
  ])("does not make a change again: %s", async (_, update, method) => {
    const { bot, next, logged, methods } = await setUp();
    next(method, refuse(502, "Bad Gateway"));
    expect(await bot.handle(update)).toMatchObject({ handled: true });
    expect(methods()).toContain(method);
    expect(logged.at(-1)).toMatchObject({ event: "update_failed", transient: true, changing: true });
  });

  test("for its rate limit is given up with a warning", async () => {
    const { bot, next, logged } = await setUp();
    next("sendMessage", refuse(429, "Too Many Requests", { retry_after: 60 }));
    expect(await bot.handle(said("hello"))).toMatchObject({ handled: true });
    expect(logged.at(-1)).toMatchObject({ level: "warn", event: "response", shown: "given_up" });
  });
});

describe("what was answered", () => {
  const query_ms = expect.any(Number);

  test("is the screen, its visible length, and no query where there was none", async () => {
    const { bot, next } = await setUp();
    const characters = renderUsage().chars;
    expect((await bot.handle(said("hello"))).responses).toEqual([{ screen: "usage", characters, query_ms: null }]);
    // Also what Telegram does not take: it may be too long for it.
    next("sendMessage", refuse(400, "Bad Request: message is too long"));
    expect((await bot.handle(said("hello"))).responses).toEqual([{ screen: "usage", characters, query_ms: null }]);
  });

  test("says how long the query took that failed", async () => {
    const { bot } = await setUp();
    expect((await bot.handle(pressed(TRACES))).responses).toEqual([
      { screen: "failure", characters: expect.any(Number), query_ms },
    ]);
  });

  test("says the longest wait that Telegram asked for, be it for the answer to the press", async () => {
    const { bot, next } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 2 }));
    next("editMessageText", refuse(429, "Too Many Requests", { retry_after: 60 }));
    next("answerCallbackQuery", refuse(429, "Too Many Requests", { retry_after: 5 }));
    expect((await bot.handle(pressed(TRACES))).responses).toMatchObject([{ screen: "failure", retry_after: 60 }]);
    next("answerCallbackQuery", refuse(429, "Too Many Requests", { retry_after: 5 }));
    expect((await bot.handle(pressed(TRACES))).responses).toMatchObject([{ screen: "failure", retry_after: 5 }]);
  });

  test("to a press that another one overtakes is nothing, or the 429 that its answer met", async () => {
    for (const limited of [false, true]) {
      const { bot, next } = await setUp();
      const second = new Promise<Handling>((resolve) => {
        next("answerCallbackQuery", (res) => {
          resolve(bot.handle(pressed(TRACES, 3)));
          if (limited) refuse(429, "Too Many Requests", { retry_after: 3 })(res);
          else accept(res);
        });
      });
      expect((await bot.handle(pressed(TRACES))).responses).toEqual(
        limited ? [{ screen: "answer", characters: 0, query_ms: null, retry_after: 3 }] : [],
      );
      expect((await second).responses).toEqual([
        { screen: "failure", characters: expect.any(Number), query_ms },
      ]);
    }
  });
});
