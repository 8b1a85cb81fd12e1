/** Runs of synthetic tests as the database returns them, and what starts none. */
import type { RunAsk, RunResult, SyntheticOverview, SyntheticRun, TestSpend } from "../../../functions/_shared/db.ts";
import type { ScreenDeps } from "../../../functions/telegram/screens/deps.ts";
import { HOSTILE, id } from "./traces_fixture.ts";

export const noRuns: Pick<ScreenDeps, "runner" | "tellRun" | "sleep"> = {
  runner: { url: "http://127.0.0.1:9/functions/v1/synthetic", begin: () => Promise.resolve(false) },
  tellRun: () => Promise.resolve(),
  sleep: () => Promise.resolve(),
};

export const RUN = "6f1c2a34-9b7d-4e21-8a55-0c9d3e4f5a6b";

export const spend: TestSpend = {
  today_microusd: 123_400,
  month_microusd: 4_560_000,
  reserved_microusd: 0,
  run_cap_microusd: 1_000_000,
  day_cap_microusd: 3_000_000,
  month_cap_microusd: 20_000_000,
};

export const result = (position: number, change: Partial<RunResult> = {}): RunResult => ({
  position,
  scenario: `scenario-${String(position).padStart(2, "0")}`,
  repeat: 1,
  state: "passed",
  hash: "0123456789abcdef",
  attempts: 1,
  failures: [],
  duration_ms: 2413,
  calls: 3,
  input_tokens: 1500,
  output_tokens: 301,
  spent_microusd: 2100,
  cost_microusd: 2100,
  unconfirmed_microusd: 0,
  saved_microusd: 0,
  trace_ids: [id(position)],
  drift: [],
  judged: [],
  last: { state: "passed", duration_ms: 2154, cost_microusd: 2100, same_hash: true },
  median: { runs: 10, duration_ms: 2500, cost_microusd: 1500 },
  ...change,
});

export const failed = (position: number, change: Partial<RunResult> = {}): RunResult =>
  result(position, {
    state: "failed",
    failures: [
      {
        turn: 2,
        expectation: "text",
        message: "the answer does not contain “refund”",
        diff: ["- contains refund", "+ Your order is on its way,", "  Ada."],
      },
      { turn: 0, expectation: "max_cost_usd", message: "it cost $0.0021, at most $0.001 was expected" },
    ],
    ...change,
  });

export const pending = (position: number, change: Partial<RunResult> = {}): RunResult =>
  result(position, {
    state: "pending",
    hash: null,
    attempts: change.state === "running" ? 1 : 0,
    duration_ms: null,
    calls: 0,
    input_tokens: 0,
    output_tokens: 0,
    spent_microusd: 0,
    cost_microusd: null,
    trace_ids: [],
    ...change,
  });

/** Its numbers are those of its results. */
export function run(results: RunResult[], change: Partial<SyntheticRun> = {}): SyntheticRun {
  const count = (state: RunResult["state"]) => results.filter((result) => result.state === state).length;
  return {
    run_id: RUN,
    state: count("failed") > 0 ? "failed" : "passed",
    tier: "smoke",
    mode: "live",
    at: "2025-01-31T12:03:00.000Z",
    scenarios: results.length,
    passed: count("passed"),
    failed: count("failed"),
    spent_microusd: results.reduce((sum, { spent_microusd }) => sum + spent_microusd, 0),
    repeat: 1,
    seed: 42,
    concurrency: 2,
    asked_by: 1001,
    ceiling_microusd: 34_512,
    reserved_microusd: 0,
    unconfirmed_microusd: 0,
    excess_microusd: 0,
    saved_microusd: 0,
    started_at: "2025-01-31T12:03:11.000Z",
    ended_at: "2025-01-31T12:03:31.400Z",
    stopped_by: null,
    crossed: null,
    eta_ms: null,
    results,
    spend,
    version: 7,
    ...change,
  };
}

/** Half of it done. */
export const running = (change: Partial<SyntheticRun> = {}): SyntheticRun =>
  run([
    result(1),
    failed(2),
    pending(3, { state: "running", scenario: "cancel" }),
    pending(4, { state: "running", scenario: "refund" }),
    pending(5),
  ], { state: "running", ended_at: null, eta_ms: 65_000, reserved_microusd: 900, ...change });

export const ask = (change: Partial<RunAsk> = {}): RunAsk => ({
  run_id: RUN,
  tier: "smoke",
  mode: "live",
  scenarios: [
    { name: "cancel", estimate: { expected_microusd: 2300, worst_microusd: 4512, from: "history" } },
    { name: "refund", estimate: { expected_microusd: 10_000, worst_microusd: 30_000, from: "prices" } },
  ],
  repeat: 1,
  expected_microusd: 12_300,
  worst_microusd: 34_512,
  unknown: 0,
  left_microusd: 876_600,
  spend,
  confirm_until: "2025-01-31T12:08:00.000Z",
  ...change,
});

export const overview = (change: Partial<SyntheticOverview> = {}): SyntheticOverview => ({
  scenarios: ["cancel", "refund", "smalltalk"].map((name, i) => ({
    name,
    title: `A customer asks for ${name}`,
    smoke: i < 2,
    hash: "0123456789abcdef",
    last: i === 2 ? null : {
      run_id: RUN,
      state: i === 0 ? "passed" : "failed",
      at: "2025-01-31T10:03:00.000Z",
      cost_microusd: 2100,
    },
  })),
  runs: [run([result(1), failed(2)]), running({ mode: "replay", tier: "release", spent_microusd: 0 })],
  spend,
  ...change,
});

/** The worst there can be: every text is hostile, as long as it may be, and there is much of all. */
export const hundred = (change: Partial<SyntheticRun> = {}): SyntheticRun =>
  run(
    Array.from({ length: 100 }, (_, i) => {
      const text = (n: number) => HOSTILE[(i + n) % HOSTILE.length]!;
      return failed(i, {
        scenario: text(0),
        repeat: i,
        failures: Array.from({ length: 10 }, (_, n) => ({
          turn: 1000,
          expectation: text(n),
          message: text(n + 1).repeat(5),
          diff: Array.from({ length: 50 }, (_, row) => `${["- ", "+ ", "  "][row % 3]}${text(row)}`),
        })),
        duration_ms: 2 ** 31,
        cost_microusd: 1e12,
        unconfirmed_microusd: 1e11,
        saved_microusd: 1e11,
        attempts: 99,
        trace_ids: Array.from({ length: 9 }, (_, n) => id(n)),
        judged: Array.from({ length: 9 }, (_, n) => ({ score: 0.5, reason: text(n) })),
        drift: Array.from({ length: 9 }, (_, n) => text(n)),
      });
    }),
    { unconfirmed_microusd: 1e12, saved_microusd: 1e12, ceiling_microusd: 1e12, ...change },
  );
