import { randomInt } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { fold } from "../_support/rollups.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

describe("percentiles", () => {
  const percentilesOf = async (db: pg.Client, durations: number[]) => {
    const key = await givenKey(db, `key ${Math.random()}`);
    await db.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
    const at = Date.now();
    const pipeline = `p${Math.random()}`;
    for (let i = 0; i < durations.length; i += 500) {
      const some = durations.slice(i, i + 500);
      await ingest(db, key, some.map((duration_ms) => makeTrace({ started_at: at, pipeline, duration_ms })));
      if (Math.random() < 0.5) await fold(db);
    }
    const { rows } = await db.query(
      `select tracegram.percentiles(array_agg(durations)) as p
       from tracegram.rollup_rows(now() - interval '1 hour', now() + interval '1 hour') where pipeline = $1 and step = ''`,
      [pipeline],
    );
    return rows[0].p;
  };
  const nearestRank = (sorted: number[], share: number) => sorted[Math.ceil(share * sorted.length) - 1]!;
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());

  test.for<[string, () => number]>([
    ["lognormal", () => Math.round(1500 * Math.exp(normal()))],
    ["small", () => randomInt(40)],
    ["two humps", () => Math.random() < 0.5 ? 100 + randomInt(20) : 30_000 + randomInt(900)],
    ["even", () => randomInt(1_000_000)],
  ])("of %s durations are within 5 percent", async ([, draw], { db }) => {
    const sorted = Array.from({ length: 3000 }, draw).sort((a, b) => a - b);
    const got = await percentilesOf(db, sorted);
    for (const [name, share] of [["p50_ms", 0.5], ["p95_ms", 0.95], ["p99_ms", 0.99]] as const) {
      const exact = nearestRank(sorted, share);
      expect(Math.abs(got[name] - exact), `${name} ${got[name]} of ${exact}`).toBeLessThanOrEqual(0.05 * exact);
    }
  });

  test("so is every single duration, up to the longest there can be", async ({ db }) => {
    const durations = [
      ...Array.from({ length: 300 }, (_, ms) => ms),
      ...Array.from({ length: 200 }, () => Math.round(300 * Math.exp(Math.random() * Math.log(2 ** 31 / 300)))),
      2 ** 31 - 1,
    ].map((ms) => Math.min(ms, 2 ** 31 - 1));
    const key = await givenKey(db);
    const at = Date.now();
    const traces = durations.map((duration_ms, i) => makeTrace({ started_at: at, duration_ms, pipeline: `p${i}` }));
    for (let i = 0; i < traces.length; i += 500) await ingest(db, key, traces.slice(i, i + 500));
    const { rows } = await db.query(
      `select pipeline, (tracegram.percentiles(array[durations]) ->> 'p50_ms')::float8 as ms
       from tracegram.rollup_rows(now() - interval '1 hour', now() + interval '1 hour') where pipeline <> '' and step = ''`,
    );
    expect(rows).toHaveLength(durations.length);
    for (const { pipeline, ms } of rows) {
      const exact = durations[Number(pipeline.slice(1))]!;
      expect(Math.abs(ms - exact), `${ms} of ${exact}`).toBeLessThanOrEqual(0.05 * exact);
    }
  });

  test("of nothing are null", async ({ db }) => {
    expect((await db.query("select tracegram.percentiles(null) as p")).rows[0].p).toEqual({
      p50_ms: null,
      p95_ms: null,
      p99_ms: null,
    });
  });
});
