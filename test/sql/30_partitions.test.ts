import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { DAY, givenDay, isoDay, partition, TABLES } from "../_support/partitions.ts";
import { makeTrace } from "../_support/traces.ts";

describe("partitions", () => {
  test("exist from today to seven days ahead, each one UTC day", async ({ db }) => {
    for (const table of TABLES) {
      const { rows } = await db.query(
        `select c.relname as name, pg_get_expr(c.relpartbound, c.oid) as bounds
         from pg_inherits as i join pg_class as c on c.oid = i.inhrelid
         where i.inhparent = $1::regclass`,
        [`tracegram.${table}`],
      );
      const bounds = new Map(rows.map((row) => [row.name, row.bounds]));
      // One day less than is made ahead: midnight may have passed since the deployment.
      for (let day = 0; day < 7; day++) {
        const at = Date.now() + day * DAY;
        const iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 10)} 00:00:00+00`;
        expect(bounds.get(partition(table, at))).toBe(`FOR VALUES FROM ('${iso(at)}') TO ('${iso(at + DAY)}')`);
      }
    }
  });

  test("are made by our job alone, and dropped by retention alone", async ({ db }) => {
    const { rows } = await db.query(
      `select parent_table, retention, automatic_maintenance
       from partman.part_config where parent_table like 'tracegram.%' order by parent_table`,
    );
    const common = { retention: null, automatic_maintenance: "off" };
    expect(rows).toEqual([
      { parent_table: "tracegram.pipeline_traces", ...common },
      { parent_table: "tracegram.trace_io", ...common },
    ]);
  });

  test("carry the parent's indexes and compression", async ({ db }) => {
    const { rows } = await db.query(
      `select p.relname as parent, array_agg(distinct am.amname::text order by am.amname::text) as indexes,
         (select array_agg(distinct a.attcompression::text) from pg_attribute as a
          where a.attrelid = c.oid and a.attname in ('steps', 'request', 'response')) as compression
       from pg_inherits as i
       join pg_class as c on c.oid = i.inhrelid join pg_class as p on p.oid = i.inhparent
       join pg_index as x on x.indrelid = c.oid join pg_class as xc on xc.oid = x.indexrelid
       join pg_am as am on am.oid = xc.relam
       where p.relname in ('pipeline_traces', 'trace_io')
       group by c.oid, p.relname`,
    );
    expect(rows.length).toBeGreaterThanOrEqual(16);
    for (const row of rows) expect(row).toMatchObject({ indexes: ["brin", "btree"], compression: ["l"] });
  });
});

test("a bot that slept for a month is let in at once, before any job has run", async ({ db }) => {
  const lastMonth = Date.now() - 28 * DAY;
  for (const table of TABLES) {
    const { rows } = await db.query(
      "select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass",
      [
        `tracegram.${table}`,
      ],
    );
    await givenDay(db, table, lastMonth);
    const gone = rows.filter(({ name }) => name !== `tracegram.${partition(table, lastMonth)}`);
    for (const { name } of gone) await db.query(`drop table ${name}`);
  }

  const trace = makeTrace({ io: [{ step: 1, request: "hi" }] });
  expect(await ingest(db, await givenKey(db), [trace])).toMatchObject({ stored: 1 });
  for (const table of TABLES) {
    for (const at of [Date.now(), Date.now() + 7 * DAY]) {
      const { rows: [row] } = await db.query("select to_regclass('tracegram.' || $1) as oid", [partition(table, at)]);
      expect(row.oid, partition(table, at)).not.toBeNull();
    }
  }
});

const missing = async (db: pg.Client, at: number) =>
  (await db.query(
    "select table_name, to_char(day at time zone 'UTC', 'YYYY-MM-DD') as day from tracegram.missing_days($1, 7)",
    [new Date(at)],
  )).rows;

// In both, a day of the zone has 23 or 25 hours within the eight days ahead.
test.for([["America/New_York", "2026-11-28"], ["America/New_York", "2027-03-10"], ["Europe/Berlin", "2026-10-21"]])(
  "are UTC days in a database of %s, from %s on",
  async ([zone, day], { db }) => {
    await db.query(`set local timezone = '${zone}'; set local datestyle = 'German'`);
    for (const hour of [0, 5, 23]) {
      const at = Date.parse(day!) + hour * DAY / 24;
      expect(await missing(db, at + DAY)).not.toEqual([]);
      const { rows } = await db.query("select tracegram.make_partitions($1) as n", [new Date(at)]);
      expect(rows).toEqual([{ n: 0 }]);
      expect(await missing(db, at)).toEqual([]);
    }
    await db.query("set local timezone = 'UTC'; set local datestyle = 'ISO'");
    const { rows } = await db.query(
      `select pg_get_expr(c.relpartbound, c.oid) as bounds from pg_class as c
       where c.relname = any ($1) order by 1`,
      [TABLES.map((table) => partition(table, Date.parse(day!) + 3 * DAY))],
    );
    const iso = (ms: number) => `${new Date(ms).toISOString().slice(0, 10)} 00:00:00+00`;
    const at = Date.parse(day!) + 3 * DAY;
    const bounds = `FOR VALUES FROM ('${iso(at)}') TO ('${iso(at + DAY)}')`;
    expect(rows).toEqual([{ bounds }, { bounds }]);
  },
);

test("a hole in the days ahead is filled though today is there", async ({ db }) => {
  const hole = Date.now() + 4 * DAY;
  await db.query(`drop table tracegram.${partition("trace_io", hole)}`);
  expect(await missing(db, Date.now())).toContainEqual({ table_name: "trace_io", day: isoDay(hole) });
  expect((await db.query("select tracegram.make_partitions() as n")).rows).toEqual([{ n: 0 }]);
  expect(await missing(db, Date.now())).toEqual([]);
});

test("a day whose name holds another is missing, and the owner is told", async ({ db }) => {
  const day = Date.now() + 2 * DAY;
  const name = partition("pipeline_traces", day);
  await db.query("select tracegram.make_partitions()");
  await db.query(`drop table tracegram.${name}`);
  const from = (ms: number) => `${isoDay(ms)} 05:00+00`;
  await db.query(
    `create table tracegram.${name} partition of tracegram.pipeline_traces
     for values from ('${from(day)}') to ('${isoDay(day + DAY)} 00:00+00')`,
  );
  expect((await db.query("select tracegram.make_partitions() as n")).rows).toEqual([{ n: 1 }]);
  const { rows } = await db.query(
    "select value::int, detail from tracegram.measure_missing_partitions(now())",
  );
  expect(rows).toEqual([{ value: 1, detail: `missing: ${name}` }]);
});
