import { expect, test } from "vitest";
import { ADA, badRequest, BOB, CHAT, setUp } from "../_support.ts";

test("commands are kept by scope and language", async () => {
  const { api } = setUp();
  const commands = [{ command: "admin", description: "Traces" }];
  const scope = { type: "chat", chat_id: ADA.id };
  expect(await api("setMyCommands", { commands, scope })).toEqual({ ok: true, result: true });
  expect((await api("getMyCommands", { scope })).result).toEqual(commands);
  expect((await api("getMyCommands")).result).toEqual([]);
  expect((await api("getMyCommands", { scope, language_code: "de" })).result).toEqual([]);
  await api("deleteMyCommands", { scope });
  expect((await api("getMyCommands", { scope })).result).toEqual([]);
});

test.each([
  [[{ command: "Öl", description: "a" }], "BOT_COMMAND_INVALID"],
  [[{ command: "a".repeat(33), description: "a" }], "BOT_COMMAND_INVALID"],
  [[{ command: "a", description: "" }], "BOT_COMMAND_DESCRIPTION_INVALID"],
  [Array(101).fill({ command: "a", description: "a" }), "BOT_COMMANDS_TOO_MUCH"],
  [{}, "expected an Array of BotCommand"],
  [["a"], "can't parse BotCommand: expected an Object"],
  [[{ command: "a" }], "can't parse BotCommand: Can't find field \"description\""],
])("refuses commands %#", async (commands, complaint) => {
  expect(await setUp().api("setMyCommands", { commands })).toEqual(badRequest(complaint));
});

test.each([
  [{ type: "everyone" }, "can't parse BotCommandScope: Unsupported type specified"],
  [{}, "can't parse BotCommandScope: Can't find field \"type\""],
  [[], "can't parse BotCommandScope: BotCommandScope must be an Object"],
  [{ type: "chat" }, "can't parse BotCommandScope: Can't find field \"chat_id\""],
  [{ type: "chat", chat_id: 5 }, "chat not found"],
  [{ type: "chat", chat_id: BOB.id }, "chat not found"],
  [{ type: "chat_member", chat_id: ADA.id, user_id: ADA.id }, "can't use specified scope in private chats"],
  [{ type: "chat_member", chat_id: ADA.id }, "can't parse BotCommandScope: Can't find field \"user_id\""],
])("refuses the scope %j", async (scope, complaint) => {
  const commands = [{ command: "admin", description: "Traces" }];
  expect(await setUp().api("setMyCommands", { commands, scope })).toEqual(badRequest(complaint));
});

test("refuses a language that is none", async () => {
  expect(await setUp().api("getMyCommands", { language_code: "eng" })).toEqual(
    badRequest("invalid language code specified"),
  );
});

test("the menu is the one of the narrowest scope that has one, in the person's language first", async () => {
  const { api, client } = setUp();
  client.addUser({ ...ADA, language_code: "de" });
  const group = client.createGroup({ title: "g", members: [ADA.id, BOB.id], bots: ["first_bot"] });
  const set = (description: string, extra: object = {}) =>
    api("setMyCommands", { commands: [{ command: "admin", description }], ...extra });
  const menus = () =>
    [client.menu(CHAT), client.menu(group.key, ADA.id), client.menu(group.key, BOB.id)]
      .map((menu) => menu.map(({ description }) => description).join());
  expect(menus()).toEqual(["", "", ""]);
  await set("all");
  await set("private", { scope: { type: "all_private_chats" } });
  await set("groups", { scope: { type: "all_group_chats" } });
  expect(menus()).toEqual(["private", "groups", "groups"]);
  await set("Ada", { scope: { type: "chat", chat_id: ADA.id } });
  await set("Bob", { scope: { type: "chat_member", chat_id: String(group.chat.id), user_id: BOB.id } });
  expect(menus()).toEqual(["Ada", "groups", "Bob"]);
  await set("deutsch", { scope: { type: "all_group_chats" }, language_code: "de" });
  expect(menus()).toEqual(["Ada", "deutsch", "Bob"]);
  await api("deleteMyCommands", { scope: { type: "chat", chat_id: ADA.id } });
  await api("setMyCommands", { scope: { type: "all_private_chats" } });
  expect(menus()).toEqual(["all", "deutsch", "Bob"]);
});
