// Estimates, and the day and the month that a call is paid for by.
import { expect } from "vitest";
import type { RunAsk } from "../../functions/_shared/synthetic_answers.ts";
import type { Outcome } from "../../functions/_shared/synthetic_work.ts";
import { test as base } from "../_support/db.ts";
import {
  end,
  entry,
  givenCall,
  givenRun,
  givenTaken,
  NOON,
  outcome,
  SECOND,
  start,
  syntheticSql,
} from "../_support/synthetic.ts";

const test = base.extend("sql", async ({ db }) => {
  const sql = syntheticSql(db);
  await sql.register([entry("a")]);
  return sql;
});

/** A run of one scenario that has cost so much. */
async function cost(
  sql: ReturnType<typeof syntheticSql>,
  microusd: number | null,
  more: object = {},
  at = NOON,
): Promise<void> {
  const run = await givenRun(sql, { at, ...more });
  await sql.finish(run, await givenTaken(sql, run, "w", at), outcome({ cost_microusd: microusd }), at);
}
const estimate = async (sql: ReturnType<typeof syntheticSql>, tier: "smoke" | "release" = "release") =>
  (await sql.ask(null, { tier, scenarios: ["a"] }) as RunAsk).scenarios[0]!.estimate;

test("of earlier runs: the median and the 95th percentile of the last 20 live results of the tier", async ({ sql }) => {
  for (let i = 0; i < 5; i++) await cost(sql, 99_999, {}, NOON + i);
  for (let i = 1; i <= 20; i++) await cost(sql, i * 10, {}, NOON + 100 + i);
  await cost(sql, 7777, { mode: "missing" }, NOON + 200);
  await cost(sql, 8888, { tier: "smoke", scenarios: ["a"] }, NOON + 200);
  await cost(sql, null, {}, NOON + 200);
  expect(await estimate(sql)).toEqual({ expected_microusd: 100, worst_microusd: 190, from: "history" });
  expect(await estimate(sql, "smoke")).toEqual({ expected_microusd: 8888, worst_microusd: 8888, from: "history" });
});

test("what is no measure of what it will cost: another file or models, a provider that was away", async ({ sql }) => {
  const cost = async (of: Partial<Outcome>, at: number) => {
    const run = await givenRun(sql, { at });
    await sql.finish(run, await givenTaken(sql, run, "w", at), outcome(of), at);
  };
  await cost({ cost_microusd: 9999, hash: "another" }, NOON);
  await cost({ cost_microusd: 0, state: "failed" }, NOON + 1);
  expect(await estimate(sql)).toMatchObject({ from: "prices" });
  await cost({ cost_microusd: 40, state: "failed" }, NOON + 2);
  expect(await estimate(sql)).toEqual({ expected_microusd: 40, worst_microusd: 40, from: "history" });
  for (let i = 0; i < 20; i++) await cost({ cost_microusd: 70 }, NOON + 3 + i);
  await cost({ cost_microusd: 40, state: "failed" }, NOON + 30);
  expect(await estimate(sql)).toEqual({ expected_microusd: 70, worst_microusd: 70, from: "history" });
});

test("without earlier runs: what was registered, or nothing", async ({ sql }) => {
  expect(await estimate(sql)).toEqual({ expected_microusd: 100, worst_microusd: 300, from: "prices" });
  expect(await estimate(sql, "smoke")).toBeNull();
});

test("the worst of a run has room for what its largest calls set aside, so that the last ones can be made, and once more for a kill", async ({ sql }) => {
  const run = await givenRun(sql);
  const it = await givenTaken(sql, run);
  await sql.settle(run, await givenCall(sql, run, it, { worst_microusd: 250 }), end(20));
  await sql.settle(run, await givenCall(sql, run, it, { worst_microusd: 40 }), end(10));
  await sql.finish(run, it, outcome({ cost_microusd: 30 }));
  const asked = await sql.ask(null, { concurrency: 2, repeat: 3 }) as RunAsk;
  expect(asked).toMatchObject({ expected_microusd: 90, worst_microusd: 3 * 30 + 2 * 2 * 250 });
  const confirmed = await sql.confirm(null, asked.run_id);
  if (!("token" in confirmed)) throw new Error();
  for (let i = 0; i < 3; i++) {
    const next = await givenTaken(sql, confirmed);
    for (const [worst, paid] of [[250, 20], [40, 10]] as const) {
      await sql.settle(confirmed, await givenCall(sql, confirmed, next, { worst_microusd: worst }), end(paid));
    }
    await sql.finish(confirmed, next);
  }
  expect(await sql.view(confirmed.run_id)).toMatchObject({ state: "passed", spent_microusd: 90 });
});

test("a call is its first day's, whenever it is settled; the next day and the next month start anew", async ({ db, sql }) => {
  await db.query("update tracegram.settings set synthetic_day_cap_microusd = 100, synthetic_month_cap_microusd = 180");
  const day = async (of: string) =>
    (await db.query(
      "select spent_microusd::int as spent, reserved_microusd::int as reserved from tracegram.synthetic_days where day = $1",
      [of],
    )).rows[0];
  const before = Date.UTC(2026, 0, 30, 23, 59, 59);
  const run = await givenRun(sql, { ceiling: 100, at: before });
  const it = await givenTaken(sql, run, "w", before);
  const first = await givenCall(sql, run, it, { worst_microusd: 90 }, before);
  expect(await sql.begin(run, it, start({ worst_microusd: 20 }), before)).toEqual({ kind: "wait" });

  const after = before + 2 * SECOND; // the 31st
  const other = await givenRun(sql, { ceiling: 90, at: after });
  const its = await givenTaken(sql, other, "v", after);
  const second = await givenCall(sql, other, its, { worst_microusd: 90 }, after);
  await sql.settle(run, first, end(80), after);
  expect(await day("2026-01-30")).toEqual({ spent: 80, reserved: 0 });
  expect(await day("2026-01-31")).toEqual({ spent: 0, reserved: 90 });
  expect(await sql.call("spend_view", [], after)).toMatchObject({
    today_microusd: 0,
    month_microusd: 80,
    reserved_microusd: 90,
  });
  await sql.settle(other, second, end(90), after);
  // 80 and 90 of the month's 180, 90 of the day's 100.
  expect(await sql.begin(run, it, start({ worst_microusd: 10 }), after)).toMatchObject({ kind: "go" });
  expect(await sql.begin(run, it, start({ worst_microusd: 11 }), after)).toMatchObject({
    kind: "refused",
    why: "cap_month",
  });

  const february = Date.UTC(2026, 1, 1);
  expect(await sql.call("spend_view", [], february)).toMatchObject({ today_microusd: 0, month_microusd: 0 });
  const next = await givenRun(sql, { ceiling: 100, at: february });
  const last = await givenTaken(sql, next, "u", february);
  expect(await sql.begin(next, last, start({ worst_microusd: 100 }), february)).toMatchObject({ kind: "go" });
});
