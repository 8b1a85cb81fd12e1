/**
 * Tells the admin bot that a run has something new to show, which it then reads from the database.
 *
 * @module
 */
import { sleep } from "./sleep.ts";

export interface Teller {
  /** Something has changed. */
  tell: () => void;
  /** Tells of the last change, and resolves once that is heard, or nobody hears. */
  close(): Promise<void>;
}

export interface TellerOptions {
  /** Posts that there is something. Resolves to whether it was heard. */
  post: () => Promise<boolean>;
  /** At most once in so many milliseconds. @default 2000 */
  everyMs?: number;
  /** How often the last change is told, until it is heard. @default 3 */
  tries?: number;
}

export function openTeller({ post, everyMs = 2000, tries = 3 }: TellerOptions): Teller {
  let changed = false;
  let telling: Promise<void> | undefined;
  const closed = new AbortController();
  const heard = () => post().catch(() => false);

  return {
    tell() {
      changed = true;
      // What changes while it waits is told with the next one.
      telling ??= (async () => {
        while (changed && !closed.signal.aborted) {
          changed = false;
          await heard();
          await sleep(everyMs, closed.signal);
        }
        telling = undefined;
      })();
    },
    async close() {
      closed.abort();
      await telling;
      for (let left = tries; left > 0 && !await heard(); left--) if (left > 1) await sleep(everyMs);
    },
  };
}
