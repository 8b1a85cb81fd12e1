import { describe, expect, test } from "vitest";
import { readPhoto } from "../../../../functions/synthetic/telegram/images.ts";
import { ADA, BOB, CHAT, keyboard, setUp } from "./_support.ts";

type Set = ReturnType<typeof setUp>;

const last = async ({ api }: Set) => (await api("getUpdates", { offset: -1 })).result.at(-1);

describe("a reply", () => {
  test("carries the message, which does not carry what it replied to", async () => {
    const set = setUp();
    await set.say("answer", { reply_parameters: { message_id: 1 }, reply_markup: keyboard("A") });
    set.client.send({ chat: CHAT, text: "/trace", reply_to: 2 });
    const { message } = await last(set);
    expect(message).toMatchObject({ text: "/trace", reply_to_message: { message_id: 2, text: "answer" } });
    expect(message.reply_to_message).not.toHaveProperty("reply_to_message");
  });

  test("needs a message that is there", () => {
    expect(() => setUp().client.send({ chat: CHAT, text: "a", reply_to: 9 })).toThrow("there is no message 9");
  });
});

describe("a forwarded message", () => {
  test("says who wrote it, also when it is passed on again, and leaves its keyboard", async () => {
    const set = setUp();
    await set.say("<b>answer</b>", { parse_mode: "HTML", reply_markup: keyboard("A") });
    set.clock.now += 60_000;
    const { message_id } = set.client.send({ chat: CHAT, forward: { message_id: 2 } });
    set.client.send({ chat: CHAT, forward: { chat: CHAT, message_id } });
    const { message } = await last(set);
    expect(message).toMatchObject({
      from: { id: ADA.id },
      forward_origin: { type: "user", sender_user: { id: 7001, is_bot: true }, date: message.date - 60 },
      text: "answer",
      entities: [{ type: "bold" }],
    });
    expect(message).not.toHaveProperty("reply_markup");
  });
});

describe("in a group", () => {
  function group(type?: "group") {
    const set = setUp();
    const { key, chat } = set.client.createGroup({
      title: "Ops",
      ...(type && { type }),
      members: [ADA.id, BOB.id],
      bots: ["first_bot", "other_bot"],
    });
    return { ...set, key, chat };
  }

  test("a bot gets its commands, its mentions and replies to it", async () => {
    const set = group();
    const { client, api, key, chat } = set;
    const { result: { message_id } } = await api("sendMessage", { chat_id: chat.id, text: "a" });
    for (const text of ["hello", "/admin@other_bot", "@other_bot hi"]) client.send({ chat: key, text });
    client.send({ chat: key, user: BOB.id, text: "/admin@First_Bot traces" });
    client.send({ chat: key, text: "hi @first_bot" });
    client.send({ chat: key, text: "what is this", reply_to: message_id });
    const { result } = await api("getUpdates", { offset: 2 });
    expect(result.map((u: { message: { text: string } }) => u.message.text))
      .toEqual(["/admin@First_Bot traces", "hi @first_bot", "what is this"]);
    expect(result[0].message).toMatchObject({
      from: { id: BOB.id },
      chat: { id: chat.id, type: "supergroup", title: "Ops" },
      entities: [{ type: "bot_command", offset: 0, length: 16 }],
    });
  });

  test("a press says who pressed and in which chat", async () => {
    const set = group("group");
    const { client, api, key, chat } = set;
    await api("sendMessage", { chat_id: chat.id, text: "a", reply_markup: keyboard("Go") });
    client.press({ chat: key, user: BOB.id, message_id: 1, label: "Go" });
    expect((await last(set)).callback_query).toMatchObject({
      from: { id: BOB.id },
      message: { chat: { id: chat.id, type: "group" }, message_id: 1 },
      data: "go",
    });
  });

  test("a bot that was thrown out may do nothing, and hears nothing", async () => {
    const { client, api, key, chat } = group();
    client.kick(key, "first_bot");
    client.send({ chat: key, text: "/admin" });
    expect(await api("sendMessage", { chat_id: chat.id, text: "a" }))
      .toEqual({ ok: false, error_code: 403, description: "Forbidden: bot was kicked from the supergroup chat" });
    expect((await api("getUpdates", { offset: 2 })).result).toEqual([]);
    expect(() => client.kick(key, "first_bot")).toThrow("is in no such group");
  });
});

describe("a picture or a file", () => {
  test("comes with its caption, and can be sent back by its id", async () => {
    const set = setUp();
    set.client.send({ chat: CHAT, photo: { caption: "my cat /start" } });
    const { message: { photo, ...picture } } = await last(set);
    expect(picture).toMatchObject({ caption: "my cat /start", caption_entities: [{ type: "bot_command", offset: 7 }] });
    expect(picture).not.toHaveProperty("text");
    expect(photo.at(-1)).toMatchObject({ width: 640, height: 480 });
    const { image, content } = set.client.file(photo.at(-1).file_id)!;
    expect([image, await readPhoto(content)]).toEqual(["image/png", { width: 640, height: 480, mime_type: image }]);
    expect(photo.at(-1).file_size).toBe(content.length);
    expect(await set.api("sendPhoto", { chat_id: ADA.id, photo: photo.at(-1).file_id })).toMatchObject({ ok: true });

    set.client.send({ chat: CHAT, document: { file_name: "a.pdf" } });
    const { message: { document, ...file } } = await last(set);
    expect(file).not.toHaveProperty("caption");
    expect(document).toMatchObject({ file_name: "a.pdf", file_size: 8 });
    expect(await set.api("sendDocument", { chat_id: ADA.id, document: document.file_id })).toMatchObject({ ok: true });
  });

  test.each([
    [{ photo: {}, text: "a" }, "a message is a text, a picture or a file"],
    [{ photo: {}, document: { file_name: "a" } }, "a message is a text, a picture or a file"],
    [{ photo: { caption: "x".repeat(1025) } }, "a caption has at most 1024 characters"],
    [{ photo: { caption: 5 } }, "a caption is a text"],
    [{ document: { file_name: "" } }, "a file has a name"],
    [{ document: { file_name: "a/b" } }, "a file has a name"],
    [{ document: {} }, "a file has a name"],
  ])("%j is none", (said, complaint) => {
    expect(() => setUp().client.send({ chat: CHAT, ...said } as never)).toThrow(complaint);
  });

  test("in a group is for the bot when its caption is", async () => {
    const set = setUp();
    const { key } = set.client.createGroup({ title: "Ops", members: [ADA.id], bots: ["first_bot"] });
    set.client.send({ chat: key, photo: { caption: "for all" } });
    set.client.send({ chat: key, photo: { caption: "for @first_bot" } });
    const { result } = await set.api("getUpdates", { offset: 2 });
    expect(result.map((u: { message: { caption: string } }) => u.message.caption)).toEqual(["for @first_bot"]);
  });
});
