/**
 * The command menu: one list for each scope and language.
 *
 * @module
 */
import type { BotCommand, BotState } from "../bots.ts";
import { isGroup } from "../chats.ts";
import { badRequest } from "../errors.ts";
import { json, text } from "../params.ts";
import type { Call, Method } from "../world.ts";

const MAX_COMMANDS = 100;
const MAX_DESCRIPTION = 256;

const SCOPES = ["default", "all_private_chats", "all_group_chats", "all_chat_administrators"];
const CHAT_SCOPES = ["chat", "chat_administrators", "chat_member"];

export const setMyCommands: Method = (call) => {
  const scope = readScope(call);
  const list = json(call.params, "commands", "can't parse commands JSON object") ?? [];
  if (!Array.isArray(list)) throw badRequest("expected an Array of BotCommand");
  if (list.length > MAX_COMMANDS) throw badRequest("BOT_COMMANDS_TOO_MUCH");
  const commands = list.map(readCommand);
  if (commands.length === 0) call.bot.commands.delete(scope);
  else call.bot.commands.set(scope, commands);
  return true;
};

export const getMyCommands: Method = (call) => call.bot.commands.get(readScope(call)) ?? [];

export const deleteMyCommands: Method = (call) => {
  call.bot.commands.delete(readScope(call));
  return true;
};

/** What the menu shows to a user in a chat: the list of the narrowest scope that has one, the user's language first. */
export function menuFor(
  bot: BotState,
  { chat, user, group, language = "" }: { chat: number; user: number; group: boolean; language?: string | undefined },
): BotCommand[] {
  const scopes = group
    ? [["chat_member", chat, user], ["chat", chat], ["all_group_chats"], ["default"]]
    : [["chat", chat], ["all_private_chats"], ["default"]];
  for (const [type, chatId, userId] of scopes) {
    for (const code of [language, ""]) {
      const found = bot.commands.get(keyOf(String(type), chatId as number, userId as number, code));
      if (found) return found;
    }
  }
  return [];
}

const keyOf = (type: string, chat: number | undefined, user: number | undefined, language: string): string =>
  JSON.stringify([type, chat ?? 0, user ?? 0, language]);

function readCommand(value: unknown): BotCommand {
  const refuse = (complaint: string) => badRequest(`can't parse BotCommand: ${complaint}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw refuse("expected an Object");
  const { command, description } = value as Record<string, unknown>;
  if (command === undefined) throw refuse('Can\'t find field "command"');
  if (description === undefined) throw refuse('Can\'t find field "description"');
  if (typeof command !== "string") throw refuse('Field "command" must be of type String');
  if (typeof description !== "string") throw refuse('Field "description" must be of type String');
  const name = command.replace(/^\//, "");
  if (!/^[a-z0-9_]{1,32}$/.test(name)) throw badRequest("BOT_COMMAND_INVALID");
  if (description === "" || description.length > MAX_DESCRIPTION) throw badRequest("BOT_COMMAND_DESCRIPTION_INVALID");
  return { command: name, description };
}

/** The name of the list that is meant. @throws {ApiError} 400 when the scope is none, or names a chat that is none. */
function readScope({ world, bot, params }: Call): string {
  const language = text(params, "language_code");
  if (!/^([a-z]{2})?$/.test(language)) throw badRequest("invalid language code specified");
  const scope = json(params, "scope", "can't parse BotCommandScope JSON object") ?? { type: "default" };
  const refuse = (complaint: string) => badRequest(`can't parse BotCommandScope: ${complaint}`);
  if (typeof scope !== "object" || Array.isArray(scope)) throw refuse("BotCommandScope must be an Object");
  const { type, chat_id, user_id } = scope as Record<string, unknown>;
  if (type === undefined) throw refuse('Can\'t find field "type"');
  if (SCOPES.includes(type as string)) return keyOf(type as string, 0, 0, language);
  if (!CHAT_SCOPES.includes(type as string)) throw refuse("Unsupported type specified");

  if (chat_id === undefined) throw refuse('Can\'t find field "chat_id"');
  if (chat_id === "") throw refuse("Empty chat_id specified");
  if (type === "chat_member" && user_id === undefined) throw refuse('Can\'t find field "user_id"');
  const user = type === "chat_member" ? Number(user_id) : 0;
  if (type === "chat_member" && !(user > 0)) throw refuse("Invalid user_id specified");
  const chat = world.chats.known(bot, String(chat_id));
  if (type !== "chat" && !isGroup(chat)) throw badRequest("can't use specified scope in private chats");
  if (type === "chat_member" && !chat.members.has(user)) throw badRequest("user not found");
  return keyOf(type as string, chat.chat.id, user, language);
}
