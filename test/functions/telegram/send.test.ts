import { Telegram } from "telegraf";
import { describe, expect, test } from "vitest";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { literal } from "../../../functions/telegram/render/html.ts";
import { screen } from "../../../functions/telegram/render/screen.ts";
import { answer, isTransient, show } from "../../../functions/telegram/send.ts";
import { hangUp, refuse, scriptedTelegram } from "./scripted_telegram.ts";

const TOKEN = "123456:AB-secret";
const page = screen("traces", literal("hello"), [[{ label: "Page 1/1", action: { screen: "traces" } }]]);
const old = { chat_id: 1001, message_id: 7 };

async function setUp() {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const limited: number[] = [];
  const deps = {
    telegram: new Telegram(TOKEN, { apiRoot: telegram.apiRoot, webhookReply: false }),
    log: (record: LogRecord) => void logged.push(record),
    sleep: (ms: number) => Promise.resolve(void slept.push(ms)),
    rateLimited: (seconds: number) => void limited.push(seconds),
  };
  return { ...telegram, deps, logged, slept, limited, methods: () => telegram.calls.map((call) => call.method) };
}

describe("show", () => {
  test("edits the message that is there", async () => {
    const { deps, calls } = await setUp();
    expect(await show(deps, old, page)).toBe("edited");
    expect(calls).toEqual([{
      method: "editMessageText",
      payload: {
        chat_id: 1001,
        message_id: 7,
        text: "hello",
        parse_mode: "HTML",
        link_preview_options: { is_disabled: true },
        reply_markup: { inline_keyboard: [[{ text: "Page 1/1", callback_data: "1l" }]] },
      },
    }]);
  });

  test("sends a message where there is none", async () => {
    const { deps, calls } = await setUp();
    expect(await show(deps, { chat_id: 1001 }, page)).toBe("sent");
    expect(calls).toMatchObject([{ method: "sendMessage", payload: { chat_id: 1001, text: "hello" } }]);
  });

  test("'not modified' is success", async () => {
    const { deps, next, methods } = await setUp();
    next("editMessageText", refuse(400, "Bad Request: message is not modified: specified new message content …"));
    expect(await show(deps, old, page)).toBe("unchanged");
    expect(methods()).toEqual(["editMessageText"]);
  });

  test.each([
    "Bad Request: message to edit not found",
    "Bad Request: message can't be edited",
    "Bad Request: MESSAGE_ID_INVALID",
  ])("after '%s' it sends a new one", async (description) => {
    const { deps, calls, next } = await setUp();
    next("editMessageText", refuse(400, description));
    expect(await show(deps, old, page)).toBe("sent");
    expect(calls[1]).toMatchObject({ method: "sendMessage", payload: { text: "hello" } });
    expect(calls[1]!.payload.message_id).toBeUndefined();
  });

  test("other refusals are errors, and nothing more is sent", async () => {
    const { deps, next, methods } = await setUp();
    next("editMessageText", refuse(400, "Bad Request: can't parse entities"));
    await expect(show(deps, old, page)).rejects.toThrow("can't parse entities");
    expect(methods()).toEqual(["editMessageText"]);
  });

  test("waits for a short 429, then tries again", async () => {
    const { deps, next, methods, slept, limited, logged } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests: retry after 5", { retry_after: 5 }));
    expect(await show(deps, old, page)).toBe("edited");
    expect([slept, limited]).toEqual([[5000], [5]]);
    expect(methods()).toEqual(["editMessageText", "editMessageText"]);
    expect(logged).toEqual([
      { level: "warn", event: "rate_limited", method: "editMessageText", retry_after_s: 5, retried: true },
    ]);
  });

  test("gives up at once on a long 429, and records it", async () => {
    const { deps, next, methods, slept, limited, logged } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests: retry after 6", { retry_after: 6 }));
    expect(await show(deps, old, page)).toBe("given_up");
    expect([slept, limited, methods()]).toEqual([[], [6], ["editMessageText"]]);
    expect(logged).toMatchObject([{ event: "rate_limited", retry_after_s: 6, retried: false }]);
  });

  test("gives up after the second 429", async () => {
    const { deps, next, methods, limited } = await setUp();
    for (const s of [1, 3]) next("sendMessage", refuse(429, "Too Many Requests", { retry_after: s }));
    expect(await show(deps, { chat_id: 1001 }, page)).toBe("given_up");
    expect(limited).toEqual([1, 3]);
    expect(methods()).toEqual(["sendMessage", "sendMessage"]);
  });
});

describe("answer", () => {
  test("ends the spinner", async () => {
    const { deps, calls } = await setUp();
    await answer(deps, "42");
    expect(calls).toEqual([{ method: "answerCallbackQuery", payload: { callback_query_id: "42" } }]);
  });

  test("of an old press fails without consequence", async () => {
    const { deps, next, logged, limited } = await setUp();
    next("answerCallbackQuery", refuse(400, "Bad Request: query is too old and response timeout expired"));
    await answer(deps, "42");
    expect(logged).toMatchObject([{ level: "info", event: "callback_not_answered" }]);
    expect(limited).toEqual([]);
  });

  test("tells of a 429, and does not wait", async () => {
    const { deps, next, limited, slept, methods } = await setUp();
    next("answerCallbackQuery", refuse(429, "Too Many Requests: retry after 2", { retry_after: 2 }));
    await answer(deps, "42");
    expect([limited, slept, methods()]).toEqual([[2], [], ["answerCallbackQuery"]]);
  });
});

describe("isTransient", () => {
  const failure = async (script: Parameters<Awaited<ReturnType<typeof setUp>>["next"]>[1]) => {
    const { deps, next } = await setUp();
    next("editMessageText", script);
    return await show(deps, old, page).catch((error: unknown) => error);
  };

  test.each([
    ["a lost connection", hangUp, true],
    ["a server in trouble", refuse(502, "Bad Gateway"), true],
    ["a refusal", refuse(400, "Bad Request: can't parse entities"), false],
    ["a wrong token", refuse(401, "Unauthorized"), false],
    ["a blocked bot", refuse(403, "Forbidden: bot was blocked by the user"), false],
  ])("%s: %s", async (_, script, transient) => expect(isTransient(await failure(script))).toBe(transient));

  test("a mistake of ours: false", () => expect(isTransient(new TypeError("x is undefined"))).toBe(false));
});
