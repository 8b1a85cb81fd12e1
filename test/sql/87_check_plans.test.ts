// The nightly look at the plans of the screens' queries: the real ones, and what they might become.
import type pg from "pg";
import { expect } from "vitest";
import { alertsOf, evaluate, MINUTE, NOON, stateOf, test as base } from "../_support/alerts.ts";
import { partition } from "../_support/partitions.ts";

const DAY = 24 * 60 * MINUTE;

/** Five days of traces, of which one is of over 1,000 pages, in a database whose catalogue was analyzed, as each is some day. */
const test = base.extend("db", async ({ db, cluster }) => {
  const admin = cluster.client("supabase_admin");
  await admin.connect();
  await admin.query("analyze pg_catalog.pg_class; analyze pg_catalog.pg_inherits").finally(() => admin.end());
  await db.query(
    `insert into tracegram.pipeline_traces (started_at, trace_id, key_id, user_id, pipeline, status, duration_ms, cost_microusd, error, steps)
     select $1::timestamptz - d * interval '1 day' + i * interval '1 ms', gen_random_uuid(), 1, i % 100, 'support', 'ok', i, i,
       case d when 2 then repeat('x', 1200) end, '{}'
     from generate_series(0, 4) as d, generate_series(1, case d when 2 then 7000 else 600 end) as i`,
    [new Date(NOON)],
  );
  await db.query("analyze tracegram.pipeline_traces");
  const { rows } = await db.query("select relpages as pages from pg_class where relname = $1", [BIG]);
  expect(rows[0].pages).toBeGreaterThan(1000);
  return db;
});
const BIG = partition("pipeline_traces", NOON - 2 * DAY);

/** Puts `after` for `before` in a function's text. */
async function change(db: pg.Client, name: string, before: string, after: string): Promise<void> {
  const { rows: [{ text }] } = await db.query(
    "select pg_get_functiondef(oid) as text from pg_proc where proname = $1",
    [name],
  );
  expect(text).toContain(before);
  await db.query(text.replaceAll(before, () => after));
}

async function check(
  db: pg.Client,
  at = NOON,
): Promise<Record<string, { outside: string[]; seq_scans: string[]; error: string | null }>> {
  const { rows: [{ n }] } = await db.query("select tracegram.check_plans($1) as n", [new Date(at)]);
  const sql = "select query, outside, seq_scans, error from tracegram.plan_checks where not ok and checked_at = $1";
  const { rows } = await db.query(sql, [new Date(at)]);
  expect(rows).toHaveLength(n);
  return Object.fromEntries(rows.map(({ query, ...found }) => [query, found]));
}

test("nothing is wrong with the real ones, and each of them scans something", async ({ db }) => {
  expect(await check(db)).toEqual({});
  const { rows } = await db.query("select query, partitions, allowed from tracegram.plan_checks");
  expect(rows.length).toBeGreaterThan(50);
  expect(rows.map(({ query }) => query)).toEqual(
    expect.arrayContaining([
      "get_trace",
      "get_trace_io",
      "admin_trace_io 1",
      "admin_trace_io 4",
      "admin_export_io 1",
      "list_traces newest all",
      "find_trace",
      "trace_of_message",
      "trace_of_message, likely",
    ]),
  );
  expect(rows.filter(({ partitions, allowed }) => partitions < 1 || partitions > allowed)).toEqual([]);
});

test("a trace that is looked for in every day is noticed, tells the owner, and is over when it is put right", async ({ db }) => {
  const { rows: [{ text }] } = await db.query(
    "select pg_get_functiondef('public.get_trace(uuid)'::regprocedure) as text",
  );
  await change(db, "get_trace", "t.started_at = v_started_at and t.trace_id", "t.trace_id");
  const found = await check(db);
  expect(Object.keys(found)).toEqual(["get_trace"]);
  expect(found["get_trace"]!.outside).toContain(partition("pipeline_traces", NOON));
  expect(found["get_trace"]!.outside).not.toContain(BIG);

  await evaluate(db, NOON + MINUTE);
  expect(await alertsOf(db, "plan")).toMatchObject([{ value: 1, resolved_at: null }]);
  expect((await stateOf(db, "plan"))!.detail).toMatch(
    /^get_trace: scans \d+ partitions outside of its window, such as pipeline_traces_p\d{8}$/,
  );
  await db.query(text);
  expect(await check(db, NOON + DAY)).toEqual({});
  await evaluate(db, NOON + DAY + MINUTE);
  expect(await alertsOf(db, "plan")).toMatchObject([{ resolved_at: expect.any(Date) }]);
});

test.for([
  ["without a window", "t.started_at >= $1 and t.started_at < $2", "true"],
  ["with a window that prunes nothing", "t.started_at >= $1", "t.started_at + interval ''0'' >= $1"],
])("a list %s is noticed, however it is filtered and ordered", async ([, before, after], { db }) => {
  await change(db, "list_query", before!, after!);
  const found = await check(db);
  const { rows } = await db.query("select count(*)::int as n from tracegram.plan_checks where query like 'list%'");
  expect(Object.keys(found).filter((query) => query.startsWith("list_traces"))).toHaveLength(rows[0].n);
  expect(Object.values(found).every(({ outside }) => outside.length > 0)).toBe(true);
});

test.for(["in a row", "by block ranges"])(
  "a large day that is read from end to end is noticed: %s",
  async (how, { db }) => {
    await db.query("drop index tracegram.pipeline_traces_user");
    if (how === "by block ranges") await db.query("set local enable_seqscan = off; set local enable_indexscan = off");
    else await db.query("drop index tracegram.pipeline_traces_started_at_brin");
    const found = await check(db);
    expect(found["list_traces slowest of user"]).toMatchObject({ outside: [], seq_scans: [BIG] });
    if (how === "in a row") expect(found["list_traces newest all"]).toBeUndefined();
    await evaluate(db, NOON + MINUTE);
    expect((await stateOf(db, "plan"))!.detail).toContain(`list_traces dearest of user: reads all of ${BIG}`);
  },
);

test("a query that cannot be planned is noticed, and the rest is looked at", async ({ db }) => {
  await change(db, "list_query", "t.cost_microusd", "t.price");
  const found = await check(db);
  expect(found["list_traces dearest all"]).toMatchObject({ error: "column t.price does not exist" });
  expect(Object.keys(found).every((query) => query.startsWith("list_traces dearest"))).toBe(true);
});

test("nothing is run", async ({ db }) => {
  await db.query("create function pg_temp.ran() returns boolean language plpgsql as $$ begin raise 'it ran'; end $$");
  await change(db, "list_query", "t.started_at >= $1", "pg_temp.ran() and t.started_at >= $1");
  expect(await check(db)).toEqual({});
});

test("checks go after 30 days", async ({ db }) => {
  await check(db);
  for (const [days, left] of [[29, true], [31, false]] as const) {
    await db.query("select tracegram.purge($1)", [new Date(NOON + days * DAY)]);
    expect((await db.query("select from tracegram.plan_checks limit 1")).rowCount).toBe(left ? 1 : 0);
  }
});

test("it counts what is wrong at a time between two milliseconds, and names the first three", async ({ db }) => {
  await change(db, "list_query", "t.started_at >= $1", "t.begun >= $1");
  const { rows: [{ n }] } = await db.query("select tracegram.check_plans('2026-07-01T12:00:00.123456Z') as n");
  expect(n).toBeGreaterThan(70);
  const { rows } = await db.query(
    "select value::int, detail from tracegram.measure_plan('2026-07-01T12:01:00Z')",
  );
  expect(rows[0].value).toBe(n);
  expect(rows[0].detail).toMatch(new RegExp(`^(list_traces [^;]+: [^;]+; ){2}list_traces [^;]+ and ${n - 3} more$`));
  expect(rows[0].detail.length).toBeLessThan(900);
});
