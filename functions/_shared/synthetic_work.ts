/**
 * What a worker of a synthetic run takes from the database and gives to it (sql/66–69).
 *
 * @module
 */
import type { SyntheticMode, SyntheticState, SyntheticTier } from "./synthetic_answers.ts";

/** What a worker is told of the run that it enters. */
export interface EnteredRun {
  run_id: string;
  tier: SyntheticTier;
  mode: SyntheticMode;
  seed: number;
  concurrency: number;
  state: SyntheticState;
  runner_url: string | null;
}

/** A scenario that a worker has taken: nobody else runs it, unless its lease runs out. */
export interface Taken {
  kind: "taken";
  position: number;
  scenario: string;
  /** Counted from 1. */
  repeat: number;
  /** Counted from 1: how often it was taken. It fences off whoever had it before. */
  attempt: number;
}

/** How it went. */
export interface Outcome {
  /** `stopped`: it was broken off, by a person or for want of money, and says nothing about the bot. */
  state: "passed" | "failed" | "stopped";
  hash: string;
  failures: Failure[];
  /** Of a replay, as it was recorded. */
  duration_ms: number;
  calls: number;
  input_tokens: number;
  output_tokens: number;
  /** What its calls cost, paid now or when they were recorded. Null: of one it is not known. */
  cost_microusd: number | null;
  /** What the cache has saved. */
  saved_microusd: number;
  trace_ids: string[];
  /** Answers that differ from what was recorded for the same request, a line each. */
  drift: string[];
  /** Model and score of each judge, and why. */
  judged: { score: number; reason: string }[];
}

/** An expectation that is not met. */
export interface Failure {
  /** Counted from 1; 0: the whole conversation. */
  turn: number;
  /** Its name in `Expect`, or `timeout`, `leftover`, `telegram`, `recording`, `bot`. */
  expectation: string;
  /** In a sentence. */
  message: string;
  /** Lines that begin with `- ` (expected), `+ ` (there is) or two spaces. */
  diff?: string[];
}

/** A call that is about to be made. */
export interface CallStart {
  /** SHA-256 of the normalised request, in hex. */
  key: string;
  /** Which one of the equal requests of this scenario that were answered, counted from 0. */
  nth: number;
  model: string;
  /** Most that it can cost, in micro-dollars; null: not known, it takes all that is left of the run's ceiling. */
  worst_microusd: number | null;
  /** Whether the answer to an equal request of another scenario of the run will do. */
  cache: boolean;
  /** Of this begin: when it is told again, because its answer was lost, nothing is set aside twice. */
  id?: string;
}

export type Begun =
  | { kind: "go"; call_id: number }
  /** It was made and paid for before, by this scenario before it was interrupted (`resumed`) or by another one (`cached`). */
  | { kind: "answer"; from: "resumed" | "cached"; recorded: Recorded }
  /** Others have reserved what is left: ask again in a moment. */
  | { kind: "wait" }
  | { kind: "refused"; why: "stopped" | "cap_run" | "cap_day" | "cap_month" | "taken_over" };

/** What became of a call. */
export interface CallEnd {
  /** Null: not known. Then what was reserved counts as spent, and is called unconfirmed. */
  cost_microusd: number | null;
  input_tokens: number | null;
  output_tokens: number | null;
  /** HTTP status; 0: none came. */
  status: number;
  duration_ms: number;
  /** Only of what was answered whole: masked. */
  recorded: Recorded | null;
}

/** A call as it is kept, with secrets masked. */
export interface Recorded {
  key: string;
  /** Counted from 0 among equal requests of the scenario. */
  nth: number;
  /** Normalised: model, messages, tools, parameters. */
  request: unknown;
  status: number;
  content_type: string;
  /** What came, and how many milliseconds after the request: one of a plain answer, each of a stream. */
  chunks: { ms: number; text: string }[];
  duration_ms: number;
  model: string;
  input_tokens: number | null;
  output_tokens: number | null;
  cost_microusd: number | null;
}
