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
  /** Still to be sent, in memory or on disk. */
  queued: number;
  /** Records that were given up, by reason. */
  dropped: { [reason in DropReason]?: number };
  /**
   * Records whose requests and responses were given up, because memory ran short or the server did not want them. The
   * record itself is counted above as any other. The server hears of it as `io_dropped`.
   */
  ioDropped: number;
  /** Requests that failed and were, or will be, repeated. */
  retries: number;
}

export function openAccount(reporter: Reporter) {
  /** By reason. The requests and responses of a record are one of their own, as the server hears it. */
  const totals: Record<string, number> = {};
  const account = {
    recorded: 0,
    delivered: 0,
    retries: 0,
    /** Sum of the totals. */
    lost: 0,
    /** @param why,code What the server says. */
    drop(reason: DropReason | "io_dropped", why?: string, code?: string, count = 1): void {
      totals[reason] = (totals[reason] ?? 0) + count;
      account.lost += count;
      const what = reason === "io_dropped" ? "Requests and responses" : "Traces";
      reporter.once(reason, `${what} are dropped: ${code ? `${why} (${code})` : reason}`, code);
    },
    stats(queued: number): DeliveryStats {
      const { recorded, delivered, retries } = account;
      const { io_dropped: ioDropped = 0, ...dropped } = totals;
      return { recorded, delivered, queued, dropped, ioDropped, retries };
    },
    /** For the server. */
    totals: () => ({ ...totals }),
  };
  return account;
}

export type Account = ReturnType<typeof openAccount>;
