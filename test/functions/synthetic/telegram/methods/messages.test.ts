import { describe, expect, test } from "vitest";
import { ADA, badRequest, BOB, CHAT, keyboard, OTHER_TOKEN, setUp, START, TOKEN } from "../_support.ts";

const SECOND = START / 1000;
const BOT = { id: 7001, is_bot: true, first_name: "first_bot", username: "first_bot" };

describe("sendMessage", () => {
  test("answers with the message, and the user sees it", async () => {
    const { say, client } = setUp();
    const message = {
      message_id: 2,
      from: BOT,
      chat: { id: 1001, first_name: "Ada", username: "ada", type: "private" },
      date: SECOND,
      text: "hi you",
      entities: [{ type: "bold", offset: 3, length: 3 }],
      reply_markup: keyboard("Go"),
    };
    expect(await say("hi <b>you</b>", { parse_mode: "HTML", reply_markup: keyboard("Go") }))
      .toEqual({ ok: true, result: message });
    expect(client.chat(CHAT).messages.at(-1)).toEqual({ ...message, edit_count: 0 });
  });

  test("4,096 UTF-16 units are counted after parsing", async () => {
    const { say } = setUp();
    const html = { parse_mode: "HTML" };
    expect(await say(`<b>${"&lt;".repeat(4096)}</b>`, html)).toMatchObject({ ok: true });
    expect(await say("😀".repeat(2048))).toMatchObject({ ok: true });
    expect(await say("a".repeat(4097))).toEqual(badRequest("message is too long"));
    expect(await say("😀".repeat(2048) + "a")).toEqual(badRequest("message is too long"));
  });

  test.each([
    ["", "message text is empty"],
    [" \n", "text must be non-empty"],
    ["<b>", "can't parse entities: Can't find end tag corresponding to start tag \"b\""],
  ])("refuses %j", async (text, complaint) => {
    const { say, client } = setUp();
    expect(await say(text, { parse_mode: "HTML" })).toEqual(badRequest(complaint));
    expect(client.chat(CHAT).messages).toHaveLength(1);
  });

  test("replies to a message that is there", async () => {
    const { say } = setUp();
    expect((await say("a", { reply_parameters: { message_id: 1 } })).result.reply_to_message)
      .toMatchObject({ message_id: 1, text: "/start" });
    expect(await say("a", { reply_parameters: { message_id: 9 } }))
      .toEqual(badRequest("message to be replied not found"));
  });
});

describe("where a bot may write", () => {
  const forbidden = (why: string) => ({ ok: false, error_code: 403, description: `Forbidden: ${why}` });

  test.each([
    [undefined, badRequest("chat_id is empty")],
    [4711, badRequest("chat not found")],
    [-1, badRequest("chat not found")],
    ["@ada", badRequest("chat not found")],
    [BOB.id, forbidden("bot can't initiate conversation with a user")],
  ])("not to chat %s", async (chat_id, refusal) => {
    expect(await setUp().api("sendMessage", { chat_id, text: "a" })).toEqual(refusal);
  });

  test("not to a user who only opened the chat", async () => {
    const { api, client } = setUp();
    client.openChat(BOB.id, "first_bot");
    expect(await api("sendMessage", { chat_id: BOB.id, text: "a" }))
      .toEqual(forbidden("bot can't initiate conversation with a user"));
  });

  test("not to a user who blocked it, until unblocked", async () => {
    const { say, client } = setUp();
    client.block(CHAT, true);
    expect(await say("a")).toEqual(forbidden("bot was blocked by the user"));
    client.block(CHAT, false);
    expect(await say("a")).toMatchObject({ ok: true });
  });

  test("not to a group of other bots", async () => {
    const { api, client } = setUp();
    const group = client.createGroup({ title: "g", members: [ADA.id], bots: ["first_bot"] });
    const params = { chat_id: group.chat.id, text: "a" };
    expect(await api("sendMessage", params, OTHER_TOKEN))
      .toEqual(forbidden("bot is not a member of the supergroup chat"));
    expect(await api("sendMessage", params)).toMatchObject({ ok: true });
  });
});

describe("editing", () => {
  test("changes text and markup in place, marks it, and counts", async () => {
    const { say, api, client, clock } = setUp();
    const { result: { message_id } } = await say("one", { reply_markup: keyboard("A") });
    clock.now += 2_000;
    const edited = await api("editMessageText", {
      chat_id: ADA.id,
      message_id,
      text: "<i>two</i>",
      parse_mode: "HTML",
      reply_markup: keyboard("B"),
    });
    expect(edited.result).toMatchObject({
      message_id,
      date: SECOND,
      edit_date: SECOND + 2,
      text: "two",
      entities: [{ type: "italic" }],
      reply_markup: keyboard("B"),
    });
    expect(client.chat(CHAT).messages).toMatchObject([{ text: "/start" }, { text: "two", edit_count: 1 }]);
  });

  test("a keyboard that is not sent again is taken away", async () => {
    const { say, api } = setUp();
    const { result: { message_id } } = await say("one", { reply_markup: keyboard("A") });
    const edited = await api("editMessageText", { chat_id: ADA.id, message_id, text: "one" });
    expect(edited.result).not.toHaveProperty("reply_markup");
  });

  test("the same again is refused, also when written differently", async () => {
    const { say, api } = setUp();
    const { result: { message_id } } = await say("<b>x</b>", { parse_mode: "HTML", reply_markup: keyboard("A") });
    const refusal = badRequest(
      "message is not modified: specified new message content and reply markup are exactly the same as a current " +
        "content and reply markup of the message",
    );
    const target = { chat_id: ADA.id, message_id, reply_markup: keyboard("A") };
    expect(await api("editMessageText", { ...target, text: " <strong>x</strong>\n", parse_mode: "HTML" })).toEqual(
      refusal,
    );
    expect(await api("editMessageReplyMarkup", target)).toEqual(refusal);
    expect(await api("editMessageReplyMarkup", { ...target, reply_markup: keyboard("B") })).toMatchObject({ ok: true });
  });

  test("only its own messages, only those that are there, only those with text", async () => {
    const { api } = setUp();
    const edit = (message_id: number) => api("editMessageText", { chat_id: ADA.id, message_id, text: "x" });
    expect(await edit(1)).toEqual(badRequest("message can't be edited"));
    expect(await edit(9)).toEqual(badRequest("message to edit not found"));
    await upload({ document: new File(["a"], "a.txt") });

    async function upload(fields: Record<string, string | File>) {
      const form = new FormData();
      for (const [name, value] of Object.entries({ chat_id: String(ADA.id), ...fields })) form.append(name, value);
      const set = setUp();
      await set.telegram.handle(new Request(`http://t/bot${TOKEN}/sendDocument`, { method: "POST", body: form }));
      expect(await set.api("editMessageText", { chat_id: ADA.id, message_id: 2, text: "x" }))
        .toEqual(badRequest("there is no text in the message to edit"));
    }
  });

  test("too long has another name than for sending", async () => {
    const { say, api } = setUp();
    const { result: { message_id } } = await say("one");
    expect(await api("editMessageText", { chat_id: ADA.id, message_id, text: "a".repeat(4097) }))
      .toEqual(badRequest("MESSAGE_TOO_LONG"));
  });
});

test("sends and edits share the limit, refused ones are free, and waiting helps", async () => {
  const { say, api, clock } = setUp();
  const { result: { message_id } } = await say("0");
  const edit = (text: string) => api("editMessageText", { chat_id: ADA.id, message_id, text });
  for (const text of ["1", "2", "3", "4"]) expect(await edit(text)).toMatchObject({ ok: true });
  expect(await edit("4")).toMatchObject({ error_code: 400 });
  const refusal = {
    ok: false,
    error_code: 429,
    description: "Too Many Requests: retry after 5",
    parameters: { retry_after: 5 },
  };
  expect(await edit("5")).toEqual(refusal);
  expect(await say("5")).toEqual(refusal);
  clock.now += 5_000;
  expect(await edit("5")).toMatchObject({ ok: true });
});
