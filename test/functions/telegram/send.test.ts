// Over 300 lines, because it is one list: how each refusal of Telegram is met, against the same server.
import { describe, expect, test } from "vitest";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { literal } from "../../../functions/telegram/render/html.ts";
import { screen } from "../../../functions/telegram/render/screen.ts";
import { isTransient, type SendDeps } from "../../../functions/telegram/calls.ts";
import { answer, show } from "../../../functions/telegram/send.ts";
import { sendExport } from "../../../functions/telegram/send_export.ts";
import { hangUp, refuse, scriptedTelegram } from "./scripted_telegram.ts";

const TOKEN = "123456:AB-secret";
const page = screen("traces", literal("hello"), [[{ label: "Page 1/1", action: { screen: "traces" } }]]);
const old = { chat_id: 1001, message_id: 7 };

async function setUp() {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const limited: number[] = [];
  const showing: object[] = [];
  const deps: SendDeps = {
    api: createBotCall({ token: TOKEN, apiRoot: telegram.apiRoot }),
    log: (record: LogRecord) => void logged.push(record),
    sleep: (ms: number) => Promise.resolve(void slept.push(ms)),
    left: () => 30_000,
    maxRetryAfterS: 15,
    rateLimited: (seconds: number) => void limited.push(seconds),
    showing: ({ name, chars }) => void showing.push([name, chars]),
    rich: { accepted: true },
  };
  return {
    ...telegram,
    deps,
    logged,
    slept,
    limited,
    showing,
    methods: () => telegram.calls.map((call) => call.method),
  };
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
        reply_markup: { inline_keyboard: [[{ text: "Page 1/1", callback_data: "2l." }]] },
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
    next("editMessageText", refuse(429, "Too Many Requests: retry after 15", { retry_after: 15 }));
    expect(await show(deps, old, page)).toBe("edited");
    expect([slept, limited]).toEqual([[15_000], [15]]);
    expect(methods()).toEqual(["editMessageText", "editMessageText"]);
    expect(logged).toEqual([
      { level: "warn", event: "rate_limited", method: "editMessageText", retry_after_s: 15, retried: true },
    ]);
  });

  test("gives up at once on a long 429, and records it", async () => {
    const { deps, next, methods, slept, limited, logged } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests: retry after 16", { retry_after: 16 }));
    expect(await show(deps, old, page)).toBe("given_up");
    expect([slept, limited, methods()]).toEqual([[], [16], ["editMessageText"]]);
    expect(logged).toMatchObject([{ event: "rate_limited", retry_after_s: 16, retried: false }]);
  });

  test("gives up after the second 429", async () => {
    const { deps, next, methods, limited } = await setUp();
    for (const s of [1, 3]) next("sendMessage", refuse(429, "Too Many Requests", { retry_after: s }));
    expect(await show(deps, { chat_id: 1001 }, page)).toBe("given_up");
    expect(limited).toEqual([1, 3]);
    expect(methods()).toEqual(["sendMessage", "sendMessage"]);
  });
});

describe("a picture", () => {
  const picture = { ...page, name: "picture", png: new Uint8Array([0x89, 0x50, 0x4e, 0x47]) };
  const keyboard = { inline_keyboard: [[{ text: "Page 1/1", callback_data: "2l." }]] };

  test("takes the place of a text, and of another picture", async () => {
    for (const isPicture of [false, true]) {
      const { deps, calls, showing } = await setUp();
      expect(await show(deps, { ...old, isPicture }, picture)).toBe("edited");
      expect(calls.map(({ method }) => method)).toEqual(["editMessageMedia"]);
      const { media, reply_markup, ...rest } = calls[0]!.payload;
      const { media: attached, ...described } = JSON.parse(media);
      expect(described).toEqual({ type: "photo", caption: "hello", parse_mode: "HTML" });
      expect(rest[attached.replace("attach://", "")]).toEqual({ filename: "picture.png", bytes: [...picture.png] });
      expect([rest.chat_id, rest.message_id, JSON.parse(reply_markup)]).toEqual(["1001", "7", keyboard]);
      expect(showing).toEqual([["picture", 5]]);
    }
  });

  test("is a new message where there is none, and where the old one is gone", async () => {
    const { deps, calls, next, methods } = await setUp();
    expect(await show(deps, { chat_id: 1001, message_thread_id: 3 }, picture)).toBe("sent");
    expect(calls[0]).toMatchObject({
      method: "sendPhoto",
      payload: { caption: "hello", message_thread_id: "3", photo: { bytes: [...picture.png] } },
    });
    next("editMessageMedia", refuse(400, "Bad Request: message to edit not found"));
    expect(await show(deps, old, picture)).toBe("sent");
    expect(methods()).toEqual(["sendPhoto", "editMessageMedia", "sendPhoto"]);
  });

  test("gives way to a text, which is a new message: it is one message still", async () => {
    const { deps, calls, methods } = await setUp();
    expect(await show(deps, { ...old, isPicture: true }, page)).toBe("sent");
    expect(methods()).toEqual(["deleteMessage", "sendMessage"]);
    expect(calls[0]!.payload).toEqual({ chat_id: 1001, message_id: 7 });
  });

  test("that nobody knew of gives way as well", async () => {
    const { deps, next, methods } = await setUp();
    next("editMessageText", refuse(400, "Bad Request: there is no text in the message to edit"));
    expect(await show(deps, old, page)).toBe("sent");
    expect(methods()).toEqual(["editMessageText", "deleteMessage", "sendMessage"]);
  });

  test("that is gone already was replaced by another press: nothing more is sent", async () => {
    for (const isPicture of [true, false]) {
      const { deps, next, methods } = await setUp();
      next("editMessageText", refuse(400, "Bad Request: there is no text in the message to edit"));
      next("deleteMessage", refuse(400, "Bad Request: message to delete not found"));
      expect(await show(deps, { ...old, isPicture }, page)).toBe("unchanged");
      expect(methods()).not.toContain("sendMessage");
    }
  });

  test("gives way to a rich text, and to plain text where there is none", async () => {
    const { deps, next, methods } = await setUp();
    next("sendRichMessage", refuse(404, "Not Found: method not found"));
    const rich = { ...page, rich: { html: "<h3>hello</h3>", chars: 5 } };
    expect(await show(deps, { ...old, isPicture: true }, rich)).toBe("sent");
    expect(methods()).toEqual(["deleteMessage", "sendRichMessage", "sendMessage"]);
  });

  test("stays where it cannot be deleted", async () => {
    const { deps, next, logged } = await setUp();
    next("deleteMessage", refuse(400, "Bad Request: message can't be deleted"));
    expect(await show(deps, { ...old, isPicture: true }, page)).toBe("sent");
    expect(logged).toMatchObject([{ level: "info", event: "message_not_deleted" }]);
  });

  test("that is limited is sent once more, whole", async () => {
    const { deps, calls, next } = await setUp();
    next("sendPhoto", refuse(429, "Too Many Requests: retry after 1", { retry_after: 1 }));
    expect(await show(deps, { chat_id: 1001 }, picture)).toBe("sent");
    expect(calls[1]!.payload.photo).toEqual(calls[0]!.payload.photo);
  });
});

describe("a rich screen", () => {
  const rich = { ...page, name: "trace", rich: { html: "<h3>hello</h3>", chars: 5000 } };
  const rich_message = { html: "<h3>hello</h3>", skip_entity_detection: true };

  test("edits and is sent as a rich message", async () => {
    const { deps, calls, showing } = await setUp();
    expect(await show(deps, old, rich)).toBe("edited");
    expect(await show(deps, { chat_id: 1001 }, rich)).toBe("sent");
    expect(calls).toMatchObject([
      { method: "editMessageText", payload: { chat_id: 1001, message_id: 7, rich_message } },
      { method: "sendRichMessage", payload: { chat_id: 1001, rich_message } },
    ]);
    expect(calls[0]!.payload.text).toBeUndefined();
    expect(showing).toEqual([["trace.rich", 5000], ["trace.rich", 5000]]);
  });

  test.each([
    ["edit", old, "editMessageText", refuse(400, "Bad Request: message text is empty")],
    ["edit", old, "editMessageText", refuse(400, "Bad Request: rich messages are not supported")],
    ["message", { chat_id: 1001 }, "sendRichMessage", refuse(404, "Not Found: method not found")],
  ])(
    "that Telegram does not know is HTML in the same press, and from then on: %s",
    async (_, target, method, refusal) => {
      const { deps, next, calls, showing } = await setUp();
      next(method, refusal);
      expect(await show(deps, target, rich)).toBe(method === "editMessageText" ? "edited" : "sent");
      expect(deps.rich.accepted).toBe(false);
      expect(calls.at(-1)!.payload).toMatchObject({ text: "hello", parse_mode: "HTML" });
      expect(showing).toEqual([["trace", 5]]);
      await show(deps, target, rich);
      expect(calls).toHaveLength(3);
    },
  );

  test("that only it is refused for is HTML this once", async () => {
    const { deps, next, methods } = await setUp();
    next("editMessageText", refuse(400, "Bad Request: can't parse entities: too many table cells"));
    expect(await show(deps, old, rich)).toBe("edited");
    expect([deps.rich.accepted, methods()]).toEqual([true, ["editMessageText", "editMessageText"]]);
  });

  test("that is as it was is unchanged, and one that is limited is waited for", async () => {
    const { deps, next, methods } = await setUp();
    next("editMessageText", refuse(400, "Bad Request: message is not modified"));
    expect(await show(deps, old, rich)).toBe("unchanged");
    next("editMessageText", refuse(429, "Too Many Requests: retry after 60", { retry_after: 60 }));
    expect(await show(deps, old, rich)).toBe("given_up");
    expect([deps.rich.accepted, methods()]).toEqual([true, ["editMessageText", "editMessageText"]]);
  });

  test("is HTML where rich messages were refused before", async () => {
    const { deps, calls } = await setUp();
    deps.rich.accepted = false;
    await show(deps, old, rich);
    expect(calls).toMatchObject([{ payload: { text: "hello" } }]);
  });
});

describe("the time for an update", () => {
  test("is not waited away: what would come too late is given up", async () => {
    const { deps, next, slept } = await setUp();
    next("editMessageText", refuse(429, "Too Many Requests: retry after 5", { retry_after: 5 }));
    expect(await show({ ...deps, left: () => 5500 }, old, page)).toBe("given_up");
    expect(slept).toEqual([]);
  });

  test("ends calls that have not begun", async () => {
    const { deps, calls } = await setUp();
    const error = await show({ ...deps, left: () => -1 }, old, page).catch((error: unknown) => error);
    expect([isTransient(error), calls]).toEqual([true, []]);
  });
});

test("a file goes beside the message", async () => {
  const { deps, calls, showing } = await setUp();
  async function* content() {
    for (const piece of ["a,b\n", "1,2\n"]) yield await Promise.resolve(new TextEncoder().encode(piece));
  }
  expect(await sendExport(deps, old, { name: "export", filename: "traces.csv", caption: "2 rows", content })).toBe(
    "sent",
  );
  expect(calls).toMatchObject([{
    method: "sendDocument",
    payload: { chat_id: "1001", caption: "2 rows", document: { filename: "traces.csv" } },
  }]);
  expect(new TextDecoder().decode(new Uint8Array(calls[0]!.payload.document.bytes))).toBe("a,b\n1,2\n");
  expect(showing).toEqual([["export", 6]]);
});

describe("answer", () => {
  test("ends the spinner", async () => {
    const { deps, calls } = await setUp();
    await answer(deps, "42");
    expect(calls).toEqual([{ method: "answerCallbackQuery", payload: { callback_query_id: "42" } }]);
  });

  test("says a word over the chat", async () => {
    const { deps, calls } = await setUp();
    await answer(deps, "42", "No.");
    expect(calls).toMatchObject([{ payload: { callback_query_id: "42", text: "No.", show_alert: true } }]);
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
