/**
 * `sendChatAction`.
 *
 * @module
 */
import { badRequest } from "../errors.ts";
import { text } from "../params.ts";
import type { Method } from "../world.ts";

const ACTIONS = [
  "typing",
  "upload_photo",
  "record_video",
  "upload_video",
  "record_voice",
  "upload_voice",
  "upload_document",
  "choose_sticker",
  "find_location",
  "record_video_note",
  "upload_video_note",
];

/** How long an action is shown. */
const ACTION_MS = 5_000;

export const sendChatAction: Method = ({ world, bot, params }) => {
  const action = text(params, "action").toLowerCase();
  if (!ACTIONS.includes(action)) throw badRequest("wrong parameter action in request");
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  chat.action = { bot: bot.user.id, action, until: world.now() + ACTION_MS };
  world.events.emit({ chat: chat.key, kind: "action" });
  return true;
};
