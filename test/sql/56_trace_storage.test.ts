import type pg from "pg";
import { expect } from "vitest";
import { as, test } from "../_support/db.ts";
import { DAY, isoDay, partition } from "../_support/partitions.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const TODAY = Math.floor(Date.now() / DAY) * DAY;

// deno-lint-ignore no-explicit-any -- a report, looked at field by field
const storage = async (db: pg.Client): Promise<any> =>
  await as(db, "service_role", async () => (await db.query("select public.trace_storage() as report")).rows[0].report);

const bytesOf = async (db: pg.Client, name: string): Promise<number> =>
  Number((await db.query("select pg_total_relation_size($1) as bytes", [`tracegram.${name}`])).rows[0].bytes);

/** So many traces on days that many days ago, sent and folded. */
async function givenTraces(db: pg.Client, perDay: Record<number, number>, over: object = {}): Promise<void> {
  const key = await givenKey(db, `bot ${Math.random()}`);
  for (const [daysAgo, count] of Object.entries(perDay)) {
    const at = Number(daysAgo) === 0 ? Date.now() : TODAY - Number(daysAgo) * DAY;
    await ingest(db, key, Array.from({ length: count }, () => makeTrace({ started_at: at, ...over })));
  }
  await db.query("select tracegram.fold_batches()");
}

const llm = (cost: number) => ({
  steps: [{ name: "llm", offset_ms: 0, duration_ms: 5, model: "m", cost_microusd: cost }],
});

test("each day has its traces, exactly, and its bytes", async ({ db }) => {
  await givenTraces(db, { 9: 3, 2: 20, 1: 12, 0: 5 });
  const { days, tables } = await storage(db);
  expect(days.map((d: { day: string }) => d.day)).toEqual(
    Array.from({ length: 31 }, (_, ago) => isoDay(TODAY - ago * DAY)),
  );
  for (const [ago, traces] of [[0, 5], [1, 12], [2, 20], [3, 0], [9, 3]] as const) {
    expect(days[ago]).toEqual({
      day: isoDay(TODAY - ago * DAY),
      traces,
      trace_bytes: await bytesOf(db, partition("pipeline_traces", TODAY - ago * DAY)),
      io_bytes: ago > 7 ? 0 : await bytesOf(db, partition("trace_io", TODAY - ago * DAY)),
    });
  }
  expect(tables).toMatchObject([
    { table: "trace_io", days: 8, oldest_day: isoDay(TODAY - 7 * DAY) },
    { table: "pipeline_traces", days: 31, oldest_day: isoDay(TODAY - 30 * DAY) },
  ]);
});

test("bytes a trace and growth are of the days that are over, since the first that had traces", async ({ db }) => {
  await givenTraces(db, { 3: 400, 2: 20, 1: 100, 0: 450 }, { io: [{ step: 1, request: "hello".repeat(50) }] });
  const { days, ...report } = await storage(db);
  const full = days.slice(1, 4);
  const sum = (of: string) => full.reduce((all: number, day: Record<string, number>) => all + day[of]!, 0);
  expect(report).toMatchObject({
    bytes_per_trace: Math.round(sum("trace_bytes") / 520),
    io_bytes_per_trace: Math.round(sum("io_bytes") / 520),
    growth_bytes_per_day: Math.round((sum("trace_bytes") + sum("io_bytes")) / 3),
    steady_bytes: Math.round(31 * sum("trace_bytes") / 3 + 8 * sum("io_bytes") / 3 + report.rollup_bytes),
  });
});

test("what is not known yet is null", async ({ db }) => {
  const unknown = {
    bytes_per_trace: null,
    io_bytes_per_trace: null,
    growth_bytes_per_day: null,
    steady_bytes: null,
    days_until_full: null,
    cost_microusd_per_1000_traces: null,
  };
  expect(await storage(db)).toMatchObject({ ...unknown, ingest_p95_ms: null, large_traces: 0 });
  await givenTraces(db, { 0: 3 });
  expect(await storage(db)).toMatchObject(unknown);
});

test("days until the quota is full are those of a project that drops what expires", async ({ db }) => {
  await givenTraces(db, { 3: 400, 2: 300, 1: 450 }, { io: [{ step: 1, request: "hello".repeat(50) }] });
  const first = await storage(db);
  const mean = (of: string) =>
    first.days.slice(1, 4).reduce((all: number, d: Record<string, number>) => all + d[of]!, 0) / 3;
  const growth = { trace: mean("trace_bytes"), io: mean("io_bytes") };

  // Lived through, a day at a time.
  const stored = first.days.map((d: Record<string, number>, ago: number) => ({
    at: -ago,
    trace: d["trace_bytes"]!,
    io: d["io_bytes"]!,
  }));
  const sizes: number[] = [];
  for (let today = 1; today <= 40; today++) {
    stored.push({ at: today, ...growth });
    let freed = 0;
    for (const day of stored) {
      if (day.at < today - 30) freed += day.trace;
      if (day.at < today - 7) freed += day.io;
    }
    sizes.push(first.database_bytes + today * (growth.trace + growth.io) - freed);
  }
  // In the end nothing grows any more.
  const most = Math.max(...sizes);
  const quota = sizes[15]! - 50;
  const cases = [[quota, sizes.findIndex((bytes) => bytes > quota) + 1], [most * 1.01, null]] as const;
  expect(cases[0][1]).toBeGreaterThan(8);
  for (const [quota, days] of cases) {
    await db.query("update tracegram.settings set quota_bytes = $1", [Math.round(quota)]);
    expect((await storage(db)).days_until_full).toBe(days);
  }
  await db.query("update tracegram.settings set quota_bytes = $1", [first.database_bytes - 1]);
  expect(await storage(db)).toMatchObject({ days_until_full: 0, quota_share: expect.closeTo(1, 2) });
});

test("cost, large rows and the time of an ingest come from the rollups of the last days", async ({ db }) => {
  await givenTraces(db, { 9: 5 }, llm(99_999));
  await givenTraces(db, { 1: 3, 0: 1 }, llm(2000));
  const steps = Array.from(
    { length: 300 },
    (_, n) => ({ name: `step ${Math.random()}`, offset_ms: n, duration_ms: 1 }),
  );
  await givenTraces(db, { 0: 1 }, { steps });
  const report = await storage(db);
  expect(report).toMatchObject({ cost_microusd_per_1000_traces: 1_600_000, large_traces: 1 });
  expect(report.ingest_p95_ms).toBeGreaterThan(0);
  expect(report.rollup_bytes).toBe(await bytesOf(db, "rollups") + await bytesOf(db, "error_rollups"));
});

test("the settings in force and the guard's last steps are in it", async ({ db }) => {
  await db.query(`select public.change_settings('{"io_sample_percent": 40}')`);
  const { database_bytes } = await storage(db);
  await db.query("update tracegram.settings set quota_bytes = $1", [Math.round(database_bytes / 0.85)]);
  await db.query("select tracegram.guard_quota()");
  expect(await storage(db)).toMatchObject({
    settings: {
      trace_days: 30,
      io_days: 7,
      io_sample_percent: 20,
      traces_from: `${isoDay(TODAY - 30 * DAY)}T00:00:00.000Z`,
      io_from: `${isoDay(TODAY - 7 * DAY)}T00:00:00.000Z`,
    },
    guard: {
      io_sample_percent: 20,
      steps: [{ what: "sampling", bytes: expect.any(Number), detail: expect.stringContaining("20 %") }],
    },
  });
});

test("what is missing of the last day is in it, as the folded batches have it", async ({ db }) => {
  await givenTraces(db, { 3: 1 }, { steps: [] });
  await givenTraces(db, { 0: 2 }, { steps: [] });
  await givenTraces(db, { 0: 3 }, { steps: [{ name: "db", parent: 5, offset_ms: 0, duration_ms: 1 }] });
  await db.query(
    "insert into tracegram.unended select now(), gen_random_uuid(), 'p', s from unnest(array['lost', 'running', 'lost']) as s",
  );
  await ingest(db, await givenKey(db), {
    sender: crypto.randomUUID(),
    dropped: { queue_full: 7 },
    traces: [makeTrace()],
  });
  expect((await storage(db)).gaps).toEqual({
    orphan_steps: 3,
    no_steps: 2,
    lost: 2,
    running: 1,
    dropped: { records: 7, reasons: [{ reason: "queue_full", records: 7 }] },
  });
});

test("no trace is read for it", async ({ db }) => {
  await storage(db);
  const { rows } = await db.query(
    `select l.relation::regclass::text as name from pg_locks as l
     where l.pid = pg_backend_pid() and l.relation::regclass::text ~ '(pipeline_traces|trace_io)'`,
  );
  expect(rows).toEqual([]);
});
