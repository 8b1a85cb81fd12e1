/**
 * `deleteMessage` and `deleteMessages`.
 *
 * @module
 */
import { type ChatState, isGroup } from "../chats.ts";
import type { BotState } from "../bots.ts";
import { badRequest } from "../errors.ts";
import { id, json, text } from "../params.ts";
import { type Method, seconds, type World } from "../world.ts";

/** Nobody, not even a bot with all rights, deletes a message that is older. */
const MAX_DELETE_AGE_S = 48 * 3600;
const MAX_MESSAGES = 100;

export const deleteMessage: Method = ({ world, bot, params }) => {
  if (text(params, "chat_id") === "") throw badRequest("chat identifier is not specified");
  const messageId = id(params, "message_id");
  if (messageId <= 0) throw badRequest("message identifier is not specified");
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  if (!chat.messages.has(messageId)) throw badRequest("message to delete not found");
  remove(world, bot, chat, messageId);
  return true;
};

/** Those that are not there are skipped. */
export const deleteMessages: Method = ({ world, bot, params }) => {
  if (text(params, "message_ids") === "") throw badRequest("message identifiers are not specified");
  const ids = json(params, "message_ids", "can't parse message_ids JSON object");
  if (!Array.isArray(ids)) throw badRequest("expected an Array of message identifiers");
  if (ids.length > MAX_MESSAGES) throw badRequest("too many message identifiers specified");
  if (ids.length === 0) throw badRequest("message identifiers are not specified");
  if (!ids.every((one) => Number.isSafeInteger(one) && one > 0)) {
    throw badRequest("invalid message identifier specified");
  }
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  for (const messageId of ids) if (chat.messages.has(messageId)) remove(world, bot, chat, messageId);
  return true;
};

function remove(world: World, bot: BotState, chat: ChatState, messageId: number): void {
  const { from, date } = chat.messages.get(messageId)!.message;
  if (isGroup(chat) && from.id !== bot.user.id) throw badRequest("message can't be deleted");
  if (seconds(world.now()) - date > MAX_DELETE_AGE_S) throw badRequest("message can't be deleted for everyone");
  world.chats.delete(chat, messageId);
}
