/** A database with one run, as simple as may be, for what a terminal does around it. The real one: e2e.test.ts. */
import type {
  AskAnswer,
  ConfirmAnswer,
  RunAsk,
  RunWish,
  SyntheticRun,
} from "../../../functions/_shared/synthetic_answers.ts";
import type { RunKey, SyntheticDb } from "../../../functions/_shared/synthetic_db.ts";
import type { Outcome } from "../../../functions/_shared/synthetic_work.ts";

export const RUN = { run_id: "0198f3ab-0000-7000-8000-00000000000a", token: "t0ken" };

const SPEND = {
  today_microusd: 120_000,
  month_microusd: 1_500_000,
  reserved_microusd: 0,
  run_cap_microusd: 1_000_000,
  day_cap_microusd: 3_000_000,
  month_cap_microusd: 20_000_000,
};

export interface FakeDb extends SyntheticDb {
  readonly calls: string[];
  wish: RunWish | undefined;
  ceiling: number | null | undefined;
  state: SyntheticRun["state"];
}

export interface FakeOptions {
  /** Answer in place of an estimate. */
  ask?: AskAnswer;
  confirm?: ConfirmAnswer;
  /** By scenario; left out: 500 expected and 2000 at worst. */
  estimates?: Record<string, null>;
}

export function fakeDb({ ask, confirm, estimates = {} }: FakeOptions = {}): FakeDb {
  let left: { position: number; scenario: string; repeat: number }[] | undefined;
  const results: SyntheticRun["results"] = [];
  const knows = (key: RunKey) => key.token === RUN.token;

  const db: Partial<FakeDb> & Pick<FakeDb, "calls" | "state"> = {
    calls: [],
    state: "asked",
    registerScenarios: () => Promise.resolve(),
    askRun(_actor, wish) {
      db.wish = wish;
      if (ask) return Promise.resolve(ask);
      const scenarios = wish.scenarios!.map((name) => ({
        name,
        estimate: name in estimates ? null : { expected_microusd: 500, worst_microusd: 2000, from: "history" as const },
      }));
      const known = scenarios.filter(({ estimate }) => estimate).length;
      const repeat = wish.repeat ?? 1;
      return Promise.resolve<RunAsk>({
        run_id: RUN.run_id,
        tier: wish.tier,
        mode: wish.mode,
        scenarios,
        repeat,
        expected_microusd: 500 * known,
        worst_microusd: 2000 * known,
        unknown: scenarios.length - known,
        left_microusd: 1_000_000,
        spend: SPEND,
        confirm_until: "2026-01-01T00:05:00Z",
      });
    },
    confirmRun(_actor, _run, ceiling) {
      db.ceiling = ceiling;
      if (confirm) return Promise.resolve(confirm);
      db.state = "running";
      return Promise.resolve({ ...RUN, ceiling_microusd: ceiling ?? 4000, runner_url: null });
    },
    stopRun(_actor, run) {
      db.calls.push("stop");
      if (run !== RUN.run_id) return Promise.resolve({ no: "gone" });
      db.state = db.state === "asked" ? "cancelled" : "stopped";
      return Promise.resolve({ state: db.state });
    },
    enterRun: (key) =>
      Promise.resolve(
        !knows(key) || db.state !== "running" ? null : {
          run_id: RUN.run_id,
          tier: db.wish?.tier ?? "smoke",
          mode: db.wish?.mode ?? "live",
          seed: db.wish?.seed ?? 77,
          concurrency: 1,
          state: db.state,
          runner_url: null,
        },
      ),
    takeScenario() {
      left ??= db.wish!.scenarios!.map((scenario, position) => ({ position, scenario, repeat: 1 }));
      const next = db.state === "running" ? left.shift() : undefined;
      if (!next && db.state === "running") {
        db.state = results.every(({ state }) => state === "passed") ? "passed" : "failed";
      }
      return Promise.resolve(next ? { kind: "taken", attempt: 1, ...next } : { kind: "done" });
    },
    beatRun: () => Promise.resolve({ stopped: db.state === "stopped" }),
    beginCall: () => Promise.resolve({ kind: "go", call_id: 1 }),
    settleCall: () => Promise.resolve(),
    finishScenario(_key, { position }, outcome: Outcome) {
      const spent_microusd = outcome.cost_microusd ?? 0;
      const place = { position, scenario: db.wish!.scenarios![position]!, repeat: 1, attempts: 1 };
      results.push({ ...place, ...outcome, spent_microusd, unconfirmed_microusd: 0, last: null, median: null });
      return Promise.resolve({ kept: true });
    },
    getRun: () =>
      Promise.resolve({
        ...RUN,
        state: db.state,
        tier: "smoke",
        mode: "live",
        at: "",
        scenarios: 2,
        passed: 0,
        failed: 0,
        spent_microusd: results.reduce((sum, line) => sum + line.spent_microusd, 0),
        repeat: 1,
        seed: 77,
        concurrency: 1,
        asked_by: null,
        ceiling_microusd: 4000,
        reserved_microusd: 0,
        unconfirmed_microusd: 0,
        excess_microusd: 0,
        saved_microusd: 0,
        started_at: null,
        ended_at: null,
        stopped_by: null,
        crossed: null,
        eta_ms: null,
        results: results.length > 0 ? results : (db.wish?.scenarios ?? []).map((scenario, position) => ({
          position,
          scenario,
          state: "pending",
        } as SyntheticRun["results"][number])),
        spend: SPEND,
        version: 1,
      }),
    runRecordings: (_run, after) => {
      const scenarios = ["greets", "refund", "greets"];
      const recordings = scenarios.slice(after, after + 2).map((scenario, i) => ({
        call_id: after + i + 1,
        scenario,
        recorded: { key: `k${after + i}`, nth: 0 } as never,
      }));
      return Promise.resolve({ recordings, more: after === 0 });
    },
  };
  return db as FakeDb;
}
