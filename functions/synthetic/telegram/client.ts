/**
 * The users' side: what people do in a Telegram app, for tests and behind `client_http.ts` for the page and scripts.
 *
 * @module
 */
import type { BotState } from "./bots.ts";
import { type ChatState, isGroup } from "./chats.ts";
import type { CallbackAnswer, ChatEvent } from "./events.ts";
import type { FaultOrder, Faults } from "./faults.ts";
import { formatText, MAX_TEXT } from "./formatting.ts";
import type { CallRecord } from "./bot_api.ts";
import type { InlineButton, Message, User } from "./types.ts";
import { type ChatSummary, type ChatView, summaryOf, viewOf } from "./views.ts";
import type { Delivery } from "./webhook.ts";
import { seconds, type World } from "./world.ts";

/** A person. Ids are positive. */
export interface UserProfile {
  id: number;
  first_name: string;
  last_name?: string;
  username?: string;
  language_code?: string;
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

export interface Records {
  /** Calls of the Bot API and deliveries to webhooks, oldest first; the last 10,000 of each. */
  calls: CallRecord[];
  deliveries: Delivery[];
}

const WAIT_MS = 5_000;

export class Client {
  readonly #world: World;
  readonly #faults: Faults;
  readonly records: Readonly<Records>;

  constructor(world: World, faults: Faults, records: Records) {
    this.#world = world;
    this.#faults = faults;
    this.records = records;
  }

  /** Adds a person, or changes the names of one who is there. */
  addUser(profile: UserProfile): User {
    if (!Number.isSafeInteger(profile.id) || profile.id <= 0) {
      throw new ClientError("a user's id is a positive integer");
    }
    if (typeof profile.first_name !== "string" || profile.first_name === "") {
      throw new ClientError("a user has a first name");
    }
    const user: User = { ...profile, is_bot: false };
    this.#world.chats.users.set(user.id, user);
    return user;
  }

  /** Opens the private chat with a bot (by username or id). Until the user writes there, the bot cannot. */
  openChat(userId: number, bot: string | number): ChatView {
    return this.chat(this.#world.chats.open(this.#user(userId), this.#bot(bot)).key);
  }

  createGroup(group: { title: string; members: number[]; bots: (string | number)[] }): ChatView {
    if (typeof group.title !== "string" || !Array.isArray(group.members) || !Array.isArray(group.bots)) {
      throw new ClientError("a group has a title, members and bots");
    }
    const members = group.members.map((id) => this.#user(id));
    if (members.length === 0) throw new ClientError("a group has members");
    const bots = group.bots.map((bot) => this.#bot(bot));
    return this.chat(this.#world.chats.createGroup(group.title, members, bots).key);
  }

  /** Every chat, in the order they were opened. */
  chats(): ChatSummary[] {
    return [...this.#world.chats.all.values()].map((state) => summaryOf(this.#world, state));
  }

  chat(key: string): ChatView {
    return viewOf(this.#world, this.#chat(key));
  }

  /** Sends a text. A bot in a group gets it only when it is a command, mentions the bot, or the bot reads everything. */
  send({ chat, user, text }: { chat: string; user?: number; text: string }): Message {
    const { world, state, from } = this.#actor(chat, user);
    if (typeof text !== "string") throw new ClientError("a message has a text");
    const content = formatText({ text, entities: [] });
    if (content.text === "") throw new ClientError("there is nothing to send");
    if (content.text.length > MAX_TEXT) throw new ClientError(`a message has at most ${MAX_TEXT} characters`);
    state.started = true;
    const message = world.chats.post(state, {
      from,
      date: seconds(world.now()),
      text: content.text,
      ...(content.entities.length > 0 && { entities: content.entities }),
    });
    for (const bot of state.bots) {
      if (!isGroup(state) || bot.readsGroups || concerns(message, bot)) {
        bot.updates.add(state.key, { message: structuredClone(message) });
      }
    }
    return structuredClone(message);
  }

  /** Presses a button of a message. Returns the id of the callback query, for {@link answer}. */
  press({ chat, user, message_id, label, data, forged }: Press): string {
    const { world, state, from } = this.#actor(chat, user);
    const message = state.messages.get(message_id)?.message;
    if (!message) throw new ClientError(`there is no message ${message_id} in the chat`);
    const bot = [...state.bots].find((bot) => bot.user.id === message.from.id);
    if (!bot) throw new ClientError("only a bot's message has buttons");
    const pressed = forged ? data : findButton(message, label, data)?.callback_data;
    if (typeof pressed !== "string") {
      throw new ClientError(`message ${message_id} has no such button: ${label ?? data}`);
    }
    const id = world.queries.open({ bot, chat: state.key, user: from.id });
    bot.updates.add(state.key, {
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

  /** Blocks or unblocks the bot of a private chat. */
  block(chat: string, blocked: boolean): void {
    const state = this.#chat(chat);
    if (isGroup(state)) throw new ClientError("a group cannot be blocked");
    state.blocked = blocked;
    this.#world.events.emit({ chat, kind: "chat" });
  }

  /** The chat once it is newer than version `after`, or as it is after `ms`. */
  async changed(chat: string, after: number, ms = WAIT_MS, signal?: AbortSignal): Promise<ChatView> {
    this.#chat(chat);
    await this.#world.events.newerThan(chat, after, ms, signal);
    return this.chat(chat);
  }

  /** The chat once it looks as wanted. @throws {ClientError} when it does not within `ms`. */
  async until(chat: string, wanted: (view: ChatView) => boolean, ms = WAIT_MS): Promise<ChatView> {
    const end = Date.now() + ms;
    for (;;) {
      const view = this.chat(chat);
      if (wanted(view)) return view;
      if (!await this.#world.events.newerThan(chat, view.version, end - Date.now())) {
        const shown = view.messages.map((m) => m.text ?? m.caption ?? m.document?.file_name);
        throw new ClientError(`the chat did not become as wanted within ${ms} ms; it shows ${JSON.stringify(shown)}`);
      }
    }
  }

  /** The bot's answer to a pressed button. @throws {ClientError} when there is none within `ms`. */
  async answer(queryId: string, ms = WAIT_MS, signal?: AbortSignal): Promise<CallbackAnswer> {
    const end = Date.now() + ms;
    for (;;) {
      const query = this.#world.queries.find(queryId);
      if (!query) throw new ClientError(`no button press has the query id ${queryId}`);
      if (query.answer) return query.answer;
      const version = this.#world.events.version(query.chat);
      if (!await this.#world.events.newerThan(query.chat, version, end - Date.now(), signal)) {
        throw new ClientError(`the button press was not answered within ${ms} ms`);
      }
    }
  }

  /** Calls back with everything that happens in any chat. Returns the function that ends it. */
  listen(listener: (event: ChatEvent) => void): () => void {
    return this.#world.events.listen(listener);
  }

  /** Content of a document; undefined when it is unknown or was forgotten. */
  file(fileId: string): { name: string; content: Uint8Array<ArrayBuffer> } | undefined {
    const content = this.#world.files.content(fileId);
    return content && { name: this.#world.files.find(fileId)?.file_name ?? "file", content };
  }

  /** Orders a fault for coming calls of the Bot API. */
  fault(order: FaultOrder): void {
    if (!["respond", "delay", "drop"].includes(order.fault?.kind)) throw new ClientError("a fault has a known kind");
    this.#faults.add(order);
  }

  clearFaults(): void {
    this.#faults.clear();
  }

  #chat(key: string): ChatState {
    const state = this.#world.chats.all.get(key);
    if (!state) throw new ClientError(`there is no chat ${key}`);
    return state;
  }

  #user(id: number): User {
    const user = this.#world.chats.users.get(id);
    if (!user) throw new ClientError(`there is no user ${id}`);
    return user;
  }

  #bot(name: string | number): BotState {
    const bot = [...this.#world.bots.values()].find(({ user }) => user.id === name || user.username === name);
    if (!bot) throw new ClientError(`there is no bot ${name}`);
    return bot;
  }

  #actor(chat: string, user: number | undefined) {
    const state = this.#chat(chat);
    if (state.blocked) throw new ClientError("the bot is blocked; unblock it first");
    const from = user === undefined ? [...state.members.values()][0] : state.members.get(user);
    if (!from) throw new ClientError(`user ${user} is no member of the chat`);
    return { world: this.#world, state, from };
  }
}

/** Privacy mode: a bot in a group sees commands, unless meant for another bot, and messages that mention it. */
function concerns({ text = "", entities = [] }: Message, bot: BotState): boolean {
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
