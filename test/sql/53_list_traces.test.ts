import type pg from "pg";
import { describe, expect } from "vitest";
import type { WireTrace } from "../../tracer/wire.ts";
import { test } from "../_support/db.ts";
import { givenKey, ingest, list } from "../_support/rpc.ts";
import { makeTrace, traceIdAt } from "../_support/traces.ts";

/** Stores `count` traces, one a second, the newest a minute ago. Newest first. */
async function givenTraces(db: pg.Client, count: number, over: (i: number) => Partial<WireTrace> = () => ({})) {
  const key = await givenKey(db);
  const newest = Date.now() - 60_000;
  const traces = Array.from({ length: count }, (_, i) => makeTrace({ started_at: newest - i * 1000, ...over(i) }));
  for (let i = 0; i < count; i += 500) await ingest(db, key, traces.slice(i, i + 500));
  return { key, newest, ids: traces.map((t) => t.trace_id) };
}

const idsOf = (page: { traces: { trace_id: string }[] }) => page.traces.map((t) => t.trace_id);

describe("list_traces", () => {
  test("an empty table is one empty page", async ({ db }) => {
    expect(await list(db)).toEqual({
      from: expect.any(String),
      to: expect.any(String),
      page: 1,
      page_exact: true,
      pages: 1,
      total: 0,
      total_exact: true,
      has_newer: false,
      has_older: false,
      older_cursor: null,
      searched_to: null,
      traces: [],
    });
  });

  test("walks all pages to the end and back, with nothing missing or twice", async ({ db }) => {
    const { ids } = await givenTraces(db, 57);
    const pages = [await list(db)];
    while (pages.at(-1)!.has_older) pages.push(await list(db, { cursor: idsOf(pages.at(-1)!).at(-1)! }));
    expect(pages.flatMap(idsOf)).toEqual(ids);
    expect(pages.map((p) => `${p.page}/${p.pages}`)).toEqual(["1/6", "2/6", "3/6", "4/6", "5/6", "6/6"]);
    expect(pages.map((p) => p.has_newer)).toEqual([false, true, true, true, true, true]);

    const back = [pages.at(-1)!];
    while (back.at(-1)!.has_newer) back.push(await list(db, { cursor: idsOf(back.at(-1)!)[0]!, direction: "newer" }));
    expect(back.map((p) => p.page)).toEqual([6, 5, 4, 3, 2, 1]);
    expect(back.reverse().flatMap(idsOf)).toEqual(ids);
  });

  test("traces of one millisecond are told apart", async ({ db }) => {
    const at = Date.now() - 5000;
    const { ids } = await givenTraces(db, 25, () => ({ started_at: at, trace_id: traceIdAt(at) }));
    const first = await list(db);
    const second = await list(db, { cursor: idsOf(first).at(-1)! });
    const third = await list(db, { cursor: idsOf(second).at(-1)! });
    expect([...idsOf(first), ...idsOf(second), ...idsOf(third)].sort()).toEqual([...ids].sort());
    expect(await list(db, { cursor: idsOf(third)[0]!, direction: "newer" })).toEqual(second);
  });

  test("opens again at the trace it was left at", async ({ db }) => {
    const { ids } = await givenTraces(db, 30);
    expect(idsOf(await list(db, { cursor: ids[10]!, direction: "from" }))).toEqual(ids.slice(10, 20));
  });

  test("stays right while new traces arrive: Prev near the top is the top", async ({ db }) => {
    const { key, newest } = await givenTraces(db, 30);
    const second = await list(db, { cursor: idsOf(await list(db)).at(-1)! });
    await ingest(db, key, Array.from({ length: 3 }, (_, i) => makeTrace({ started_at: newest + 1 + i })));
    const top = await list(db, { cursor: idsOf(second)[0]!, direction: "newer" });
    expect(top).toMatchObject({ page: 1, pages: 4, has_newer: false });
    expect(top).toEqual(await list(db));
  });

  test("a cursor whose trace is gone still tells the place", async ({ db }) => {
    const { ids } = await givenTraces(db, 30);
    await db.query("delete from tracegram.pipeline_traces where trace_id = $1", [ids[9]]);
    expect(idsOf(await list(db, { cursor: ids[9]! }))).toEqual(ids.slice(10, 20));
    expect(idsOf(await list(db, { cursor: ids[9]!, direction: "from" }))).toEqual(ids.slice(10, 20));
  });

  test("behind the last trace there is an empty page, and behind what is kept the top", async ({ db }) => {
    const { ids } = await givenTraces(db, 12);
    expect(await list(db, { cursor: ids[11]! })).toMatchObject({
      traces: [],
      page: 2,
      total: 12,
      has_newer: true,
      has_older: false,
    });
    const longAgo = traceIdAt(Date.now() - 400 * 86_400_000);
    expect(await list(db, { cursor: longAgo })).toEqual(await list(db));
  });

  test("takes any window and any limit", async ({ db }) => {
    const { ids } = await givenTraces(db, 12);
    expect(idsOf(await list(db, { from: "-infinity", to: "infinity" }))).toEqual(ids.slice(0, 10));
    expect(idsOf(await list(db, { from: "infinity" }))).toEqual([]);
    for (const [limit, size] of [[0, 1], [-5, 1], [1000, 12], [null, 10]] as const) {
      expect((await list(db, { limit: limit as number })).traces).toHaveLength(size);
    }
  });

  test("looks only into the window it is given", async ({ db }) => {
    const { newest, ids } = await givenTraces(db, 30);
    const window = { from: new Date(newest - 19_000).toISOString(), to: new Date(newest - 5000).toISOString() };
    const first = await list(db, window);
    expect(first).toMatchObject({ page: 1, pages: 2, total: 15, has_newer: false, has_older: true });
    expect(idsOf(first)).toEqual(ids.slice(5, 15));
    const rest = await list(db, { ...window, cursor: ids[14]! });
    expect(rest).toMatchObject({ page: 2, has_newer: true, has_older: false });
    expect(idsOf(rest)).toEqual(ids.slice(15, 20));
  });

  test("a summary adds up what its steps know", async ({ db }) => {
    const call = { name: "llm", status: "ok" as const, offset_ms: 0, duration_ms: 1, model: "m" };
    const { ids } = await givenTraces(db, 2, (i) => ({
      steps: [{ ...call, input_tokens: 5, cost_microusd: 10 }, {
        ...call,
        output_tokens: 7,
        ...(i === 0 && { cost_microusd: 1 }),
      }],
    }));
    const [complete, partial] = (await list(db)).traces;
    expect(complete).toMatchObject({
      trace_id: ids[0],
      input_tokens: 5,
      output_tokens: 7,
      cost_microusd: 11,
      cost_complete: true,
    });
    expect(partial).toMatchObject({ cost_microusd: 10, cost_complete: false });
  });

  test("what nobody knows is null, not 0", async ({ db }) => {
    await givenTraces(db, 1);
    expect((await list(db)).traces[0]).toMatchObject({ input_tokens: null, output_tokens: null, cost_microusd: null });
  });

  test("the failed step is the innermost", async ({ db }) => {
    await givenTraces(db, 1, () => ({
      status: "error",
      error: "x",
      steps: [
        { name: "outer", status: "error", offset_ms: 0, duration_ms: 10 },
        { name: "inner", parent: 1, status: "error", offset_ms: 5, duration_ms: 5 },
        { name: "fine", status: "ok", offset_ms: 0, duration_ms: 1 },
      ],
    }));
    expect((await list(db)).traces[0]).toMatchObject({ error_step: "inner", step_count: 3 });
  });

  test.for([{ direction: "up" }, { order: "best" }, { status: "fine" }])(
    "refuses what it does not know: %o",
    async (args, { db }) => {
      await expect(list(db, args)).rejects.toMatchObject({ code: "22023" });
    },
  );
});
