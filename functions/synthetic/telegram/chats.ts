/**
 * Users, chats and messages, as Telegram's servers hold them.
 *
 * @module
 */
import { badRequest, forbidden } from "./errors.ts";
import type { BotState } from "./bots.ts";
import type { Events } from "./events.ts";
import type { Chat, Message, User } from "./types.ts";

export interface StoredMessage {
  message: Message;
  /** How often it was edited. */
  edits: number;
}

/**
 * A private chat of one user and one bot, or a group. The key names it for the user's side: `<bot id>:<user id>`, or
 * the group's id. (A bot's id of a private chat is the user's id, so two bots share it.)
 */
export interface ChatState {
  key: string;
  chat: Chat;
  members: Map<number, User>;
  bots: Set<BotState>;
  /** Bots that were thrown out of a group. */
  kicked: Set<BotState>;
  messages: Map<number, StoredMessage>;
  lastMessageId: number;
  /** Private chats: whether the user has ever written, and has blocked the bot. */
  started: boolean;
  blocked: boolean;
  /** What the bot says it is doing, until that epoch millisecond. */
  action: { bot: number; action: string; until: number } | undefined;
}

export const isGroup = (state: ChatState): boolean => state.chat.type !== "private";
export const privateKey = (bot: number, user: number): string => `${bot}:${user}`;

const FIRST_GROUP_ID = -5_000_000_001;
const FIRST_SUPERGROUP_ID = -1_001_000_000_001;

export class Chats {
  readonly users = new Map<number, User>();
  readonly all = new Map<string, ChatState>();
  readonly #events: Events;

  constructor(events: Events) {
    this.#events = events;
  }

  /** The private chat of the two, created when it is not there yet. */
  open(user: User, bot: BotState): ChatState {
    const key = privateKey(bot.user.id, user.id);
    const { is_bot: _, language_code: __, ...names } = user;
    return this.all.get(key) ?? this.#add(key, { ...names, type: "private" }, [user], [bot]);
  }

  createGroup(title: string, type: "group" | "supergroup", members: User[], bots: BotState[]): ChatState {
    const groups = [...this.all.values()].filter(isGroup).length;
    const id = (type === "group" ? FIRST_GROUP_ID : FIRST_SUPERGROUP_ID) - groups;
    return this.#add(String(id), { id, type, title }, members, bots);
  }

  #add(key: string, chat: Chat, members: User[], bots: BotState[]): ChatState {
    const state: ChatState = {
      key,
      chat,
      members: new Map(members.map((user) => [user.id, user])),
      bots: new Set(bots),
      kicked: new Set(),
      messages: new Map(),
      lastMessageId: 0,
      started: false,
      blocked: false,
      action: undefined,
    };
    this.all.set(key, state);
    this.#events.emit({ chat: key, kind: "chat" });
    return state;
  }

  /** Key of the chat that a bot means by `chat_id`; it need not be there. */
  keyFor(bot: BotState, chatId: string): string {
    return Number(chatId) > 0 ? privateKey(bot.user.id, Number(chatId)) : chatId;
  }

  /** A chat that the bot has seen, though it may not act there. @throws {ApiError} 400 when there is none. */
  known(bot: BotState, chatId: string): ChatState {
    const chat = Number.isSafeInteger(Number(chatId)) ? this.all.get(this.keyFor(bot, chatId)) : undefined;
    if (!chat || (isGroup(chat) ? !chat.bots.has(bot) && !chat.kicked.has(bot) : !chat.started)) {
      throw badRequest("chat not found");
    }
    return chat;
  }

  /**
   * The chat a bot means by `chat_id`.
   *
   * @throws {ApiError} 400 when it does not exist, 403 when the bot may not act there.
   */
  forBot(bot: BotState, chatId: string): ChatState {
    if (chatId === "") throw badRequest("chat_id is empty");
    const id = Number(chatId);
    if (!Number.isSafeInteger(id)) throw badRequest("chat not found");
    const chat = this.all.get(this.keyFor(bot, chatId));
    if (!chat && !this.users.has(id)) throw badRequest("chat not found");
    if (chat && isGroup(chat)) {
      if (chat.kicked.has(bot)) throw forbidden(`bot was kicked from the ${chat.chat.type} chat`);
      if (!chat.bots.has(bot)) throw forbidden(`bot is not a member of the ${chat.chat.type} chat`);
      return chat;
    }
    if (!chat?.started) throw forbidden("bot can't initiate conversation with a user");
    if (chat.blocked) throw forbidden("bot was blocked by the user");
    return chat;
  }

  /** Adds a message; its id is the next one of the chat. Whoever writes is no longer typing. */
  post(state: ChatState, message: Omit<Message, "message_id" | "chat">): Message {
    const { from, date, ...content } = message;
    const posted: Message = { message_id: ++state.lastMessageId, from, chat: state.chat, date, ...content };
    state.messages.set(posted.message_id, { message: posted, edits: 0 });
    if (state.action?.bot === from.id) state.action = undefined;
    this.#events.emit({ chat: state.key, kind: "message" });
    return posted;
  }

  /** Replaces a message by its edited form. */
  edit(state: ChatState, message: Message): Message {
    const { edits } = state.messages.get(message.message_id)!;
    state.messages.set(message.message_id, { message, edits: edits + 1 });
    this.#events.emit({ chat: state.key, kind: "edit" });
    return message;
  }

  delete(state: ChatState, messageId: number): void {
    state.messages.delete(messageId);
    this.#events.emit({ chat: state.key, kind: "delete" });
  }
}
