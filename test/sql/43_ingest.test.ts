import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, partition } from "../_support/partitions.ts";
import { getTrace, getTraceIo, givenKey, ingest, list } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

describe("ingest_traces", () => {
  test("stores a batch, and a retry of it changes nothing", async ({ db }) => {
    const key = await givenKey(db);
    const batch = [makeTrace(), makeTrace({ status: "error", error: "boom" })];
    expect(await ingest(db, key, batch)).toMatchObject({ stored: 2, updated: 0, duplicate: 0, rejected: 0 });
    const stored = await getTrace(db, batch[1]!.trace_id);
    expect(await ingest(db, key, batch)).toMatchObject({ stored: 0, updated: 0, duplicate: 2, rejected: 0 });
    expect(await getTrace(db, batch[1]!.trace_id)).toEqual(stored);
  });

  test("answers for each trace, in the order sent", async ({ db }) => {
    const key = await givenKey(db);
    const [good, twice] = [makeTrace(), makeTrace()];
    const bad = makeTrace({ pipeline: "" });
    const { items } = await ingest(db, key, [twice, bad, good, twice]);
    expect(items).toEqual([
      { trace_id: twice.trace_id, result: "stored" },
      { trace_id: bad.trace_id, result: "rejected", code: "TG010", message: "pipeline is missing" },
      { trace_id: good.trace_id, result: "stored" },
      { trace_id: twice.trace_id, result: "duplicate" },
    ]);
  });

  test("keeps every millisecond, sent as a number or as ISO 8601", async ({ db }) => {
    const key = await givenKey(db);
    const at = Date.parse("2026-01-01T23:59:59.999Z");
    const offsets = [0, 1, 2, 499, 500, 501, 997];
    const now = Date.now() - 60_000;
    const traces = offsets.flatMap((ms) => [
      makeTrace({ started_at: now + ms, duration_ms: ms }),
      makeTrace({ started_at: new Date(now + 2000 + ms).toISOString(), duration_ms: 2_147_483_647 - ms }),
    ]);
    expect(await ingest(db, key, traces)).toMatchObject({ stored: traces.length });
    for (const trace of traces) {
      expect(await getTrace(db, trace.trace_id)).toMatchObject({
        started_at: new Date(trace.started_at).toISOString(),
        duration_ms: trace.duration_ms,
      });
    }
    const { rows } = await db.query("select tracegram.iso(tracegram.trace_time($1)) as iso", [traceIdAt(at)]);
    expect(rows[0].iso).toBe("2026-01-01T23:59:59.999Z");
  });

  test("cuts finer time to the millisecond of the id", async ({ db }) => {
    const key = await givenKey(db);
    const at = new Date().toISOString().replace(/\.(\d{3})Z$/, ".$1999Z");
    expect(await ingest(db, key, [makeTrace({ started_at: at })])).toMatchObject({ stored: 1 });
  });

  test("completes a trace that was announced, once", async ({ db }) => {
    const key = await givenKey(db);
    const { duration_ms: _, ...running } = makeTrace({ status: "running", steps: [] });
    const ended = { ...makeTrace(), trace_id: running.trace_id, started_at: running.started_at };
    expect(await ingest(db, key, [running])).toMatchObject({ stored: 1 });
    expect(await getTrace(db, running.trace_id)).toMatchObject({ status: "running", duration_ms: null, step_count: 0 });
    expect(await ingest(db, key, [ended])).toMatchObject({ updated: 1 });
    expect(await getTrace(db, running.trace_id)).toMatchObject({ status: "ok", duration_ms: 1234, step_count: 1 });
    expect(await ingest(db, key, [running, ended])).toMatchObject({ duplicate: 2 });
    expect(await getTrace(db, running.trace_id)).toMatchObject({ status: "ok" });
  });

  test("of a trace announced and ended in one batch, keeps the end", async ({ db }) => {
    const key = await givenKey(db);
    const ended = makeTrace();
    const { duration_ms: _, ...running } = { ...ended, status: "running" as const };
    expect((await ingest(db, key, [running, ended])).items.map((i) => i.result)).toEqual(["duplicate", "stored"]);
    expect(await getTrace(db, ended.trace_id)).toMatchObject({ status: "ok" });
  });

  test("a key cannot complete or repeat what another key sent", async ({ db }) => {
    const [one, two] = [await givenKey(db, "one"), await givenKey(db, "two")];
    const ended = makeTrace();
    const { duration_ms: _, ...running } = { ...ended, status: "running" as const };
    await ingest(db, one, [running]);
    expect((await ingest(db, two, [ended])).items).toMatchObject([{ result: "rejected", code: "TG014" }]);
    expect(await getTrace(db, ended.trace_id)).toMatchObject({ status: "running" });
  });

  test("a refused item does not stand in for a good one of the same id", async ({ db }) => {
    const key = await givenKey(db);
    const trace = makeTrace();
    const { items } = await ingest(db, key, [{ ...trace, pipeline: "" }, trace, { ...trace, duration_ms: -1 }]);
    expect(items.map((i) => i.result)).toEqual(["rejected", "stored", "rejected"]);
    expect(await getTrace(db, trace.trace_id)).not.toBeNull();
  });

  test("what comes with the end replaces what came with the announcement", async ({ db }) => {
    const key = await givenKey(db);
    const ended = makeTrace({ pipeline: "refund", io: [{ step: 1, request: "all of it", response: "yes" }] });
    const { duration_ms: _, ...announced } = { ...ended, status: "running" as const, pipeline: "support" };
    await ingest(db, key, [{ ...announced, io: [{ step: 1, request: "half" }] }]);
    expect(await ingest(db, key, [ended])).toMatchObject({ updated: 1 });
    expect(await getTrace(db, ended.trace_id)).toMatchObject({ pipeline: "refund" });
    expect(await getTraceIo(db, ended.trace_id)).toMatchObject([{ request: "all of it", response: "yes" }]);
  });

  test("takes I/O of one step twice as once, beside other traces", async ({ db }) => {
    const key = await givenKey(db);
    const twice = makeTrace({ io: [{ step: 1, request: "same" }, { step: 1, request: "same" }] });
    expect(await ingest(db, key, [makeTrace(), twice])).toMatchObject({ stored: 2 });
    expect(await getTraceIo(db, twice.trace_id)).toMatchObject([{ step: 1, request: "same" }]);
  });

  test("takes traces of all days that are kept, from the first day on", async ({ db }) => {
    const key = await givenKey(db);
    const traces = Array.from({ length: 30 }, (_, day) => makeTrace({ started_at: Date.now() - day * DAY }));
    expect(await ingest(db, key, traces)).toMatchObject({ stored: 30 });
  });

  test("refuses a trace of a day whose partition is gone, with TG012", async ({ db }) => {
    const key = await givenKey(db);
    const at = Date.now() - 20 * DAY;
    await db.query(`drop table tracegram.${partition("pipeline_traces", at)}`);
    const answer = await ingest(db, key, [makeTrace(), makeTrace({ started_at: at }), makeTrace()]);
    expect(answer.items.map((i) => i.result)).toEqual(["stored", "rejected", "stored"]);
    expect(answer.items[1]).toMatchObject({ code: "TG012" });
  });

  test("stores the steps and the I/O as they were sent", async ({ db }) => {
    const key = await givenKey(db);
    const steps = [
      { name: "reply", status: "ok" as const, offset_ms: 0, duration_ms: 900 },
      {
        name: "llm.generate",
        parent: 1,
        status: "error" as const,
        offset_ms: 10,
        duration_ms: 800,
        error: "429",
        model: "gpt-x",
        input_tokens: 12,
        cached_tokens: 8,
        output_tokens: 34,
        reasoning_tokens: 30,
        cost_microusd: 567,
        first_token_ms: 5000, // longer than it took: whose fault is not ours to say
      },
      { name: "db.log", status: "detached" as const, offset_ms: 890, duration_ms: 10 },
    ];
    const io = [{ step: 2, request: "Привет 👋", response: "ok", response_chars: 9000 }];
    const trace = makeTrace({ steps, io, release: "v1", update_id: 7, message_id: 8, status: "error", error: "429" });
    await ingest(db, key, [trace]);
    const { status: _, ...reply } = steps[0]!; // ok is what a step is that says nothing
    expect((await getTrace(db, trace.trace_id))!.steps).toEqual([reply, steps[1], steps[2]]);
    expect(await getTrace(db, trace.trace_id)).toMatchObject({
      io_steps: [2],
      release: "v1",
      update_id: 7,
      message_id: 8,
      error_step: "llm.generate",
      input_tokens: 12,
      output_tokens: 34,
      cost_microusd: 567,
      cost_complete: true,
    });
    expect(await getTraceIo(db, trace.trace_id)).toEqual([
      { step: 2, request: "Привет 👋", request_chars: 8, response: "ok", response_chars: 9000 },
    ]);
  });

  test.for([
    [601, 601],
    [-100_500, 601],
    [601, undefined],
    [undefined, 601],
    [undefined, undefined],
  ])("keeps chat %s and user %s apart", async ([chat_id, user_id], { db }) => {
    const { chat_id: _, user_id: __, ...rest } = makeTrace();
    const trace = { ...rest, ...(chat_id && { chat_id }), ...(user_id && { user_id }) };
    await ingest(db, await givenKey(db), [trace]);
    expect(await getTrace(db, trace.trace_id)).toMatchObject({ chat_id: chat_id ?? null, user_id: user_id ?? null });
    for (const [filter, value] of [["chat_id", chat_id], ["user_id", user_id]] as const) {
      const page = value === undefined ? null : await list(db, { [filter]: value });
      if (page) expect(page.traces).toMatchObject([{ trace_id: trace.trace_id }]);
      expect((await list(db, { [filter]: 777 })).traces).toEqual([]);
    }
  });

  test("cuts what is too long and keeps its length", async ({ db }) => {
    const key = await givenKey(db);
    const trace = makeTrace({
      pipeline: "p".repeat(301),
      error: "e".repeat(2001),
      status: "error",
      steps: [{ name: "n".repeat(5000), status: "ok", offset_ms: 0, duration_ms: 1 }],
      io: [{ step: 1, request: "q".repeat(70_000) }],
    });
    await ingest(db, key, [trace]);
    expect(await getTrace(db, trace.trace_id)).toMatchObject({
      pipeline: `${"p".repeat(100)}… [301 characters]`,
      error: `${"e".repeat(2000)}… [2001 characters]`,
      steps: [{ name: `${"n".repeat(100)}… [5000 characters]` }],
    });
    const [io] = await getTraceIo(db, trace.trace_id, 1);
    expect([io!.request!.length, io!.request_chars, io!.response_chars]).toEqual([65_536, 70_000, null]);
  });

  test.for([
    { what: "an unknown key", key: "tgk_wrong", batch: [makeTrace()], code: "TG001" },
    { what: "something that is not an array", batch: {}, code: "TG002" },
    { what: "an empty batch", batch: [], code: "TG002" },
    { what: "null", batch: "null", code: "TG002" },
    { what: "a string", batch: '"traces"', code: "TG002" },
    { what: "501 traces", batch: Array.from({ length: 501 }, () => makeTrace()), code: "TG003" },
    { what: "over 1 MiB", batch: [makeTrace({ io: [{ step: 1, request: "x".repeat(1_048_576) }] })], code: "TG003" },
  ])("refuses the whole of $what with $code", async ({ key, batch, code }, { db }) => {
    const valid = await givenKey(db);
    await expect(ingest(db, key ?? valid, batch)).rejects.toMatchObject({ code });
  });

  test("refuses a revoked key", async ({ db }) => {
    const key = await givenKey(db);
    await db.query("update tracegram.ingest_keys set revoked_at = now()");
    await expect(ingest(db, key, [makeTrace()])).rejects.toMatchObject({ code: "TG001" });
  });

  test("holds a key to its traces a minute, and not to those of another", async ({ db }) => {
    const [one, two] = [await givenKey(db, "one"), await givenKey(db, "two")];
    await db.query("update tracegram.ingest_keys set traces_per_minute = 3");
    await ingest(db, one, [makeTrace(), makeTrace(), makeTrace()]);
    await expect(ingest(db, one, [makeTrace()])).rejects.toMatchObject({ code: "TG004" });
    expect(await ingest(db, two, [makeTrace()])).toMatchObject({ stored: 1 });
    // The minute is over.
    await db.query("update tracegram.ingest_usage set minute = minute - interval '1 minute'");
    expect(await ingest(db, one, [makeTrace()])).toMatchObject({ stored: 1 });
  });

  test("I/O of a trace that comes after its I/O would be gone is left out, the trace is not", async ({ db }) => {
    const key = await givenKey(db);
    const trace = makeTrace({ started_at: Date.now() - 9 * DAY, io: [{ step: 1, request: "hi" }] });
    expect(await ingest(db, key, [trace])).toMatchObject({ stored: 1 });
    expect(await getTrace(db, trace.trace_id)).toMatchObject({ io_steps: [] });
  });
});
