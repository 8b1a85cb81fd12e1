// Every filter in every order, walked to its end and back, against the same list made in JavaScript.
import { randomInt } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import { type TracePage } from "../../functions/_shared/db.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { test as base } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { givenKey, ingest, list } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

type Given = WireTrace & { started_at: number; cost: number | null };
type Filter = Parameters<typeof list>[1] & object;

const pick = <T>(of: readonly T[]): T => of[randomInt(of.length)]!;

/** 300 traces of the last four days: of two pipelines, five users, groups, equal durations, errors, some not ended. */
function manyTraces(): Given[] {
  const now = Date.now();
  return Array.from({ length: 300 }, (_, i) => {
    const status = pick(["ok", "ok", "ok", "ok", "error", "running"] as const);
    const cost = status !== "running" && i % 3 > 0 ? randomInt(20) : null;
    const user = 601 + randomInt(5);
    const { duration_ms, ...trace } = makeTrace({
      started_at: now - 1000 - (i % 10 === 0 ? randomInt(4 * DAY) : randomInt(7_200_000)),
      pipeline: pick(["support", "refund"]),
      status,
      duration_ms: pick([5, 20, 20, 20, randomInt(9000)]),
      user_id: user,
      chat_id: pick([user, user, -100_500]),
      release: pick(["v1", "v2"]),
      ...(status === "error" && { error: pick(["TimeoutError: 30 s", "429 from the provider"]) }),
      steps: [{ name: "llm", offset_ms: 0, duration_ms: 1, model: "m", ...(cost !== null && { cost_microusd: cost }) }],
    });
    return { ...trace, ...(status !== "running" && { duration_ms }), cost } as Given;
  });
}

const test = base.extend("given", async ({ db }) => {
  const traces = manyTraces();
  for (let days = 0; days <= 4; days++) await givenDay(db, "pipeline_traces", Date.now() - days * DAY);
  const key = await givenKey(db);
  await ingest(db, key, traces.slice(0, 150));
  await db.query("select tracegram.fold_batches()");
  await ingest(db, key, traces.slice(150)); // these are counted without being folded
  return traces;
});

const FILTERS: Filter[] = [
  {},
  { status: "ok" },
  { status: "error" },
  { status: "running" },
  { pipeline: "refund" },
  { pipeline: "refund", status: "error" },
  { user_id: 603 },
  { chat_id: 603 },
  { chat_id: -100_500 },
  { user_id: 604, chat_id: -100_500 },
  { min_duration_ms: 21 },
  { release: "v2" },
  { error: "TIMEOUT" },
  { error: "429", user_id: 602 },
  { pipeline: "none" },
];

/** What the list should be, by the definition of its filter and order. */
function expected(traces: Given[], filter: Filter, order: string): string[] {
  const column = (t: Given) =>
    (order === "newest" ? t.started_at : order === "slowest" ? t.duration_ms : t.cost) ?? null;
  return traces
    .filter((t) =>
      column(t) !== null && (order !== "dearest" || column(t)! > 0) &&
      (filter.status === undefined || t.status === filter.status) &&
      (filter.pipeline === undefined || t.pipeline === filter.pipeline) &&
      (filter.user_id === undefined || t.user_id === filter.user_id) &&
      (filter.chat_id === undefined || t.chat_id === filter.chat_id) &&
      (filter.min_duration_ms === undefined || (t.duration_ms ?? -1) >= filter.min_duration_ms) &&
      (filter.release === undefined || t.release === filter.release) &&
      (filter.error === undefined ||
        t.status === "error" && t.error!.toLowerCase().includes(filter.error.toLowerCase()))
    )
    .sort((a, b) => column(b)! - column(a)! || (a.trace_id < b.trace_id ? 1 : -1))
    .map((t) => t.trace_id);
}

const idsOf = (page: TracePage) => page.traces.map((t) => t.trace_id);

async function walk(db: pg.Client, args: Filter): Promise<TracePage[]> {
  const pages = [await list(db, args)];
  while (pages.at(-1)!.has_older) pages.push(await list(db, { ...args, cursor: pages.at(-1)!.older_cursor! }));
  return pages;
}

describe.for(["newest", "slowest", "dearest"])("%s first", (order) => {
  test.for(FILTERS)("%o: all pages there and back, each numbered", async (filter, { db, given }) => {
    const args = { ...filter, order };
    const want = expected(given, filter, order);
    const pages = await walk(db, args);
    expect(pages.flatMap(idsOf)).toEqual(want);

    const count = Math.max(1, Math.ceil(want.length / 10));
    expect(pages.map((p) => [p.page, p.page_exact, p.pages, p.total, p.total_exact])).toEqual(
      Array.from({ length: count }, (_, i) => [i + 1, true, count, want.length, true]),
    );
    expect(pages.map((p) => [p.has_newer, p.has_older])).toEqual(
      pages.map((_, i) => [i > 0, i < pages.length - 1]),
    );

    const back = [pages.at(-1)!];
    while (back.at(-1)!.has_newer) {
      back.push(await list(db, { ...args, cursor: idsOf(back.at(-1)!)[0]!, direction: "newer" }));
    }
    expect(back.reverse()).toEqual(pages);
  });
});

test("a window counts to the millisecond, whatever the buckets are", async ({ db, given }) => {
  const times = given.map((t) => t.started_at).sort();
  for (let i = 0; i < 20; i++) {
    const [from, to] = [pick(times) + randomInt(3) - 1, pick(times) + randomInt(3) - 1].sort();
    const inside = given.filter((t) => t.started_at >= from! && t.started_at <= to!);
    const window = { from: new Date(from!).toISOString(), to: new Date(to!).toISOString() };
    const page = await list(db, { ...window, limit: 100 });
    expect(page).toMatchObject({ ...window, total: inside.length, total_exact: true });
    const ended = inside.filter((t) => t.status !== "running").length;
    expect(await list(db, { ...window, order: "slowest" })).toMatchObject({ total: ended, total_exact: true });
  }
});

describe("where no index knows what matches", () => {
  // 25,000 rows without the time that it takes to send them, one a second apart and one millisecond past the second.
  const crowd = (db: pg.Client) =>
    db.query(`
      insert into tracegram.pipeline_traces (started_at, trace_id, key_id, pipeline, status, duration_ms, release, user_id, steps)
      select at, (lpad(to_hex((extract(epoch from at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid,
        1, 'crowd', 'ok', i, case when i = 24000 then 'rare' else 'common' end, 601, '{}'
      from generate_series(1, 25000) as i, date_trunc('day', now(), 'UTC') as day,
        lateral (select least(now(), day + interval '12 hours') - i * interval '1 ms' as at) as a`);

  test("a page says how far it has looked, and the next one goes on from there", async ({ db }) => {
    await givenDay(db, "pipeline_traces", Date.now() - DAY);
    await crowd(db);
    const args = { release: "rare" };
    const first = await list(db, args);
    expect(first).toMatchObject({ traces: [], has_older: true, total_exact: false, searched_to: expect.any(String) });
    const second = await list(db, { ...args, cursor: first.older_cursor! });
    expect(second.traces).toMatchObject([{ duration_ms: 24000 }]);
    expect(second).toMatchObject({ has_older: false });
  });

  test("looking in vain comes to an end, in every order", async ({ db }) => {
    await givenDay(db, "pipeline_traces", Date.now() - DAY);
    await crowd(db);
    for (
      const args of [{ release: "none" }, { pipeline: "none", order: "slowest" }, { status: "error", order: "slowest" }]
    ) {
      let page = await list(db, args);
      for (let calls = 1; page.has_older; calls++) {
        expect(calls, JSON.stringify(args)).toBeLessThan(5);
        page = await list(db, { ...args, cursor: page.older_cursor! });
      }
      expect(page).toMatchObject({ traces: [], total: 0 });
    }
  });

  test("the page before is found as far as it was looked for, and is not taken for the top", async ({ db }) => {
    await givenDay(db, "pipeline_traces", Date.now() - DAY);
    await crowd(db);
    // Every 2,500th is rare, and too few of them are within 20,000 to fill two pages.
    await db.query("update tracegram.pipeline_traces set release = 'rare' where duration_ms % 2500 = 0");
    const ids =
      (await db.query("select trace_id, duration_ms from tracegram.pipeline_traces where duration_ms = 25000")).rows;
    const before = await list(db, { release: "rare", cursor: ids[0].trace_id, direction: "newer", limit: 5 });
    expect(before.traces.map((t) => t.duration_ms)).toEqual([15_000, 17_500, 20_000, 22_500, 24_000]);
  });

  test("a bucket of any size is counted to its end", async ({ db }) => {
    const at = Math.floor((Date.now() - 2 * DAY) / 3_600_000) * 3_600_000;
    await givenDay(db, "pipeline_traces", at);
    await db.query(
      `insert into tracegram.pipeline_traces (started_at, trace_id, key_id, pipeline, status, duration_ms, steps)
       select s.at, (lpad(to_hex((extract(epoch from s.at) * 1000)::bigint), 12, '0') || '70008000' || lpad(to_hex(i), 12, '0'))::uuid,
         1, case when i % 100 = 0 then 'rare' else 'often' end, 'ok', 1, '{}'
       from generate_series(1, 25000) as i, lateral (select $1::timestamptz + i * interval '10 ms' as at) as s`,
      [new Date(at)],
    );
    const window = { from: new Date(at + 15).toISOString(), to: new Date(at + 249_995).toISOString() };
    expect(await list(db, { ...window, pipeline: "rare" })).toMatchObject({ total: 249, total_exact: true });
    expect(await list(db, window)).toMatchObject({ total: 24_998, total_exact: true });
  });

  test("counting stops at 500 on either side", async ({ db }) => {
    await givenDay(db, "pipeline_traces", Date.now() - DAY);
    await crowd(db);
    const first = await list(db, { user_id: 601 });
    expect(first).toMatchObject({ page: 1, page_exact: true, total: 510, total_exact: false, pages: 51 });
    const ids =
      (await db.query("select trace_id from tracegram.pipeline_traces order by started_at desc offset 5999 limit 1"))
        .rows;
    const deep = await list(db, { user_id: 601, cursor: ids[0].trace_id });
    expect(deep).toMatchObject({ page: 51, page_exact: false, total: 1010, total_exact: false, has_newer: true });
    expect(deep.traces[0]).toMatchObject({ duration_ms: 6001 });
  });
});
