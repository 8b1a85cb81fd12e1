import { randomInt } from "node:crypto";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { expected, fold, inWindow, randomTraces, shuffled, sums } from "../_support/rollups.ts";
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
