/**
 * What a run needs of the world: who hands out its scenarios and takes their outcomes. SQL for live runs, memory for replays.
 *
 * @module
 */
import type { Transport } from "../../../tracer/transport.ts";
import type { EnteredRun, Outcome, Taken } from "../../_shared/synthetic_work.ts";
import type { Ledger } from "../llm/ports.ts";

export type { Outcome, Taken };

/** What a worker has to know of a run. */
export type RunHead = Pick<EnteredRun, "run_id" | "tier" | "mode" | "seed" | "concurrency">;

export interface Store {
  /** The next scenario; `wait`: others run the rest; `done`: all have ended, or the run was stopped. */
  take(): Promise<Taken | { kind: "wait" | "done" }>;
  ledger(taken: Taken): Ledger;
  /** Where the scenario's traces go. */
  transport(taken: Taken): Transport;
  /** Keeps what this worker has taken. Resolves to whether the run has been stopped. */
  beat(): Promise<{ stopped: boolean }>;
  /** Resolves to false when somebody else has it by now: the outcome is not kept. */
  finish(taken: Taken, outcome: Outcome): Promise<boolean>;
}
