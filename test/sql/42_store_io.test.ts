// I/O that comes after its trace: taken where there was none, of the same bot, as a part of the trace that is stored.
import type pg from "pg";
import { describe, expect } from "vitest";
import type { WireTrace } from "../../tracer/wire.ts";
import { test } from "../_support/db.ts";
import { DAY } from "../_support/partitions.ts";
import { expected, inWindow } from "../_support/rollups.ts";
import { call, getTrace, getTraceIo, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const step = { name: "llm", offset_ms: 0, duration_ms: 1 };
const two = (over: Partial<WireTrace> = {}) => makeTrace({ steps: [step, step], ...over });
/** As a sender in need sends it: the trace first, and then only what was said. */
const later = (trace: WireTrace, io: WireTrace["io"]): WireTrace => ({ ...trace, steps: [], io: io! });
const results = async (db: pg.Client, key: string, batch: unknown[]) =>
  (await ingest(db, key, batch)).items.map((item) => item.result === "rejected" ? item.code : item.result);

describe("I/O that comes later", () => {
  test("is stored, and nothing else of the trace changes", async ({ db }) => {
    const key = await givenKey(db);
    const trace = two();
    await ingest(db, key, [trace]);
    const before = await getTrace(db, trace.trace_id);
    const item = { ...later(trace, [{ step: 2, request: "q", response: "r", response_chars: 9 }]), pipeline: "other" };
    expect(await results(db, key, [item])).toEqual(["duplicate"]);
    expect(await getTraceIo(db, trace.trace_id)).toEqual([
      { step: 2, request: "q", request_chars: 1, response: "r", response_chars: 9 },
    ]);
    expect(await getTrace(db, trace.trace_id)).toEqual({ ...before, io_steps: [2] });
    // It is counted once.
    const at = Number(trace.started_at);
    expect(await inWindow(db, at - 600_000, at + 600_000)).toEqual(expected([trace]));
  });

  test("may come with the whole trace again, and beside new traces", async ({ db }) => {
    const key = await givenKey(db);
    const [early, fresh] = [two(), two({ io: [{ step: 1, request: "fresh" }] })];
    await ingest(db, key, [early]);
    expect(await results(db, key, [{ ...early, io: [{ step: 1, request: "late" }] }, fresh])).toEqual([
      "duplicate",
      "stored",
    ]);
    expect(await getTraceIo(db, early.trace_id)).toMatchObject([{ step: 1, request: "late" }]);
    expect(await getTraceIo(db, fresh.trace_id)).toMatchObject([{ step: 1, request: "fresh" }]);
  });

  test("fills the gaps: where there was some, it stays", async ({ db }) => {
    const key = await givenKey(db);
    const trace = two({ io: [{ step: 1, request: "first" }] });
    await ingest(db, key, [trace]);
    await ingest(db, key, [later(trace, [{ step: 1, request: "second" }, { step: 2, request: "new" }])]);
    await ingest(db, key, [later(trace, [{ step: 2, request: "third" }])]);
    expect(await getTraceIo(db, trace.trace_id)).toMatchObject([{ request: "first" }, { request: "new" }]);
  });

  test("in the batch of its trace, in either order, is taken as well", async ({ db }) => {
    const key = await givenKey(db);
    const [a, b] = [two(), two()];
    const io = [{ step: 2, request: "q" }];
    expect(await results(db, key, [a, later(a, io), later(b, io), b])).toEqual([
      "stored",
      "duplicate",
      "duplicate",
      "stored",
    ]);
    for (const { trace_id } of [a, b]) {
      expect(await getTrace(db, trace_id)).toMatchObject({ step_count: 2, io_steps: [2] });
    }
  });

  test("is taken in either order also where a neighbour cannot be read", async ({ db }) => {
    const key = await givenKey(db);
    const [a, b] = [two(), two()];
    const io = [{ step: 2, request: "q" }];
    expect(await results(db, key, [a, later(a, io), { ...two(), duration_ms: "x" }, later(b, io), b])).toEqual([
      "stored",
      "duplicate",
      "TG010",
      "duplicate",
      "stored",
    ]);
    for (const { trace_id } of [a, b]) expect(await getTrace(db, trace_id)).toMatchObject({ io_steps: [2] });
  });

  test("of a trace that is not stored is refused: it would be a trace without steps", async ({ db }) => {
    const key = await givenKey(db);
    const [missing, good] = [two(), two()];
    const answer = await ingest(db, key, [later(missing, [{ step: 1, request: "q" }]), good]);
    expect(answer.items).toEqual([
      {
        trace_id: missing.trace_id,
        result: "rejected",
        code: "TG013",
        message: "io without steps is of a trace that is stored, and this one is not",
      },
      { trace_id: good.trace_id, result: "stored" },
    ]);
    expect(await getTrace(db, missing.trace_id)).toBeNull();
    expect(await results(db, key, [makeTrace({ steps: [], io: [] })])).toEqual(["stored"]);
  });

  test("with another key is refused", async ({ db }) => {
    const [one, other] = [await givenKey(db, "one"), await givenKey(db, "other")];
    const trace = two();
    await ingest(db, one, [trace]);
    const io = [{ step: 1, request: "forged" }];
    expect(await results(db, other, [later(trace, io), { ...trace, io }])).toEqual(["TG014", "TG014"]);
    expect(await getTraceIo(db, trace.trace_id)).toEqual([]);
  });

  test("of a step that the trace does not have is left out; a position that none can have is refused", async ({ db }) => {
    const key = await givenKey(db);
    const trace = two();
    await ingest(db, key, [trace]);
    const io = [{ step: 3, request: "beyond" }, { step: 1, request: "good" }];
    expect(await results(db, key, [later(trace, io)])).toEqual(["duplicate"]);
    expect(await getTraceIo(db, trace.trace_id)).toMatchObject([{ step: 1, request: "good" }]);
    for (const position of [0, -1, 1001]) {
      expect(await results(db, key, [later(trace, [{ step: position, request: "q" }])])).toEqual(["TG013"]);
    }
  });

  test("completes no trace that was announced", async ({ db }) => {
    const key = await givenKey(db);
    const ended = two();
    const { duration_ms: _, ...rest } = ended;
    await ingest(db, key, [{ ...rest, status: "running", steps: [] }]);
    expect(await results(db, key, [later(ended, [{ step: 1, request: "q" }])])).toEqual(["duplicate"]);
    expect(await getTrace(db, ended.trace_id)).toMatchObject({ status: "running", io_steps: [] });
    expect((await db.query("select count(*)::int as n from tracegram.unended")).rows).toEqual([{ n: 1 }]);
    expect(await results(db, key, [ended])).toEqual(["updated"]);
  });

  test("of an announcement goes with it: the steps of the end may be others", async ({ db }) => {
    const key = await givenKey(db);
    const ended = [two(), two({ io: [{ step: 2, request: "of the end" }] }), two()];
    const neighbour = two();
    await ingest(db, key, [
      neighbour,
      ...ended.map(({ duration_ms: _, io: __, ...rest }) => ({
        ...rest,
        status: "running",
        steps: [step, step, step],
      })),
    ]);
    const io = [{ step: 1, request: "of the announcement" }, { step: 3, request: "of a step that is gone" }];
    await ingest(db, key, [...ended, neighbour].map((trace) => later(trace, io)));
    const after = later(ended[2]!, [{ step: 2, request: "after the end" }]);
    expect(await results(db, key, [ended[0], ended[1], after, ended[2]])).toEqual([
      "updated",
      "updated",
      "duplicate",
      "updated",
    ]);
    expect(await getTraceIo(db, ended[0]!.trace_id)).toEqual([]);
    expect(await getTraceIo(db, ended[1]!.trace_id)).toMatchObject([{ step: 2, request: "of the end" }]);
    expect(await getTraceIo(db, ended[2]!.trace_id)).toMatchObject([{ step: 2, request: "after the end" }]);
    expect(await getTrace(db, ended[0]!.trace_id)).toMatchObject({ io_steps: [] });
    expect(await getTraceIo(db, neighbour.trace_id)).toMatchObject([{ step: 1 }]);
  });

  test("is sampled by the trace that is stored, and kept no longer than other I/O", async ({ db }) => {
    const key = await givenKey(db);
    await call(db, "service_role", "change_settings", { p_changes: { io_sample_percent: 0 } });
    const [ok, failed] = [two(), two({ status: "error", error: "boom" })];
    const old = two({ status: "error", started_at: Date.now() - 9 * DAY });
    const all = [ok, failed, old];
    await ingest(db, key, all);
    const io = [{ step: 1, request: "q" }];
    // That it says error does not make it one.
    const items = all.map((trace) => ({ ...later(trace, io), status: "error" as const }));
    expect(await results(db, key, items)).toEqual(["duplicate", "duplicate", "duplicate"]);
    for (const [i, { trace_id }] of all.entries()) expect(await getTraceIo(db, trace_id)).toHaveLength(i === 1 ? 1 : 0);
  });

  test("is cut as other I/O", async ({ db }) => {
    const key = await givenKey(db);
    const trace = two();
    await ingest(db, key, [trace]);
    await ingest(db, key, [later(trace, [{ step: 1, request: "q".repeat(70_000) }])]);
    const [io] = await getTraceIo(db, trace.trace_id);
    expect([io!.request!.length, io!.request_chars]).toEqual([65_536, 70_000]);
  });
});
