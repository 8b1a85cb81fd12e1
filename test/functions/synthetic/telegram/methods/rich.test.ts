import { describe, expect, test } from "vitest";
import { ADA, badRequest, BOB, CHAT, keyboard, setUp } from "../_support.ts";

const NOT_FOUND = { ok: false, error_code: 404, description: "Not Found: method not found" };
const HTML = "<h1>Trace</h1><table><tr><th>Step</th><td>llm</td></tr></table>";
const BLOCKS = [
  { type: "heading", text: "Trace", size: 1 },
  {
    type: "table",
    cells: [[
      { text: "Step", is_header: true, align: "center", valign: "middle" },
      { text: "llm", align: "left", valign: "middle" },
    ]],
  },
];

const rich = (set: ReturnType<typeof setUp>, html: unknown, extra: object = {}) =>
  set.api("sendRichMessage", { chat_id: ADA.id, rich_message: { html }, ...extra });

describe("sendRichMessage", () => {
  test("answers with the blocks, and the user sees them", async () => {
    const set = setUp();
    const { result } = await rich(set, HTML, { reply_markup: keyboard("A") });
    expect(result).toMatchObject({ message_id: 2, rich_message: { blocks: BLOCKS }, reply_markup: keyboard("A") });
    expect(result).not.toHaveProperty("text");
    expect(set.client.chat(CHAT).messages.at(-1)).toEqual({ ...result, edit_count: 0 });
  });

  test.each<[object, string]>([
    [{}, "rich message must be non-empty"],
    [{ rich_message: {} }, "rich message must be non-empty"],
    [{ rich_message: { html: "" } }, "rich message must be non-empty"],
    [{ rich_message: [] }, "object expected as rich message"],
    [{ rich_message: "{" }, "can't parse rich message JSON object"],
    [
      { rich_message: { html: "a", markdown: "b" } },
      "exactly one of the fields html, markdown, and blocks must be used",
    ],
    [{ rich_message: { html: " <br> " } }, "RICH_MESSAGE_CONTENT_REQUIRED"],
    [{ rich_message: { html: "\ud800" } }, "strings must be encoded in UTF-8"],
    [{ rich_message: { html: "<b>x" } }, "can't parse entities: Can't find end tag corresponding to start tag \"b\""],
    [{ rich_message: { html: "x".repeat(32_769) } }, "RICH_MESSAGE_TEXT_TOO_LONG"],
  ])("refuses %#", async (params, complaint) => {
    expect(await setUp().api("sendRichMessage", { chat_id: ADA.id, ...params })).toEqual(badRequest(complaint));
  });
});

describe("editMessageText", () => {
  const edit = (set: ReturnType<typeof setUp>, content: object) =>
    set.api("editMessageText", { chat_id: ADA.id, message_id: 2, ...content });

  test("turns a text into a rich message, and back", async () => {
    const set = setUp();
    await set.say("text", { reply_markup: keyboard("A") });
    const { result } = await edit(set, { rich_message: { html: HTML } });
    expect(result).toMatchObject({ rich_message: { blocks: BLOCKS } });
    expect(result).not.toHaveProperty("text");
    expect(result).not.toHaveProperty("reply_markup");
    expect(await edit(set, { rich_message: { html: ` ${HTML}\n` } })).toMatchObject({
      error_code: 400,
      description: expect.stringContaining("message is not modified"),
    });
    const back = (await edit(set, { text: "text" })).result;
    expect(back.text).toBe("text");
    expect(back).not.toHaveProperty("rich_message");
  });

  test("takes one of both", async () => {
    const set = setUp();
    await set.say("text");
    expect(await edit(set, { text: "a", rich_message: { html: HTML } }))
      .toEqual(badRequest("text and rich message can't be specified simultaneously"));
  });
});

describe("a server that is older than rich messages", () => {
  test("has no such method, and does not look at the parameter", async () => {
    const set = setUp({ rich: false });
    expect(await rich(set, HTML)).toEqual(NOT_FOUND);
    await set.say("text");
    const target = { chat_id: ADA.id, message_id: 2, rich_message: { html: HTML } };
    expect(await set.api("editMessageText", target)).toEqual(badRequest("message text is empty"));
    expect((await set.api("editMessageText", { ...target, text: "new" })).result).toMatchObject({ text: "new" });
  });

  test("may be that of one chat", async () => {
    const set = setUp();
    set.client.openChat(BOB.id, "first_bot");
    set.client.send({ chat: "7001:1002", text: "/start" });
    set.client.setRich(false, CHAT);
    expect(await rich(set, HTML)).toEqual(NOT_FOUND);
    expect(await rich(set, HTML, { chat_id: BOB.id })).toMatchObject({ ok: true });
    set.client.setRich(true, CHAT);
    expect(await rich(set, HTML)).toMatchObject({ ok: true });
    expect(() => set.client.setRich(false, "nope")).toThrow("there is no chat nope");
  });
});
