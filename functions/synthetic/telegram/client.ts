/**
 * The users' side: what people do in a Telegram app, for tests and behind `client_http.ts` for the page and scripts.
 *
 * @module
 */
import { type Actor, ClientError, type Press, press, type Said, say } from "./acts.ts";
import { answer, settled, until } from "./awaiting.ts";
import type { CallRecord } from "./bot_api.ts";
import type { BotCommand, BotState } from "./bots.ts";
import { type ChatState, isGroup } from "./chats.ts";
import type { CallbackAnswer, ChatEvent } from "./events.ts";
import type { FaultOrder, Faults } from "./faults.ts";
import type { FileContent } from "./files.ts";
import { menuFor } from "./methods/commands.ts";
import type { Message, User } from "./types.ts";
import { type ChatSummary, type ChatView, summaryOf, viewOf } from "./views.ts";
import type { Delivery } from "./webhook.ts";
import type { World } from "./world.ts";

export { ClientError, type Press, type Said };

/** A person. Ids are positive. */
export interface UserProfile {
  id: number;
  first_name: string;
  last_name?: string;
  username?: string;
  language_code?: string;
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

  /** A supergroup, as most are, unless `type` says otherwise. */
  createGroup(group: {
    title: string;
    type?: "group" | "supergroup";
    members: number[];
    bots: (string | number)[];
  }): ChatView {
    if (typeof group.title !== "string" || !Array.isArray(group.members) || !Array.isArray(group.bots)) {
      throw new ClientError("a group has a title, members and bots");
    }
    const members = group.members.map((id) => this.#user(id));
    if (members.length === 0) throw new ClientError("a group has members");
    const bots = group.bots.map((bot) => this.#bot(bot));
    return this.chat(this.#world.chats.createGroup(group.title, group.type ?? "supergroup", members, bots).key);
  }

  /** Every chat, in the order they were opened. */
  chats(): ChatSummary[] {
    return [...this.#world.chats.all.values()].map((state) => summaryOf(this.#world, state));
  }

  chat(key: string): ChatView {
    return viewOf(this.#world, this.#chat(key));
  }

  /** Sends a text, a picture or a file, as a reply if so wanted, or forwards a message. */
  send(said: Said): Message {
    return say(this.#actor(said.chat, said.user), said);
  }

  /** Presses a button of a message. Returns the id of the callback query, for {@link answer}. */
  press(pressed: Press): string {
    return press(this.#actor(pressed.chat, pressed.user), pressed);
  }

  /** Blocks or unblocks the bot of a private chat. */
  block(chat: string, blocked: boolean): void {
    const state = this.#chat(chat);
    if (isGroup(state)) throw new ClientError("a group cannot be blocked");
    state.blocked = blocked;
    this.#world.events.emit({ chat, kind: "chat" });
  }

  /** Throws a bot out of a group. */
  kick(chat: string, bot: string | number): void {
    const state = this.#chat(chat);
    const found = this.#bot(bot);
    if (!isGroup(state) || !state.bots.delete(found)) throw new ClientError(`bot ${bot} is in no such group`);
    state.kicked.add(found);
    this.#world.events.emit({ chat, kind: "chat" });
  }

  /** Whether the Bot API knows rich messages: in all chats, or in one. */
  setRich(known: boolean, chat?: string): void {
    if (chat !== undefined) this.#chat(chat);
    this.#world.features.setRich(known, chat);
  }

  /** The command menu that a bot shows to a person in a chat. */
  menu(chat: string, user?: number, bot?: string | number): BotCommand[] {
    const state = this.#chat(chat);
    const who = user === undefined ? [...state.members.values()][0] : state.members.get(user);
    const whose = bot === undefined ? [...state.bots][0] : this.#bot(bot);
    if (!who || !whose) throw new ClientError(`user ${user} and bot ${bot} are not both in the chat`);
    return menuFor(whose, {
      chat: state.chat.id,
      user: who.id,
      group: isGroup(state),
      language: who.language_code,
    });
  }

  /** True once no bot has an update to take, false after `ms`. A bot with a webhook has then answered each. */
  settled(ms = WAIT_MS, signal?: AbortSignal): Promise<boolean> {
    return settled(this.#world, ms, signal);
  }

  /** The chat once it is newer than version `after`, or as it is after `ms`. */
  async changed(chat: string, after: number, ms = WAIT_MS, signal?: AbortSignal): Promise<ChatView> {
    this.#chat(chat);
    await this.#world.events.newerThan(chat, after, ms, signal);
    return this.chat(chat);
  }

  /** The chat once it looks as wanted. @throws {ClientError} when it does not within `ms`. */
  until(chat: string, wanted: (view: ChatView) => boolean, ms = WAIT_MS): Promise<ChatView> {
    return until(this.#world, () => this.chat(chat), wanted, ms);
  }

  /** The bot's answer to a pressed button. @throws {ClientError} when there is none within `ms`. */
  answer(queryId: string, ms = WAIT_MS, signal?: AbortSignal): Promise<CallbackAnswer> {
    return answer(this.#world, queryId, ms, signal);
  }

  /** Calls back with everything that happens in any chat. Returns the function that ends it. */
  listen(listener: (event: ChatEvent) => void): () => void {
    return this.#world.events.listen(listener);
  }

  /** Content of a document or picture; undefined when it is unknown or was forgotten. */
  file(fileId: string): FileContent | undefined {
    return this.#world.files.content(fileId);
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

  #actor(chat: string, user: number | undefined): Actor {
    const state = this.#chat(chat);
    if (state.blocked) throw new ClientError("the bot is blocked; unblock it first");
    const from = user === undefined ? [...state.members.values()][0] : state.members.get(user);
    if (!from) throw new ClientError(`user ${user} is no member of the chat`);
    return { world: this.#world, state, from };
  }
}
