// Over 300 lines, because it is one machine of few steps, and each test is a way through them.
//
// Leases, fences, results that are written once, and traces that count nowhere.
import type pg from "pg";
import { expect } from "vitest";
import type { RunResult } from "../../functions/_shared/synthetic_answers.ts";
import type { Outcome } from "../../functions/_shared/synthetic_work.ts";
import { test as base } from "../_support/db.ts";
import { getTrace, getTraceIo, givenKey, ingest, list } from "../_support/rpc.ts";
import {
  end,
  entry,
  givenCall,
  givenRun,
  givenTaken,
  NOON,
  outcome,
  recorded,
  SECOND,
  start,
  syntheticSql,
} from "../_support/synthetic.ts";
import { makeTrace } from "../_support/traces.ts";

const test = base.extend("sql", async ({ db }) => {
  const sql = syntheticSql(db);
  await sql.register([entry("a"), entry("b"), entry("c")]);
  return sql;
});
const results = async (sql: ReturnType<typeof syntheticSql>, runId: string): Promise<RunResult[]> =>
  (await sql.view(runId))!.results;

test("scenarios are handed out in their order, as many at once as the run says, by all workers together", async ({ sql }) => {
  const run = await givenRun(sql, { concurrency: 2 });
  const first = await givenTaken(sql, run, "w");
  const second = await givenTaken(sql, run, "v");
  expect([first.position, second.position]).toEqual([1, 2]);
  expect(await sql.take(run, "u")).toEqual({ kind: "wait" });
  expect(await sql.finish(run, first)).toEqual({ kept: true });
  const third = await givenTaken(sql, run, "u");
  await sql.finish(run, second);
  expect(await sql.take(run, "v")).toEqual({ kind: "wait" });
  await sql.finish(run, third, outcome({ state: "failed" }));
  expect(await sql.take(run, "v")).toEqual({ kind: "done" });
  expect(await sql.view(run.run_id)).toMatchObject({
    state: "failed",
    passed: 2,
    failed: 1,
    ended_at: expect.any(String),
  });
});

test.for<[Outcome["state"][], string]>([
  [["passed", "passed", "passed"], "passed"],
  [["passed", "stopped", "failed"], "failed"],
  [["passed", "stopped", "passed"], "stopped"],
])("of results %j the run is %s", async ([states, state], { sql }) => {
  const run = await givenRun(sql);
  for (const of of states) await sql.finish(run, await givenTaken(sql, run), outcome({ state: of }));
  expect(await sql.view(run.run_id)).toMatchObject({ state });
});

test("a lease that runs out lets the scenario be taken again, and a beat keeps it", async ({ sql }) => {
  const run = await givenRun(sql, { concurrency: 2 });
  const lost = await givenTaken(sql, run, "w");
  const kept = await givenTaken(sql, run, "v");
  await sql.beat(run, "v", NOON + 29 * SECOND);
  expect(await sql.take(run, "u", NOON + 29 * SECOND)).toEqual({ kind: "wait" });
  expect(await sql.take(run, "u", NOON + 30 * SECOND)).toEqual({ ...lost, attempt: 2 });
  expect((await results(sql, run.run_id))[kept.position - 1]).toMatchObject({ state: "running", attempts: 1 });
});

test("who had a scenario before is fenced off: no begin, no finish; its settle is booked", async ({ sql }) => {
  const run = await givenRun(sql, { scenarios: ["a"], concurrency: 1 });
  const before = await givenTaken(sql, run, "w");
  const call = await givenCall(sql, run, before, { worst_microusd: 300 });
  expect(await sql.view(run.run_id)).toMatchObject({
    reserved_microusd: 300,
    spent_microusd: 0,
    unconfirmed_microusd: 0,
  });
  const late = NOON + 31 * SECOND;
  const after = await givenTaken(sql, run, "v", late);
  expect(after).toEqual({ ...before, attempt: 2 });
  expect(await sql.view(run.run_id)).toMatchObject({
    reserved_microusd: 0,
    spent_microusd: 300,
    unconfirmed_microusd: 300,
  });

  expect(await sql.begin(run, before, start(), late)).toEqual({ kind: "refused", why: "taken_over" });
  expect(await sql.finish(run, before, outcome({ state: "failed" }), late)).toEqual({ kept: false });
  await sql.beat(run, "w", late);
  await sql.settle(run, call, end(120), late);
  expect(await sql.view(run.run_id)).toMatchObject({
    reserved_microusd: 0,
    spent_microusd: 120,
    unconfirmed_microusd: 0,
  });
  expect(await sql.finish(run, after, outcome(), late)).toEqual({ kept: true });
  expect(await sql.finish(run, before, outcome({ state: "failed" }), late)).toEqual({ kept: false });
  expect(await results(sql, run.run_id)).toMatchObject([{
    state: "passed",
    attempts: 2,
    spent_microusd: 120,
    unconfirmed_microusd: 0,
  }]);
});

test("a lease that ran out and was not noticed is still its worker's; noticed, it is not, even before somebody takes it", async ({ sql }) => {
  const run = await givenRun(sql, { scenarios: ["a"] });
  const it = await givenTaken(sql, run);
  await sql.beat(run, "w", NOON + 60 * SECOND);
  expect(await sql.begin(run, it, start(), NOON + 61 * SECOND)).toMatchObject({ kind: "go" });
  await sql.tend(NOON + 100 * SECOND);
  expect(await sql.begin(run, it, start(), NOON + 100 * SECOND)).toEqual({ kind: "refused", why: "taken_over" });
  expect(await sql.finish(run, it, outcome(), NOON + 100 * SECOND)).toEqual({ kept: false });
  expect(await results(sql, run.run_id)).toMatchObject([{ state: "pending", attempts: 1 }]);
});

test("a result is written once; told again by the same worker, it is kept as it was", async ({ sql }) => {
  const run = await givenRun(sql);
  const it = await givenTaken(sql, run);
  await sql.finish(run, it, outcome({ duration_ms: 1 }));
  expect(await sql.finish(run, it, outcome({ state: "failed", duration_ms: 2 }))).toEqual({ kept: true });
  expect((await results(sql, run.run_id))[0]).toMatchObject({ state: "passed", duration_ms: 1 });
});

test("calls whose end is not told when the scenario ends are unconfirmed, and told later they are not", async ({ sql }) => {
  const run = await givenRun(sql, { scenarios: ["a"] });
  const it = await givenTaken(sql, run);
  const call = await givenCall(sql, run, it, { worst_microusd: 50 });
  await sql.finish(run, it);
  expect(await sql.view(run.run_id)).toMatchObject({
    state: "passed",
    spent_microusd: 50,
    unconfirmed_microusd: 50,
    reserved_microusd: 0,
  });
  await sql.settle(run, call, end(7));
  expect(await sql.view(run.run_id)).toMatchObject({ spent_microusd: 7, unconfirmed_microusd: 0 });
});

test("a scenario that ends whoever runs it has failed after ten times, and the run goes on", async ({ sql }) => {
  const run = await givenRun(sql, { scenarios: ["a", "b"], concurrency: 1 });
  for (let i = 0; i < 10; i++) await givenTaken(sql, run, `w${i}`, NOON + i * 31 * SECOND);
  const at = NOON + 10 * 31 * SECOND;
  expect(await sql.take(run, "x", at)).toMatchObject({ kind: "taken", position: 2, attempt: 1 });
  expect((await results(sql, run.run_id))[0]).toMatchObject({
    state: "failed",
    attempts: 10,
    failures: [{ turn: 0, expectation: "bot", message: expect.stringContaining("10 times") }],
  });
  expect(await sql.finish(run, { position: 1, attempt: 10 }, outcome(), at)).toEqual({ kept: false });
});

test("stopped: nothing is taken, no call begins, workers hear of it, and what they finish is kept", async ({ sql }) => {
  const run = await givenRun(sql, { concurrency: 2 });
  const finishes = await givenTaken(sql, run, "w");
  const vanishes = await givenTaken(sql, run, "v");
  const call = await givenCall(sql, run, finishes);
  expect(await sql.stop(null, run.run_id)).toEqual({ state: "stopped" });
  expect(await sql.take(run, "u")).toEqual({ kind: "done" });
  expect(await sql.begin(run, finishes, start({ key: "cd".repeat(32) }))).toEqual({ kind: "refused", why: "stopped" });
  expect(await sql.beat(run, "w")).toEqual({ stopped: true });
  expect((await results(sql, run.run_id)).map(({ state }) => state)).toEqual(["running", "running", "stopped"]);
  await sql.settle(run, call, end(30));
  expect(await sql.finish(run, finishes, outcome({ state: "stopped" }))).toEqual({ kept: true });
  await sql.tend(NOON + 31 * SECOND);
  expect(await sql.view(run.run_id)).toMatchObject({ state: "stopped", spent_microusd: 30, reserved_microusd: 0 });
  expect((await results(sql, run.run_id))[vanishes.position - 1]).toMatchObject({ state: "stopped", hash: null });
});

test.for([
  [{ state: "fine" }],
  [{ hash: null }],
  [{ failures: null }],
  [{ trace_ids: ["x"] }],
  [{ trace_ids: [null] }],
  [{ duration_ms: -1 }],
  [{ calls: 1.5 }],
  [{ cost_microusd: "1" }],
])("no outcome: %j", async ([wrong], { db, sql }) => {
  const run = await givenRun(sql);
  const it = await givenTaken(sql, run);
  await db.query("savepoint before_it");
  await expect(sql.finish(run, it, { ...outcome(), ...wrong } as Outcome)).rejects.toMatchObject({ code: "TG060" });
  await db.query("rollback to savepoint before_it");
  expect((await results(sql, run.run_id))[0]).toMatchObject({ state: "running" });
});

test("without the token, no worker does anything", async ({ db, sql }) => {
  const run = await givenRun(sql);
  const it = await givenTaken(sql, run);
  const call = await givenCall(sql, run, it);
  const asked = await sql.ask(null);
  if (!("confirm_until" in asked)) throw new Error();
  for (const token of ["wrong", null as unknown as string]) {
    for (const run_id of [run.run_id, asked.run_id]) {
      const thief = { run_id, token };
      for (
        const tries of [
          () => sql.take(thief),
          () => sql.beat(thief),
          () => sql.begin(thief, it, start()),
          () => sql.settle(thief, call, end(0)),
          () => sql.finish(thief, it),
          () =>
            db.query("select public.store_synthetic_traces($1, $2, $3)", [
              run_id,
              token,
              JSON.stringify([makeTrace()]),
            ]),
        ]
      ) {
        await db.query("savepoint before_it");
        await expect(tries()).rejects.toMatchObject({ code: "TG060" });
        await db.query("rollback to savepoint before_it");
      }
      const { rows } = await db.query("select public.enter_synthetic_run($1, $2) as run", [run_id, token]);
      expect(rows).toEqual([{ run: null }]);
    }
  }
  // Nor with that of another run.
  const other = await givenRun(sql);
  await expect(sql.settle(other, call, end(0))).rejects.toMatchObject({
    code: "TG060",
    message: expect.stringContaining("no call"),
  });
});

const store = async (db: pg.Client, { run_id, token }: { run_id: string; token: string }, batch: unknown) =>
  (await db.query("select public.store_synthetic_traces($1, $2, $3) as answer", [run_id, token, JSON.stringify(batch)]))
    .rows[0].answer;

test("traces of a run are found by their id and by their release, and count nowhere else", async ({ db, sql }) => {
  const key = await givenKey(db);
  await db.query("update tracegram.settings set io_sample_percent = 0");
  const now = Date.now() - 1000;
  await ingest(db, key, [makeTrace({ started_at: now - 5000, chat_id: 5, user_id: 5, message_id: 3 })]);
  const overview = async () => {
    const { rows: [{ answer: { storage: _, ...rest } }] } = await db.query("select public.overview() as answer");
    const { rows: [{ stats }] } = await db.query("select public.trace_stats() as stats");
    const { rows: [{ gaps }] } = await db.query("select public.trace_gaps() as gaps");
    const { rows: [{ errors }] } = await db.query("select public.error_groups() as errors");
    return JSON.parse(JSON.stringify({ rest, stats, gaps, errors }));
  };
  const before = await overview();
  const listed = await list(db);

  const run = await givenRun(sql);
  const step = {
    name: "llm",
    offset_ms: 0,
    duration_ms: 40,
    model: "m",
    input_tokens: 100,
    output_tokens: 10,
    cost_microusd: 700,
  };
  const trace = makeTrace({
    ...{ started_at: now, status: "error", error: "boom", release: "synthetic", chat_id: 5, user_id: 5, message_id: 9 },
    ...{ steps: [step], io: [{ step: 1, request: "what", response: "that" }] },
  });
  const fine = makeTrace({ started_at: now, release: "synthetic", steps: [], io: [] });
  expect(await store(db, run, [trace, fine])).toMatchObject({ stored: 2, rejected: 0 });
  expect(await store(db, run, { sender: crypto.randomUUID(), dropped: {}, traces: [trace] })).toMatchObject({
    duplicate: 1,
  });
  await db.query("select tracegram.fold_batches()");
  await db.query("select tracegram.watch($1)", [new Date()]);
  await db.query("select tracegram.watch($1)", [new Date(Date.now() + 60_000)]);

  expect(await getTrace(db, trace.trace_id)).toMatchObject({
    error: "boom",
    steps: [{ cost_microusd: 700 }],
    io_steps: [1],
  });
  expect(await getTraceIo(db, trace.trace_id)).toMatchObject([{ request: "what", response: "that" }]);
  expect((await list(db, { release: "synthetic" })).traces).toHaveLength(2);
  expect((await list(db)).traces).toEqual(listed.traces);
  for (const order of ["slowest", "dearest"]) {
    expect((await list(db, { order })).traces.map((t) => t.trace_id)).not.toContain(trace.trace_id);
  }
  expect((await list(db, { status: "error" })).total).toBe(0);
  expect((await list(db, { chat_id: 5 })).traces).toHaveLength(1);
  const { rows } = await db.query("select public.trace_of_message(5, 9) as found");
  expect(rows).toEqual([{ found: null }]);
  expect(await overview()).toEqual(before);
  expect((await db.query("select from tracegram.alerts where resolved_at is null")).rowCount).toBe(0);
});

test("a bad trace does not take a good one with it; one that has not ended, and no traces, are refused", async ({ db, sql }) => {
  const run = await givenRun(sql);
  const bad = { ...makeTrace(), steps: "none" };
  const unreadable = { ...makeTrace(), duration_ms: "long" };
  expect(await store(db, run, [makeTrace(), bad, unreadable])).toMatchObject({ stored: 1, rejected: 2 });
  for (
    const [batch, code] of [
      [[makeTrace({ status: "running", duration_ms: null as never, steps: [] })], "TG060"],
      [[], "TG002"],
      ["x", "TG002"],
      [Array.from({ length: 501 }, () => ({})), "TG003"],
    ] as const
  ) {
    await db.query("savepoint before_it");
    await expect(store(db, run, batch)).rejects.toMatchObject({ code });
    await db.query("rollback to savepoint before_it");
  }
});

test("what a scenario was answered before is given back, to it alone", async ({ sql }) => {
  const run = await givenRun(sql, { scenarios: ["a", "b"], concurrency: 2 });
  const first = await givenTaken(sql, run, "w");
  const call = start({ key: "11".repeat(32) });
  const answer = recorded(call);
  await sql.settle(run, await givenCall(sql, run, first, call), end(20, { recorded: answer }));
  await sql.settle(run, await givenCall(sql, run, first, { key: "22".repeat(32) }), end(0, { status: 500 }));
  const late = NOON + 31 * SECOND;
  const again = await givenTaken(sql, run, "v", late);
  expect(again).toEqual({ ...first, attempt: 2 });
  expect(await sql.begin(run, again, call, late)).toEqual({ kind: "answer", from: "resumed", recorded: answer });
  expect(await sql.begin(run, again, { ...call, cache: true }, late)).toMatchObject({ from: "resumed" });
  expect(await sql.begin(run, again, { ...call, nth: 1 }, late)).toMatchObject({ kind: "go" });
  expect(await sql.begin(run, again, start({ key: "22".repeat(32) }), late)).toMatchObject({ kind: "go" });
  const other = await givenTaken(sql, run, "u", late);
  expect(await sql.begin(run, other, { ...call, cache: true }, late)).toEqual({
    kind: "answer",
    from: "cached",
    recorded: answer,
  });
  expect(await sql.begin(run, other, call, late)).toMatchObject({ kind: "go" });
});

test("the cache is of other scenarios of the run: not of another run, nor of a repeat", async ({ sql }) => {
  const run = await givenRun(sql, { scenarios: ["a"], repeat: 2, concurrency: 2 });
  const first = await givenTaken(sql, run);
  const call = start({ cache: true });
  await sql.settle(run, await givenCall(sql, run, first, call), end(20, { recorded: recorded(call) }));
  expect(await sql.begin(run, await givenTaken(sql, run), call)).toMatchObject({ kind: "go" });
  const other = await givenRun(sql, { scenarios: ["b"] });
  expect(await sql.begin(other, await givenTaken(sql, other), call)).toMatchObject({ kind: "go" });
});
