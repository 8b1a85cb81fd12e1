/**
 * What a person does in a chat: writes, sends a picture or a file, replies, forwards, presses a button.
 *
 * @module
 */
import type { BotState } from "./bots.ts";
import { type ChatState, isGroup } from "./chats.ts";
import { formatText, MAX_CAPTION, MAX_TEXT } from "./formatting.ts";
import { contentOf, repliedMessage } from "./methods/posting.ts";
import { SAMPLE_PICTURE, SAMPLE_SIZE } from "./sample.ts";
import type { InlineButton, Message, MessageOrigin, User } from "./types.ts";
import { seconds, type World } from "./world.ts";

/** Who acts is the chat's first member unless `user` says otherwise. */
export interface Said {
  chat: string;
  user?: number;
  /** One of these, or `forward`. A picture is always the same one, and so is what is in a file. */
  text?: string;
  photo?: { caption?: string };
  document?: { file_name: string; caption?: string };
  /** Id of the message of the chat that is replied to. */
  reply_to?: number;
  /** A message, of this chat unless the key of another is given, that is passed on. */
  forward?: { chat?: string; message_id: number };
}

/** Who acts is the chat's first member unless `user` says otherwise. */
export interface Press {
  chat: string;
  user?: number;
  message_id: number;
  /** The button, by its label or its data. */
  label?: string;
  data?: string;
  /** Presses `data` although no button carries it, as a hostile app can. */
  forged?: boolean;
}

/** A thing no Telegram app would let a person do. */
export class ClientError extends Error {
  override readonly name = "ClientError";
}

export interface Actor {
  world: World;
  state: ChatState;
  from: User;
}

/** Posts a message. A bot in a group gets it only when it is meant for the bot, or the bot reads everything. */
export function say({ world, state, from }: Actor, said: Said): Message {
  const replied = said.reply_to === undefined ? undefined : messageOf(state, said.reply_to);
  const content = said.forward ? forwarded(world, state, said.forward) : contentFor(world, said);
  state.started = true;
  const message = world.chats.post(state, {
    from,
    date: seconds(world.now()),
    ...(replied && { reply_to_message: repliedMessage(replied) }),
    ...content,
  });
  for (const bot of state.bots) {
    if (!isGroup(state) || bot.readsGroups || concerns(message, bot)) {
      bot.updates.add(state.key, { message: structuredClone(message) });
    }
  }
  return structuredClone(message);
}

/** Returns the id of the callback query. */
export function press({ world, state, from }: Actor, { message_id, label, data, forged }: Press): string {
  const message = messageOf(state, message_id);
  const bot = [...state.bots].find((bot) => bot.user.id === message.from.id);
  if (!bot) throw new ClientError("only a bot's message has buttons");
  const pressed = forged ? data : findButton(message, label, data)?.callback_data;
  if (typeof pressed !== "string") {
    throw new ClientError(`message ${message_id} has no such button: ${label ?? data}`);
  }
  const id = world.queries.open({ bot, chat: state.key, user: from.id });
  // As in Telegram, presses wait in a queue of the person's: one may come in before what was written earlier.
  bot.updates.add(`presses of ${from.id}`, {
    callback_query: {
      id,
      from,
      message: structuredClone(message),
      chat_instance: state.key.replace(":", ""),
      data: pressed,
    },
  });
  return id;
}

function messageOf(state: ChatState, id: number): Message {
  const message = state.messages.get(id)?.message;
  if (!message) throw new ClientError(`there is no message ${id} in the chat`);
  return message;
}

function contentFor({ files }: World, { text, photo, document }: Said): Partial<Message> {
  const given = [text, photo, document].filter((part) => part !== undefined);
  if (given.length > 1) throw new ClientError("a message is a text, a picture or a file");
  if (photo) return { photo: files.receivePhoto(SAMPLE_SIZE, SAMPLE_PICTURE), ...captioned(photo.caption) };
  if (!document) return typed(text);
  const { file_name } = document;
  if (typeof file_name !== "string" || !/^[^/\\\0]{1,255}$/.test(file_name)) throw new ClientError("a file has a name");
  return { document: files.receiveDocument(file_name, SAMPLE_TEXT), ...captioned(document.caption) };
}

const SAMPLE_TEXT = new TextEncoder().encode("A file.\n");

function captioned(caption: unknown): Partial<Message> {
  if (caption === undefined) return {};
  if (typeof caption !== "string") throw new ClientError("a caption is a text");
  const { text, entities } = formatText({ text: caption, entities: [] });
  if (text.length > MAX_CAPTION) throw new ClientError(`a caption has at most ${MAX_CAPTION} characters`);
  return { ...(text && { caption: text }), ...(entities.length > 0 && { caption_entities: entities }) };
}

function typed(text: unknown): Partial<Message> {
  if (typeof text !== "string") throw new ClientError("a message has a text");
  const content = formatText({ text, entities: [] });
  if (content.text === "") throw new ClientError("there is nothing to send");
  if (content.text.length > MAX_TEXT) throw new ClientError(`a message has at most ${MAX_TEXT} characters`);
  return { text: content.text, ...(content.entities.length > 0 && { entities: content.entities }) };
}

/** Its keyboard stays behind. */
function forwarded(world: World, state: ChatState, { chat, message_id }: Required<Said>["forward"]): Partial<Message> {
  const from = chat === undefined ? state : world.chats.all.get(chat);
  if (!from) throw new ClientError(`there is no chat ${chat}`);
  const message = messageOf(from, message_id);
  const origin: MessageOrigin = { type: "user", sender_user: message.from, date: message.date };
  return { forward_origin: message.forward_origin ?? origin, ...contentOf(message) };
}

/** Privacy mode: a bot in a group sees commands, unless meant for another, its mentions, and replies to it. */
function concerns(message: Message, bot: BotState): boolean {
  const { text = message.caption ?? "", entities = message.caption_entities ?? [], reply_to_message } = message;
  if (reply_to_message?.from.id === bot.user.id) return true;
  const own = `@${bot.user.username}`.toLowerCase();
  return entities.some(({ type, offset, length }) => {
    const entity = text.slice(offset, offset + length).toLowerCase();
    if (type === "mention") return entity === own;
    return type === "bot_command" && (!entity.includes("@") || entity.endsWith(own));
  });
}

function findButton(message: Message, label?: string, data?: string): InlineButton | undefined {
  return message.reply_markup?.inline_keyboard.flat().find((button) =>
    label !== undefined ? button.text === label : button.callback_data === data
  );
}
