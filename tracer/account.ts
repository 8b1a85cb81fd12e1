/**
 * The account of every record: it is delivered, dropped for a reason, or still queued.
 *
 * @module
 */

/** `refused`: the whole batch; `rejected`: this one by the server's checks; `closed`: ended after `close()`. */
export type DropReason = "queue_full" | "too_large" | "not_serialisable" | "refused" | "rejected" | "closed";

/** `recorded` = `delivered` + `queued` + the sum of `dropped`. The announcement of a long trace is a record of its own. */
export interface DeliveryStats {
  recorded: number;
  delivered: number;
  queued: number;
  dropped: { [reason in DropReason]?: number };
  /** Requests that failed and were, or will be, repeated. */
  retries: number;
}

export class Account {
  recorded = 0;
  delivered = 0;
  retries = 0;
  /** Records that the queue took. */
  taken = 0;
  /** Those of them that were lost after all. */
  lost = 0;
  readonly #dropped: DeliveryStats["dropped"] = {};

  /** Those of the taken that left the queue, one way or the other. */
  get settled(): number {
    return this.delivered + this.lost;
  }

  /** A record never came into the queue. */
  drop(reason: DropReason): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + 1;
  }

  /** Records came into the queue and will not be delivered. */
  lose(reason: DropReason, count: number): void {
    if (count === 0) return;
    this.lost += count;
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count;
  }

  stats(queued: number): DeliveryStats {
    const { recorded, delivered, retries } = this;
    return { recorded, delivered, queued, dropped: { ...this.#dropped }, retries };
  }
}
