import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { DAY, givenDay, partition, TABLES } from "../_support/partitions.ts";
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

  test("are made for ever, and dropped by retention alone", async ({ db }) => {
    const { rows } = await db.query(
      `select parent_table, retention, infinite_time_partitions, premake
       from partman.part_config where parent_table like 'tracegram.%' order by parent_table`,
    );
    const common = { retention: null, infinite_time_partitions: true, premake: 7 };
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
