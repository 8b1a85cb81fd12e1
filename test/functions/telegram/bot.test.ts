// Over 300 lines, because it is one list: what an update of an admin leads to, through the same bot.
//
// What needs no database. With one: the end-to-end tests of the whole function.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Update } from "telegraf/types";
import { describe, expect, onTestFinished, test } from "vitest";
import { createDb } from "../../../functions/_shared/db.ts";
import { RpcError } from "../../../functions/_shared/errors.ts";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import { type Admission, createBot, type Handling } from "../../../functions/telegram/bot.ts";
import { type Action, encodeAction } from "../../../functions/telegram/callback.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { renderNoOrigin } from "../../../functions/telegram/render/find.ts";
import { renderUsage } from "../../../functions/telegram/render/usage.ts";
import { accept, hangUp, refuse, scriptedTelegram } from "./scripted_telegram.ts";
import { noRuns } from "./runs_fixture.ts";

const ADMIN = 1001;

/** An address where nothing listens any more. */
async function closedAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return `http://127.0.0.1:${port}`;
}

const TRACE = "019525be-1f07-7ac0-8000-000000000001";
const HOME = encodeAction({ screen: "home" });
const TRACES = encodeAction({ screen: "traces" });
const OWNER: Admission = { role: "owner", lane: "yours", rich: true };

/** A database that answers so by name, and notes what it is asked; null for any other name. */
async function scriptedDatabase(answers: Record<string, unknown>) {
  const asked: { name: string; args: unknown }[] = [];
  const server = createServer(async (req, res) => {
    let body = "";
    for await (const chunk of req) body += chunk;
    const name = req.url!.split("/").at(-1)!;
    asked.push({ name, args: JSON.parse(body) });
    res.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answers[name] ?? null));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close().closeAllConnections());
  return { address: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

/** A bot whose updates are claimed with `admission`. Its database is away by now, or answers as it is told. */
async function setUp(username?: string, admission = OWNER, answers?: Record<string, unknown>) {
  const telegram = await scriptedTelegram();
  const database = answers && await scriptedDatabase(answers);
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const bot = createBot({
    token: "123456:AB-secret",
    username,
    api: createBotCall({ token: "123456:AB-secret", apiRoot: telegram.apiRoot }),
    adminIds: [ADMIN],
    db: createDb(database?.address ?? await closedAddress(), "key"),
    ...noRuns,
    log: (record) => void logged.push(record),
    now: () => new Date(),
    sleep: (ms) => Promise.resolve(void slept.push(ms)),
  });
  const handle = (update: Update, as = admission) => bot.handle(update, as);
  const asked = database?.asked ?? [];
  return {
    ...telegram,
    bot: { handle },
    asked,
    logged,
    slept,
    methods: () => telegram.calls.map((call) => call.method),
  };
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

const pressed = (data: string, update_id = 2): Update =>
  ({
    update_id,
    callback_query: {
      id: "42",
      from: from(),
      chat_instance: "1",
      data,
      message: { message_id: 7, date: 1738324991, chat: chat(), text: "old" },
    },
  }) as Update;

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

describe("/trace in reply to", () => {
  const BOT = { id: 123456, is_bot: true, first_name: "Tracegram" };
  const replying = (reply_to_message: object): Update => {
    const { message } = said("/trace") as Update.MessageUpdate;
    return { update_id: 1, message: { ...message, reply_to_message } } as unknown as Update;
  };
  const screenOf = { inline_keyboard: [[{ text: "🏠", callback_data: HOME }]] };

  test.each<[string, Update]>([
    ["one's own message", replying({ message_id: 9, from: from() })],
    ["a screen of the admin bot", replying({ message_id: 9, from: BOT, reply_markup: screenOf })],
    [
      "a person's, forwarded from a private chat",
      replying({ message_id: 9, from: from(), forward_origin: { type: "user", sender_user: from() } }),
    ],
  ])("%s says what Telegram does not tell, and looks for nothing", async (_, update) => {
    const { bot, asked, calls } = await setUp(undefined, OWNER, {});
    await bot.handle(update);
    expect(asked).toEqual([]);
    expect(calls).toMatchObject([{ payload: { text: renderNoOrigin().html } }]);
  });
});

describe("who may not", () => {
  const viewer: Admission = { role: "viewer", lane: "yours", rich: true };
  const FAILED = "The database did not answer.";

  test.each<[string, Action, string, object]>([
    [
      "reads prompts",
      { screen: "io", trace_id: TRACE, step: 1, side: "request", page: 0, back: { to: "home" } },
      "read_io",
      {
        trace_id: TRACE,
        step: 1,
        side: "request",
        page: 0,
      },
    ],
    ["acts on an alert", { screen: "alert", alert_id: 3, act: "mute_1h" }, "alert_mute_1h", { alert_id: 3 }],
    ["changes a setting", { screen: "settings", set: { setting: 0, choice: 1 } }, "change_settings", {
      after: { trace_days: 14 },
    }],
    ["changes a rule", { screen: "rule", rule: "p95", enabled: false }, "change_rule", {
      rule: "p95",
      after: { enabled: false },
    }],
    ["looks at the admins", { screen: "admins" }, "admins", {}],
  ])("%s: nothing is opened, and the audit is asked to note it as SQL would", async (_, action, name, detail) => {
    const { bot, calls, asked } = await setUp(undefined, viewer, { refuse_action: false });
    await bot.handle(pressed(encodeAction(action)));
    expect(asked).toMatchObject([{ name: "refuse_action", args: { p_actor: ADMIN, p_action: name } }]);
    expect(asked[0]!.args).toMatchObject({ p_detail: detail });
    expect(asked[0]!.args).not.toHaveProperty("p_detail.back");
    // The message may be another one's.
    expect(calls).toMatchObject([{
      method: "answerCallbackQuery",
      payload: { callback_query_id: "42", show_alert: true, text: expect.stringContaining("may not") },
    }]);
  });

  test("changes anything while there is no claim: it says that the database is away", async () => {
    const unclaimed = new RpcError({ code: "", message: "fetch failed" }, 0);
    for (
      const update of [
        pressed(encodeAction({ screen: "alert", alert_id: 3, act: "mute_1h" })),
        said("/admin add 5 viewer"),
        said("/admin deny"),
      ]
    ) {
      const { bot, calls, asked } = await setUp(undefined, { ...OWNER, unclaimed }, {});
      await bot.handle(update);
      expect(asked).toEqual([]);
      expect(calls.at(-1)).toMatchObject({ payload: { text: expect.stringContaining(FAILED) } });
    }
  });
});

describe("the lane", () => {
  test("is waited for before anything is opened, and a press that is superseded is not shown", async () => {
    const { bot, asked, methods, slept } = await setUp(undefined, { ...OWNER, lane: "wait" }, {
      take_lane: "superseded",
    });
    const { later } = await bot.handle(pressed(HOME));
    expect(await later).toMatchObject({ handled: true, responses: [] });
    expect(asked).toEqual([{ name: "take_lane", args: { p_update_id: 2 } }]);
    expect([methods(), slept]).toEqual([["answerCallbackQuery"], [250]]);
  });

  test("is waited for after the update was answered, so that the next press can come", async () => {
    const { bot, asked, methods } = await setUp(undefined, { ...OWNER, lane: "wait" }, { take_lane: "yours" });
    const { handled, later, responses } = await bot.handle(pressed(HOME));
    expect([handled, responses, asked.length]).toEqual([true, [], 0]);
    expect((await later)!.responses).toHaveLength(1);
    expect(methods()).toEqual(["answerCallbackQuery", "editMessageText"]);
  });

  test("that is waited for is not waited for again: what fails then is logged", async () => {
    const { bot, next, logged } = await setUp(undefined, { ...OWNER, lane: "wait" }, { take_lane: "yours" });
    next("editMessageText", refuse(502, "Bad Gateway"));
    const { later } = await bot.handle(pressed(HOME));
    expect(await later).toMatchObject({ handled: true, responses: [expect.anything()] });
    expect(logged.at(-1)).toMatchObject({ event: "update_failed", transient: true, answered: true });
  });

  test("that another one holds for long is given up", async () => {
    const { bot, asked, methods, slept, logged } = await setUp(undefined, { ...OWNER, lane: "wait" }, {
      take_lane: "wait",
    });
    const { later } = await bot.handle(pressed(HOME));
    expect(await later).toMatchObject({ handled: true, responses: [] });
    expect(logged).toMatchObject([{ event: "update_failed", error: expect.stringContaining("lane") }]);
    expect(slept.reduce((sum, ms) => sum + ms, 0)).toBeCloseTo(8000, -3);
    expect(asked.length).toBeLessThan(100);
    expect(methods()).toEqual(["answerCallbackQuery"]);
  });

  test("is not asked for by what the claim has said already", async () => {
    const { bot, asked, methods } = await setUp(undefined, { ...OWNER, lane: "superseded" }, {});
    expect(await bot.handle(pressed(HOME))).toMatchObject({ handled: true });
    expect([asked, methods()]).toEqual([[], ["answerCallbackQuery"]]);
  });

  test("does not keep a change from being made", async () => {
    for (const lane of ["superseded", "wait"]) {
      const admission = { ...OWNER, lane: "wait" } as const;
      const { bot, asked } = await setUp(undefined, admission, { take_lane: lane });
      const act = encodeAction({ screen: "settings", set: { setting: 0, choice: 0 } });
      const viewer = { ...admission, role: "viewer" } as const;
      // Refused here, which is written down: the change itself is the screen's.
      expect(await bot.handle(pressed(act), viewer)).toMatchObject({ handled: true });
      expect(asked[0]).toMatchObject({ name: "refuse_action" });
    }
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

  test("nobody waits for it once more after the claim has failed", async () => {
    const unclaimed = new RpcError({ code: "", message: "timed out" }, 0);
    const { bot, calls, asked } = await setUp(undefined, { ...OWNER, unclaimed }, {});
    for (const update of [pressed(TRACES), said("/admin traces"), said(`/trace ${TRACE}`)]) {
      expect(await bot.handle(update)).toMatchObject({ handled: true });
      expect(calls.at(-1)).toMatchObject({
        payload: { text: expect.stringContaining("The database did not answer.") },
      });
    }
    expect(asked).toEqual([]);
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
