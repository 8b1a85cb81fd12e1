// Over 300 lines, because it is one machine of few steps, and each test is a way through them.
import type pg from "pg";
import { describe, expect } from "vitest";
import { test as base } from "../_support/db.ts";
import { attachedDays, DAY, givenDay, isoDay, partition } from "../_support/partitions.ts";
import { getTrace, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const TODAY = Math.floor(Date.now() / DAY) * DAY;
const NOON = TODAY + DAY / 2;

const test = base.extend("open", ({ cluster }, { onCleanup }) => {
  const clients: pg.Client[] = [];
  onCleanup(async () => {
    for (const client of clients) await client.end();
  });
  /** Another connection, without a transaction: what cron is to see must be committed. */
  return async () => {
    const client = cluster.client("postgres");
    await client.connect();
    clients.push(client);
    return client;
  };
});

/** The days that are still leaving. Null, while pg_cron's own run is at work, is tried again. */
async function retain(db: pg.Client, now = NOON): Promise<number> {
  const { rows: [{ days }] } = await db.query("select tracegram.retain($1) as days", [new Date(now)]);
  return days ?? await retain(db, now);
}

const change = (db: pg.Client, changes: object) => db.query("select public.change_settings($1)", [changes]);

const bounds = async (db: pg.Client) => {
  const { rows: [row] } = await db.query("select traces_from, io_from from tracegram.settings");
  return { traces: isoDay(row.traces_from), io: isoDay(row.io_from) };
};

const log = async (db: pg.Client, table: string, day: number) =>
  (await db.query(
    `select what, why, bytes > 0 as sized from tracegram.retention_log where table_name = $1 and day = $2 order by entry_id`,
    [table, isoDay(day)],
  )).rows;

const job = async (db: pg.Client, table: string): Promise<{ schedule: string; command: string } | undefined> =>
  (await db.query("select schedule, command from cron.job where jobname = $1", [`tracegram-detach-${table}`])).rows[0];

const exists = async (db: pg.Client, name: string): Promise<boolean> =>
  (await db.query("select to_regclass($1) is not null as yes", [`tracegram.${name}`])).rows[0].yes;

/** Does what pg_cron would do, as far as a transaction can: it detaches without `concurrently`. */
async function runDetachJobs(db: pg.Client): Promise<string[]> {
  const { rows } = await db.query(
    "select command from cron.job where jobname like 'tracegram-detach-%' order by jobname",
  );
  for (const { command } of rows) await db.query(command.replace(" concurrently", ""));
  return rows.map(({ command }) => command);
}

describe("a day that has expired", () => {
  test("is refused before it goes, and the day after it is not", async ({ db }) => {
    const key = await givenKey(db);
    const [late, kept] = [30, 29].map((days) => makeTrace({ started_at: TODAY - days * DAY }));
    expect(await ingest(db, key, [makeTrace({ started_at: TODAY - 30 * DAY })])).toMatchObject({ stored: 1 });

    expect(await retain(db, NOON + DAY)).toBe(2);
    expect(await bounds(db)).toEqual({ traces: isoDay(TODAY - 29 * DAY), io: isoDay(TODAY - 6 * DAY) });
    expect(await attachedDays(db, "pipeline_traces")).toContain(partition("pipeline_traces", TODAY - 30 * DAY));
    const { items } = await ingest(db, key, [late, kept]);
    expect(items).toMatchObject([{ result: "rejected", code: "TG012" }, { result: "stored" }]);
  });

  test("is detached by pg_cron, then dropped, and leaves a note of each step", async ({ db }) => {
    const name = partition("pipeline_traces", TODAY - 30 * DAY);
    await retain(db, NOON + DAY);
    expect(await job(db, "pipeline_traces")).toBeUndefined();
    await retain(db, NOON + DAY);
    expect(await job(db, "pipeline_traces")).toEqual({
      schedule: "7 seconds",
      command: `alter table tracegram.pipeline_traces detach partition tracegram.${name} concurrently`,
    });
    await runDetachJobs(db);
    expect(await retain(db, NOON + DAY)).toBe(0);

    expect(await exists(db, name)).toBe(false);
    expect(await job(db, "pipeline_traces")).toBeUndefined();
    const entry = { why: "expired", sized: true };
    expect(await log(db, "pipeline_traces", TODAY - 30 * DAY)).toEqual([{ what: "leaving", ...entry }, {
      what: "dropped",
      ...entry,
    }]);
  });

  test("is not detached while traces of it wait to be counted", async ({ db }) => {
    const key = await givenKey(db);
    // The last millisecond of the day, and the first of the next.
    const [last, next] = [TODAY - 29 * DAY - 1, TODAY - 29 * DAY];
    await ingest(db, key, [makeTrace({ started_at: last })]);
    for (let run = 0; run < 3; run++) await retain(db, NOON + DAY);
    expect(await job(db, "pipeline_traces")).toBeUndefined();
    expect(await job(db, "trace_io")).toBeDefined();

    await db.query("select tracegram.fold_batches()");
    await ingest(db, key, [makeTrace({ started_at: next })]);
    await retain(db, NOON + DAY);
    expect(await job(db, "pipeline_traces")).toMatchObject({
      command: expect.stringContaining(partition("pipeline_traces", last)),
    });
    const { rows } = await db.query(
      "select count::int from tracegram.rollups where level = '1d' and step = '' and pipeline <> '' and bucket = $1",
      [new Date(last - DAY + 1)],
    );
    expect(rows).toEqual([{ count: 1 }]);
  });

  test("makes retention come back every ten seconds until it is gone", async ({ db }) => {
    const schedule = async () =>
      (await db.query("select schedule from cron.job where jobname = 'tracegram-retention'")).rows[0].schedule;
    await retain(db);
    expect(await schedule()).toBe("* * * * *");
    await retain(db, NOON + DAY);
    expect(await schedule()).toBe("10 seconds");
    await retain(db, NOON + DAY);
    await runDetachJobs(db);
    await retain(db, NOON + DAY);
    expect(await schedule()).toBe("* * * * *");
  });

  test("has one job: a run that comes before pg_cron leaves it as it is", async ({ db }) => {
    const id = async () =>
      (await db.query("select jobid from cron.job where jobname like 'tracegram-detach-trace_io'")).rows;
    for (let run = 0; run < 2; run++) await retain(db, NOON + DAY);
    const first = await id();
    expect(first).toHaveLength(1);
    await retain(db, NOON + DAY);
    expect(await id()).toEqual(first);
  });
});

test("nothing goes while nothing has expired", async ({ db }) => {
  const state =
    async () => [await attachedDays(db, "pipeline_traces"), await attachedDays(db, "trace_io"), await bounds(db)];
  const before = await state();
  for (let run = 0; run < 3; run++) expect(await retain(db)).toBe(0);
  expect(await state()).toEqual(before);
});

test("fewer days take effect at the next run, and more bring none back", async ({ db }) => {
  await change(db, { trace_days: 10, io_days: 2 });
  expect(await retain(db)).toBe(20 + 5);
  const short = { traces: isoDay(TODAY - 10 * DAY), io: isoDay(TODAY - 2 * DAY) };
  expect(await bounds(db)).toEqual(short);

  await change(db, { trace_days: 30, io_days: 7 });
  await retain(db);
  expect(await bounds(db)).toEqual(short);
  // They grow back with the days.
  await retain(db, NOON + 6 * DAY);
  expect(await bounds(db)).toEqual({ traces: short.traces, io: isoDay(TODAY - DAY) });
});

test("a trace whose I/O has gone is stored without it", async ({ db }) => {
  await change(db, { io_days: 2 });
  await retain(db);
  const [gone, kept] = [3, 2].map((days) =>
    makeTrace({ started_at: TODAY - days * DAY, status: "error", error: "x", io: [{ step: 1, request: "hi" }] })
  );
  expect(await ingest(db, await givenKey(db), [gone, kept])).toMatchObject({ stored: 2 });
  const { rows } = await db.query("select trace_id from tracegram.trace_io");
  expect(rows).toEqual([{ trace_id: kept!.trace_id }]);
});

test("many days at once go one after the other, the oldest first", async ({ db }) => {
  await change(db, { trace_days: 20, io_days: 4 });
  await retain(db);
  const detached: string[] = [];
  let runs = 0;
  while (await retain(db) > 0 && runs++ < 40) detached.push(...await runDetachJobs(db));

  expect(runs).toBe(10);
  const days = (table: string) =>
    detached.filter((command) => command.includes(table)).map((command) => /_p(\d{8})/.exec(command)?.[1]);
  const expected = (from: number, to: number) =>
    Array.from({ length: from - to + 1 }, (_, n) => isoDay(TODAY - (from - n) * DAY).replaceAll("-", ""));
  expect(days("pipeline_traces")).toEqual(expected(30, 21));
  expect(days("trace_io")).toEqual(expected(7, 5));
  expect((await attachedDays(db, "pipeline_traces"))[0]).toBe(partition("pipeline_traces", TODAY - 20 * DAY));
});

test("a project that slept until all its days had expired has days again before the old ones go", async ({ db }) => {
  for (const table of ["pipeline_traces", "trace_io"]) {
    await givenDay(db, table, TODAY - 33 * DAY);
    for (const name of (await attachedDays(db, table)).slice(1)) await db.query(`drop table tracegram.${name}`);
  }
  expect(await retain(db)).toBe(2);
  for (const table of ["pipeline_traces", "trace_io"]) {
    const ahead = Array.from({ length: 8 }, (_, days) => partition(table, TODAY + days * DAY));
    expect(await attachedDays(db, table)).toEqual([partition(table, TODAY - 33 * DAY), ...ahead]);
  }
  // There is nothing before today, and that is what is said.
  expect(await bounds(db)).toEqual({ traces: isoDay(TODAY), io: isoDay(TODAY) });
  const { items } = await ingest(db, await givenKey(db), [makeTrace({ started_at: TODAY - DAY }), makeTrace()]);
  expect(items).toMatchObject([{ result: "rejected", code: "TG012" }, { result: "stored" }]);
});

test("when cron was away for a month, traces came in all the same, and all that expired goes when it is back", async ({ db }) => {
  for (let days = 31; days <= 60; days++) await givenDay(db, "pipeline_traces", TODAY - days * DAY);
  for (
    const name of (await attachedDays(db, "pipeline_traces")).filter((day) =>
      day >= partition("pipeline_traces", TODAY)
    )
  ) {
    await db.query(`drop table tracegram.${name}`);
  }
  const trace = makeTrace();
  expect(await ingest(db, await givenKey(db), [trace])).toMatchObject({ stored: 1 });
  expect(await retain(db)).toBe(30);
  expect(await getTrace(db, trace.trace_id)).not.toBeNull();
});

test("a day that the owner has detached by hand stays", async ({ db }) => {
  const name = partition("pipeline_traces", TODAY - 30 * DAY);
  await db.query(`alter table tracegram.pipeline_traces detach partition tracegram.${name}`);
  for (let run = 0; run < 3; run++) await retain(db, NOON + 5 * DAY);
  expect(await exists(db, name)).toBe(true);
});

describe("with pg_cron at work", () => {
  const gone = (db: pg.Client, name: string) =>
    expect.poll(async () => {
      await retain(db);
      return await exists(db, name);
    }, { timeout: 60_000, interval: 300 }).toBe(false);

  const detaching = (db: pg.Client, name: string) =>
    expect.poll(async () => {
      await retain(db);
      const { rows } = await db.query(
        `select a.pid, i.inhdetachpending as pending from pg_inherits as i
         left join pg_stat_activity as a on a.query like '%detach partition%' || $1 || '%' and a.pid <> pg_backend_pid()
         where i.inhrelid = to_regclass('tracegram.' || $1)`,
        [name],
      );
      return rows[0];
    }, { timeout: 60_000, interval: 300 });

  test(
    "an open transaction that has read and written keeps its day, and no ingest waits",
    { timeout: 120_000 },
    async ({ open }) => {
      const [live, reader, sender] = [await open(), await open(), await open()];
      const name = partition("pipeline_traces", TODAY - 41 * DAY);
      await givenDay(live, "pipeline_traces", TODAY - 41 * DAY);
      const key = await givenKey(live, "waits for nobody");
      await reader.query("begin");
      await ingest(reader, key, [makeTrace()]);
      await reader.query("select count(*) from tracegram.pipeline_traces");

      await detaching(live, name).toMatchObject({ pid: expect.any(Number), pending: true });
      await sender.query("set lock_timeout = '100ms'");
      expect(await sender.query("select public.ingest_traces($1, $2) as answer", [key, JSON.stringify([makeTrace()])]))
        .toMatchObject({ rows: [{ answer: { stored: 1 } }] });
      // The job waits, and will not run a second time.
      await retain(live);
      expect(await job(live, "pipeline_traces")).toMatchObject({ schedule: "0 0 30 2 *" });
      expect(await exists(live, name)).toBe(true);

      await reader.query("commit");
      await gone(live, name);
      const { rows } = await live.query(
        `select status from cron.job_run_details where command like '%' || $1 || '%' and end_time is not null`,
        [name],
      );
      expect(rows.every(({ status }) => status === "succeeded"), JSON.stringify(rows)).toBe(true);
      expect(await job(live, "pipeline_traces")).toBeUndefined();
    },
  );

  test("a detach that was interrupted is ended", { timeout: 120_000 }, async ({ open }) => {
    const [live, reader] = [await open(), await open()];
    const name = partition("trace_io", TODAY - 42 * DAY);
    await givenDay(live, "trace_io", TODAY - 42 * DAY);
    await reader.query("begin");
    await reader.query("select count(*) from tracegram.trace_io");
    await detaching(live, name).toMatchObject({ pid: expect.any(Number), pending: true });

    await live.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where query like '%detach partition%' || $1 || '%' and pid <> pg_backend_pid()`,
      [name],
    );
    await expect.poll(async () => {
      await retain(live);
      return (await job(live, "trace_io"))?.command;
    }, { timeout: 60_000, interval: 300 }).toMatch(/ finalize$/);
    await reader.query("commit");
    await gone(live, name);
  });

  test(
    "a detached day that somebody reads is waited for by nobody, and dropped later",
    { timeout: 120_000 },
    async ({ open }) => {
      const [live, reader] = [await open(), await open()];
      const name = partition("pipeline_traces", TODAY - 43 * DAY);
      await givenDay(live, "pipeline_traces", TODAY - 43 * DAY);
      await retain(live);
      await live.query(`alter table tracegram.pipeline_traces detach partition tracegram.${name}`);
      await reader.query("begin");
      await reader.query(`select count(*) from tracegram.${name}`);

      expect(await retain(live)).toBeGreaterThan(0);
      expect(await exists(live, name)).toBe(true);
      await reader.query("commit");
      await gone(live, name);
    },
  );
});
