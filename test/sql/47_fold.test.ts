import { randomInt } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { expected, fold, inWindow, pick, randomTraces, shuffled, sums } from "../_support/rollups.ts";
import { givenKey, ingest, list } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

describe("rollups are exact", () => {
  test("over late data, replays, announcements and folds in any order", async ({ db }) => {
    const days = 5;
    for (let day = 0; day <= days; day++) await givenDay(db, "pipeline_traces", Date.now() - day * DAY);
    const key = await givenKey(db);
    const traces = randomTraces(400, days);
    const announced = traces.filter(() => Math.random() < 0.3)
      .map(({ duration_ms: _, ...t }) => ({ ...t, status: "running" as const, steps: t.steps.slice(0, 1) }));
    const never = randomTraces(20, days).map(({ duration_ms: _, ...t }) => ({ ...t, status: "running" as const }));
    const replays = traces.filter(() => Math.random() < 0.3);
    const messages = [...shuffled(announced), ...shuffled([...traces, ...never, ...replays])];
    for (let i = 0; i < messages.length;) {
      const size = randomInt(1, 40);
      await ingest(db, key, messages.slice(i, i += size));
      if (Math.random() < 0.3) await fold(db);
    }

    const [start, end] = [Date.now() - 30 * DAY, Date.now() + 60_000];
    expect(await inWindow(db, start, end)).toEqual(expected(traces));
    await fold(db);
    expect(await inWindow(db, start, end)).toEqual(expected(traces));
    expect((await db.query("select from tracegram.batches")).rowCount).toBe(0);
    // Each level has all of it; what it no longer needs is purged later.
    for (const level of ["5m", "1h", "1d"]) {
      const all = await sums(db, `(select * from tracegram.rollups where level = '${level}')`);
      expect(all, level).toEqual(expected(traces));
    }

    await db.query("select tracegram.purge_rollups()");
    const hour = 3_600_000;
    for (let i = 0; i < 30; i++) {
      // Whole hours: of five minutes only the last two days are left.
      const [from, to] = [0, 1].map(() => Math.floor((Date.now() - randomInt(days * DAY)) / hour) * hour).sort();
      if (from === to) continue;
      const inside = traces.filter((t) => t.started_at >= from! && t.started_at < to!);
      expect(await inWindow(db, from!, to!), new Date(from!).toISOString()).toEqual(expected(inside));
    }
  });

  test("a fold that does not commit has not happened", async ({ db }) => {
    const traces = randomTraces(20, 1);
    await givenDay(db, "pipeline_traces", Date.now() - DAY);
    await ingest(db, await givenKey(db), traces);
    await db.query("savepoint crash");
    await fold(db);
    await db.query("rollback to savepoint crash");
    expect(await inWindow(db, Date.now() - 2 * DAY, Date.now() + 1000)).toEqual(expected(traces));
    await fold(db);
    expect(await inWindow(db, Date.now() - 2 * DAY, Date.now() + 1000)).toEqual(expected(traces));
  });
});

test("calls of the ingest are rolled up as well, apart from every bot", async ({ db }) => {
  const key = await givenKey(db);
  await ingest(db, key, [makeTrace()]);
  await ingest(db, key, [makeTrace({ pipeline: " " }), makeTrace()]);
  await ingest(db, key, [makeTrace({ pipeline: " " })]);
  for (let folded = 0; folded < 2; folded++, await fold(db)) {
    const { rows } = await db.query(
      "select sum(count)::int as calls, sum(errors)::int as with_refusals, sum(duration_ms)::int >= 0 as timed from tracegram.rollup_rows(now() - interval '1 hour', now() + interval '1 minute') where pipeline = '' and step = 'ingest'",
    );
    expect(rows).toEqual([{ calls: 3, with_refusals: 2, timed: true }]);
  }
});

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

describe("the ranges of a window", () => {
  const MINUTES = { "5m": 5, "1h": 60, "1d": 1440 } as const;
  const minute = 60_000;

  test("join without a gap, are as coarse as they may be, and exist", async ({ db }) => {
    for (let i = 0; i < 300; i++) {
      const now = Date.parse("2026-03-29T00:30:00Z") + randomInt(2 * DAY);
      const span = pick([10 * minute, 3 * 60 * minute, 2 * DAY, 40 * DAY, 200 * DAY]);
      const from = now - randomInt(pick([minute, DAY, 70 * DAY]) + 1);
      const to = from + 1 + randomInt(span);
      const runs = Math.random() < 0.5;
      const fine = runs ? 31 * DAY : 49 * 60 * minute;
      const ranges: { level: keyof typeof MINUTES; starts: Date; ends: Date }[] = (await db.query(
        "select * from tracegram.rollup_ranges($1, $2, $4, $3)",
        [new Date(from), new Date(to), new Date(now), runs],
      )).rows;
      const told = JSON.stringify([new Date(from), new Date(to), new Date(now), runs, ranges]);
      expect(ranges.length, told).toBeLessThanOrEqual(5);
      const [first, last] = [ranges[0]!.starts.getTime(), ranges.at(-1)!.ends.getTime()];
      expect(first <= from && to <= last, told).toBe(true);
      // No wider than the finest level that still exists at either end.
      const grain = (at: number) => at >= now - fine ? 5 : at >= now - 61 * DAY ? 60 : 1440;
      expect(from - first, told).toBeLessThan(grain(from - 60 * minute) * minute);
      expect(last - to, told).toBeLessThan(grain(to - DAY) * minute);
      for (const [n, range] of ranges.entries()) {
        const [starts, ends] = [range.starts.getTime(), range.ends.getTime()];
        if (n > 0) expect(starts, told).toBe(ranges[n - 1]!.ends.getTime());
        const width = MINUTES[range.level] * minute;
        expect([starts % width, ends % width], told).toEqual([0, 0]);
        if (range.level === "5m") {
          expect(starts, told).toBeGreaterThanOrEqual(now - fine - (runs ? DAY : 2 * 60 * minute));
        }
        if (range.level === "1h") expect(starts, told).toBeGreaterThanOrEqual(now - 63 * DAY);
      }
    }
  });
});

describe("errors", () => {
  test("of one cause are one kind, with its count and newest trace", async ({ db }) => {
    const key = await givenKey(db);
    const failed = (error: string, i: number) =>
      makeTrace({
        started_at: Date.now() - 1000 + i,
        status: "error",
        error,
        steps: [{ name: "llm.generate", status: "error", offset_ms: 0, duration_ms: 1, error }],
      });
    const traces = [
      failed("Timeout after 30.5 s (request 9b2a4f5e-3f0e-7a53-9f3a-0d7d3a1c2b4d)\n  at fetch", 1),
      failed("Timeout after 7 s (request 00000000-3F0E-7a53-9f3a-0d7d3a1c2b4d)", 2),
      failed("Out of memory", 3),
    ];
    await ingest(db, key, [traces[1], traces[0], traces[2], makeTrace()]);
    for (let folded = 0; folded < 2; folded++, await fold(db)) {
      const { rows } = await db.query(
        "select pipeline, step, kind, sum(count)::int as count, min(example::text) as example from tracegram.error_rows(now() - interval '1 hour', now() + interval '1 minute') group by 1, 2, 3 order by 3",
      );
      expect(rows).toEqual([
        { pipeline: "support", step: "llm.generate", kind: "Out of memory", count: 1, example: traces[2]!.trace_id },
        {
          pipeline: "support",
          step: "llm.generate",
          kind: "Timeout after # s (request #)",
          count: 2,
          example: traces[1]!.trace_id,
        },
      ]);
    }
  });

  test("that are all different do not make a row of each, and none is left out", async ({ db }) => {
    const key = await givenKey(db);
    const at = Math.floor(Date.now() / 300_000) * 300_000;
    for (let lot = 0; lot < 3; lot++) {
      const words = Array.from(
        { length: 40 },
        (_, i) => `cause ${"abcd"[lot]}${"abcdefghij"[i % 10]}${"klmn"[Math.floor(i / 10)]}`,
      );
      await ingest(db, key, words.map((error) => makeTrace({ started_at: at, status: "error", error })));
      await ingest(db, key, [makeTrace({ started_at: at, status: "error", error: "cause aak" })]);
      await fold(db);
    }
    const { rows } = await db.query(
      "select level, count(*)::int as kinds, sum(count)::int as count, sum(count) filter (where kind = 'cause aak')::int as known, sum(count) filter (where kind = '(other)')::int as other from tracegram.error_rollups group by level",
    );
    expect(rows).toHaveLength(3);
    for (const { level, ...row } of rows) {
      const room = level === "1d" ? 50 : 10;
      // The one that comes again and again is known from the first lot on.
      expect(row, level).toMatchObject({ kinds: room + 1, count: 123 });
      if (level === "1d") expect(row).toMatchObject({ known: 4, other: 70 });
    }
  });
});

describe("whatever a sender does", () => {
  test("names without end make no rows without end, and nothing is left out", async ({ db }) => {
    const key = await givenKey(db);
    const names = Array.from({ length: 1500 }, (_, i) => ({ name: `user ${i}`, offset_ms: 0, duration_ms: 1 }));
    await ingest(db, key, [makeTrace({ pipeline: "a bot", steps: names.slice(0, 700) })]);
    await fold(db);
    await ingest(db, key, [makeTrace({ pipeline: "a bot", steps: names.slice(600) })]);
    await ingest(db, key, Array.from({ length: 150 }, (_, i) => makeTrace({ pipeline: `pipeline ${i}`, steps: [] })));
    await fold(db);
    const { rows } = await db.query(
      `select step = '' as runs, count(distinct (pipeline, step))::int as names, sum(count)::int as count
       from tracegram.rollups where level = '1d' and pipeline <> '' group by 1 order by 1`,
    );
    // 100 pipelines and 900 steps, one of those the ingest's own, and (other) of each.
    expect(rows).toEqual([{ runs: false, names: 900, count: 1600 }, { runs: true, names: 101, count: 152 }]);
    // What is not known apart is not counted apart.
    expect(await list(db, { pipeline: "pipeline 149" })).toMatchObject({ total: 1, total_exact: true });
    expect(await list(db, { pipeline: "a bot" })).toMatchObject({ total: 2, total_exact: true });
  });

  test("the longest names, the largest numbers and the oddest errors are folded", async ({ db }) => {
    const key = await givenKey(db);
    const odd = () => Array.from({ length: 100 }, () => String.fromCodePoint(0x1f300 + randomInt(0x300))).join("");
    const extreme = () => {
      const most = { duration_ms: 2 ** 31 - 1, model: "m", input_tokens: 1e8, cached_tokens: 1e8, output_tokens: 1e8 };
      const step = { ...most, name: odd(), offset_ms: 2 ** 31 - 1, reasoning_tokens: 1e8, cost_microusd: 1e9 };
      return makeTrace({
        pipeline: odd(),
        status: "error",
        error: odd() + odd(),
        duration_ms: 2 ** 31 - 1,
        steps: Array.from({ length: 100 }, () => ({ ...step, status: "error" as const, error: "", parent: 32767 })),
      });
    };
    const answer = await ingest(db, key, [
      extreme(),
      extreme(),
      makeTrace({ status: "error", error: "\n\n" }),
      makeTrace({ status: "error" }),
    ]);
    expect(answer).toMatchObject({ stored: 4 });
    await fold(db);
    expect((await db.query("select from tracegram.batches")).rowCount).toBe(0);
    const { rows } = await db.query(
      "select sum(cost_microusd)::float8 as cost from tracegram.rollups where level = '1d' and step = ''",
    );
    expect(rows).toEqual([{ cost: 2e11 }]);
  });

  test.for([{ cost_microusd: -1 }, { cost_microusd: 1e9 + 1 }, { input_tokens: -1 }, { reasoning_tokens: 1e8 + 1 }])(
    "what would not add up is refused: %o",
    async (values, { db }) => {
      const step = { name: "llm", offset_ms: 0, duration_ms: 1, model: "m", ...values };
      const { items } = await ingest(db, await givenKey(db), [makeTrace({ steps: [step] })]);
      expect(items).toMatchObject([{ result: "rejected", code: "TG013" }]);
    },
  );
});

test("rollups are purged level by level", async ({ db }) => {
  const ages = { "5m": ["50 hours", "52 hours"], "1h": ["62 days", "64 days"], "1d": ["399 days", "401 days"] };
  for (const table of ["rollups", "error_rollups"]) {
    for (const [level, [kept, gone]] of Object.entries(ages)) {
      for (const age of [kept, gone]) {
        await db.query(
          table === "rollups"
            ? `insert into tracegram.rollups values ($1, now() - $2::interval, 'p', 's', 1, 0, 1, '({1},{1})', null, null, null, null, null, 0, 0, 0, 0)`
            : `insert into tracegram.error_rollups values ($1, now() - $2::interval, 'p', '', 'k', 1, gen_random_uuid())`,
          [level, age],
        );
      }
    }
    await db.query("select tracegram.purge()");
    const { rows } = await db.query(
      `select level, count(*)::int as n from tracegram.${table} where pipeline = 'p' group by level order by level`,
    );
    expect(rows, table).toEqual(["1d", "1h", "5m"].map((level) => ({ level, n: 1 })));
  }
});
