import { createHash } from "node:crypto";
import type pg from "pg";
import { describe, expect } from "vitest";
import type { ListFilter, ListView } from "../../functions/_shared/db.ts";
import { test } from "../_support/db.ts";
import { DAY, givenDay } from "../_support/partitions.ts";
import { call, givenKey, ingest, list } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const HOUR = 3_600_000;

const view = (db: pg.Client, args: Record<string, unknown> = {}): Promise<ListView> =>
  call(
    db,
    "service_role",
    "list_view",
    Object.fromEntries(Object.entries(args).map(([name, value]) => [`p_${name}`, value])),
  );
const ids = (page: ListView) => page.traces.map((trace) => trace.trace_id);

describe("list_view", () => {
  test("without a filter is list_traces", async ({ db }) => {
    const key = await givenKey(db);
    await ingest(db, key, [makeTrace(), makeTrace({ status: "error", error: "x" })]);
    expect(await view(db)).toEqual({ ...await list(db), filter_id: null, filter: {}, filter_lost: false });
    expect(await view(db, { limit: 1 })).toMatchObject({ total: 2, pages: 2, has_older: true });
  });

  test("lists what its filter says, the first time and by its id", async ({ db }) => {
    const key = await givenKey(db);
    const now = Date.now() - 60_000;
    await givenDay(db, "pipeline_traces", now - 5 * HOUR);
    const steps = [{ name: "llm", offset_ms: 0, duration_ms: 1, model: "m", cost_microusd: 9 }];
    const wanted = makeTrace({
      started_at: now,
      pipeline: "refund",
      status: "error",
      error: "Boom 7",
      user_id: 7,
      chat_id: -8,
      duration_ms: 9000,
      release: "r1",
      steps,
    });
    const old = makeTrace({ started_at: now - 5 * HOUR });
    await ingest(db, key, [wanted, makeTrace({ started_at: now + 1 }), old]);
    const filters: ListFilter[] = [
      { status: "error" },
      { pipeline: "refund" },
      { user_id: 7 },
      { chat_id: -8 },
      { min_duration_ms: 9000 },
      { release: "r1" },
      { error: "boom" },
      { order: "dearest" },
      { order: "slowest", pipeline: "refund", hours: 2, status: "error" },
    ];
    for (const filter of filters) {
      const first = await view(db, { filter });
      expect(first, JSON.stringify(filter)).toMatchObject({ filter, filter_lost: false });
      expect(ids(first)).toEqual([wanted.trace_id]);
      expect(await view(db, { filter_id: first.filter_id })).toEqual(first);
    }
    expect(ids(await view(db, { filter: { hours: 2 } }))).not.toContain(old.trace_id);
    expect((await view(db, { filter: { hours: 2 } })).total_exact).toBe(true);
    expect(ids(await view(db, { filter: { hours: 6 } }))).toContain(old.trace_id);
  });

  test("pages under its filter", async ({ db }) => {
    const key = await givenKey(db);
    const now = Date.now() - 60_000;
    const traces = Array.from({ length: 6 }, (_, i) => makeTrace({ started_at: now - i, pipeline: i % 2 ? "b" : "a" }));
    await ingest(db, key, traces);
    const first = await view(db, { filter: { pipeline: "b" }, limit: 2 });
    expect(ids(first)).toEqual([traces[1]!.trace_id, traces[3]!.trace_id]);
    const next = await view(db, {
      filter_id: first.filter_id,
      cursor: first.older_cursor,
      direction: "older",
      limit: 2,
    });
    expect(ids(next)).toEqual([traces[5]!.trace_id]);
    const back = await view(db, {
      filter_id: first.filter_id,
      cursor: traces[5]!.trace_id,
      direction: "newer",
      limit: 2,
    });
    expect(ids(back)).toEqual(ids(first));
    await expect(view(db, { direction: "sideways" })).rejects.toMatchObject({ code: "22023" });
  });

  test("the id is the same for equal filters, and of six bytes of their hash", async ({ db }) => {
    const { filter_id } = await view(db, { filter: { status: "error", hours: 24 } });
    const hash = createHash("sha256").update('{"hours": 24, "status": "error"}').digest();
    expect(filter_id).toBe(hash.subarray(0, 6).toString("base64url"));
    for (
      const same of [
        { hours: 24, status: "error" },
        { order: "newest", hours: 24, status: "error", pipeline: null },
      ]
    ) expect((await view(db, { filter: same })).filter_id).toBe(filter_id);
    expect((await view(db, { filter: { status: "error", hours: 25 } })).filter_id).not.toBe(filter_id);
    expect((await db.query("select count(*)::int as n from tracegram.list_filters")).rows[0].n).toBe(2);
    for (const nothing of [{}, { order: "newest" }, { status: null }]) {
      expect(await view(db, { filter: nothing })).toMatchObject({ filter: {}, filter_id: null });
    }
  });

  test("a change is laid over the filter, takes a condition away, or all of them", async ({ db }) => {
    const { filter_id } = await view(db, { filter: { status: "error", pipeline: "a" } });
    const changed = async (change: object) => (await view(db, { filter_id, change })).filter;
    expect(await changed({ order: "slowest" })).toEqual({ status: "error", pipeline: "a", order: "slowest" });
    expect(await changed({ status: "ok", hours: 24 })).toEqual({ status: "ok", pipeline: "a", hours: 24 });
    expect(await changed({ status: null })).toEqual({ pipeline: "a" });
    expect(await changed({})).toEqual({});
    expect((await view(db, { change: { hours: 1 } })).filter).toEqual({ hours: 1 });
    const again = await view(db, { filter: { order: "dearest" }, change: { order: "newest" } });
    expect(again).toMatchObject({ filter: {}, filter_id: null });
  });

  test("an id that is not known says so, and a change still applies", async ({ db }) => {
    expect(await view(db, { filter_id: "AAAAAAAA" })).toMatchObject({ filter: {}, filter_id: null, filter_lost: true });
    expect(await view(db, { filter_id: "'; --", change: { status: "ok" } })).toMatchObject({
      filter: { status: "ok" },
      filter_lost: true,
    });
  });

  test.for<[unknown]>([
    [[]],
    ["error"],
    [null],
    [{ colour: "red" }],
    [{ "": 1 }],
    [{ status: "failed" }],
    [{ status: 1 }],
    [{ order: "oldest" }],
    [{ pipeline: "" }],
    [{ pipeline: "x".repeat(201) }],
    [{ pipeline: 7 }],
    [{ error: ["x"] }],
    [{ release: {} }],
    [{ user_id: "7" }],
    [{ user_id: 1.5 }],
    [{ user_id: 1e300 }],
    [{ chat_id: true }],
    [{ min_duration_ms: 0 }],
    [{ min_duration_ms: 2 ** 31 }],
    [{ hours: 0 }],
    [{ hours: 9601 }],
    [{ hours: 0.5 }],
    [{ status: "ok", hours: "24" }],
  ])("refuses %j, and keeps nothing", async ([filter], { db }) => {
    const json = JSON.stringify(filter);
    await expect(view(db, { filter: json })).rejects.toMatchObject({
      code: "TG055",
      hint: expect.stringMatching(/\w/),
    });
    await expect(view(db, { change: json })).rejects.toMatchObject({ code: "TG055" });
    expect((await db.query("select from tracegram.list_filters")).rowCount).toBe(0);
  });

  test("reading under a filter writes nothing, and locks nothing", async ({ db }) => {
    const args = { filter: { status: "error" } };
    const row = async () => (await db.query("select ctid::text, xmax::text from tracegram.list_filters")).rows;
    await view(db, args);
    const before = await row();
    expect(before).toMatchObject([{ xmax: "0" }]);
    await view(db, args);
    expect(await row()).toEqual(before);
  });

  test("a use is noted once a day, and what has not been used for 90 is deleted", async ({ db }) => {
    const { filter_id } = await view(db, { filter: { status: "error" } });
    const other = (await view(db, { filter: { status: "ok" } })).filter_id;
    const usedAt = async () =>
      (await db.query("select used_at from tracegram.list_filters where filter_id = $1", [filter_id])).rows[0]?.used_at;
    const age = (hours: number) =>
      db.query("update tracegram.list_filters set used_at = now() - $1 * interval '1 hour'", [hours]);
    const ago = async () => (Date.now() - (await usedAt()).getTime()) / HOUR;
    await age(23);
    await view(db, { filter_id });
    expect(await ago()).toBeGreaterThan(22);
    await age(25);
    await view(db, { filter_id });
    expect(await ago()).toBeLessThan(1);
    await db.query("update tracegram.list_filters set used_at = now() - interval '91 days' where filter_id = $1", [
      other,
    ]);
    await db.query("select tracegram.purge()");
    expect(await usedAt()).toBeDefined();
    expect(await view(db, { filter_id: other })).toMatchObject({ filter_lost: true });
  });

  test("of long ago is that of all that is kept", async ({ db }) => {
    const { from } = await view(db, { filter: { hours: 9600 } });
    expect(Date.now() - Date.parse(from)).toBeLessThan(31 * DAY);
  });
});
