/** Runs of synthetic tests in SQL, at times that the test says. */
import type pg from "pg";
import type {
  AskAnswer,
  ConfirmAnswer,
  RunAsk,
  RunWish,
  ScenarioEntry,
  SyntheticRun,
} from "../../functions/_shared/synthetic_answers.ts";
import type { RunKey } from "../../functions/_shared/synthetic_db.ts";
import type { Begun, CallEnd, CallStart, Outcome, Recorded, Taken } from "../../functions/_shared/synthetic_work.ts";

export const SECOND = 1000;
export const MINUTE = 60 * SECOND;
/** A time in the middle of a day and of a month. */
export const NOON = Date.UTC(2026, 0, 15, 12);
export const OPERATOR = 7;

export const entry = (name: string, more: Partial<ScenarioEntry> = {}): ScenarioEntry => ({
  name,
  title: `About ${name}`,
  smoke: false,
  hash: "a1".repeat(8),
  priced: { smoke: null, release: { expected_microusd: 100, worst_microusd: 300 } },
  ...more,
});

export const outcome = (more: Partial<Outcome> = {}): Outcome => ({
  state: "passed",
  hash: "a1".repeat(8),
  failures: [],
  duration_ms: 1500,
  calls: 1,
  input_tokens: 10,
  output_tokens: 5,
  cost_microusd: 20,
  saved_microusd: 0,
  trace_ids: [],
  drift: [],
  judged: [],
  ...more,
});

export const start = (more: Partial<CallStart> = {}): CallStart => ({
  key: "ab".repeat(32),
  nth: 0,
  model: "openai/gpt-4o",
  worst_microusd: 100,
  cache: false,
  ...more,
});

export const recorded = (call: CallStart, more: Partial<Recorded> = {}): Recorded => ({
  key: call.key,
  nth: call.nth,
  request: { model: call.model, messages: [{ role: "user", content: "hi" }] },
  status: 200,
  content_type: "application/json",
  chunks: [{ ms: 12, text: "{}" }],
  duration_ms: 12,
  model: call.model,
  input_tokens: 10,
  output_tokens: 5,
  cost_microusd: 20,
  ...more,
});

export const end = (cost: number | null, more: Partial<CallEnd> = {}): CallEnd => ({
  cost_microusd: cost,
  input_tokens: 10,
  output_tokens: 5,
  status: 200,
  duration_ms: 12,
  recorded: null,
  ...more,
});

/** The functions of tracegram, which take the time. */
export function syntheticSql(db: pg.Client | pg.Pool) {
  async function call<T>(name: string, values: unknown[], at: number): Promise<T> {
    const named = [...values, new Date(at)].map((_, i) => `$${i + 1}`);
    const { rows } = await db.query(`select tracegram.${name}(${named}) as answer`, [...values, new Date(at)]);
    return rows[0].answer as T;
  }
  return {
    call,
    ask: (actor: number | null, wish: Partial<RunWish> = {}, at = NOON) =>
      call<AskAnswer>("ask_synthetic_run", [actor, JSON.stringify({ tier: "release", mode: "live", ...wish })], at),
    confirm: (actor: number | null, runId: string, ceiling: number | null = null, at = NOON) =>
      call<ConfirmAnswer>("confirm_synthetic_run", [actor, runId, ceiling], at),
    stop: (actor: number | null, runId: string, at = NOON) => call("stop_synthetic_run", [actor, runId], at),
    take: ({ run_id, token }: RunKey, worker = "w", at = NOON) =>
      call<Taken | { kind: "wait" | "done" }>("take_scenario", [run_id, token, worker], at),
    beat: ({ run_id, token }: RunKey, worker = "w", at = NOON) =>
      call<{ stopped: boolean }>("beat_synthetic_run", [run_id, token, worker], at),
    begin: ({ run_id, token }: RunKey, it: Pick<Taken, "position" | "attempt">, of: CallStart, at = NOON) =>
      call<Begun>("begin_llm_call", [run_id, token, it.position, it.attempt, JSON.stringify(of)], at),
    settle: ({ run_id, token }: RunKey, id: number, of: CallEnd, at = NOON) =>
      call<void>("settle_llm_call", [run_id, token, id, JSON.stringify(of)], at),
    finish: ({ run_id, token }: RunKey, it: Pick<Taken, "position" | "attempt">, of = outcome(), at = NOON) =>
      call<{ kept: boolean }>("finish_scenario", [run_id, token, it.position, it.attempt, JSON.stringify(of)], at),
    view: (runId: string, at = NOON) => call<SyntheticRun | null>("run_view", [runId], at),
    tend: (at = NOON) => call<number>("tend_synthetic_runs", [], at),
    reserved: async (callId: number) =>
      Number(
        (await db.query("select reserved_microusd as n from tracegram.synthetic_calls where call_id = $1", [callId]))
          .rows[0].n,
      ),
    register: async (entries: ScenarioEntry[]) => {
      await db.query("select public.register_scenarios($1)", [JSON.stringify(entries)]);
    },
  };
}

export type SyntheticSql = ReturnType<typeof syntheticSql>;

/** A run that a terminal has confirmed. */
export async function givenRun(
  sql: SyntheticSql,
  { actor = null, ceiling = 1000, at = NOON, ...wish }: Partial<RunWish> & {
    actor?: number | null;
    ceiling?: number | null;
    at?: number;
  } = {},
): Promise<RunKey> {
  const asked = await sql.ask(actor, wish, at) as RunAsk;
  const confirmed = await sql.confirm(actor, asked.run_id, ceiling, at);
  if (!("token" in confirmed)) throw new Error(JSON.stringify([asked, confirmed]));
  return { run_id: confirmed.run_id, token: confirmed.token };
}

/** Takes the next scenario, which there must be. */
export async function givenTaken(sql: SyntheticSql, run: RunKey, worker = "w", at = NOON): Promise<Taken> {
  const taken = await sql.take(run, worker, at);
  if (taken.kind !== "taken") throw new Error(`nothing to take: ${taken.kind}`);
  return taken;
}

/** Begins a call, which must be let through. */
export async function givenCall(
  sql: SyntheticSql,
  run: RunKey,
  it: Taken,
  of: Partial<CallStart> = {},
  at = NOON,
): Promise<number> {
  const begun = await sql.begin(run, it, start(of), at);
  if (begun.kind !== "go") throw new Error(`no call: ${JSON.stringify(begun)}`);
  return begun.call_id;
}

/** What has cost so much in earlier runs, which have all passed. */
export async function givenHistory(sql: SyntheticSql, costs: Record<string, number[]>): Promise<void> {
  const at = Date.now();
  for (const [scenario, each] of Object.entries(costs)) {
    const run = await givenRun(sql, { tier: "smoke", scenarios: [scenario], repeat: each.length, at });
    for (const cost_microusd of each) {
      await sql.finish(run, await givenTaken(sql, run, "w", at), outcome({ cost_microusd }), at);
    }
  }
}

/** Calls of a run, each at its time. @returns The run, which has ended. */
export async function givenSpent(sql: SyntheticSql, scenario: string, costs: [at: number, microusd: number][]) {
  const at = Date.now();
  const ceiling = costs.reduce((sum, [, microusd]) => sum + microusd, 0);
  const run = await givenRun(sql, { scenarios: [scenario], ceiling, at });
  const it = await givenTaken(sql, run, "w", at);
  for (const [begun, microusd] of costs) {
    const call = await givenCall(sql, run, it, { worst_microusd: microusd }, begun);
    await sql.settle(run, call, end(microusd), begun);
  }
  await sql.finish(run, it, outcome({ cost_microusd: null }), at);
  return run;
}
