/**
 * The account of every record: it is delivered, dropped for a reason, or still queued.
 *
 * @module
 */
import type { Reporter } from "./report.ts";

/**
 * `queue_full`: no room, in memory or on disk; `refused`: the server will never take it; `rejected`: the server's checks
 * said no; `closed`: ended after `close()`; `spool_full`: the oldest on disk, beyond its bound; `spool_lost`: was on disk
 * and cannot be read, such as a line half written when the process was killed.
 */
export type DropReason =
  | "queue_full"
  | "too_large"
  | "not_serialisable"
  | "refused"
  | "rejected"
  | "closed"
  | "spool_full"
  | "spool_lost";

/** `recorded` = `delivered` + `queued` + the sum of `dropped`. The announcement of a long trace is a record of its own. */
export interface DeliveryStats {
  /** What has ended, and what a spool brought back from an earlier process. */
  recorded: number;
  /** The server has taken it, and its requests and responses too unless those are in `ioDropped`. */
  delivered: number;
  queued: number;
  dropped: { [reason in DropReason]?: number };
  /**
   * Records whose requests and responses were given up, because memory ran short or the server did not want them. The
   * record itself is counted above as any other. The server hears of it as `io_dropped`.
   */
  ioDropped: number;
  /** Requests that failed and were, or will be, repeated. */
  retries: number;
}

export class Account {
  readonly #reporter: Reporter;
  readonly #dropped: DeliveryStats["dropped"] = {};
  recorded = 0;
  delivered = 0;
  retries = 0;
  ioDropped = 0;
  /** What was queued and then lost, requests and responses included. */
  lost = 0;
  /** All that the server has to be told of. */
  total = 0;

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  /** Records never came into the queue. */
  drop(reason: DropReason, message = `Traces are dropped: ${reason}.`, detail = "", count = 1): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + count;
    this.total += count;
    this.#reporter.once(reason, message, detail);
  }

  /** Records that were queued will not be delivered. */
  lose(reason: DropReason, message?: string, detail?: string, count = 1): void {
    this.lost += count;
    this.drop(reason, message, detail, count);
  }

  loseIo(): void {
    this.ioDropped += 1;
    this.lost += 1;
    this.total += 1;
    this.#reporter.once("io_dropped", "Requests and responses of traces are dropped.");
  }

  stats(queued: number): DeliveryStats {
    const { recorded, delivered, ioDropped, retries } = this;
    return { recorded, delivered, queued, dropped: { ...this.#dropped }, ioDropped, retries };
  }

  /** Totals for the server. */
  report(): Record<string, number> {
    return { ...this.#dropped, ...(this.ioDropped > 0 && { io_dropped: this.ioDropped }) };
  }
}
