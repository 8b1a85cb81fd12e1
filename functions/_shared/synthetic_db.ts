/**
 * The RPC functions of synthetic tests, one method each.
 *
 * @module
 */
import type { IngestResult } from "../../tracer/wire.ts";
import type {
  AskAnswer,
  ConfirmAnswer,
  RunMessage,
  RunWish,
  ScenarioEntry,
  StopAnswer,
  SyntheticOverview,
  SyntheticRun,
} from "./synthetic_answers.ts";
import type { Begun, CallEnd, CallStart, EnteredRun, Outcome, Recorded, Taken } from "./synthetic_work.ts";

/** A run, and what lets a worker work on it. */
export interface RunKey {
  run_id: string;
  token: string;
}

/** A scenario of a run as a worker has it; `attempt` fences off whoever had it before. */
export type Hold = Pick<Taken, "position" | "attempt">;

export interface SyntheticDb {
  /** What a function or a terminal can run; takes the place of all that was registered. */
  registerScenarios(entries: readonly ScenarioEntry[]): Promise<void>;
  syntheticOverview(): Promise<SyntheticOverview>;
  /** Says what a run would cost. For operators; `actor` null: a terminal, which has the service key. */
  askRun(actor: number | null, wish: RunWish): Promise<AskAnswer>;
  /** Once, by who has asked, within five minutes. `ceiling`: null takes the worst estimate, where all is known. */
  confirmRun(actor: number | null, runId: string, ceilingMicrousd: number | null): Promise<ConfirmAnswer>;
  /** Also takes back what was not confirmed. */
  stopRun(actor: number | null, runId: string): Promise<StopAnswer>;
  getRun(runId: string): Promise<SyntheticRun | null>;
  /** Null: the token is wrong, or the run is over. */
  enterRun(run: RunKey): Promise<EnteredRun | null>;
  takeScenario(run: RunKey, worker: string): Promise<Taken | { kind: "wait" | "done" }>;
  /** Keeps what the worker has taken for another 30 seconds. */
  beatRun(run: RunKey, worker: string): Promise<{ stopped: boolean }>;
  beginCall(run: RunKey, hold: Hold, call: CallStart): Promise<Begun>;
  settleCall(run: RunKey, callId: number, end: CallEnd): Promise<void>;
  /** `kept` false: somebody else has the scenario by now. */
  finishScenario(run: RunKey, hold: Hold, outcome: Outcome): Promise<{ kept: boolean }>;
  /** Traces of a scenario, which count in none of the bot's own figures. */
  storeSyntheticTraces(run: RunKey, batch: unknown): Promise<IngestResult>;
  /** The message about the run, for who is to send or edit it now; null: somebody does, or it shows this version. */
  claimRunMessage(runId: string): Promise<RunMessage | null>;
  /** `messageId` null: it could not be sent. `version`: the run's as it was shown. */
  finishRunMessage(runId: string, messageId: number | null, version: number): Promise<void>;
  /** What live calls of a run were answered with, a page after the call `after`. */
  runRecordings(
    runId: string,
    after: number,
  ): Promise<{ recordings: { call_id: number; scenario: string; recorded: Recorded }[]; more: boolean }>;
}

type Rpc = <T>(name: string, args: Record<string, unknown>) => Promise<T>;

export const syntheticMethods = (rpc: Rpc): SyntheticDb => ({
  registerScenarios: (entries) => rpc("register_scenarios", { p_scenarios: entries }),
  syntheticOverview: () => rpc("synthetic_overview", {}),
  askRun: (actor, wish) => rpc("ask_synthetic_run", { p_actor: actor, p_wish: wish }),
  confirmRun: (actor, runId, ceiling) =>
    rpc("confirm_synthetic_run", { p_actor: actor, p_run_id: runId, p_ceiling_microusd: ceiling }),
  stopRun: (actor, runId) => rpc("stop_synthetic_run", { p_actor: actor, p_run_id: runId }),
  getRun: (runId) => rpc("get_synthetic_run", { p_run_id: runId }),
  enterRun: ({ run_id, token }) => rpc("enter_synthetic_run", { p_run_id: run_id, p_token: token }),
  takeScenario: ({ run_id, token }, worker) =>
    rpc("take_scenario", { p_run_id: run_id, p_token: token, p_worker: worker }),
  beatRun: ({ run_id, token }, worker) =>
    rpc("beat_synthetic_run", { p_run_id: run_id, p_token: token, p_worker: worker }),
  beginCall: ({ run_id, token }, { position, attempt }, call) =>
    rpc("begin_llm_call", { p_run_id: run_id, p_token: token, p_position: position, p_attempt: attempt, p_call: call }),
  settleCall: ({ run_id, token }, callId, end) =>
    rpc("settle_llm_call", { p_run_id: run_id, p_token: token, p_call_id: callId, p_end: end }),
  finishScenario: ({ run_id, token }, { position, attempt }, outcome) =>
    rpc("finish_scenario", {
      p_run_id: run_id,
      p_token: token,
      p_position: position,
      p_attempt: attempt,
      p_outcome: outcome,
    }),
  storeSyntheticTraces: ({ run_id, token }, batch) =>
    rpc("store_synthetic_traces", { p_run_id: run_id, p_token: token, p_batch: batch }),
  claimRunMessage: (runId) => rpc("claim_run_message", { p_run_id: runId }),
  finishRunMessage: (runId, messageId, version) =>
    rpc("finish_run_message", { p_run_id: runId, p_message_id: messageId, p_version: version }),
  runRecordings: (runId, after) => rpc("synthetic_recordings", { p_run_id: runId, p_after: after }),
});
