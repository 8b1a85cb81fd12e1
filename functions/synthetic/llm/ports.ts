/**
 * What the LLM client of a scenario needs of the world: the ledger, which lets calls be paid for, and recordings.
 *
 * @module
 */
import type { Begun, CallEnd, CallStart, Recorded } from "../../_shared/synthetic_work.ts";

export type { Begun, CallEnd, CallStart, Recorded };

/** Keeps the books. In SQL for what is paid; refuses everything in a replay. */
export interface Ledger {
  begin(call: CallStart): Promise<Begun>;
  settle(callId: number, end: CallEnd): Promise<void>;
}

/** The recordings of one scenario. */
export interface Recordings {
  find(key: string, nth: number): Recorded | undefined;
  /** Takes the place of one with the same key and nth. */
  add(recorded: Recorded): void;
  /** All of them, to name the closest one where one is missing. */
  all(): readonly Recorded[];
}
