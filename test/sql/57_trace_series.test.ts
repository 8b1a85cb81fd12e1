import type pg from "pg";
import { describe, expect } from "vitest";
import type { Series } from "../../functions/_shared/db.ts";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { fold, randomTraces } from "../_support/rollups.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const HOUR = 3_600_000;

const series = (db: pg.Client, from?: number, to?: number, points?: number): Promise<Series> =>
  call(db, "service_role", "trace_series", {
    ...(from !== undefined && { p_from: new Date(from) }),
    ...(to !== undefined && { p_to: new Date(to) }),
    ...(points !== undefined && { p_points: points }),
  });

const known = (values: (number | undefined)[]): number | null => {
  const of = values.filter((value) => value !== undefined);
  return of.length === 0 ? null : of.reduce((a, b) => a + b);
};

describe("trace_series", () => {
  test("of an empty database has every stretch, and says which", async ({ db }) => {
    const { from, to, bucket_s, points } = await series(db);
    expect(bucket_s).toBe(3600);
    expect(points).toHaveLength(24);
    expect(points[0]).toEqual({ at: from, count: 0, errors: 0, p50_ms: null, p95_ms: null, cost_microusd: null });
    expect(points.map((point) => Date.parse(point.at) - Date.parse(from))).toEqual(points.map((_, i) => i * HOUR));
    expect(Date.parse(to) - Date.parse(points.at(-1)!.at)).toBe(HOUR);
    // The last one is the hour that it is now.
    expect(Date.parse(to)).toBeGreaterThan(Date.now() - 1000);
    expect(Date.parse(points.at(-1)!.at) % HOUR).toBe(0);
  });

  test.for([[HOUR, 12], [DAY, 24], [6 * HOUR, 24], [7 * DAY, 168], [7 * DAY, 24], [7 * DAY, 7]] as const)(
    "of %i ms in %i points equals what the traces say, folded and not",
    async ([span, wanted], { db }) => {
      const now = Date.now();
      for (let day = 0; day <= 8; day++) await givenDay(db, "pipeline_traces", now - day * DAY);
      const key = await givenKey(db);
      const traces = [...randomTraces(300, 8), ...randomTraces(100, 8)].map((trace, i) => {
        // As many inside of a short window as of a long one.
        const started_at = now - Math.round((now - trace.started_at) * span / (7 * DAY));
        return makeTrace({
          ...trace,
          ...(i % 2 === 0 && { trace_id: makeTrace({ started_at }).trace_id, started_at }),
        });
      });
      await ingest(db, key, traces.slice(0, 250));
      await fold(db);
      await ingest(db, key, traces.slice(250));

      const answer = await series(db, now - span, now, wanted);
      expect(answer.points.length).toBeLessThanOrEqual(wanted);
      expect(Date.parse(answer.to) - Date.parse(answer.from)).toBe(answer.points.length * answer.bucket_s * 1000);
      let met = 0;
      for (const point of answer.points) {
        const at = Date.parse(point.at);
        const inside = traces.filter((t) =>
          Number(t.started_at) >= at && Number(t.started_at) < at + answer.bucket_s * 1000
        );
        met += inside.length;
        expect(point).toMatchObject({
          count: inside.length,
          errors: inside.filter((t) => t.status === "error").length,
          cost_microusd: known(inside.flatMap((t) => t.steps.map((s) => s.cost_microusd))),
        });
        const sorted = inside.map((t) => t.duration_ms!).sort((a, b) => a - b);
        for (const [name, share] of [["p50_ms", 0.5], ["p95_ms", 0.95]] as const) {
          const exact = sorted[Math.ceil(share * sorted.length) - 1];
          if (exact === undefined) expect(point[name]).toBeNull();
          else expect(Math.abs(point[name]! - exact), `${name} of ${exact}`).toBeLessThanOrEqual(0.05 * exact);
        }
      }
      expect(met).toBeGreaterThan(100);
    },
  );

  test("what is not over yet counts when it has ended", async ({ db }) => {
    const key = await givenKey(db);
    const now = Date.now();
    await givenDay(db, "pipeline_traces", now);
    await givenDay(db, "pipeline_traces", now - HOUR);
    const { duration_ms: _, ...running } = makeTrace({ started_at: now });
    await ingest(db, key, [{ ...running, status: "running" }]);
    const total = async () => (await series(db)).points.reduce((sum, point) => sum + point.count, 0);
    expect(await total()).toBe(0);
    await ingest(db, key, [{ ...running, status: "ok", duration_ms: 5 }]);
    expect(await total()).toBe(1);
  });

  test("of older windows the stretches are hours, then days", async ({ db }) => {
    const now = Date.now();
    const bucket = async (ago: number) => (await series(db, now - ago * DAY, now - ago * DAY + HOUR, 12)).bucket_s;
    expect(await bucket(30)).toBe(300);
    expect(await bucket(40)).toBe(3600);
    expect(await bucket(70)).toBe(86_400);
    expect((await series(db, now - 390 * DAY, now, 13)).points).toHaveLength(13);
  });

  test("there are at most 168 points, and at least one", async ({ db }) => {
    const now = Date.now();
    expect((await series(db, now - 30 * DAY, now, 100_000)).points.length).toBeLessThanOrEqual(168);
    expect((await series(db, now - DAY, now, -5)).points).toHaveLength(1);
  });

  test.for([[0, 0], [0, -HOUR], [-401 * DAY, 0]])("refuses a window from %i to %i", async ([from, to], { db }) => {
    const now = Date.now();
    await expect(series(db, now + from!, now + to!)).rejects.toMatchObject({ code: "22023" });
  });
});
