import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { BATCH, dayBefore, parts, type Span, wireBatches } from "../../../scripts/bench/data.ts";
import type { WireTrace } from "../../../tracer/wire.ts";
import { test } from "../../_support/db.ts";
import { givenKey, ingest } from "../../_support/rpc.ts";

const DATA_SQL = readFileSync(new URL("../../../scripts/bench/data.sql", import.meta.url), "utf8");
const SPAN: Span = { from: dayBefore(2), to: dayBefore(0), traces: 3_000, seed: 7 };

test("the same seed gives the same traces, and another one others", async ({ db }) => {
  await db.query(DATA_SQL);
  const batches = await wireBatches(db, SPAN);
  expect(await wireBatches(db, SPAN)).toEqual(batches);
  expect(await wireBatches(db, { ...SPAN, seed: 8 })).not.toEqual(batches);
});

test("traces are as a bot's: five steps with one LLM call, some errors, few users who write most", async ({ db }) => {
  await db.query(DATA_SQL);
  const batches = (await wireBatches(db, SPAN)).map((batch) => JSON.parse(batch) as WireTrace[]);
  expect(batches.map((batch) => batch.length)).toEqual(Array(SPAN.traces / BATCH).fill(BATCH));
  const traces = batches.flat();
  expect(new Set(traces.map(({ trace_id }) => trace_id)).size).toBe(SPAN.traces);
  expect(new Set(traces.map(({ pipeline }) => pipeline))).toEqual(new Set(["support", "digest", "photo"]));
  for (const { steps, started_at } of traces) {
    expect(steps).toHaveLength(5);
    expect(steps.filter(({ model }) => model)).toHaveLength(1);
    expect(started_at).toBeGreaterThanOrEqual(SPAN.from);
    expect(started_at).toBeLessThan(SPAN.to);
  }
  const errors = traces.filter(({ status }) => status === "error");
  expect(errors.length / SPAN.traces).toBeGreaterThan(0.015);
  expect(errors.length / SPAN.traces).toBeLessThan(0.05);
  expect(errors.every(({ error, steps }) => error && steps.some(({ status }) => status === "error"))).toBe(true);
  const users = new Map<number, number>();
  for (const { user_id } of traces) users.set(user_id!, (users.get(user_id!) ?? 0) + 1);
  const tenth = [...users.values()].toSorted((a, b) => b - a).slice(0, users.size / 10);
  expect(tenth.reduce((a, b) => a + b, 0) / SPAN.traces).toBeGreaterThan(0.2);
});

test("what is sent is stored, in both designs", async ({ db }) => {
  await db.query(DATA_SQL);
  const key = await givenKey(db);
  for (const batch of await wireBatches(db, { ...SPAN, traces: 300 })) {
    expect(await ingest(db, key, batch)).toMatchObject({ stored: BATCH });
    await db.query("select bench.plain_ingest($1)", [batch]);
  }
  const { rows: [same] } = await db.query(
    `select count(*)::int as n from tracegram.pipeline_traces as t
     join bench.plain_traces as p on p.created_at = t.started_at and p.doc = bench.wire(t)`,
  );
  expect(same).toEqual({ n: 300 });
});

test("parts of a span follow one another and lose nothing", () => {
  for (const traces of [1, 99, 100, 101, 1_234]) {
    const all = parts({ from: 1_000, to: 9_000, traces, seed: 1 }, 100);
    expect(all[0]!.from).toBe(1_000);
    expect(all.at(-1)!.to).toBe(9_000);
    for (const [i, part] of all.slice(1).entries()) expect(part.from).toBe(all[i]!.to);
    expect(all.reduce((sum, part) => sum + part.traces, 0)).toBe(traces);
    expect(new Set(all.map(({ seed }) => seed)).size).toBe(all.length);
  }
});
