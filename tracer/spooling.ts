/**
 * What the delivery and a spool know of each other. The one spool there is: `diskSpool()` of `tracegram/spool`.
 *
 * @module
 */
import type { Account } from "./account.ts";
import type { Item } from "./item.ts";
import type { Queue } from "./queue.ts";

/** Where records wait that have no room in memory, and where all of them survive a crash. */
export interface Spool {
  /** Records that only the spool holds. While there are any, new ones queue up behind them. */
  readonly waiting: number;
  /** Whether some of these came up to the `seq`th. */
  holds(seq: number): boolean;
  /** Writes an item, soon. `here`: it stays in memory too. False when it cannot be written. */
  write(item: Item, here: boolean): boolean;
  /** Brings back the oldest as far as they fit. Never rejects. */
  refill(): Promise<void>;
  /** Resolves when all is written. Never rejects. */
  close(): Promise<void>;
}

/** What a spool needs of the delivery. */
export interface SpoolHost {
  /** Bounds of the memory. */
  maxCount: number;
  maxBytes: number;
  queue: Queue;
  account: Account;
  /** There is something to send. */
  wake(): void;
  problem(message: string): void;
}

/** Opens a spool for a tracer: `diskSpool()` of `tracegram/spool` makes one. */
export type OpenSpool = (host: SpoolHost) => Spool;
