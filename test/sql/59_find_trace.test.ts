import type pg from "pg";
import { describe, expect } from "vitest";
import type { FoundTrace } from "../../functions/_shared/db.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const find = (db: pg.Client, prefix: string | null): Promise<FoundTrace | null> =>
  call(db, "service_role", "find_trace", { p_prefix: prefix });
const behind = (db: pg.Client, chat: number, message: number | string): Promise<string | null> =>
  call(db, "service_role", "trace_of_message", { p_chat_id: chat, p_message_id: message });

async function given(db: pg.Client, traces: WireTrace[]): Promise<void> {
  for (const trace of traces) await givenDay(db, "pipeline_traces", Number(trace.started_at));
  expect(await ingest(db, await givenKey(db), traces)).toMatchObject({ stored: traces.length });
}

describe("find_trace", () => {
  test("finds one by its id and by each of its beginnings that no other has", async ({ db }) => {
    const at = Date.now() - 3 * DAY;
    const trace = makeTrace({ started_at: at });
    await given(db, [trace, makeTrace({ started_at: at - DAY }), makeTrace({ started_at: at + DAY })]);
    const id = trace.trace_id;
    const compact = id.replaceAll("-", "");
    for (
      const prefix of [
        id,
        compact,
        id.toUpperCase(),
        id.slice(0, 8),
        id.slice(0, 13),
        id.slice(0, 14),
        compact.slice(0, 31),
      ]
    ) {
      expect(await find(db, prefix), prefix).toEqual({ trace_id: id });
    }
  });

  test("tells those of one millisecond apart", async ({ db }) => {
    const at = Date.now() - 1000;
    const traces = Array.from({ length: 4 }, () => makeTrace({ started_at: at }));
    await given(db, traces);
    const found = await find(db, traces[0]!.trace_id.slice(0, 13));
    expect(found).toMatchObject({ more: false, candidates: [{}, {}, {}, {}] });
    for (const { trace_id } of traces) expect(await find(db, trace_id)).toEqual({ trace_id });
  });

  test("of several names the newest five, and says whether there are more", async ({ db }) => {
    // Within one of the stretches of 65 s that eight digits stand for.
    const at = Math.floor(Date.now() / 65_536 - 1) * 65_536 + 60_000;
    const traces = Array.from({ length: 7 }, (_, i) => makeTrace({ started_at: at - i * 5000, pipeline: `p${i}` }));
    await given(db, traces);
    const { candidates, more } = await find(db, traces[0]!.trace_id.slice(0, 8)) as Extract<
      FoundTrace,
      { more: boolean }
    >;
    expect(candidates.map((c) => c.pipeline)).toEqual(["p0", "p1", "p2", "p3", "p4"]);
    expect(candidates[0]).toMatchObject({ trace_id: traces[0]!.trace_id, status: "ok", duration_ms: 1234 });
    expect(more).toBe(true);
  });

  test.for<[string | null]>([
    [null],
    [""],
    ["019"],
    ["----"],
    ["xyz1"],
    ["0194bc1g"],
    ["%"],
    ["0".repeat(33)],
    ["ffffffff"],
    ["00000000"],
    ["ffffffff-ffff-ffff-ffff-ffffffffffff"],
    ["'; drop table tracegram.pipeline_traces; --"],
    ["019".repeat(1000)],
  ])("of %j is nothing", async ([prefix], { db }) => {
    await given(db, [makeTrace()]);
    expect(await find(db, prefix!)).toBeNull();
  });
});

describe("trace_of_message", () => {
  test("finds the newest run behind a message, in a private chat and in a group", async ({ db }) => {
    const now = Date.now() - 1000;
    const keys = { chat_id: 601, user_id: 601 };
    const traces = {
      old: makeTrace({ ...keys, started_at: now - 5 * DAY, message_id: 7 }),
      edited: makeTrace({ ...keys, started_at: now - 4 * DAY, message_id: 7 }),
      other: makeTrace({ ...keys, started_at: now, message_id: 8 }),
      group: makeTrace({ started_at: now, chat_id: -100, user_id: 601, message_id: 7 }),
      stranger: makeTrace({ started_at: now, chat_id: 602, user_id: 602, message_id: 7 }),
      ancient: makeTrace({ ...keys, started_at: now - 25 * DAY, message_id: 3 }),
    };
    await given(db, Object.values(traces));
    expect(await behind(db, 601, 7)).toBe(traces.edited.trace_id);
    expect(await behind(db, 601, 8)).toBe(traces.other.trace_id);
    expect(await behind(db, -100, 7)).toBe(traces.group.trace_id);
    expect(await behind(db, 602, 7)).toBe(traces.stranger.trace_id);
    expect(await behind(db, 601, 3)).toBe(traces.ancient.trace_id);
  });

  test("is null where there is none, or could be none", async ({ db }) => {
    await given(db, [makeTrace({ chat_id: 601, user_id: 601, message_id: 7 })]);
    for (const message of [8, 0, -1, "9223372036854775807"]) expect(await behind(db, 601, message)).toBeNull();
    expect(await behind(db, 603, 7)).toBeNull();
  });
});
