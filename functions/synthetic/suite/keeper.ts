/**
 * Keeps what a worker has taken, and notices when it cannot.
 *
 * @module
 */
import type { Store } from "./ports.ts";
import { clearTimeout, setTimeout, sleep } from "../sleep.ts";

/** How the database counts (sql/67_synthetic_work.sql). What is sent just before its end may come too late. */
export const LEASE_MS = 30_000;
const MARGIN_MS = 2000;
export const BEAT_MS = 1000;

export interface Keeper {
  /** Aborts when the run was stopped, or when somebody else may have what this worker has taken. */
  readonly signal: AbortSignal;
  readonly why: "stopped" | "lost" | undefined;
  /** Beats until it is let go as often as it was held. @param since When it was asked for what is held. */
  hold(since: number): void;
  letGo(): void;
}

export function openKeeper(store: Pick<Store, "beat">, { leaseMs = LEASE_MS, beatMs = BEAT_MS } = {}): Keeper {
  const abort = new AbortController();
  let why: Keeper["why"];
  let held = 0;
  let beating: Promise<void> | undefined;
  let rest = new AbortController();
  let watch: ReturnType<typeof setTimeout> | undefined;

  function end(reason: NonNullable<Keeper["why"]>): void {
    why ??= reason;
    abort.abort(new Error(reason === "stopped" ? "The run was stopped." : "The database was away for too long."));
  }

  /** The lease is counted from before the request: the database may have got it at once, and answered late. */
  function keptSince(at: number): void {
    clearTimeout(watch);
    watch = setTimeout(
      () => end("lost"),
      Math.max(0, at + leaseMs - Math.min(MARGIN_MS, leaseMs / 10) - performance.now()),
    );
  }

  async function beat(): Promise<void> {
    while (held > 0 && !abort.signal.aborted) {
      const at = performance.now();
      try {
        const { stopped } = await store.beat();
        if (held > 0) keptSince(at);
        if (stopped) end("stopped");
      } catch {
        // Until the lease is over, the next one may do.
      }
      await sleep(Math.max(0, at + beatMs - performance.now()), AbortSignal.any([abort.signal, rest.signal]));
    }
  }

  return {
    signal: abort.signal,
    get why() {
      return why;
    },
    hold(since) {
      if (held++ > 0) return;
      keptSince(since);
      rest = new AbortController();
      const before = beating;
      beating = (async () => {
        await before;
        await beat();
      })();
    },
    letGo() {
      if (--held > 0) return;
      clearTimeout(watch);
      rest.abort();
    },
  };
}
