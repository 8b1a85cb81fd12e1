/**
 * Methods that send, edit and delete messages.
 *
 * @module
 */
import { type ChatState, isGroup } from "../chats.ts";
import { badRequest } from "../errors.ts";
import { MAX_CAPTION, MAX_TEXT, readFormatted } from "../formatting.ts";
import { readInlineKeyboard } from "../markup.ts";
import { id, json, type Params, text } from "../params.ts";
import type { Document, FormattedText, Message } from "../types.ts";
import { type Call, type Method, seconds } from "../world.ts";

const NOT_MODIFIED = "message is not modified: specified new message content and reply markup are exactly the same " +
  "as a current content and reply markup of the message";

/** Nobody, not even a bot with all rights, deletes a message that is older. */
const MAX_DELETE_AGE_S = 48 * 3600;

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

export const sendMessage: Method = ({ world, bot, params }) => {
  const content = readText(params);
  if (content.text.length > MAX_TEXT) throw badRequest("message is too long");
  return send({ world, bot, params }, textFields(content));
};

export const sendDocument: Method = async ({ world, bot, params }) => {
  const caption = readFormatted(params, "caption");
  if (caption.text.length > MAX_CAPTION) throw badRequest("message caption is too long");
  world.chats.forBot(bot, text(params, "chat_id"));
  const document = await readDocument({ world, params });
  return send({ world, bot, params }, {
    document,
    ...(caption.text && { caption: caption.text }),
    ...(caption.entities.length > 0 && { caption_entities: caption.entities }),
  });
};

export const editMessageText: Method = ({ world, bot, params }) => {
  const content = readText(params);
  const markup = readInlineKeyboard(params);
  const { chat, message } = messageToEdit({ world, bot, params });
  if (message.text === undefined) throw badRequest("there is no text in the message to edit");
  // Sending says "message is too long"; for an edit Telegram passes its inner error on.
  if (content.text.length > MAX_TEXT) throw badRequest("MESSAGE_TOO_LONG");
  const { text: _, entities: __, reply_markup: ___, ...rest } = message;
  return edit({ world, bot }, chat, message, {
    ...rest,
    ...textFields(content),
    ...(markup && { reply_markup: markup }),
  });
};

export const editMessageReplyMarkup: Method = ({ world, bot, params }) => {
  const markup = readInlineKeyboard(params);
  const { chat, message } = messageToEdit({ world, bot, params });
  const { reply_markup: _, ...rest } = message;
  return edit({ world, bot }, chat, message, { ...rest, ...(markup && { reply_markup: markup }) });
};

export const deleteMessage: Method = ({ world, bot, params }) => {
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  const messageId = id(params, "message_id");
  if (messageId === 0) throw badRequest("message identifier is not specified");
  const stored = chat.messages.get(messageId);
  if (!stored) throw badRequest("message to delete not found");
  const { from, date } = stored.message;
  if (isGroup(chat) && from.id !== bot.user.id) throw badRequest("message can't be deleted");
  if (seconds(world.now()) - date > MAX_DELETE_AGE_S) throw badRequest("message can't be deleted for everyone");
  world.chats.delete(chat, messageId);
  return true;
};

export const sendChatAction: Method = ({ world, bot, params }) => {
  const action = text(params, "action").toLowerCase();
  if (!ACTIONS.includes(action)) throw badRequest("wrong parameter action in request");
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  chat.action = { bot: bot.user.id, action, until: world.now() + ACTION_MS };
  world.events.emit({ chat: chat.key, kind: "action" });
  return true;
};

function readText(params: Params): FormattedText {
  if (text(params, "text") === "") throw badRequest("message text is empty");
  const content = readFormatted(params, "text");
  if (content.text === "") throw badRequest("text must be non-empty");
  return content;
}

const textFields = ({ text, entities }: FormattedText) => ({ text, ...(entities.length > 0 && { entities }) });

function send({ world, bot, params }: Omit<Call, "signal">, content: Partial<Message>): Message {
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

function replyTarget(params: Params, chat: ChatState): Message | undefined {
  const reply = json(params, "reply_parameters", "can't parse reply parameters JSON object") as
    | { message_id?: number; allow_sending_without_reply?: boolean }
    | null
    | undefined;
  if (!reply?.message_id) return undefined;
  const stored = chat.messages.get(reply.message_id);
  if (!stored && !reply.allow_sending_without_reply) throw badRequest("message to be replied not found");
  // A message shows what it replies to, but not what that one replied to.
  const { reply_to_message: _, ...message } = stored?.message ?? {};
  return stored && (message as Message);
}

async function readDocument({ world, params }: Pick<Call, "world" | "params">): Promise<Document> {
  const given = text(params, "document");
  const file = params.files.get(given.startsWith("attach://") ? given.slice("attach://".length) : "document");
  if (file) return await world.files.add(file);
  if (given === "") throw badRequest("there is no document in the request");
  const known = world.files.find(given);
  if (!known) throw badRequest("wrong file identifier/HTTP URL specified");
  return known;
}

function messageToEdit({ world, bot, params }: Omit<Call, "signal">): { chat: ChatState; message: Message } {
  const chat = world.chats.forBot(bot, text(params, "chat_id"));
  const message = chat.messages.get(id(params, "message_id"))?.message;
  if (!message) throw badRequest("message to edit not found");
  if (message.from.id !== bot.user.id) throw badRequest("message can't be edited");
  return { chat, message };
}

function edit({ world, bot }: Pick<Call, "world" | "bot">, chat: ChatState, before: Message, after: Message): Message {
  if (visible(before) === visible(after)) throw badRequest(NOT_MODIFIED);
  world.limiter.take(bot.user.id, { key: chat.key, isGroup: isGroup(chat) });
  return world.chats.edit(chat, { ...after, edit_date: seconds(world.now()) });
}

const visible = ({ text, entities, reply_markup }: Message) => JSON.stringify([text, entities, reply_markup]);
