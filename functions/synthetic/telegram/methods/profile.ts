/**
 * Methods about the bot itself and its chats: `getMe`, `getChat` and the command menu.
 *
 * @module
 */
import type { BotCommand } from "../bots.ts";
import { badRequest } from "../errors.ts";
import { json, type Params, text } from "../params.ts";
import type { Method } from "../world.ts";

const MAX_COMMANDS = 100;
const MAX_DESCRIPTION = 256;

export const getMe: Method = ({ bot }) => ({
  ...bot.user,
  can_join_groups: true,
  can_read_all_group_messages: bot.readsGroups,
  supports_inline_queries: false,
});

export const getChat: Method = ({ world, bot, params }) => world.chats.forBot(bot, text(params, "chat_id")).chat;

export const setMyCommands: Method = ({ bot, params }) => {
  const list = json(params, "commands", "can't parse commands JSON object");
  if (!Array.isArray(list)) throw badRequest("expected an Array of BotCommand");
  if (list.length > MAX_COMMANDS) throw badRequest("BOT_COMMANDS_TOO_MUCH");
  bot.commands.set(scopeKey(params), list.map(readCommand));
  return true;
};

export const getMyCommands: Method = ({ bot, params }) => bot.commands.get(scopeKey(params)) ?? [];

export const deleteMyCommands: Method = ({ bot, params }) => {
  bot.commands.delete(scopeKey(params));
  return true;
};

function readCommand(value: unknown): BotCommand {
  const { command, description } = (value ?? {}) as Record<string, unknown>;
  if (typeof command !== "string" || typeof description !== "string") {
    throw badRequest('can\'t parse BotCommand: fields "command" and "description" must be of type String');
  }
  const name = command.replace(/^\//, "").toLowerCase();
  if (!/^[a-z0-9_]{1,32}$/.test(name)) throw badRequest("BOT_COMMAND_INVALID");
  if (description === "" || description.length > MAX_DESCRIPTION) throw badRequest("BOT_COMMAND_DESCRIPTION_INVALID");
  return { command: name, description };
}

/** One list of commands for each scope and language. */
function scopeKey(params: Params): string {
  const scope = (json(params, "scope", "can't parse BotCommandScope JSON object") ?? {}) as Record<string, unknown>;
  return JSON.stringify([scope.type ?? "default", scope.chat_id, scope.user_id, text(params, "language_code")]);
}
