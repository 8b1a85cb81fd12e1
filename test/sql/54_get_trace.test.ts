import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { getTrace, getTraceIo, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

describe("get_trace and get_trace_io", () => {
  test("know nothing of an id that is not there", async ({ db }) => {
    const id = traceIdAt(Date.now());
    expect([await getTrace(db, id), await getTraceIo(db, id)]).toEqual([null, []]);
  });

  test("one step's I/O or all of it", async ({ db }) => {
    const key = await givenKey(db);
    const step = { name: "a", status: "ok" as const, offset_ms: 0, duration_ms: 1 };
    const trace = makeTrace({ steps: [step, step], io: [{ step: 1, request: "one" }, { step: 2, response: "two" }] });
    await ingest(db, key, [trace]);
    expect((await getTraceIo(db, trace.trace_id)).map((io) => io.step)).toEqual([1, 2]);
    expect(await getTraceIo(db, trace.trace_id, 2)).toEqual([
      { step: 2, request: null, request_chars: null, response: "two", response_chars: 3 },
    ]);
  });
});
