// Which calls are let through, and what is booked for them.
import { expect } from "vitest";
import type { CallEnd, CallStart } from "../../functions/_shared/synthetic_work.ts";
import { test as base } from "../_support/db.ts";
import {
  end,
  entry,
  givenCall,
  givenRun,
  givenTaken,
  NOON,
  recorded,
  SECOND,
  start,
  syntheticSql,
} from "../_support/synthetic.ts";

const test = base.extend("sql", async ({ db }) => {
  const sql = syntheticSql(db);
  await sql.register([entry("a"), entry("b"), entry("c")]);
  return sql;
});
const worst = (microusd: number | null) => start({ worst_microusd: microusd });

test("what fits is let through; what would but for others waits; what cannot ends the run before the call", async ({ sql }) => {
  const run = await givenRun(sql, { ceiling: 100, concurrency: 2 });
  const it = await givenTaken(sql, run);
  const other = await givenTaken(sql, run, "v");
  const first = await givenCall(sql, run, it, worst(60));
  expect(await sql.begin(run, other, worst(40))).toMatchObject({ kind: "go" });
  expect(await sql.begin(run, it, worst(1))).toEqual({ kind: "wait" });
  await sql.settle(run, first, end(55));
  expect(await sql.begin(run, it, worst(6))).toEqual({ kind: "wait" });
  expect(await sql.begin(run, it, worst(5))).toMatchObject({ kind: "go" });
  expect(await sql.begin(run, it, worst(46))).toEqual({ kind: "refused", why: "cap_run" });
  expect(await sql.view(run.run_id)).toMatchObject({
    state: "out_of_budget",
    spent_microusd: 55,
    reserved_microusd: 45,
  });
  expect(await sql.begin(run, other, worst(0))).toEqual({ kind: "refused", why: "cap_run" });
  expect(await sql.beat(run, "v")).toEqual({ stopped: true });
  expect(await sql.take(run)).toEqual({ kind: "done" });
});

test.for([["day"], ["month"]])("the cap of the %s is crossed by no run", async ([of], { db, sql }) => {
  await db.query(`update tracegram.settings set synthetic_${of}_cap_microusd = 100`);
  const runs = [await givenRun(sql, { ceiling: 100 }), await givenRun(sql, { ceiling: 100 })] as const;
  const its = [await givenTaken(sql, runs[0]), await givenTaken(sql, runs[1])] as const;
  const call = await givenCall(sql, runs[0], its[0], worst(70));
  expect(await sql.begin(runs[1], its[1], worst(31))).toEqual({ kind: "wait" });
  await sql.settle(runs[0], call, end(70));
  expect(await sql.begin(runs[1], its[1], worst(31))).toEqual({ kind: "refused", why: `cap_${of}` });
  expect(await sql.view(runs[1].run_id)).toMatchObject({ state: "out_of_budget" });
  expect(await sql.begin(runs[0], its[0], worst(30))).toMatchObject({ kind: "go" });
});

test("a begin whose answer was lost sets nothing aside twice, and gives back what is not made", async ({ sql }) => {
  const run = await givenRun(sql, { ceiling: 100, concurrency: 2 });
  const it = await givenTaken(sql, run);
  const all = start({ worst_microusd: null, id: "one" });
  const first = await sql.begin(run, it, all);
  expect(await sql.begin(run, it, all)).toEqual(first);
  expect(await sql.view(run.run_id)).toMatchObject({ reserved_microusd: 100 });
  // Another request that is equal, and another begin.
  expect(await sql.begin(run, it, { ...all, id: "two" })).toEqual({ kind: "wait" });
  await sql.stop(null, run.run_id);
  expect(await sql.begin(run, it, all)).toEqual({ kind: "refused", why: "stopped" });
  expect(await sql.view(run.run_id)).toMatchObject({ reserved_microusd: 0, spent_microusd: 0 });

  const next = await givenRun(sql, { ceiling: 100 });
  const held = await givenTaken(sql, next);
  await sql.begin(next, held, all);
  await sql.take(next, "v", NOON + 40 * SECOND);
  expect(await sql.view(next.run_id)).toMatchObject({ spent_microusd: 100, unconfirmed_microusd: 100 });
  expect(await sql.begin(next, held, all, NOON + 41 * SECOND)).toEqual({ kind: "refused", why: "taken_over" });
  expect(await sql.view(next.run_id)).toMatchObject({ spent_microusd: 0, unconfirmed_microusd: 0 });
  await expect(sql.begin(next, held, { ...all, id: "" })).rejects.toThrow("that is no call");
});

test("a cap that is lowered holds from the next call on", async ({ db, sql }) => {
  const run = await givenRun(sql, { ceiling: 100 });
  const it = await givenTaken(sql, run);
  await sql.settle(run, await givenCall(sql, run, it, worst(50)), end(50));
  await db.query("update tracegram.settings set synthetic_run_cap_microusd = 40");
  expect(await sql.begin(run, it, worst(0))).toEqual({ kind: "refused", why: "cap_run" });
});

test("a call of unknown cost takes all that is left of the run, and what it leaves is given back", async ({ sql }) => {
  const run = await givenRun(sql, { ceiling: 100, concurrency: 2 });
  const it = await givenTaken(sql, run);
  const other = await givenTaken(sql, run, "v");
  const known = await givenCall(sql, run, other, worst(30));
  const unknown = await givenCall(sql, run, it, worst(null));
  expect(await sql.view(run.run_id)).toMatchObject({ reserved_microusd: 100 });
  expect(await sql.begin(run, other, worst(null))).toEqual({ kind: "wait" });
  await sql.settle(run, unknown, end(20));
  await sql.settle(run, known, end(30));
  await sql.settle(run, await givenCall(sql, run, other, worst(null)), end(null));
  expect(await sql.view(run.run_id)).toMatchObject({
    spent_microusd: 100,
    unconfirmed_microusd: 50,
    reserved_microusd: 0,
  });
  expect(await sql.begin(run, it, worst(0))).toMatchObject({ kind: "go" });
  expect(await sql.begin(run, it, worst(null))).toEqual({ kind: "refused", why: "cap_run" });
});

test("a ceiling of nothing lets what is free through, and nothing else", async ({ sql }) => {
  const run = await givenRun(sql, { ceiling: 0 });
  const it = await givenTaken(sql, run);
  expect(await sql.begin(run, it, worst(0))).toMatchObject({ kind: "go" });
  expect(await sql.begin(run, it, worst(1))).toEqual({ kind: "refused", why: "cap_run" });
});

test("who waits for what a vanished worker of another run has reserved gets it when that one's lease is out", async ({ db, sql }) => {
  await db.query("update tracegram.settings set synthetic_day_cap_microusd = 100");
  const dead = await givenRun(sql, { ceiling: 100 });
  const run = await givenRun(sql, { ceiling: 100 });
  const call = await givenCall(sql, dead, await givenTaken(sql, dead, "dead"), worst(100));
  const it = await givenTaken(sql, run);
  expect(await sql.begin(run, it, worst(10), NOON + 29 * SECOND)).toEqual({ kind: "wait" });
  expect(await sql.begin(run, it, worst(10), NOON + 40 * SECOND)).toEqual({ kind: "wait" });
  await sql.settle(dead, call, end(90), NOON + 41 * SECOND);
  expect(await sql.begin(run, it, worst(10), NOON + 42 * SECOND)).toMatchObject({ kind: "go" });
  expect(await sql.view(dead.run_id)).toMatchObject({
    spent_microusd: 90,
    reserved_microusd: 0,
    results: [{ state: "pending" }, {}, {}],
  });
});

test("a cost that is told is booked once; one that is not, is until it is told", async ({ sql }) => {
  const run = await givenRun(sql, { ceiling: 100 });
  const it = await givenTaken(sql, run);
  const call = await givenCall(sql, run, it, worst(60));
  await sql.settle(run, call, end(null));
  await sql.settle(run, call, end(null));
  expect(await sql.view(run.run_id)).toMatchObject({
    spent_microusd: 60,
    unconfirmed_microusd: 60,
    reserved_microusd: 0,
  });
  await sql.settle(run, call, end(25));
  await sql.settle(run, call, end(99));
  await sql.settle(run, call, end(null));
  expect(await sql.view(run.run_id)).toMatchObject({
    spent_microusd: 25,
    unconfirmed_microusd: 0,
    reserved_microusd: 0,
    results: [{ spent_microusd: 25, unconfirmed_microusd: 0 }, {}, {}],
    spend: { today_microusd: 25, reserved_microusd: 0 },
  });
});

test("a bill above its worst is booked as it is, said, and leaves nothing more to spend", async ({ sql }) => {
  const run = await givenRun(sql, { ceiling: 100 });
  const it = await givenTaken(sql, run);
  await sql.settle(run, await givenCall(sql, run, it, worst(60)), end(130));
  expect(await sql.view(run.run_id)).toMatchObject({ spent_microusd: 130, excess_microusd: 70 });
  expect(await sql.begin(run, it, worst(0))).toEqual({ kind: "refused", why: "cap_run" });
});

test("a run cannot be written that would pass its ceiling", async ({ db, sql }) => {
  const run = await givenRun(sql, { ceiling: 100 });
  const write = db.query(
    "update tracegram.synthetic_runs set spent_microusd = 60, reserved_microusd = 41 where run_id = $1",
    [run.run_id],
  );
  await expect(write).rejects.toMatchObject({ constraint: "ceiling_holds" });
});

test("a replay pays for nothing", async ({ sql }) => {
  const run = await givenRun(sql, { mode: "replay" });
  await expect(sql.begin(run, await givenTaken(sql, run), start())).rejects.toMatchObject({ code: "TG060" });
});

test.for<[Partial<CallStart>]>([
  [{ key: "" }],
  [{ model: null as never }],
  [{ nth: -1 }],
  [{ nth: undefined as never }],
  [{ worst_microusd: 0.5 }],
  [{ worst_microusd: -1 }],
  [{ cache: "yes" as never }],
])("no call: %j", async ([wrong], { sql }) => {
  const run = await givenRun(sql);
  const it = await givenTaken(sql, run);
  await expect(sql.begin(run, it, start(wrong))).rejects.toMatchObject({ code: "TG060" });
});

test.for<[Partial<CallEnd>]>([[{ cost_microusd: -1 }], [{ cost_microusd: 0.5 }], [{ status: "ok" as never }]])(
  "no end: %j",
  async ([wrong], { sql }) => {
    const run = await givenRun(sql);
    const call = await givenCall(sql, run, await givenTaken(sql, run));
    await expect(sql.settle(run, call, end(5, wrong))).rejects.toMatchObject({ code: "TG060" });
  },
);

test("an answer beyond 4 MiB is paid for and not kept", async ({ db, sql }) => {
  const run = await givenRun(sql);
  const it = await givenTaken(sql, run);
  const chunks = [{ ms: 1, text: "x".repeat(4 * 1024 * 1024) }];
  await sql.settle(run, await givenCall(sql, run, it), end(5, { recorded: recorded(start(), { chunks }) }));
  expect(await sql.view(run.run_id)).toMatchObject({ spent_microusd: 5 });
  expect((await db.query("select recorded from tracegram.synthetic_calls")).rows).toEqual([{ recorded: null }]);
});
