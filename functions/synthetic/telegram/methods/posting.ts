/**
 * What all methods that send or edit a message have in common.
 *
 * @module
 */
import { type ChatState, isGroup } from "../chats.ts";
import { badRequest } from "../errors.ts";
import { MAX_CAPTION, readFormatted } from "../formatting.ts";
import { readInlineKeyboard } from "../markup.ts";
import { flag, id, json, type Params, text } from "../params.ts";
import type { FormattedText, InlineKeyboard, Message } from "../types.ts";
import { type Call, seconds } from "../world.ts";

type Context = Pick<Call, "world" | "bot" | "params">;

const NOT_MODIFIED = "message is not modified: specified new message content and reply markup are exactly the same " +
  "as a current content and reply markup of the message";

/** @throws {ApiError} 400 when the chat or what is replied to is not there, 403 when the bot may not, 429. */
export function send({ world, bot, params }: Context, content: Partial<Message>): Message {
  const markup = readInlineKeyboard(params);
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  const repliedTo = replyTarget(params, chat);
  world.limiter.take(bot.user.id, { key: chat.key, isGroup: isGroup(chat) });
  return world.chats.post(chat, {
    from: bot.user,
    date: seconds(world.now()),
    ...(repliedTo && { reply_to_message: repliedTo }),
    ...content,
    ...(markup && { reply_markup: markup }),
  });
}

/** A message that a bot may edit, its keyboard apart: one that is not sent again is taken away. */
export function messageToEdit({ world, bot, params }: Context) {
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  const message = chat.messages.get(id(params, "message_id"))?.message;
  if (!message) throw badRequest("message to edit not found");
  const tooOld = world.now() - message.date * 1000 > world.editTimeLimitMs;
  if (message.from.id !== bot.user.id || tooOld) throw badRequest("message can't be edited");
  return { chat, message };
}

/** @throws {ApiError} 400 when nothing would change, 429. */
export function edit(
  { world, bot }: Pick<Call, "world" | "bot">,
  { chat, message }: { chat: ChatState; message: Message },
  content: Partial<Message>,
  markup: InlineKeyboard | undefined,
): Message {
  const { message_id, from, date, reply_to_message } = message;
  const edited: Message = {
    message_id,
    from,
    chat: message.chat,
    date,
    ...(reply_to_message && { reply_to_message }),
    ...content,
    ...(markup && { reply_markup: markup }),
  };
  if (visible(message) === visible(edited)) throw badRequest(NOT_MODIFIED);
  world.limiter.take(bot.user.id, { key: chat.key, isGroup: isGroup(chat) });
  return world.chats.edit(chat, { ...edited, edit_date: seconds(world.now()) });
}

/** What a message shows, without who sent it and when, and without its keyboard. */
export function contentOf(message: Message): Partial<Message> {
  const { text, entities, rich_message, document, photo, caption, caption_entities } = message;
  const { show_caption_above_media, has_media_spoiler } = message;
  const fields = {
    text,
    entities,
    rich_message,
    document,
    photo,
    caption,
    caption_entities,
    show_caption_above_media,
    has_media_spoiler,
  };
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const visible = (message: Message): string => JSON.stringify([contentOf(message), message.reply_markup]);

export const textFields = ({ text, entities }: FormattedText): Partial<Message> => ({
  text,
  ...(entities.length > 0 && { entities }),
});

/** The caption of a picture or a document, from the call's own parameters or from those of an `InputMedia`. */
export function captionFields(params: Params): Partial<Message> {
  const { text, entities } = readFormatted(params, "caption");
  if (text.length > MAX_CAPTION) throw badRequest("message caption is too long");
  return {
    ...(text && { caption: text }),
    ...(entities.length > 0 && { caption_entities: entities }),
    ...(flag(params, "show_caption_above_media") && { show_caption_above_media: true }),
  };
}

function replyTarget(params: Params, chat: ChatState): Message | undefined {
  const reply = json(params, "reply_parameters", "can't parse reply parameters JSON object") as
    | { message_id?: number; allow_sending_without_reply?: boolean }
    | null
    | undefined;
  if (!reply?.message_id) return undefined;
  const stored = chat.messages.get(reply.message_id);
  if (!stored && !reply.allow_sending_without_reply) throw badRequest("message to be replied not found");
  return stored && repliedMessage(stored.message);
}

/** A message shows what it replies to, but not what that one replied to. */
export function repliedMessage({ reply_to_message: _, ...message }: Message): Message {
  return message;
}
