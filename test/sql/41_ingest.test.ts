import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, partition } from "../_support/partitions.ts";
import { getTrace, getTraceIo, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

const withVariant = (digit: string) => {
  const trace = makeTrace();
  return { ...trace, trace_id: trace.trace_id.replace(/^(.{19})./, `$1${digit}`) };
};

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
        output_tokens: 34,
        cost_microusd: 567,
      },
    ];
    const io = [{ step: 2, request: "Привет 👋", response: "ok", response_chars: 9000 }];
    const trace = makeTrace({ steps, io, release: "v1", update_id: 7, message_id: 8, status: "error", error: "429" });
    await ingest(db, key, [trace]);
    expect(await getTrace(db, trace.trace_id)).toMatchObject({
      steps,
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
      pipeline: `${"p".repeat(300)}… [301 characters]`,
      error: `${"e".repeat(2000)}… [2001 characters]`,
      steps: [{ name: `${"n".repeat(300)}… [5000 characters]` }],
    });
    const [io] = await getTraceIo(db, trace.trace_id, 1);
    expect([io!.request!.length, io!.request_chars, io!.response_chars]).toEqual([65_536, 70_000, null]);
  });

  test.for([
    { what: "no object", item: 5, code: "TG010" },
    { what: "null", item: null, code: "TG010" },
    { what: "an id that is no uuid", item: { ...makeTrace(), trace_id: "x" }, code: "TG010" },
    { what: "text that Postgres cannot hold", item: makeTrace({ pipeline: "a\u0000b" }), code: "TG010" },
    { what: "half of a surrogate pair", item: makeTrace({ pipeline: "a\ud83d" }), code: "TG010" },
    { what: "no id", item: { ...makeTrace(), trace_id: null }, code: "TG010" },
    { what: "a time that is none", item: { ...makeTrace(), started_at: "yesterday-ish" }, code: "TG010" },
    { what: "a time that is an object", item: { ...makeTrace(), started_at: {} }, code: "TG010" },
    { what: "an unknown status", item: { ...makeTrace(), status: "fine" }, code: "TG010" },
    { what: "an end without a duration", item: { ...makeTrace(), duration_ms: null }, code: "TG010" },
    { what: "a negative duration", item: makeTrace({ duration_ms: -1 }), code: "TG010" },
    { what: "a duration with a fraction", item: makeTrace({ duration_ms: 1.5 }), code: "TG010" },
    { what: "a number that does not fit", item: makeTrace({ chat_id: 1e30 }), code: "TG010" },
    { what: "a UUIDv4", item: makeTrace({ trace_id: "9b2a4f5e-3f0e-4a53-9f3a-0d7d3a1c2b4d" }), code: "TG011" },
    { what: "an id of no variant", item: withVariant("0"), code: "TG011" },
    { what: "an id of another millisecond", item: makeTrace({ trace_id: traceIdAt(Date.now() - 5) }), code: "TG011" },
    { what: "over an hour ahead", item: makeTrace({ started_at: Date.now() + 3_700_000 }), code: "TG012" },
    { what: "a time without an offset", item: { ...makeTrace(), started_at: "2026-01-31T12:00:00" }, code: "TG010" },
    { what: "a day by name", item: { ...makeTrace(), started_at: "today" }, code: "TG010" },
    { what: "a blank pipeline", item: makeTrace({ pipeline: " " }), code: "TG010" },
    { what: "I/O of a step that is not there", item: makeTrace({ io: [{ step: 2, request: "lost" }] }), code: "TG013" },
    { what: "I/O that is no array", item: { ...makeTrace(), io: {} }, code: "TG013" },
    { what: "over 30 days ago", item: makeTrace({ started_at: Date.now() - 31 * DAY }), code: "TG012" },
    { what: "steps that are no array", item: { ...makeTrace(), steps: {} }, code: "TG013" },
    { what: "no steps", item: { ...makeTrace(), steps: undefined }, code: "TG013" },
    {
      what: "a step without a name",
      item: { ...makeTrace(), steps: [{ status: "ok", offset_ms: 0, duration_ms: 0 }] },
      code: "TG013",
    },
    {
      what: "a step that is its own parent",
      item: makeTrace({ steps: [{ name: "a", parent: 1, status: "ok", offset_ms: 0, duration_ms: 0 }] }),
      code: "TG013",
    },
    {
      what: "1,001 steps",
      item: makeTrace({ steps: Array(1001).fill({ name: "a", status: "ok", offset_ms: 0, duration_ms: 0 }) }),
      code: "TG013",
    },
  ])("refuses $what with $code, and stores its neighbours", async ({ item, code }, { db }) => {
    const key = await givenKey(db);
    const [before, after] = [makeTrace(), makeTrace()];
    const answer = await ingest(db, key, [before, item, after]);
    expect(answer.items.map((i) => i.result)).toEqual(["stored", "rejected", "stored"]);
    expect(answer.items[1]).toMatchObject({ code });
    expect(await getTrace(db, after.trace_id)).not.toBeNull();
  });

  test(
    "whatever a field holds, the batch is answered and its good traces are stored",
    { timeout: 60_000 },
    async ({ db }) => {
      const key = await givenKey(db);
      await db.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
      const odd = [
        null,
        true,
        -1,
        1.5,
        32768,
        2147483648,
        1e30,
        "",
        " ",
        "x",
        "5",
        "-infinity",
        "today",
        "\0",
        "\ud800",
        [],
        [5],
        [[]],
        {},
        {
          a: 1,
        },
        "x".repeat(10_000),
      ];
      const whole = () => {
        const step = { name: "a", parent: null, status: "ok", offset_ms: 0, duration_ms: 1, error: null, model: null };
        const steps = [{ ...step, input_tokens: 1, output_tokens: 1, cost_microusd: 1 }];
        const io = [{ step: 1, request: "q", response: "r", request_chars: 1, response_chars: 1 }];
        return { ...makeTrace(), error: null, release: "1", update_id: 1, message_id: 1, steps, io };
      };
      const mutants = odd.flatMap((value) => {
        const { steps: [step], io: [io] } = whole();
        return [
          ...Object.keys(whole()).map((field) => ({ ...whole(), [field]: value })),
          ...Object.keys(step!).map((field) => ({ ...whole(), steps: [{ ...step, [field]: value }] })),
          ...Object.keys(io!).map((field) => ({ ...whole(), io: [{ ...io, [field]: value }] })),
        ];
      });
      expect(mutants.length).toBeGreaterThan(500);
      for (let i = 0; i < mutants.length; i += 100) {
        const items = mutants.slice(i, i + 100).flatMap((mutant) => [mutant, makeTrace()]);
        const answer = await ingest(db, key, items);
        expect(answer.items.filter((_, n) => n % 2 === 1).map(({ result }) => result)).toEqual(
          Array(items.length / 2).fill("stored"),
        );
        for (const item of answer.items) {
          if (item.result === "rejected") {
            expect(item).toMatchObject({
              code: expect.stringMatching(/^TG01\d$/),
              message: expect.stringMatching(/\w/),
            });
          }
        }
      }
    },
  );

  test.for([
    { item: makeTrace({ duration_ms: 1.5 }), message: 'duration_ms: invalid input syntax for type integer: "1.5"' },
    { item: { ...makeTrace(), trace_id: "x" }, message: 'trace_id: invalid input syntax for type uuid: "x"' },
    { item: { ...makeTrace(), chat_id: "me" }, message: 'chat_id: invalid input syntax for type bigint: "me"' },
    {
      item: { ...makeTrace(), steps: [makeTrace().steps[0], { ...makeTrace().steps[0], offset_ms: "soon" }] },
      message: 'step 2: offset_ms: invalid input syntax for type integer: "soon"',
    },
    {
      item: { ...makeTrace(), io: [{ step: "first" }] },
      message: 'io 1: step: invalid input syntax for type smallint: "first"',
    },
  ])("says which value it could not read: $message", async ({ item, message }, { db }) => {
    const { items } = await ingest(db, await givenKey(db), [item]);
    expect(items).toMatchObject([{ result: "rejected", code: "TG010", message }]);
  });

  test.for([
    { what: "an unknown key", key: "tgk_wrong", batch: [makeTrace()], code: "TG001" },
    { what: "something that is not an array", batch: {}, code: "TG002" },
    { what: "an empty batch", batch: [], code: "TG002" },
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
