/** What a run has come to: one shape for live runs and replays, from which the text, the JUnit XML and the JSON are made. */
import type {
  RunResult,
  SyntheticMode,
  SyntheticRun,
  SyntheticTier,
} from "../../functions/_shared/synthetic_answers.ts";
import type { Outcome } from "../../functions/_shared/synthetic_work.ts";

/**
 * What `--json` writes. Money is integer micro-dollars, durations are milliseconds. A field is added without a new version; one
 * that goes, or means something else, makes a new one. A replay's has nothing in it that is not the same the next time.
 */
export interface SuiteReport {
  format: "tracegram-synthetic";
  version: 1;
  /** Null: a replay. */
  run_id: string | null;
  state: SyntheticRun["state"];
  tier: SyntheticTier;
  mode: SyntheticMode;
  repeat: number;
  /** Of the order; null: a replay, in which it changes nothing. */
  seed: number | null;
  /** Null: a replay. */
  ceiling_microusd: number | null;
  /** `out_of_budget`: what the next call would have crossed. */
  crossed: SyntheticRun["crossed"];
  totals: Totals;
  /** By scenario, then repeat. */
  results: ReportLine[];
}

export type ReportLine = Omit<RunResult, "position">;

export interface Totals {
  passed: number;
  failed: number;
  /** Broken off, or never begun. */
  not_run: number;
  /** Of those, what had begun. */
  broken_off: number;
  /** Sum over the scenarios, whether they ran at once or not. */
  duration_ms: number;
  calls: number;
  input_tokens: number;
  output_tokens: number;
  /** What the calls are worth; null: of one it is not known. */
  cost_microusd: number | null;
  /** What was spent, unconfirmed included. */
  spent_microusd: number;
  /** Of it, what may not have been billed: calls that died before their price was known. */
  unconfirmed_microusd: number;
  /** Of it, what was billed above the most that prices allow. */
  excess_microusd: number;
  saved_microusd: number;
}

export function reportOfRun(run: SyntheticRun): SuiteReport {
  const results = run.results.map(({ position: _, ...line }) => line);
  return report(
    {
      run_id: run.run_id,
      state: run.state,
      tier: run.tier,
      mode: run.mode,
      repeat: run.repeat,
      seed: run.seed,
      ceiling_microusd: run.ceiling_microusd,
      crossed: run.crossed,
    },
    results,
    {
      spent_microusd: run.spent_microusd,
      unconfirmed_microusd: run.unconfirmed_microusd,
      excess_microusd: run.excess_microusd,
    },
  );
}

export function reportOfReplay(
  head: { tier: SyntheticTier; repeat: number },
  ended: readonly { scenario: string; repeat: number; outcome: Outcome }[],
): SuiteReport {
  const results = ended.map(({ scenario, repeat, outcome }): ReportLine => ({
    scenario,
    repeat,
    ...outcome,
    attempts: 1,
    // It is made anew each time.
    trace_ids: [],
    spent_microusd: 0,
    unconfirmed_microusd: 0,
    last: null,
    median: null,
  }));
  const state = results.every((line) => line.state === "passed") ? "passed" : "failed";
  return report(
    { run_id: null, state, mode: "replay", seed: null, ceiling_microusd: null, crossed: null, ...head },
    results,
    { spent_microusd: 0, unconfirmed_microusd: 0, excess_microusd: 0 },
  );
}

function report(
  head: Omit<SuiteReport, "format" | "version" | "totals" | "results">,
  lines: readonly ReportLine[],
  money: Pick<Totals, "spent_microusd" | "unconfirmed_microusd" | "excess_microusd">,
): SuiteReport {
  const results = [...lines].sort((a, b) =>
    a.scenario < b.scenario ? -1 : a.scenario > b.scenario ? 1 : a.repeat - b.repeat
  );
  const sum = (of: (line: ReportLine) => number) => results.reduce((total, line) => total + of(line), 0);
  const states = (...wanted: string[]) => sum(({ state }) => wanted.includes(state) ? 1 : 0);
  const ran = results.filter(({ state }) => state === "passed" || state === "failed");
  return {
    format: "tracegram-synthetic",
    version: 1,
    ...head,
    totals: {
      passed: states("passed"),
      failed: states("failed"),
      not_run: states("stopped", "pending", "running"),
      broken_off: sum((line) => isBrokenOff(line) ? 1 : 0),
      duration_ms: sum((line) => line.duration_ms ?? 0),
      calls: sum((line) => line.calls),
      input_tokens: sum((line) => line.input_tokens),
      output_tokens: sum((line) => line.output_tokens),
      cost_microusd: ran.some((line) => line.cost_microusd === null) ? null : sum((line) => line.cost_microusd ?? 0),
      ...money,
      saved_microusd: sum((line) => line.saved_microusd),
    },
    results,
  };
}

/** 0: all passed; 1: something failed; 3: out of budget, stopped, or billed more than was agreed to. */
export function exitCodeOf({ state, totals }: SuiteReport): number {
  if (state === "stopped" || state === "out_of_budget" || totals.excess_microusd > 0) return 3;
  return state === "passed" && totals.failed === 0 ? 0 : 1;
}

const isBrokenOff = ({ state, attempts }: ReportLine): boolean => state === "stopped" && attempts > 0;

/** What is said of a scenario that has neither passed nor failed. */
export const notEnded = (line: ReportLine): string => isBrokenOff(line) ? "broken off" : "not run";
