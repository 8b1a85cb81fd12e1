/**
 * Counting what is refused, without a query for each: whoever posts rubbish must not make the database work.
 *
 * Counts wait in the isolate, a number a reason, and go along with the next claim, or with a call of their own, at most one
 * each few seconds. What an isolate has not handed over when it is ended is lost: what was refused since its last call, and
 * after that until somebody asks anything of it.
 *
 * @module
 */
import type { Db, RefusalCounts, RefusalReason } from "../_shared/db.ts";
import { describe, type Log } from "./log.ts";

/** At most one call of its own in so many milliseconds. */
const HAND_OVER_MS = 5000;

export interface Refusals {
  /** Counts one, and hands over what waits if it is time. Never throws. */
  count(reason: RefusalReason): Promise<void>;
  /** All that waits; the caller hands it over, or gives it {@link Refusals.back}. */
  take(): RefusalCounts;
  back(counts: RefusalCounts): void;
}

export function createRefusals(deps: { db: Pick<Db, "countRefusals">; log: Log; now: () => Date }): Refusals {
  let waiting: RefusalCounts = {};
  let handedOver = -Infinity;

  function take(): RefusalCounts {
    const counts = waiting;
    waiting = {};
    return counts;
  }

  function back(counts: RefusalCounts): void {
    for (const [reason, count] of Object.entries(counts)) add(reason as RefusalReason, count);
  }

  function add(reason: RefusalReason, count: number): void {
    waiting[reason] = (waiting[reason] ?? 0) + count;
  }

  return {
    take,
    back,
    async count(reason) {
      add(reason, 1);
      const now = deps.now().getTime();
      if (now - handedOver < HAND_OVER_MS) return;
      handedOver = now;
      const counts = take();
      try {
        await deps.db.countRefusals(counts);
      } catch (error) {
        back(counts);
        deps.log({ level: "warn", event: "refusals_not_counted", ...describe(error) });
      }
    },
  };
}
