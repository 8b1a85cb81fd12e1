import { describe, expect, test } from "vitest";
import { ADA, BOB, CHAT, keyboard, OTHER_TOKEN, setUp } from "./_support.ts";

describe("groups", () => {
  async function received(text: string) {
    const { api, client, telegram } = setUp({
      bots: [
        { token: "7001:A", username: "first_bot" },
        { token: "7002:B", username: "other_bot" },
        { token: "7003:C", username: "nosy_bot", can_read_all_group_messages: true },
      ],
    });
    const bots = ["first_bot", "other_bot", "nosy_bot"];
    const group = client.createGroup({ title: "g", members: [ADA.id, BOB.id], bots });
    client.send({ chat: group.key, user: BOB.id, text });
    const got = [];
    for (const token of ["7001:A", "7002:B", "7003:C"]) {
      const { result } = await api("getUpdates", {}, token);
      // deno-lint-ignore no-explicit-any
      got.push(result.some((u: any) => u.message.chat.id === group.chat.id && u.message.from.id === BOB.id));
    }
    telegram.close();
    return got;
  }

  test.each([
    ["hello", [false, false, true]],
    ["/start", [true, true, true]],
    ["/start@other_bot", [false, true, true]],
    ["well, @First_Bot", [true, false, true]],
  ])("%s reaches who it concerns", async (text, reached) => expect(await received(text)).toEqual(reached));

  test("have an id of their own and a title", () => {
    const { client } = setUp();
    const make = () => client.createGroup({ title: "g", members: [ADA.id], bots: ["first_bot"] });
    expect([make().chat, make().chat]).toEqual([
      { id: -1001000000001, type: "supergroup", title: "g" },
      { id: -1001000000002, type: "supergroup", title: "g" },
    ]);
  });
});

describe("pressing", () => {
  test("takes a button that is there, by label or data, unless forged", async () => {
    const { say, api, client } = setUp();
    const { result: { message_id } } = await say("a", { reply_markup: keyboard("Go") });
    client.press({ chat: CHAT, message_id, label: "Go" });
    client.press({ chat: CHAT, message_id, data: "go" });
    client.press({ chat: CHAT, message_id, data: "evil", forged: true });
    const { result } = await api("getUpdates", { offset: 2 });
    // deno-lint-ignore no-explicit-any
    expect(result.map((u: any) => u.callback_query.data)).toEqual(["go", "go", "evil"]);
    expect(() => client.press({ chat: CHAT, message_id, label: "Stop" })).toThrow("has no such button: Stop");
    expect(() => client.press({ chat: CHAT, message_id, data: "stop" })).toThrow("has no such button: stop");
    expect(() => client.press({ chat: CHAT, message_id: 1, label: "Go" })).toThrow("only a bot's message has buttons");
    expect(() => client.press({ chat: CHAT, message_id: 99, label: "Go" })).toThrow("there is no message 99");
  });

  test("a press that is never answered says so", async () => {
    const { say, client } = setUp();
    const { result: { message_id } } = await say("a", { reply_markup: keyboard("Go") });
    const id = client.press({ chat: CHAT, message_id, label: "Go" });
    await expect(client.answer(id, 1)).rejects.toThrow("not answered within 1 ms");
    await expect(client.answer("1")).rejects.toThrow("no button press");
  });
});

describe("waiting", () => {
  test("until the chat looks as wanted", async () => {
    const { say, client } = setUp();
    const waiting = client.until(CHAT, (chat) => chat.messages.length === 3);
    await say("a");
    await say("b");
    expect((await waiting).messages.map((m) => m.text)).toEqual(["/start", "a", "b"]);
  });

  test("in vain tells what the chat shows", async () => {
    const { client } = setUp();
    await expect(client.until(CHAT, () => false, 1)).rejects.toThrow('it shows ["/start"]');
  });

  test("for a change after a version misses none", async () => {
    const { say, client } = setUp();
    const { version } = client.chat(CHAT);
    await say("a");
    expect((await client.changed(CHAT, version)).messages).toHaveLength(2);
    expect((await client.changed(CHAT, client.chat(CHAT).version, 1)).messages).toHaveLength(2);
  });
});

test("a view is a copy: what is done to it changes nothing", () => {
  const { client } = setUp();
  const view = client.chat(CHAT);
  view.messages[0]!.text = "forged";
  view.chat.first_name = "forged";
  view.members[0]!.first_name = "forged";
  expect(client.chat(CHAT)).toMatchObject({
    chat: { first_name: "Ada" },
    members: [{ first_name: "Ada" }],
    messages: [{ text: "/start" }],
  });
});

test("opening a chat again is the same chat", () => {
  const { client } = setUp();
  expect(client.openChat(ADA.id, 7001)).toEqual(client.chat(CHAT));
  expect(client.chats()).toHaveLength(1);
});

test.each<[string, (client: ReturnType<typeof setUp>["client"]) => unknown]>([
  ["there is nothing to send", (c) => c.send({ chat: CHAT, text: " " })],
  ["at most 4096 characters", (c) => c.send({ chat: CHAT, text: "a".repeat(4097) })],
  ["no member of the chat", (c) => c.send({ chat: CHAT, user: BOB.id, text: "a" })],
  ["there is no chat x", (c) => c.send({ chat: "x", text: "a" })],
  ["there is no user 9", (c) => c.openChat(9, "first_bot")],
  ["there is no bot nobody", (c) => c.openChat(ADA.id, "nobody")],
  ["a user's id is a positive integer", (c) => c.addUser({ id: -1, first_name: "x" })],
  ["the bot is blocked", (c) => (c.block(CHAT, true), c.send({ chat: CHAT, text: "a" }))],
])("no app allows it: %s", (complaint, act) => {
  expect(() => act(setUp().client)).toThrow(complaint);
});

test("two bots have chats of their own with one user", async () => {
  const { client, api } = setUp();
  const other = client.openChat(ADA.id, "other_bot");
  client.send({ chat: other.key, text: "/start" });
  await api("sendMessage", { chat_id: ADA.id, text: "from other" }, OTHER_TOKEN);
  expect(client.chat(other.key).messages.map((m) => m.text)).toEqual(["/start", "from other"]);
  expect(client.chat(CHAT).messages.map((m) => m.text)).toEqual(["/start"]);
});
