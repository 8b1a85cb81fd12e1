/**
 * A queue bounded by count and by bytes. It holds what is to be sent until the server has it.
 *
 * A record enters as a function that builds it and is serialised later, outside the bot's handlers. When memory runs short, the
 * oldest I/O goes first, and then what is newest does not come in. With a spool nothing goes: what has no room here waits there.
 *
 * @module
 */
import type { Account, DropReason } from "./account.ts";
import { type Item, jsonOf, type Recorded, shrink, toItem } from "./item.ts";
import type { Spool } from "./spooling.ts";

/** Best size of a request, in bytes of JSON, with room for a report; a single larger trace travels alone. */
const MAX_BATCH_BYTES = 255_000;

/** What travels in one request. */
export interface Batch {
  items: Item[];
  /** False in a backlog, as long as there are traces to send. */
  withIo: boolean;
}

export class Queue {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  readonly #account: Account;
  spool: Spool | undefined = undefined;
  #fresh: Recorded[] = [];
  #items: Item[] = [];
  /** Those of them whose trace is stored. */
  #stored = 0;
  #bytes = 0;
  /** Number of the newest item. */
  seq = 0;

  constructor(maxCount: number, maxBytes: number, account: Account) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
    this.#account = account;
  }

  get size(): number {
    return this.#fresh.length + this.#items.length + (this.spool?.waiting ?? 0);
  }

  /** Records not yet serialised. */
  get fresh(): number {
    return this.#fresh.length;
  }

  /** Nothing is in memory to be sent. */
  get idle(): boolean {
    return this.#items.length === 0;
  }

  /** False when the queue is full. */
  push(record: Recorded): boolean {
    // Stored ones give way when this one is serialised; with a spool, all do.
    const firm = this.spool === undefined ? this.#items.length - this.#stored : 0;
    if (firm + this.#fresh.length >= this.#maxCount) return false;
    this.#fresh.push(record);
    return true;
  }

  /** Serialises what is fresh. */
  serialise(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const record of fresh) {
      const item = toItem(record);
      if (typeof item === "string") this.#account.lose(item);
      else {
        item.seq = ++this.seq;
        const here = this.fits(1, item.bytes + item.ioBytes) && !this.spool?.waiting;
        if (!this.spool?.write(item, here)) this.keep(item);
        else if (here) this.add(item);
      }
    }
  }

  fits(count: number, bytes: number): boolean {
    return this.#items.length + count <= this.#maxCount && this.#bytes + bytes <= this.#maxBytes;
  }

  add(item: Item): void {
    this.#items.push(item);
    this.#bytes += item.bytes + item.ioBytes;
  }

  /** Takes an item into memory, at the cost of older I/O, of its own, or not at all. */
  keep(item: Item): void {
    if (!this.#makeRoom(item.bytes + item.ioBytes)) {
      if (item.io === undefined || !this.#makeRoom(item.bytes)) {
        this.#account.lose("queue_full");
        return item.done?.();
      }
      this.#dropIo(item);
    }
    this.add(item);
  }

  /** Whether anything that came up to the `seq`th is still here. */
  holds(seq: number): boolean {
    return this.#items.some((item) => item.seq <= seq) || (this.spool?.holds(seq) ?? false);
  }

  /** The oldest items, at least one if there is any; no trace twice, since its announcement must come to rest first. */
  next(maxCount: number): Batch {
    const all = this.#items;
    const fit = all.length <= maxCount && this.#bytes + all.length <= MAX_BATCH_BYTES;
    const withIo = fit || this.#stored === all.length;
    const batch = new Map<string, Item>();
    let bytes = 0;
    for (const item of all) {
      if (item.stored && !withIo) continue;
      bytes += item.bytes + 1 + (withIo ? item.ioBytes : 0);
      if (batch.size >= maxCount || (batch.size > 0 && bytes > MAX_BATCH_BYTES) || batch.has(item.traceId)) break;
      batch.set(item.traceId, item);
    }
    return { items: [...batch.values()], withIo };
  }

  /** The server has taken a batch, but for those of `rejected`, by trace id. */
  taken({ items, withIo }: Batch, rejected: Map<string | null, { code: string; message: string }>): void {
    const gone = new Set<Item>();
    for (const item of items) {
      const no = rejected.get(item.traceId);
      if (!no && !withIo && item.io !== undefined) {
        this.#bytes -= item.bytes;
        shrink(item);
        this.#bytes += item.bytes;
        this.#stored += 1;
        continue;
      }
      gone.add(item);
      if (no) this.#lost(item, "rejected", `The server rejected a trace: ${no.message} (${no.code})`, no.code);
      else this.#account.delivered += 1;
    }
    this.#remove(gone);
  }

  /** Gives up an item that the server will not take. */
  giveUp(item: Item, reason: DropReason, message?: string, detail?: string): void {
    this.#lost(item, reason, message, detail);
    this.#remove(new Set([item]));
  }

  /** Puts an item last, so that one that the server fails at does not hold up the others. */
  putLast(item: Item): void {
    this.#items = [...this.#items.filter((other) => other !== item), item];
  }

  /** A trace that the server has is delivered, whatever becomes of its I/O. */
  #lost(item: Item, reason: DropReason, message?: string, detail?: string): void {
    if (!item.stored) return this.#account.lose(reason, message, detail);
    this.#account.loseIo();
    this.#account.delivered += 1;
  }

  /** Drops the oldest I/O until an item of `bytes` has room, if it can have any. */
  #makeRoom(bytes: number): boolean {
    const gone = new Set<Item>();
    for (const item of this.#items) {
      const large = this.#bytes + bytes > this.#maxBytes;
      if (!large && this.#items.length - gone.size < this.#maxCount) break;
      if (item.io === undefined || item.busy || !(large || item.stored)) continue;
      this.#bytes -= item.ioBytes;
      this.#dropIo(item);
      if (!item.stored) continue;
      this.#account.delivered += 1;
      gone.add(item);
    }
    this.#remove(gone);
    return this.fits(1, bytes);
  }

  #dropIo(item: Item): void {
    item.io = undefined;
    item.ioBytes = 0;
    this.#account.loseIo();
  }

  #remove(gone: Set<Item>): void {
    if (gone.size === 0) return;
    this.#items = this.#items.filter((item) => !gone.has(item));
    for (const item of gone) {
      this.#bytes -= item.bytes + item.ioBytes;
      if (item.stored) this.#stored -= 1;
      item.done?.();
    }
  }
}

/** The traces of a batch as they travel. */
export const jsonsOf = ({ items, withIo }: Batch): string[] => items.map((item) => jsonOf(item, withIo));
