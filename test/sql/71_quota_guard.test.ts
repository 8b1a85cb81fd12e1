import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { attachedDays, DAY, isoDay, partition, TABLES } from "../_support/partitions.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const TODAY = Math.floor(Date.now() / DAY) * DAY;
const MB = 1_000_000;

/** Runs the guard, ten minutes later each time. */
/** As it is now, or so much earlier that ten runs of the guard, ten minutes apart, are of one day. */
const NOW = Math.min(Date.now(), TODAY + 22 * 3_600_000);

async function guard(db: pg.Client, runs = 1, from = NOW): Promise<void> {
  for (let run = 0; run < runs; run++) {
    await db.query("select tracegram.guard_quota($1)", [new Date(from + run * 600_000)]);
  }
}

const size = async (db: pg.Client): Promise<number> =>
  Number((await db.query("select pg_database_size(current_database()) as bytes")).rows[0].bytes);

const setQuota = (db: pg.Client, bytes: number) =>
  db.query("select public.change_settings(jsonb_build_object('quota_bytes', $1::bigint))", [Math.round(bytes)]);

/** Sets the quota so that the database, as it is, fills this share of it. */
const givenShare = async (db: pg.Client, share: number) => setQuota(db, await size(db) / share);

const sample = async (db: pg.Client): Promise<number | null> =>
  (await db.query("select guard_io_sample_percent as percent from tracegram.settings")).rows[0].percent;

/** What the guard has sent away, in order, and "cannot help". */
const steps = async (db: pg.Client): Promise<string[]> =>
  (await db.query(
    `select case what when 'leaving' then table_name || ' ' || day else what end as step from tracegram.retention_log
     where why = 'quota' and what <> 'sampling' order by entry_id`,
  )).rows.map(({ step }) => step);

/** What files have left of tests that were rolled back is in them, too. */
const bytesThatMayGo = async (db: pg.Client): Promise<number> =>
  Number(
    (await db.query(
      `select sum(bytes) as bytes from tracegram.day_tables()
     where table_name = 'trace_io' and day < $1 or table_name = 'pipeline_traces' and day < $1::date - 1`,
      [isoDay(TODAY)],
    )).rows[0].bytes,
  );

/** Leaves only these days before today. */
async function keepDays(db: pg.Client, table: string, daysAgo: number[]): Promise<void> {
  const kept = daysAgo.map((days) => partition(table, TODAY - days * DAY));
  for (const name of await attachedDays(db, table)) {
    if (name < partition(table, TODAY) && !kept.includes(name)) await db.query(`drop table tracegram.${name}`);
  }
}

/** Fills a day with about as many bytes, of what does not compress. */
async function fill(db: pg.Client, table: string, daysAgo: number, bytes: number): Promise<void> {
  const at = new Date(TODAY - daysAgo * DAY);
  const text = "(select string_agg(md5(random()::text), '') from generate_series(1, 250) where n is not null)";
  const [columns, values] = table === "trace_io"
    ? ["step, request", `1, ${text}`]
    : ["key_id, pipeline, status, duration_ms, steps, error", `1, 'p', 'ok', 1, '{}', ${text}`];
  await db.query(
    `insert into tracegram.${table} (started_at, trace_id, ${columns})
     select $1::timestamptz, gen_random_uuid(), ${values} from generate_series(1, $2::int / 8000) as n`,
    [at, bytes],
  );
}

describe("the share of I/O that is stored", () => {
  test("is halved at each run from 80 %, and each step is in the log", async ({ db }) => {
    await givenShare(db, 0.82);
    const shares = [];
    for (let run = 0; run < 8; run++) {
      await guard(db);
      shares.push(await sample(db));
    }
    expect(shares).toEqual([50, 25, 12, 6, 3, 1, 0, 0]);
    const { rows } = await db.query(
      "select detail, bytes from tracegram.retention_log where what = 'sampling' and why = 'quota' order by entry_id",
    );
    expect(rows).toHaveLength(7);
    expect(rows[0].detail).toBe("I/O of 50 % of the traces, errors among them, instead of 100 %");
    expect(Number(rows[0].bytes)).toBeGreaterThan(MB);
    expect(await steps(db)).toEqual([]);
  });

  test("stays between 65 and 80 %, and below is given back step by step", async ({ db }) => {
    await givenShare(db, 0.82);
    await guard(db, 8);
    await givenShare(db, 0.7);
    await guard(db, 2);
    expect(await sample(db)).toBe(0);

    await givenShare(db, 0.6);
    const shares = [];
    for (let run = 0; run < 9; run++) {
      await guard(db);
      shares.push(await sample(db));
    }
    expect(shares).toEqual([1, 2, 4, 8, 16, 32, 64, null, null]);
  });

  test("is halved from what the owner has set, and given back to that", async ({ db }) => {
    await db.query(`select public.change_settings('{"io_sample_percent": 10}')`);
    await givenShare(db, 0.85);
    await guard(db);
    expect(await sample(db)).toBe(5);
    await givenShare(db, 0.5);
    await guard(db);
    expect(await sample(db)).toBeNull();
  });

  test("is what ingest goes by: at none, not even errors keep their I/O", async ({ db }) => {
    await givenShare(db, 0.82);
    await guard(db, 7);
    const io = [{ step: 1, request: "hi" }];
    const [ok, failed] = [makeTrace({ io }), makeTrace({ io, status: "error", error: "no" })];
    await ingest(db, await givenKey(db), [ok, failed]);
    const { rows } = await db.query("select trace_id from tracegram.trace_io");
    expect(rows).toEqual([]);
  });

  test("is lowered where the owner stores that of errors alone, and given back at once", async ({ db }) => {
    await db.query(`select public.change_settings('{"io_sample_percent": 0}')`);
    await givenShare(db, 0.82);
    await guard(db, 2);
    expect(await sample(db)).toBe(0);
    await givenShare(db, 0.5);
    await guard(db, 2);
    expect(await sample(db)).toBeNull();
    const { rows } = await db.query(
      "select detail from tracegram.retention_log where what = 'sampling' order by entry_id",
    );
    expect(rows.map((row) => row.detail)).toEqual([
      "I/O of 0 % of the traces, errors among them, instead of 0 %",
      "I/O of 0 % of the successful traces and of all errors, as the owner has set",
    ]);
  });
});

test("from 90 % the oldest day of I/O goes, and what is leaving counts as gone", async ({ db }) => {
  for (const daysAgo of [3, 2, 1, 0]) await fill(db, "trace_io", daysAgo, 3 * MB);
  await keepDays(db, "trace_io", [3, 2, 1]);
  // Without that day it is at 89.5 %.
  const { rows: [day] } = await db.query("select bytes from tracegram.day_tables() where name = $1", [
    partition("trace_io", TODAY - 3 * DAY),
  ]);
  await setQuota(db, (await size(db) - Number(day.bytes)) / 0.895);
  await guard(db, 3);
  expect(await steps(db)).toEqual([`trace_io ${isoDay(TODAY - 3 * DAY)}`]);

  const { rows: [settings] } = await db.query("select io_from, traces_from from tracegram.settings");
  expect(isoDay(settings.io_from)).toBe(isoDay(TODAY - 2 * DAY));
  expect(isoDay(settings.traces_from)).toBe(isoDay(TODAY - 30 * DAY));
  // It goes the way that every day goes.
  await db.query("select tracegram.retain()");
  const { rows } = await db.query("select command from cron.job where jobname = 'tracegram-detach-trace_io'");
  expect(rows[0]?.command).toContain(partition("trace_io", TODAY - 3 * DAY));
});

test("traces go from 95 %, after all I/O but today's, the oldest first, and never yesterday's or today's", async ({ db }) => {
  await keepDays(db, "pipeline_traces", [4, 3, 2, 1]);
  await keepDays(db, "trace_io", [2, 1]);
  for (const daysAgo of [4, 3, 2, 1, 0]) await fill(db, "pipeline_traces", daysAgo, 2 * MB);
  for (const daysAgo of [2, 1, 0]) await fill(db, "trace_io", daysAgo, 2 * MB);
  // Only when all that may go has gone, it is below 95 %, and then at 94 %.
  await setQuota(db, (await size(db) - await bytesThatMayGo(db)) / 0.94);
  await guard(db, 10);
  expect(await steps(db)).toEqual([
    `trace_io ${isoDay(TODAY - 2 * DAY)}`,
    `trace_io ${isoDay(TODAY - DAY)}`,
    `pipeline_traces ${isoDay(TODAY - 4 * DAY)}`,
    `pipeline_traces ${isoDay(TODAY - 3 * DAY)}`,
    `pipeline_traces ${isoDay(TODAY - 2 * DAY)}`,
    "cannot help",
  ]);
});

test("one run sends away all days that it takes, however little the oldest of them hold", async ({ db }) => {
  const bytes = async (table: string, from: number, to: number) =>
    Number(
      (await db.query(
        "select sum(bytes) as bytes from tracegram.day_tables() where table_name = $1 and day between $2 and $3",
        [
          table,
          isoDay(TODAY - from * DAY),
          isoDay(TODAY - to * DAY),
        ],
      )).rows[0].bytes,
    );
  const days = (table: string, from: number, to: number) =>
    Array.from({ length: from - to + 1 }, (_, n) => `${table} ${isoDay(TODAY - (from - n) * DAY)}`);
  for (const daysAgo of [4, 3, 2]) await fill(db, "trace_io", daysAgo, 2 * MB);
  for (const daysAgo of [28, 27, 26]) await fill(db, "pipeline_traces", daysAgo, 3 * MB);

  // It takes the first two of the days that hold something, and those before them are empty.
  await setQuota(db, (await size(db) - await bytes("trace_io", 7, 3)) / 0.899);
  await guard(db);
  expect(await steps(db)).toEqual(days("trace_io", 7, 3));
  await guard(db);
  expect(await steps(db)).toHaveLength(5);

  // The same of traces, in the run after that of the rest of the I/O.
  const io = await bytes("trace_io", 7, 1);
  await setQuota(db, (await size(db) - io - await bytes("pipeline_traces", 30, 27)) / 0.949);
  await guard(db);
  expect(await steps(db)).toEqual(days("trace_io", 7, 1));
  await guard(db, 2);
  expect(await steps(db)).toEqual([...days("trace_io", 7, 1), ...days("pipeline_traces", 30, 27)]);
});

test("between 90 and 95 % no trace goes, however many there are, and nobody is told that nothing helps", async ({ db }) => {
  await keepDays(db, "trace_io", []);
  await fill(db, "pipeline_traces", 5, 6 * MB);
  await givenShare(db, 0.93);
  await guard(db, 3);
  expect(await steps(db)).toEqual([]);
});

test("where the owner's own tables fill the database, nothing is dropped in vain, and the log says so once a day", async ({ db }) => {
  await db.query(`
    create table public.mine (blob text);
    alter table public.mine alter column blob set storage external;
    insert into public.mine select repeat('x', 1000000) from generate_series(1, 20)`);
  await fill(db, "trace_io", 2, MB);
  // With all that may go gone, there would still be half as much again as fits.
  await setQuota(db, (await size(db) - await bytesThatMayGo(db)) / 1.5);
  await guard(db, 3);
  expect(await steps(db)).toEqual(["cannot help"]);
  for (const table of TABLES) {
    expect((await attachedDays(db, table))[0]).toBe(partition(table, TODAY - (table === "trace_io" ? 7 : 30) * DAY));
  }

  await guard(db, 1, Date.now() + DAY + 600_000);
  expect(await steps(db)).toEqual(["cannot help", "cannot help"]);
});

test("nothing happens to a database that has room", async ({ db }) => {
  await guard(db, 3);
  expect(await sample(db)).toBeNull();
  expect((await db.query("select count(*)::int as n from tracegram.retention_log")).rows).toEqual([{ n: 0 }]);
});
