/**
 * What the functions of synthetic tests take and return (sql/66–69). Money is integer micro-dollars, times are ISO 8601.
 *
 * @module
 */
import type { Role } from "./answers.ts";
import type { Failure } from "./synthetic_work.ts";

export type SyntheticTier = "smoke" | "release";
/** `live`: paid calls. `replay`: recordings alone. `missing`: recordings, and paid calls where there are none. */
export type SyntheticMode = "live" | "replay" | "missing";

/** `asked` waits for its confirmation. */
export type SyntheticState =
  | "asked"
  | "running"
  | "passed"
  | "failed"
  | "stopped"
  | "out_of_budget"
  | "abandoned"
  | "cancelled";

/** A scenario that the synthetic function, or a terminal, has. */
export interface ScenarioEntry {
  name: string;
  title: string;
  smoke: boolean;
  hash: string;
  /** What its recorded tokens cost by the price table, by tier; null: not known. */
  priced: Record<SyntheticTier, { expected_microusd: number; worst_microusd: number } | null>;
}

/** What was spent and may be, over all runs. Days and months are UTC's. */
export interface TestSpend {
  today_microusd: number;
  month_microusd: number;
  /** Of all runs, now. */
  reserved_microusd: number;
  run_cap_microusd: number;
  day_cap_microusd: number;
  month_cap_microusd: number;
}

export interface SyntheticOverview {
  /** By name. */
  scenarios: (Omit<ScenarioEntry, "priced"> & {
    last: { run_id: string; state: "passed" | "failed"; at: string; cost_microusd: number | null } | null;
  })[];
  /** Newest first, at most 5; without those that were never confirmed. */
  runs: RunLine[];
  spend: TestSpend;
}

export interface RunLine {
  run_id: string;
  state: SyntheticState;
  tier: SyntheticTier;
  mode: SyntheticMode;
  at: string;
  scenarios: number;
  passed: number;
  failed: number;
  spent_microusd: number;
}

/** What a run is asked for with. */
export interface RunWish {
  tier: SyntheticTier;
  mode: SyntheticMode;
  /** Of those that the function has registered. Left out: all of the tier. */
  scenarios?: string[];
  /** Instead: what a terminal has, which the function may not. */
  entries?: ScenarioEntry[];
  /** @default 1 */
  repeat?: number;
  /** @default random */
  seed?: number;
  /** @default the setting */
  concurrency?: number;
  /** Where its progress is told. */
  chat_id?: number;
  /** Address of the function that runs it; left out: a terminal does. */
  runner_url?: string;
}

/** What it would cost. */
export interface RunAsk {
  run_id: string;
  tier: SyntheticTier;
  mode: SyntheticMode;
  scenarios: {
    name: string;
    /** Null: not known. `from`: of earlier runs, or of recorded tokens by the price table. */
    estimate: { expected_microusd: number; worst_microusd: number; from: "history" | "prices" } | null;
  }[];
  repeat: number;
  /** Sums of what is known. */
  expected_microusd: number;
  worst_microusd: number;
  /** How many scenarios have no estimate; then a ceiling must be given. */
  unknown: number;
  /** What is left of the caps: most that can be confirmed. */
  left_microusd: number;
  spend: TestSpend;
  /** Until when it can be confirmed. */
  confirm_until: string;
}

export type AskAnswer =
  | RunAsk
  | { refused: Role }
  /** `none`: there are no such scenarios. `running`: one of the same admin is going on. `cap`: nothing is left of a cap. */
  | { no: "none" | "cap"; spend: TestSpend }
  | { no: "running"; run_id: string };

/** `token`: lets a worker work on the run. */
export type ConfirmAnswer =
  | { run_id: string; token: string; ceiling_microusd: number; runner_url: string | null }
  | { refused: Role }
  | { no: "expired" | "used" | "not_yours" | "over_cap" | "no_ceiling" | "gone" };

/** `not_yours`: somebody else has asked for it, and it is not confirmed. */
export type StopAnswer = { state: SyntheticState } | { refused: Role } | { no: "gone" | "not_yours" };

export interface RunResult {
  position: number;
  scenario: string;
  repeat: number;
  /** `pending`: not begun. */
  state: "pending" | "running" | "passed" | "failed" | "stopped";
  hash: string | null;
  attempts: number;
  failures: Failure[];
  duration_ms: number | null;
  calls: number;
  input_tokens: number;
  output_tokens: number;
  /** What was spent on it; for a replay 0. */
  spent_microusd: number;
  /** What its calls are worth, also where they were replayed; null: not known. */
  cost_microusd: number | null;
  unconfirmed_microusd: number;
  saved_microusd: number;
  trace_ids: string[];
  drift: string[];
  judged: { score: number; reason: string }[];
  /** Of the same scenario, tier and mode, before this run; null: there is none. `hash`: whether it was the same scenario. */
  last: { state: "passed" | "failed"; duration_ms: number; cost_microusd: number | null; same_hash: boolean } | null;
  /** Of the last ten. */
  median: { runs: number; duration_ms: number; cost_microusd: number | null } | null;
}

export interface SyntheticRun extends RunLine {
  repeat: number;
  seed: number;
  concurrency: number;
  /** Null: a terminal's. */
  asked_by: number | null;
  ceiling_microusd: number;
  reserved_microusd: number;
  unconfirmed_microusd: number;
  /** What its calls were billed above the most that their prices allow, which no cap can hold off. */
  excess_microusd: number;
  saved_microusd: number;
  started_at: string | null;
  ended_at: string | null;
  stopped_by: number | null;
  /** `out_of_budget`: what the next call would have crossed. */
  crossed: "cap_run" | "cap_day" | "cap_month" | null;
  /** Milliseconds until the end, by the history of what is left; null: not known. */
  eta_ms: number | null;
  results: RunResult[];
  spend: TestSpend;
  /** Counts up with each change. */
  version: number;
}

/** The message about a run, in the chat that asked for it. */
export interface RunMessage {
  chat_id: number;
  /** Null: none was sent yet. */
  message_id: number | null;
  run: SyntheticRun;
}
