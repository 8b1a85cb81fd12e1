/**
 * A queue bounded by count and by bytes. It holds what is to be sent until the server has it.
 *
 * A record enters as a function that builds it and is serialised later, outside the bot's handlers. When memory runs short, the
 * oldest I/O goes first, and then what is newest does not come in. With a spool nothing goes: what has no room here waits there.
 *
 * @module
 */
import type { Account, DropReason } from "./account.ts";
import { type Item, type Recorded, shrink, toItem } from "./item.ts";
import type { Spool } from "./spooling.ts";
import type { Rejected } from "./transport.ts";

/** Best size of a request, in bytes of JSON, with room for a report; a single larger trace travels alone. */
const MAX_BATCH_BYTES = 255_000;

/** What travels in one request. */
export interface Batch {
  items: Item[];
  /** False in a backlog, as long as there are traces to send. */
  withIo: boolean;
}

export function openQueue(maxCount: number, maxBytes: number, account: Account) {
  let fresh: Recorded[] = [];
  let items: Item[] = [];
  /** Those of them whose trace is stored. */
  let stored = 0;
  let bytes = 0;

  const fits = (moreCount: number, moreBytes: number) =>
    items.length + moreCount <= maxCount && bytes + moreBytes <= maxBytes;

  function add(item: Item): void {
    items.push(item);
    bytes += item.bytes;
  }

  /** Takes an item into memory, at the cost of older I/O, of its own, or not at all. */
  function keep(item: Item): void {
    if (!makeRoom(item.bytes)) {
      if (!item.io || !makeRoom(item.bytes - item.ioBytes)) {
        account.drop("queue_full");
        return item.done?.();
      }
      dropIo(item);
    }
    add(item);
  }

  /** Drops the oldest I/O until an item of `wanted` bytes has room, if it can have any. */
  function makeRoom(wanted: number): boolean {
    const gone = new Set<Item>();
    for (const item of items) {
      const large = bytes + wanted > maxBytes;
      if (!large && items.length - gone.size < maxCount) break;
      if (!item.io || item.busy || !(large || item.stored)) continue;
      bytes -= item.ioBytes;
      dropIo(item);
      if (!item.stored) continue;
      account.delivered += 1;
      gone.add(item);
    }
    remove(gone);
    return fits(1, wanted);
  }

  function dropIo(item: Item): void {
    item.bytes -= item.ioBytes;
    item.ioBytes = 0;
    item.io = undefined;
    account.drop("io_dropped");
  }

  function remove(gone: Set<Item>): void {
    if (gone.size === 0) return;
    items = items.filter((item) => !gone.has(item));
    for (const item of gone) {
      bytes -= item.bytes;
      if (item.stored) stored -= 1;
      item.done?.();
    }
  }

  const queue = {
    spool: undefined as Spool | undefined,
    /** Number of the newest item. */
    seq: 0,
    fits,
    add,
    keep,
    size: () => fresh.length + items.length + (queue.spool?.waiting ?? 0),
    /** Nothing is in memory to be sent. */
    idle: () => items.length === 0,

    /** Returns how many records are not yet serialised; 0 when the queue is full. */
    push(record: Recorded): number {
      // What does not wait for room in memory need not wait for the end of the tick either.
      if (queue.spool && fresh.length >= maxCount) queue.serialise();
      // Stored ones give way when this one is serialised; with a spool, all do.
      const firm = queue.spool ? 0 : items.length - stored;
      return firm + fresh.length < maxCount ? fresh.push(record) : 0;
    },

    /** Serialises what is fresh. */
    serialise(): void {
      const records = fresh;
      fresh = [];
      for (const record of records) {
        const item = toItem(record);
        if (typeof item === "string") {
          account.drop(item);
          continue;
        }
        item.seq = ++queue.seq;
        const here = fits(1, item.bytes) && !queue.spool?.waiting;
        if (!queue.spool?.write(item, here)) keep(item);
        else if (here) add(item);
      }
    },

    /** Whether anything that came up to the `seq`th is still here. */
    holds: (seq: number) => items.some((item) => item.seq <= seq) || !!queue.spool?.holds(seq),

    /** The oldest items, at least one if there is any; no trace twice, since its announcement must come to rest first. */
    next(maxItems: number): Batch {
      const fit = items.length <= maxItems && bytes + items.length <= MAX_BATCH_BYTES;
      const withIo = fit || stored === items.length;
      const batch = new Map<string, Item>();
      let size = 0;
      for (const item of items) {
        if (item.stored && !withIo) continue;
        size += item.bytes + 1 - (withIo ? 0 : item.ioBytes);
        if (batch.size >= maxItems || (batch.size > 0 && size > MAX_BATCH_BYTES) || batch.has(item.traceId)) break;
        batch.set(item.traceId, item);
      }
      return { items: [...batch.values()], withIo };
    },

    /** The server has taken a batch, but for those that it will never take. */
    settled(batch: Batch, rejected: (Partial<Rejected> & Pick<Rejected, "trace_id">)[], reason: DropReason): void {
      const reasons = new Map(rejected.map((item) => [item.trace_id, item]));
      const gone = new Set<Item>();
      for (const item of batch.items) {
        const no = reasons.get(item.traceId);
        if (!no && !batch.withIo && item.io) {
          bytes -= item.bytes;
          shrink(item);
          bytes += item.bytes;
          stored += 1;
          continue;
        }
        gone.add(item);
        if (no && !item.stored) {
          account.drop(reason, no.message, no.code);
          continue;
        }
        // A trace that the server has is delivered, whatever becomes of its I/O.
        if (no) account.drop("io_dropped");
        account.delivered += 1;
      }
      remove(gone);
    },

    /** Puts an item last, so that one that the server fails at does not hold up the others. */
    putLast(item: Item): void {
      items = [...items.filter((other) => other !== item), item];
    },
  };
  return queue;
}

export type Queue = ReturnType<typeof openQueue>;
