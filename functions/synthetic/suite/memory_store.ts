/**
 * The store of a replay: this process alone runs it, nothing is paid, and nothing is kept but the outcomes.
 *
 * @module
 */
import type { Outcome, Store, Taken } from "./ports.ts";

export interface MemoryStore extends Store {
  /** In the order in which they ended. */
  readonly ended: readonly { taken: Taken; outcome: Outcome }[];
}

export function memoryStore(items: readonly Pick<Taken, "position" | "scenario" | "repeat">[]): MemoryStore {
  const left = [...items];
  const ended: { taken: Taken; outcome: Outcome }[] = [];
  return {
    ended,
    take() {
      const next = left.shift();
      return Promise.resolve(next ? { kind: "taken", attempt: 1, ...next } : { kind: "done" });
    },
    ledger: () => ({
      begin: () => Promise.reject(new Error("A replay pays for no call.")),
      settle: () => Promise.reject(new Error("A replay pays for no call.")),
    }),
    transport: () => ({ send: () => Promise.resolve({ kind: "accepted", rejected: [] }) }),
    beat: () => Promise.resolve({ stopped: false }),
    finish(taken, outcome) {
      ended.push({ taken, outcome });
      return Promise.resolve(true);
    },
  };
}
