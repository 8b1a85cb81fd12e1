import type pg from "pg";
import { describe, expect } from "vitest";
import type { FoundTrace, OriginTrace } from "../../functions/_shared/db.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { call, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const find = (db: pg.Client, prefix: string | null): Promise<FoundTrace | null> =>
  call(db, "service_role", "find_trace", { p_prefix: prefix });
const behind = (
  db: pg.Client,
  chat: number,
  message: number | string | null,
  sentAt?: number,
): Promise<OriginTrace | null> =>
  call(db, "service_role", "trace_of_message", {
    p_chat_id: chat,
    p_message_id: message,
    // Telegram's clock has seconds.
    ...(sentAt !== undefined && { p_sent_at: new Date(Math.floor(sentAt / 1000) * 1000) }),
  });

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
    expect(await behind(db, 601, 7)).toEqual({ trace_id: traces.edited.trace_id, exact: true });
    expect(await behind(db, 601, 8)).toEqual({ trace_id: traces.other.trace_id, exact: true });
    expect(await behind(db, -100, 7)).toEqual({ trace_id: traces.group.trace_id, exact: true });
    expect(await behind(db, 602, 7)).toEqual({ trace_id: traces.stranger.trace_id, exact: true });
    expect(await behind(db, 601, 3)).toEqual({ trace_id: traces.ancient.trace_id, exact: true });
  });

  test("is null where there is none, or could be none", async ({ db }) => {
    await given(db, [makeTrace({ chat_id: 601, user_id: 601, message_id: 7 })]);
    for (const message of [8, 0, -1, "9223372036854775807"]) expect(await behind(db, 601, message)).toBeNull();
    expect(await behind(db, 603, 7)).toBeNull();
  });

  test("tells an edit from the run that sent the message first: the newest is exact", async ({ db }) => {
    const now = Date.now() - 60_000;
    const sent = makeTrace({ chat_id: 601, user_id: 601, started_at: now - 9000, message_id: 7 });
    const edited = makeTrace({ chat_id: 601, user_id: 601, started_at: now, message_id: 7 });
    await given(db, [sent, edited]);
    expect(await behind(db, 601, 7, now - 8500)).toEqual({ trace_id: edited.trace_id, exact: true });
  });
});

describe("trace_of_message, of a message that was not its run's last", () => {
  const T = Math.floor(Date.now() / 60_000) * 60_000 - 600_000;
  const GROUP = -100;
  /** A run of the group, from and to in seconds after T. */
  const run = (from: number, to: number, message_id: number | null, keys: Partial<WireTrace> = {}) =>
    makeTrace({
      chat_id: GROUP,
      user_id: 601,
      started_at: T + from * 1000,
      duration_ms: (to - from) * 1000,
      ...(message_id !== null && { message_id }),
      ...keys,
    });
  const at = (seconds: number) => T + seconds * 1000;
  const likely = ({ trace_id }: WireTrace) => ({ trace_id, exact: false });

  test("runs one after the other: it is the one that ran when it was sent", async ({ db }) => {
    const runs = [run(0, 10, 103), run(20, 30, 106), run(31, 40, 109)];
    await given(db, runs);
    expect(await behind(db, GROUP, 102, at(9))).toEqual(likely(runs[0]!));
    expect(await behind(db, GROUP, 105, at(25))).toEqual(likely(runs[1]!));
    expect(await behind(db, GROUP, 108, at(31))).toEqual(likely(runs[2]!));
    expect(await behind(db, GROUP, 109, at(40))).toEqual({ trace_id: runs[2]!.trace_id, exact: true });
  });

  test("interleaved: of those that ran it is the one whose last message follows soonest", async ({ db }) => {
    // a: 201 at 1 s, 206 at 19 s; b: 203 at 5 s, 204 at 9 s; c has sent nothing, and d is of another chat.
    const [a, b] = [run(0, 20, 206), run(4, 10, 204)];
    const others = [run(3, 18, null), run(0, 20, 205, { chat_id: -200 })];
    await given(db, [a, b, ...others]);
    expect(await behind(db, GROUP, 201, at(1))).toEqual(likely(a));
    expect(await behind(db, GROUP, 203, at(5))).toEqual(likely(b));
    // b had ended.
    expect(await behind(db, GROUP, 205, at(17))).toEqual(likely(a));
  });

  test("one that only edited an old message did not send it, when another had sent a later one before", async ({ db }) => {
    const [sender, editor] = [run(0, 2, 303), run(3, 5, 302)];
    await given(db, [sender, editor]);
    expect(await behind(db, GROUP, 301, at(1))).toEqual(likely(sender));
    // Clocks differ by a few seconds; ids do not lie.
    expect(await behind(db, GROUP, 301, at(3))).toEqual(likely(sender));
  });

  test("a run that has no later message is likely when it is alone: it may run still, be lost, or tell no ids", async ({ db }) => {
    const { duration_ms: _, ...running } = run(0, 1, 401, { status: "running", steps: [] });
    // Of two at the same time, the one with a later message is likelier than the one without any.
    const [silent, mute, told] = [run(-210, -200, null), run(-110, -100, null), run(-108, -98, 406)];
    await given(db, [running as WireTrace, silent, mute, told]);
    expect(await behind(db, GROUP, 407, at(120))).toEqual(likely(running as WireTrace));
    expect(await behind(db, GROUP, 404, at(-205))).toEqual(likely(silent));
    expect(await behind(db, GROUP, 405, at(-105))).toEqual(likely(told));
  });

  test("no run is it when none ran within five seconds, or the time is not known", async ({ db }) => {
    await given(db, [run(0, 10, 503), run(100, 110, 506)]);
    expect(await behind(db, GROUP, 504, at(50))).toBeNull();
    expect(await behind(db, GROUP, 502, at(17))).toBeNull();
    expect(await behind(db, GROUP, 502, at(14))).not.toBeNull();
    expect(await behind(db, GROUP, 502)).toBeNull();
    expect(await behind(db, -300, 502, at(5))).toBeNull();
    expect(await behind(db, GROUP, 0, at(5))).toBeNull();
  });

  test("over midnight, and of a private chat that Telegram tells no id of", async ({ db }) => {
    const midnight = new Date(T - DAY).setUTCHours(0, 0, 0, 0);
    const keys = { chat_id: 601, user_id: 601, started_at: midnight - 5000, duration_ms: 10_000 };
    const long = makeTrace({ ...keys, message_id: 603 });
    await given(db, [long, makeTrace({ ...keys, chat_id: GROUP, message_id: 702 })]);
    await givenDay(db, "pipeline_traces", midnight);
    expect(await behind(db, 601, 602, midnight + 3000)).toEqual(likely(long));
    expect(await behind(db, 601, null, midnight + 3000)).toEqual(likely(long));
    expect(await behind(db, 601, null)).toBeNull();
  });
});
