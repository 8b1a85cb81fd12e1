import { randomInt } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { fold, pick } from "../_support/rollups.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const HOUR = 3_600_000;

// deno-lint-ignore no-explicit-any -- its shape is what is tested
const stats = (db: pg.Client, from?: number, to?: number): Promise<any> =>
  call(db, "service_role", "trace_stats", {
    ...(from !== undefined && { p_from: new Date(from) }),
    ...(to !== undefined && { p_to: new Date(to) }),
  });

describe("trace_stats", () => {
  test("of an empty database has no numbers, and says which window it is of", async ({ db }) => {
    const answer = await stats(db);
    const nothing = {
      count: 0,
      errors: 0,
      error_rate: null,
      per_hour: 0,
      p50_ms: null,
      p95_ms: null,
      p99_ms: null,
      cost_microusd: null,
      input_tokens: null,
      unpriced_calls: 0,
    };
    expect(answer).toMatchObject({
      window: nothing,
      before: nothing,
      running: 0,
      lost: 0,
      pipelines: [],
      slowest_steps: [],
      top_errors: [],
    });
    expect(Date.parse(answer.window.to) - Date.parse(answer.window.from)).toBeGreaterThanOrEqual(24 * HOUR);
    expect(answer.before.to).toBe(answer.window.from);
    const length = (w: { from: string; to: string }) => Date.parse(w.to) - Date.parse(w.from);
    expect(length(answer.before)).toBe(length(answer.window));
  });

  test.for([HOUR, DAY, 3 * DAY])("of %i ms equals what the traces of both windows say", async (span, { db }) => {
    const now = Date.now();
    for (let day = 0; day <= 8; day++) await givenDay(db, "pipeline_traces", now - day * DAY);
    const key = await givenKey(db);
    const traces = Array.from({ length: 500 }, () => {
      const failed = Math.random() < 0.2;
      return makeTrace({
        started_at: now - randomInt(Math.round(2.5 * span)),
        pipeline: pick(["support", "refund"]),
        duration_ms: 100 + randomInt(5000),
        status: failed ? "error" : "ok",
        ...(failed && { error: `${pick(["Timeout", "Refused"])} ${randomInt(99)}` }),
        steps: [
          {
            name: "llm",
            offset_ms: 0,
            duration_ms: 3000 + randomInt(99),
            model: "m",
            input_tokens: 10,
            output_tokens: 2,
            cost_microusd: 7,
          },
          { name: "db", offset_ms: 0, duration_ms: 10, ...(failed && { status: "error" as const }) },
        ],
      });
    });
    await ingest(db, key, traces.slice(0, 300));
    await fold(db);
    await ingest(db, key, traces.slice(300));
    const { duration_ms: _, ...running } = makeTrace({ started_at: now - 60_000 });
    await ingest(db, key, [{ ...running, status: "running" }]);

    const answer = await stats(db, now - span, now);
    for (const side of ["window", "before"] as const) {
      const { from, to } = answer[side];
      const inside = traces.filter((t) =>
        Number(t.started_at) >= Date.parse(from) && Number(t.started_at) < Date.parse(to)
      );
      expect(inside.length).toBeGreaterThan(100);
      const sorted = inside.map((t) => t.duration_ms!).sort((a, b) => a - b);
      const errors = inside.filter((t) => t.status === "error").length;
      const hours = (Math.min(Date.parse(to), now) - Date.parse(from)) / HOUR;
      expect(answer[side]).toMatchObject({
        count: inside.length,
        errors,
        error_rate: Math.round(errors / inside.length * 1e4) / 1e4,
        cost_microusd: 7 * inside.length,
        input_tokens: 10 * inside.length,
        output_tokens: 2 * inside.length,
        cached_tokens: null,
        unpriced_calls: 0,
      });
      expect(answer[side].per_hour / (inside.length / hours)).toBeCloseTo(1, 1);
      for (const [name, share] of [["p50_ms", 0.5], ["p95_ms", 0.95], ["p99_ms", 0.99]] as const) {
        const exact = sorted[Math.ceil(share * sorted.length) - 1]!;
        expect(Math.abs(answer[side][name] - exact) / exact, name).toBeLessThanOrEqual(0.05);
      }
    }

    const { from, to } = answer.window;
    const inside = traces.filter((t) =>
      Number(t.started_at) >= Date.parse(from) && Number(t.started_at) < Date.parse(to)
    );
    const before = traces.filter((t) =>
      Number(t.started_at) >= Date.parse(answer.before.from) && Number(t.started_at) < Date.parse(from)
    );
    const count = (of: typeof traces, pipeline: string, error?: string) =>
      of.filter((t) => t.pipeline === pipeline && (error === undefined || t.error?.startsWith(error))).length;
    expect(answer.running).toBe(1);
    expect(answer.pipelines.map((p: { pipeline: string; count: number }) => [p.pipeline, p.count]).sort()).toEqual(
      [["refund", count(inside, "refund")], ["support", count(inside, "support")]],
    );
    expect(answer.slowest_steps.map((s: { step: string }) => s.step)).toEqual(["llm", "llm", "db", "db"]);
    expect(answer.slowest_steps[2]).toMatchObject({ p95_ms: 10, mean_ms: 10 });
    expect(answer.top_errors).toHaveLength(4);
    for (const { pipeline, step, kind, count: counted, before: earlier, example } of answer.top_errors) {
      const error = kind.replace(" #", "");
      expect({ step, counted, earlier }).toEqual({
        step: "db",
        counted: count(inside, pipeline, error),
        earlier: count(before, pipeline, error),
      });
      expect(traces.find((t) => t.trace_id === example)).toMatchObject({
        pipeline,
        error: expect.stringContaining(error),
      });
    }
    // Most frequent first.
    const counts = answer.top_errors.map((e: { count: number }) => e.count);
    expect(counts).toEqual(counts.toSorted((a: number, b: number) => b - a));
  });

  test("slowest steps whose means differ by hundredths all have their percentiles", async ({ db }) => {
    // Over 100 runs their means are 100.00, 100.01, … 100.04: the same to a tenth, so that the names decide.
    const names = ["a", "b", "c", "d", "e", "f"];
    const traces = Array.from({ length: 100 }, (_, run) =>
      makeTrace({
        steps: names.map((name, i) => ({ name, offset_ms: 0, duration_ms: run < Math.min(i, 4) ? 101 : 100 })),
      }));
    await ingest(db, await givenKey(db), traces);
    const { slowest_steps } = await stats(db);
    expect(slowest_steps.map((s: { step: string }) => s.step)).toEqual(["a", "b", "c", "d", "e"]);
    for (const { p50_ms } of slowest_steps) expect(Math.abs(p50_ms - 100)).toBeLessThanOrEqual(5);
  });

  test("an LLM call without a price is counted as one", async ({ db }) => {
    const call = { name: "llm", offset_ms: 0, duration_ms: 1, model: "m" };
    await ingest(db, await givenKey(db), [makeTrace({ steps: [call, { ...call, cost_microusd: 5 }] })]);
    expect((await stats(db)).window).toMatchObject({ cost_microusd: 5, unpriced_calls: 1 });
  });

  test.for([[0, -1], [0, 0], [-201 * DAY, 0]])("refuses a window that is none: %o", async ([from, to], { db }) => {
    await expect(stats(db, Date.now() + from!, Date.now() + to!)).rejects.toMatchObject({ code: "22023" });
  });
});
