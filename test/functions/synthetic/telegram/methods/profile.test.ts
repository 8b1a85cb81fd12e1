import { expect, test } from "vitest";
import { ADA, badRequest, setUp } from "../_support.ts";

test("getMe", async () => {
  expect((await setUp().api("getMe")).result).toEqual({
    id: 7001,
    is_bot: true,
    first_name: "first_bot",
    username: "first_bot",
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
  });
});

test("getChat", async () => {
  const { api } = setUp();
  expect((await api("getChat", { chat_id: ADA.id })).result)
    .toEqual({ id: 1001, type: "private", first_name: "Ada", username: "ada" });
  expect(await api("getChat", { chat_id: 5 })).toEqual(badRequest("chat not found"));
});

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
  [undefined, "expected an Array of BotCommand"],
])("refuses commands %j", async (commands, complaint) => {
  expect(await setUp().api("setMyCommands", { commands })).toEqual(badRequest(complaint));
});
