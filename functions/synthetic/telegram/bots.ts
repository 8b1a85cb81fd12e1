/**
 * The bots this Telegram knows: who they are, and the updates that wait for each.
 *
 * @module
 */
import { type Update, UPDATE_TYPES, type User } from "./types.ts";

/** A bot as BotFather would have made it. The number before the token's colon is its id. */
export interface BotAccount {
  token: string;
  username: string;
  first_name?: string;
  /** True turns privacy mode off: the bot then sees every message of its groups, not only what is meant for it. */
  can_read_all_group_messages?: boolean;
}

export interface PendingUpdate {
  update: Update;
  /** Updates of one chat are delivered one after the other. */
  chat: string;
  /** Delivery attempts that have failed. */
  failures: number;
}

export interface BotCommand {
  command: string;
  description: string;
}

export interface BotState {
  token: string;
  user: User;
  readsGroups: boolean;
  /** By scope and language, see `methods/commands.ts`. */
  commands: Map<string, BotCommand[]>;
  updates: UpdateQueue;
}

export function createBot(account: BotAccount, firstUpdateId = 1): BotState {
  const id = Number(/^(\d+):[\w-]+$/.exec(account.token)?.[1]);
  if (!Number.isSafeInteger(id)) throw new TypeError(`a bot token looks like 123456:ABC-def, not ${account.token}`);
  return {
    token: account.token,
    user: { id, is_bot: true, first_name: account.first_name ?? account.username, username: account.username },
    readsGroups: account.can_read_all_group_messages ?? false,
    commands: new Map(),
    updates: new UpdateQueue(firstUpdateId),
  };
}

/** Updates in the order of their ids, until the bot confirms them (polling) or accepts them (webhook). */
export class UpdateQueue {
  readonly pending: PendingUpdate[] = [];
  allowed: readonly string[] = [];
  readonly #listeners = new Set<() => void>();
  #nextId: number;

  constructor(firstId: number) {
    this.#nextId = firstId;
  }

  /** Queues an update, unless the bot does not want its kind. */
  add(chat: string, update: Omit<Update, "update_id">): void {
    const kind = Object.keys(update)[0]!;
    if (this.allowed.length > 0 && !this.allowed.includes(kind)) return;
    this.pending.push({ update: { update_id: this.#nextId++, ...update }, chat, failures: 0 });
    for (const listener of [...this.#listeners]) listener();
  }

  remove(pending: PendingUpdate): void {
    const at = this.pending.indexOf(pending);
    if (at >= 0) this.pending.splice(at, 1);
  }

  /** As in `getUpdates`: everything before `offset` is confirmed; a negative one keeps the last so many. */
  confirm(offset: number): void {
    if (offset < 0) this.pending.splice(0, Math.max(0, this.pending.length + offset));
    else while (this.pending[0] && this.pending[0].update.update_id < offset) this.pending.shift();
  }

  /** Takes `allowed_updates` over; unknown kinds are ignored, and none at all means the usual ones. */
  allow(kinds: unknown): void {
    if (Array.isArray(kinds)) this.allowed = kinds.filter((kind) => UPDATE_TYPES.includes(kind));
  }

  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
