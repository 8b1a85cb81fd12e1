// What the database does with runs by itself: it goes on with what a person has confirmed, gives up, deletes, and starts nothing.
import type pg from "pg";
import { expect } from "vitest";
import { startNet } from "../../scripts/stack/net.ts";
import { test as base } from "../_support/db.ts";
import { startReceiver } from "../_support/receiver.ts";
import {
  end,
  entry,
  givenCall,
  givenRun,
  givenTaken,
  MINUTE,
  NOON,
  outcome,
  recorded,
  SECOND,
  start,
  syntheticSql,
} from "../_support/synthetic.ts";

const test = base.extend("sql", async ({ db }) => {
  const sql = syntheticSql(db);
  await sql.register([entry("a"), entry("b")]);
  return sql;
});
const DAY = 24 * 60 * MINUTE;
const URL = "http://127.0.0.1:9/synthetic";
const posted = async (db: pg.Client) =>
  (await db.query("select url, convert_from(body, 'UTF8')::jsonb as body from net.http_request_queue order by id"))
    .rows;

test("a run that a function runs is posted to it when something is left and nobody is at it", async ({ db, sql }) => {
  const run = await givenRun(sql, { runner_url: URL, concurrency: 2 });
  expect(await sql.tend(NOON + 29 * SECOND)).toBe(0); // who has confirmed it posts it too
  expect(await sql.tend(NOON + 30 * SECOND)).toBe(1);
  expect(await posted(db)).toEqual([{ url: URL, body: run }]);

  const it = await givenTaken(sql, run, "w", NOON + 40 * SECOND);
  expect(await sql.tend(NOON + 69 * SECOND)).toBe(0);
  await sql.beat(run, "w", NOON + 69 * SECOND);
  await sql.beat(run, "w", NOON + 90 * SECOND);
  expect(await sql.tend(NOON + 100 * SECOND)).toBe(0);
  expect(await sql.tend(NOON + 120 * SECOND)).toBe(1); // its worker is gone
  expect(await sql.view(run.run_id)).toMatchObject({ results: [{ state: "pending" }, { state: "pending" }] });

  for (let i = 0; i < 2; i++) {
    await sql.finish(run, await givenTaken(sql, run, "v", NOON + 121 * SECOND), outcome(), NOON + 122 * SECOND);
  }
  expect(it.position).toBe(1);
  expect(await sql.tend(NOON + 5 * MINUTE)).toBe(0);
  expect(await posted(db)).toHaveLength(2);
});

test("nothing else is posted: not what was asked for, a terminal's, or what is over", async ({ db, sql }) => {
  await sql.ask(null, { runner_url: URL });
  await givenRun(sql);
  const stopped = await givenRun(sql, { runner_url: URL });
  await sql.stop(null, stopped.run_id);
  const broke = await givenRun(sql, { runner_url: URL, ceiling: 0 });
  await sql.begin(broke, await givenTaken(sql, broke), start());
  for (const minutes of [1, 2, 6, 14]) expect(await sql.tend(NOON + minutes * MINUTE)).toBe(0);
  expect(await posted(db)).toEqual([]);
});

test("the real worker of pg_net brings it, with what lets the function go on", async ({ cluster }) => {
  const db = cluster.client("postgres");
  await db.connect();
  const receiver = await startReceiver();
  const worker = startNet(() => cluster.client("supabase_admin"));
  try {
    const sql = syntheticSql(db);
    await sql.register([entry("a")]);
    const run = await givenRun(sql, { runner_url: `${receiver.url}/functions/v1/synthetic`, at: Date.now() });
    await sql.tend(Date.now() + 31 * SECOND);
    await expect.poll(() => receiver.heard, { timeout: 10_000 }).toMatchObject([{
      method: "POST",
      path: "/functions/v1/synthetic",
      headers: { "content-type": "application/json" },
      body: expect.stringContaining(run.token),
    }]);
    expect(JSON.parse(receiver.heard[0]!.body)).toEqual(run);
  } finally {
    await worker.stop();
    receiver.close();
    await db.query("truncate tracegram.synthetic_runs, tracegram.synthetic_scenarios cascade");
    await db.end();
  }
});

test("without pg_net, and with an address that is none, runs are looked after all the same", async ({ db, cluster, sql }) => {
  const run = await givenRun(sql, { runner_url: "https:///nowhere" });
  expect(await sql.tend(NOON + MINUTE)).toBe(0);
  expect(await sql.view(run.run_id)).toMatchObject({ state: "running" });
  await db.query("rollback; begin");
  const admin = cluster.client("supabase_admin");
  await admin.connect();
  try {
    await admin.query("begin; drop schema net cascade; set role postgres");
    const without = syntheticSql(admin);
    await without.register([entry("a")]);
    const other = await givenRun(without, { runner_url: URL });
    expect(await without.tend(NOON + MINUTE)).toBe(0);
    expect(await without.tend(NOON + 15 * MINUTE)).toBe(0);
    expect(await without.view(other.run_id)).toMatchObject({ state: "abandoned" });
  } finally {
    await admin.query("rollback").finally(() => admin.end());
  }
});

test("a run is abandoned when nobody was heard for 15 minutes, and its money is booked or given back", async ({ sql }) => {
  const run = await givenRun(sql, { concurrency: 1 });
  const it = await givenTaken(sql, run);
  await sql.settle(run, await givenCall(sql, run, it), end(20));
  await givenCall(sql, run, it, { nth: 1 });
  await sql.beat(run, "w", NOON + 20 * SECOND);
  await sql.tend(NOON + 20 * SECOND + 15 * MINUTE - 1);
  expect(await sql.view(run.run_id)).toMatchObject({
    state: "running",
    spent_microusd: 120,
    unconfirmed_microusd: 100,
    reserved_microusd: 0,
  });
  await sql.tend(NOON + 20 * SECOND + 15 * MINUTE);
  expect(await sql.view(run.run_id)).toMatchObject({
    state: "abandoned",
    results: [{ state: "stopped" }, { state: "stopped" }],
  });
  expect(await sql.take(run, "v", NOON + 16 * MINUTE)).toEqual({ kind: "done" });
});

test("who comes back before that goes on with it", async ({ sql }) => {
  const run = await givenRun(sql);
  await givenTaken(sql, run, "w");
  await sql.tend(NOON + 14 * MINUTE);
  await givenTaken(sql, run, "v", NOON + 14 * MINUTE);
  await sql.tend(NOON + 16 * MINUTE);
  expect(await sql.view(run.run_id)).toMatchObject({ state: "running" });
});

test("nothing schedules a paid run: no job and no function of the database asks for one or confirms it", async ({ db }) => {
  const { rows: jobs } = await db.query("select jobname, command from cron.job order by jobname");
  expect(jobs.map(({ jobname }) => jobname)).toContain("tracegram-synthetic");
  const { rows } = await db.query(
    `select p.oid::regprocedure::text as name, p.prosrc as body
     from pg_proc as p where p.pronamespace in ('tracegram'::regnamespace, 'public'::regnamespace)`,
  );
  const all: { name: string; body: string }[] = [
    ...rows,
    ...jobs.map((job) => ({ name: job.jobname, body: job.command })),
  ];
  const naming = (what: RegExp) => all.filter(({ body }) => what.test(body)).map(({ name }) => name).sort();
  expect(naming(/confirm_synthetic_run\s*\(/)).toEqual(["confirm_synthetic_run(bigint,uuid,bigint)"]);
  expect(naming(/ask_synthetic_run\s*\(/)).toEqual(["ask_synthetic_run(bigint,jsonb)"]);
  // Nor does another one give a run what lets it be worked on, or more money.
  const confirm = "tracegram.confirm_synthetic_run(bigint,uuid,bigint,timestamp with time zone)";
  expect(naming(/random_token\s*\(/)).toEqual([confirm]);
  expect(naming(/ceiling_microusd\s*=/)).toEqual([confirm]);
  // And no trigger does what a function or job does not say.
  const { rows: triggers } = await db.query(
    "select tgname from pg_trigger where not tgisinternal and tgrelid::regclass::text like 'tracegram.synthetic%'",
  );
  expect(triggers).toEqual([]);
});

test("the database alone lets a run be: an hour of its jobs spends nothing, and starts nothing that was asked for", async ({ db, sql }) => {
  const asked = await sql.ask(null, { runner_url: URL });
  if (!("confirm_until" in asked)) throw new Error();
  for (let minute = 0; minute < 60; minute++) await sql.tend(NOON + minute * MINUTE);
  expect(await sql.view(asked.run_id)).toMatchObject({ state: "asked", spent_microusd: 0, results: [] });
  expect(await posted(db)).toEqual([]);
});

test("what was not confirmed is deleted after a day, answers after the days of I/O, runs after 400 days", async ({ db, sql }) => {
  await sql.ask(null);
  const open = await givenRun(sql);
  const over = await givenRun(sql, { scenarios: ["a"] });
  for (const run of [open, over]) {
    const it = await givenTaken(sql, run);
    const of = start();
    await sql.settle(run, await givenCall(sql, run, it, of), end(20, { recorded: recorded(of) }));
    if (run === over) await sql.finish(run, it);
  }
  const left = async (days: number) => {
    await db.query("select tracegram.purge_synthetic($1)", [new Date(NOON + days * DAY + 1)]);
    const { rows } = await db.query(`select
      (select count(*)::int from tracegram.synthetic_runs where state = 'asked') as asked,
      (select count(*)::int from tracegram.synthetic_runs where token is not null) as runs,
      (select count(*)::int from tracegram.synthetic_results) as results,
      (select count(*)::int from tracegram.synthetic_calls) as calls,
      (select count(*)::int from tracegram.synthetic_days) as days`);
    return rows[0];
  };
  expect(await left(0)).toEqual({ asked: 1, runs: 2, results: 3, calls: 2, days: 1 });
  expect(await left(1)).toEqual({ asked: 0, runs: 2, results: 3, calls: 2, days: 1 });
  expect(await left(7)).toEqual({ asked: 0, runs: 2, results: 3, calls: 1, days: 1 });
  expect(await left(400)).toEqual({ asked: 0, runs: 1, results: 2, calls: 1, days: 1 });
  expect(await left(401)).toMatchObject({ days: 0 });
});
