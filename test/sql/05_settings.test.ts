import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, givenDay, partition } from "../_support/partitions.ts";
import { call, getTrace, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const DEFAULTS = {
  trace_days: 30,
  io_days: 7,
  io_sample_percent: 100,
  guard_io_sample_percent: null,
  quota_bytes: 500_000_000,
  lost_after: "00:15:00",
  alert_url: null,
  alert_secret_set: false,
  synthetic_run_cap_microusd: 1_000_000,
  synthetic_day_cap_microusd: 3_000_000,
  synthetic_month_cap_microusd: 20_000_000,
  synthetic_concurrency: 2,
};

describe("settings", () => {
  test("have defaults, change by name, and keep the rest", async ({ db }) => {
    expect(await call(db, "service_role", "get_settings")).toMatchObject(DEFAULTS);
    const changes = {
      io_days: 3,
      lost_after: "2 minutes",
      alert_url: "https://bot.example/alerts",
      alert_secret: "hush",
    };
    const changed = await call(db, "service_role", "change_settings", { p_changes: changes });
    const { alert_secret: _, ...rest } = changes;
    expect(changed).toMatchObject({ ...DEFAULTS, ...rest, lost_after: "00:02:00", alert_secret_set: true });
    expect(JSON.stringify(changed)).not.toContain("hush");
    expect(await call(db, "service_role", "get_settings")).toEqual(changed);
    const without = { alert_url: null, alert_secret: null };
    expect(await call(db, "service_role", "change_settings", { p_changes: without })).toMatchObject({
      alert_url: null,
      alert_secret_set: false,
      io_days: 3,
    });
  });

  test("what synthetic tests may cost: 0 is nothing", async ({ db }) => {
    const changes = {
      synthetic_run_cap_microusd: 0,
      synthetic_day_cap_microusd: 5,
      synthetic_month_cap_microusd: 6,
      synthetic_concurrency: 16,
    };
    expect(await call(db, "service_role", "change_settings", { p_changes: changes })).toMatchObject({
      ...DEFAULTS,
      ...changes,
    });
  });

  test("say times as everything does, and a day as 24 hours", async ({ db }) => {
    const changed = await call(db, "service_role", "change_settings", { p_changes: { lost_after: "1 day" } });
    const iso = expect.stringMatching(/^\d{4}-\d\d-\d\dT00:00:00\.000Z$/);
    expect(changed).toMatchObject({ lost_after: "24:00:00", traces_from: iso, io_from: iso });
  });

  test.for([
    [[1], "not an object"],
    [null, "not an object"],
    [{ days: 3 }, "'days' is not a setting"],
    [{ traces_from: "2026-01-01" }, "'traces_from' is not a setting"],
    [{ guard_io_sample_percent: 1 }, "'guard_io_sample_percent' is not a setting"],
    [{ io_days: 0 }, "value that it cannot have"],
    [{ io_days: 31 }, "value that it cannot have: io_days must not exceed trace_days"],
    [{ trace_days: "many" }, "value that it cannot have"],
    [{ trace_days: null }, "value that it cannot have"],
    [{ io_sample_percent: 101 }, "value that it cannot have"],
    [{ lost_after: "1 second" }, "value that it cannot have"],
    [{ alert_url: "ftp://x" }, "value that it cannot have"],
    [{ io_days: 2, quota_bytes: -1 }, "value that it cannot have"],
    [{ synthetic_run_cap_microusd: -1 }, "value that it cannot have"],
    [{ synthetic_day_cap_microusd: null }, "value that it cannot have"],
    [{ synthetic_month_cap_microusd: "much" }, "value that it cannot have"],
    [{ synthetic_concurrency: 17 }, "value that it cannot have"],
  ])("refuse %o, and change nothing", async ([changes, why], { db }) => {
    const before = await call(db, "service_role", "get_settings");
    await db.query("savepoint before_it");
    await expect(call(db, "service_role", "change_settings", { p_changes: JSON.stringify(changes) }))
      .rejects.toMatchObject({ code: "TG020", message: expect.stringContaining(why as string) });
    expect(await call(db, "service_role", "get_settings")).toEqual(before);
  });
});

describe("what settings decide at the door", () => {
  test("a trace of a day that is not kept is refused, of the oldest day that is, stored", async ({ db }) => {
    const from = Math.floor(Date.now() / DAY) * DAY - 3 * DAY;
    await db.query("update tracegram.settings set traces_from = $1", [new Date(from)]);
    await givenDay(db, "pipeline_traces", from);
    await givenDay(db, "pipeline_traces", from - 1);
    const [late, kept] = [makeTrace({ started_at: from - 1 }), makeTrace({ started_at: from })];
    const { items } = await ingest(db, await givenKey(db), [late, kept]);
    expect(items).toMatchObject([{ result: "rejected", code: "TG012" }, { result: "stored" }]);
  });

  test("of successful traces a share of the I/O is stored, always the same; of errors all of it", async ({ db }) => {
    await db.query("update tracegram.settings set io_sample_percent = 25");
    const key = await givenKey(db);
    const io = [{ step: 1, request: "q" }];
    const traces = Array.from(
      { length: 400 },
      (_, i) => makeTrace({ io, ...(i < 40 && { status: "error", error: "x" }) }),
    );
    await ingest(db, key, traces);
    const stored = new Set(
      (await db.query("select trace_id from tracegram.trace_io where trace_id = any ($1)", [
        traces.map((t) => t.trace_id),
      ]))
        .rows.map((row) => row.trace_id as string),
    );
    expect(traces.slice(0, 40).every((t) => stored.has(t.trace_id))).toBe(true);
    // The last 16 bits of the id decide: what 25 % are is not a matter of chance.
    for (const { trace_id } of traces.slice(40)) {
      expect(stored.has(trace_id), trace_id).toBe(parseInt(trace_id.slice(-4), 16) < 65536 / 4);
    }
    expect(stored.size).toBeGreaterThan(60);
    expect((await getTrace(db, traces[0]!.trace_id))!.io_steps).toEqual([1]);
  });

  test("the quota guard's share is of errors, too: the same traces whether they have failed or not", async ({ db }) => {
    await db.query("update tracegram.settings set io_sample_percent = 0, guard_io_sample_percent = 25");
    const traces = Array.from(
      { length: 300 },
      (_, i) => makeTrace({ io: [{ step: 1, request: "q" }], ...(i < 200 && { status: "error", error: "x" }) }),
    );
    await ingest(db, await givenKey(db), traces);
    const { rows } = await db.query("select trace_id from tracegram.trace_io order by trace_id");
    const expected = traces.slice(0, 200).filter(({ trace_id }) => parseInt(trace_id.slice(-4), 16) < 65536 / 4);
    expect(rows.map((row) => row.trace_id)).toEqual(expected.map((t) => t.trace_id).sort());
    expect(rows.length).toBeGreaterThan(20);
  });

  test("a trace whose day has no partition for its I/O is stored without it", async ({ db }) => {
    const yesterday = Math.floor(Date.now() / DAY) * DAY - DAY;
    const name = partition("trace_io", yesterday);
    const io = [{ step: 1, request: "q" }];
    const key = await givenKey(db);
    for (
      const change of [
        `alter table tracegram.trace_io detach partition tracegram.${name}`,
        `drop table tracegram.${name}`,
      ]
    ) {
      await db.query(change);
      const [without, kept] = [makeTrace({ io, started_at: yesterday }), makeTrace({ io })];
      expect(await ingest(db, key, [without, kept])).toMatchObject({ stored: 2 });
      const { rows } = await db.query("select trace_id from tracegram.trace_io where trace_id = any ($1)", [
        [without.trace_id, kept.trace_id],
      ]);
      expect(rows).toEqual([{ trace_id: kept.trace_id }]);
    }
  });
});
