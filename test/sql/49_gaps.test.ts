import type pg from "pg";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { fold } from "../_support/rollups.ts";
import { call, getTrace, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const gaps = (db: pg.Client, args = {}) => call<Record<string, unknown>>(db, "service_role", "trace_gaps", args);
const announced = (startedAgo: number) => {
  const { duration_ms: _, ...trace } = makeTrace({ started_at: Date.now() - startedAgo, steps: [] });
  return { ...trace, status: "running" as const };
};
const step = (name: string, parent?: number) => ({
  name,
  offset_ms: 0,
  duration_ms: 1,
  ...(parent !== undefined && { parent }),
});

describe("an announced trace", () => {
  test("is lost when it has not ended in time, and is completed when it ends after all", async ({ db }) => {
    const key = await givenKey(db);
    const [late, young] = [announced(16 * 60_000), announced(14 * 60_000)];
    await ingest(db, key, [late, young]);
    expect((await db.query("select tracegram.mark_lost() as n")).rows).toEqual([{ n: 1 }]);
    expect((await db.query("select tracegram.mark_lost() as n")).rows).toEqual([{ n: 0 }]);
    expect(await getTrace(db, late.trace_id)).toMatchObject({ status: "lost", duration_ms: null });
    expect(await getTrace(db, young.trace_id)).toMatchObject({ status: "running" });
    expect(await gaps(db)).toMatchObject({
      lost: 1,
      running: 1,
      examples: [{
        gap: "lost",
        trace_id: late.trace_id,
        pipeline: "support",
        detail: expect.stringContaining("00:15:00"),
      }],
    });

    expect(await ingest(db, key, [{ ...late, status: "ok", duration_ms: 5 }])).toMatchObject({ updated: 1 });
    expect(await getTrace(db, late.trace_id)).toMatchObject({ status: "ok", duration_ms: 5 });
    expect(await gaps(db)).toMatchObject({ lost: 0, running: 1, examples: [] });
  });

  test("waits as long as the setting says", async ({ db }) => {
    await ingest(db, await givenKey(db), [announced(3 * 60_000)]);
    await call(db, "service_role", "change_settings", { p_changes: { lost_after: "2 minutes" } });
    expect((await db.query("select tracegram.mark_lost() as n")).rows).toEqual([{ n: 1 }]);
  });
});

describe("trace_gaps", () => {
  test("an empty database has none", async ({ db }) => {
    expect(await gaps(db)).toEqual({
      from: expect.any(String),
      to: expect.any(String),
      orphan_steps: 0,
      no_steps: 0,
      lost: 0,
      running: 0,
      dropped: { records: 0, reasons: [], senders: [] },
      unknown_steps: [],
      examples: [],
    });
  });

  test("counts and shows steps without their parent, and traces without steps", async ({ db }) => {
    const key = await givenKey(db);
    const whole = makeTrace({ steps: [step("a"), step("b", 1)] });
    const orphans = makeTrace({ steps: [step("a", 2), step("b", 2), step("c", 1), step("d", -1)] });
    const empty = makeTrace({ steps: [] });
    expect(await ingest(db, key, [whole, orphans, empty])).toMatchObject({ stored: 3 });
    // Steps are stored as they came, for whoever looks for the fault.
    expect((await getTrace(db, orphans.trace_id))!.steps.map((s) => s.parent)).toEqual([2, 2, 1, -1]);
    expect(await gaps(db)).toMatchObject({ orphan_steps: 3, no_steps: 1 });
    await fold(db);
    expect(await gaps(db)).toMatchObject({
      orphan_steps: 3,
      no_steps: 1,
      examples: expect.arrayContaining([
        expect.objectContaining({
          gap: "orphan_step",
          trace_id: orphans.trace_id,
          detail: "step 1, a: there is no step 2 before it",
        }),
        expect.objectContaining({ gap: "no_steps", trace_id: empty.trace_id }),
      ]),
    });
    expect(await gaps(db, { p_to: new Date(Date.now() - 7_200_000) })).toMatchObject({ orphan_steps: 0, examples: [] });
  });

  test("what the tracer names itself is never unknown", async ({ db }) => {
    const key = await givenKey(db);
    const own =
      "tg.sendMessage http.api.x.com db.orders storage.photos fn.resize auth llm.chat llm.responses llm.embeddings llm.retry";
    const others = "authors tgx llm.chatter http";
    await ingest(db, key, [makeTrace({ steps: `${own} ${others}`.split(" ").map((name) => step(name)) })]);
    await call(db, "service_role", "define_steps", { p_steps: JSON.stringify({ llm: null }) });
    const { unknown_steps } = await gaps(db);
    expect((unknown_steps as { step: string }[]).map(({ step }) => step).sort()).toEqual(others.split(" ").sort());
  });

  test("counts steps that the bot's table does not know, once there is a table", async ({ db }) => {
    const key = await givenKey(db);
    await ingest(db, key, [makeTrace({ steps: [step("llm"), step("lmm"), step("lmm"), step("db")] })]);
    expect(await gaps(db)).toMatchObject({ unknown_steps: [] });
    const define = (steps: unknown) => call(db, "service_role", "define_steps", { p_steps: JSON.stringify(steps) });
    expect(await define({ llm: "Writing…", db: null })).toBe(2);
    expect(await gaps(db)).toMatchObject({ unknown_steps: [{ pipeline: "support", step: "lmm", count: 2 }] });
    expect(await define({ lmm: "Writing…", db: null })).toBe(2);
    expect(await gaps(db)).toMatchObject({ unknown_steps: [{ pipeline: "support", step: "llm", count: 1 }] });
    expect(await define({})).toBe(0);
    expect(await gaps(db)).toMatchObject({ unknown_steps: [] });
  });

  test.for([[["llm"]], [{ "": "x" }], [{ llm: 5 }], [null]])(
    "define_steps refuses %o, and keeps the table",
    async ([steps], { db }) => {
      const define = (of: unknown) => call(db, "service_role", "define_steps", { p_steps: JSON.stringify(of) });
      await define({ llm: null });
      await expect(define(steps)).rejects.toMatchObject({ code: "TG021" });
      expect((await db.query("select name from tracegram.step_names")).rows).toEqual([{ name: "llm" }]);
    },
  );

  test("keeps a thousand examples of each kind at most, and none of a day that is gone", async ({ db }) => {
    await db.query(`
      insert into tracegram.gaps (gap, trace_id, started_at, pipeline, detail)
      select 'no_steps', gen_random_uuid(), now() - i * interval '1 second', 'p', '' from generate_series(1, 1100) as i
      union all select 'lost', gen_random_uuid(), now() - interval '31 days', 'p', ''`);
    await db.query("select tracegram.purge()");
    const { rows } = await db.query(
      "select gap, count(*)::int as n, max(started_at) > now() - interval '3 seconds' as newest from tracegram.gaps group by gap",
    );
    expect(rows).toEqual([{ gap: "no_steps", n: 1000, newest: true }]);
  });
});
