import type pg from "pg";
import { describe, expect } from "vitest";
import type { Overview, Series, TraceStats } from "../../functions/_shared/db.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { fold, randomTraces } from "../_support/rollups.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const overview = (db: pg.Client): Promise<Overview> => call(db, "service_role", "overview");

const spent = (traces: WireTrace[]) => {
  const steps = traces.flatMap((trace) => trace.steps);
  const known = steps.flatMap((step) => step.cost_microusd ?? []);
  return {
    count: traces.length,
    cost_microusd: known.length === 0 ? null : known.reduce((a, b) => a + b),
    unpriced_calls: steps.filter((step) => step.model !== undefined && step.cost_microusd === undefined).length,
  };
};

describe("overview", () => {
  test("of an empty project", async ({ db }) => {
    const answer = await overview(db);
    expect(answer).toMatchObject({
      window: { count: 0, errors: 0, error_rate: null, p95_ms: null, cost_microusd: null },
      before: { count: 0 },
      today: { count: 0, cost_microusd: null, unpriced_calls: 0 },
      month: { count: 0, cost_microusd: null, unpriced_calls: 0 },
      running: 0,
      lost: 0,
      alerts: { open: 0, newest: [] },
      dropped: 0,
      keys: 1, // the stack's own
      last_batch_at: null,
    });
    expect(answer.series.points).toHaveLength(24);
    expect(answer.storage.quota_bytes).toBe(500_000_000);
    expect(answer.storage.quota_share).toBeCloseTo(answer.storage.database_bytes / 500_000_000, 3);
  });

  test("equals what the traces say, folded and not, and what the other screens do", async ({ db }) => {
    const now = Date.now();
    for (let day = 0; day <= 31; day++) await givenDay(db, "pipeline_traces", now - day * DAY);
    await db.query("update tracegram.settings set traces_from = now() - interval '40 days'");
    const key = await givenKey(db);
    const traces = [...randomTraces(300, 2), ...randomTraces(100, 31)];
    await ingest(db, key, traces.slice(0, 350));
    await fold(db);
    await ingest(db, key, traces.slice(350));

    const answer = await overview(db);
    const since = (from: string) => traces.filter((trace) => trace.started_at >= Date.parse(from));
    const midnight = new Date(now).setUTCHours(0, 0, 0, 0);
    const first = new Date(midnight).setUTCDate(1);
    expect(answer.today).toEqual({
      from: new Date(midnight).toISOString(),
      ...spent(traces.filter((t) => t.started_at >= midnight)),
    });
    expect(answer.month).toEqual({
      from: new Date(first).toISOString(),
      ...spent(traces.filter((t) => t.started_at >= first)),
    });
    expect(answer.window.count).toBe(since(answer.window.from).length);
    expect(answer.before.count).toBe(since(answer.before.from).length - since(answer.window.from).length);
    expect(answer.window.count).toBeGreaterThan(50);

    const window = { p_from: answer.window.from, p_to: answer.window.to };
    const stats = await call<TraceStats>(db, "service_role", "trace_stats", window);
    expect(answer.window).toEqual(stats.window);
    expect(answer.before).toEqual(stats.before);
    expect(answer.series).toEqual(await call<Series>(db, "service_role", "trace_series"));
    expect(Date.now() - Date.parse(answer.last_batch_at!)).toBeLessThan(120_000);
    expect(answer.keys).toBe(2);
  });

  test("tells what runs, is lost, was dropped, and which alerts are open", async ({ db }) => {
    const key = await givenKey(db);
    await db.query("select public.create_ingest_key('other'), public.create_ingest_key('revoked')");
    await db.query("select public.revoke_ingest_key('revoked')");
    await givenDay(db, "pipeline_traces", Date.now() - 3_600_000);
    const running = (ago: number) => {
      const { duration_ms: _, ...trace } = makeTrace({ started_at: Date.now() - ago, steps: [] });
      return { ...trace, status: "running" as const };
    };
    const sender = crypto.randomUUID();
    await ingest(db, key, {
      sender,
      dropped: { queue_full: 7, too_large: 2 },
      traces: [running(0), running(3_600_000)],
    });
    await db.query("select tracegram.mark_lost()");
    await db.query(`
      insert into tracegram.alerts (rule, opened_at, threshold, value, worst, last_value, detail)
      select rule, now(), 1, 2, 3, case rule when 'p95' then 4 end, 'x'
      from unnest(array['quota', 'p95', 'dropped', 'error_rate']) as rule`);
    await db.query("update tracegram.alerts set resolved_at = now() where rule = 'error_rate'");
    await db.query(
      "insert into tracegram.alerts (rule, opened_at, threshold, value, worst, detail) values ('orphans', now(), 0, 1, 1, 'x')",
    );

    expect(await overview(db)).toMatchObject({
      running: 1,
      lost: 1,
      dropped: 9,
      keys: 3,
      alerts: {
        open: 4,
        newest: [
          { rule: "orphans", unit: "gaps", value: 1, threshold: 0 },
          { rule: "dropped", summary: "Senders dropped traces", value: 2 },
          { rule: "p95", unit: "ms", value: 4 },
        ],
      },
    });
  });
});

test("forecasts as the storage screen does", async ({ db }) => {
  const now = Date.now();
  const key = await givenKey(db);
  for (let day = 1; day <= 8; day++) {
    await givenDay(db, "pipeline_traces", now - day * DAY);
    await ingest(db, key, Array.from({ length: 400 }, () => makeTrace({ started_at: now - day * DAY })));
  }
  await fold(db);
  await db.query("analyze tracegram.pipeline_traces");
  type Storage = Overview["storage"] & { growth_bytes_per_day: number };
  const storage = () => call<Storage>(db, "service_role", "trace_storage");
  const { database_bytes, growth_bytes_per_day } = await storage();
  await db.query("update tracegram.settings set quota_bytes = $1", [
    database_bytes + growth_bytes_per_day,
  ]);
  const told = (await storage()).days_until_full!;
  expect(told).toBeGreaterThan(1);
  expect(Math.abs((await overview(db)).storage.days_until_full! - told)).toBeLessThanOrEqual(1);
});

test("is as quick as a glance, with as many rollups as ten million traces leave", async ({ db }) => {
  const now = Date.now();
  for (let day = 0; day <= 31; day++) {
    await givenDay(db, "pipeline_traces", now - day * DAY);
    await givenDay(db, "trace_io", now - day * DAY);
  }
  await givenKey(db);
  // Five pipelines whose every bucket has forty slots.
  await db.query(`
    insert into tracegram.rollups
    select l.level, b.bucket, 'pipeline ' || p, '', 4000, 40, 4000000,
      (array(select generate_series(30, 69))::smallint[], array_fill(100, array[40]))::tracegram.histogram, 1, 1, 1, 1, 1, 0, 0, 0, 0
    from (values ('5m', interval '5 minutes'), ('1h', interval '1 hour'), ('1d', interval '1 day')) as l (level, every)
    cross join generate_series(1, 5) as p
    cross join lateral generate_series(date_trunc('day', now(), 'UTC') - interval '30 days', now(), l.every) as b (bucket)`);
  await db.query("analyze tracegram.rollups");
  const times: number[] = [];
  for (let i = 0; i < 15; i++) {
    const started = performance.now();
    await overview(db);
    times.push(performance.now() - started);
  }
  // 10 ms are the bar on a machine that does nothing else; other tests run beside this one.
  expect(Math.min(...times)).toBeLessThan(30);
});

test("opens no trace while nothing waits to be folded", async ({ db }) => {
  await fold(db);
  await db.query("commit; begin");
  await overview(db);
  const { rows } = await db.query(
    `select l.relation::regclass::text as name from pg_locks as l
     where l.pid = pg_backend_pid() and l.relation::regclass::text ~ '(pipeline_traces|trace_io)_p'`,
  );
  expect(rows).toEqual([]);
});
