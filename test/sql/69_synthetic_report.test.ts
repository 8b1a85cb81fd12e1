// How a run is told of: what it is compared with, how long it will take, its message, what was answered.
import { expect } from "vitest";
import type { SyntheticOverview } from "../../functions/_shared/synthetic_answers.ts";
import type { RunKey } from "../../functions/_shared/synthetic_db.ts";
import type { Outcome } from "../../functions/_shared/synthetic_work.ts";
import { test as base } from "../_support/db.ts";
import { call } from "../_support/rpc.ts";
import {
  end,
  entry,
  givenCall,
  givenRun,
  givenTaken,
  NOON,
  outcome,
  recorded,
  SECOND,
  start,
  type SyntheticSql,
  syntheticSql,
} from "../_support/synthetic.ts";

const test = base.extend("sql", async ({ db }) => {
  const sql = syntheticSql(db);
  await sql.register([entry("a", { smoke: true }), entry("b")]);
  return sql;
});

/** A run of scenario a with this outcome. */
async function past(
  sql: SyntheticSql,
  at: number,
  more: Partial<Outcome>,
  wish: Parameters<typeof givenRun>[1] = {},
): Promise<RunKey> {
  const run = await givenRun(sql, { scenarios: ["a"], at, ...wish });
  await sql.finish(run, await givenTaken(sql, run, "w", at), outcome(more), at);
  return run;
}

test("a result is compared with the last one, and with the median of those of the last ten that are of the same scenario", async ({ sql }) => {
  for (let i = 0; i < 3; i++) await past(sql, NOON + i, { duration_ms: 90_000, cost_microusd: 9 });
  for (let i = 3; i < 12; i++) {
    await past(sql, NOON + i, { duration_ms: 1000 * i, cost_microusd: i < 9 ? 100 * i : null });
  }
  await past(sql, NOON + 50, { duration_ms: 5, hash: "b2".repeat(8), state: "failed" });
  await past(sql, NOON + 51, { duration_ms: 1 }, { mode: "missing" });
  await past(sql, NOON + 51, { duration_ms: 1 }, { tier: "smoke" });
  await past(sql, NOON + 51, { duration_ms: 1, state: "stopped" });
  const later = await givenRun(sql, { scenarios: ["a"], repeat: 2, at: NOON + 60 });
  await sql.finish(later, await givenTaken(sql, later, "w", NOON + 60), outcome({ duration_ms: 77 }), NOON + 61);
  const last = { state: "failed", duration_ms: 5, cost_microusd: 20, same_hash: false };
  const median = { runs: 9, duration_ms: 7000, cost_microusd: 500 };
  expect((await sql.view(later.run_id))!.results).toMatchObject([
    { state: "passed", last, median },
    { state: "pending", last, median },
  ]);
  await past(sql, NOON + 99, { duration_ms: 1 });
  expect((await sql.view(later.run_id))!.results[0]).toMatchObject({ last, median });
  expect((await sql.view((await past(sql, NOON + 100, {})).run_id))!.results[0]).toMatchObject({
    last: { duration_ms: 1, same_hash: true },
  });
});

test("the first result is compared with nothing", async ({ sql }) => {
  const run = await past(sql, NOON, {});
  expect((await sql.view(run.run_id))!.results).toMatchObject([{ last: null, median: null }]);
});

test("the time that is left is that of what is left, shared among those that run at once", async ({ sql }) => {
  await past(sql, NOON, { duration_ms: 8000 });
  const run = await givenRun(sql, { scenarios: ["a"], repeat: 4, concurrency: 2, at: NOON + SECOND });
  const eta = async (after: number) => (await sql.view(run.run_id, NOON + after * SECOND))!.eta_ms;
  expect(await eta(1)).toBe(16_000);
  const it = await givenTaken(sql, run, "w", NOON + SECOND);
  expect(await eta(5)).toBe(14_000);
  expect(await eta(100)).toBe(12_000);
  await sql.finish(run, it, outcome(), NOON + 100 * SECOND);
  expect(await eta(100)).toBe(12_000);
  await sql.stop(null, run.run_id);
  expect(await eta(100)).toBeNull();
  const unknown = await givenRun(sql, { at: NOON + SECOND });
  expect(await sql.view(unknown.run_id)).toMatchObject({ eta_ms: null });
  const replay = await givenRun(sql, { mode: "replay", scenarios: ["a"], at: NOON + SECOND });
  expect(await sql.view(replay.run_id)).toMatchObject({ eta_ms: null });
});

test("what the cache has saved is of all results", async ({ sql }) => {
  const run = await givenRun(sql);
  for (const saved of [30, 12]) await sql.finish(run, await givenTaken(sql, run), outcome({ saved_microusd: saved }));
  expect(await sql.view(run.run_id)).toMatchObject({ state: "passed", saved_microusd: 42, passed: 2, scenarios: 2 });
});

test("the overview has the last five runs that were confirmed, and each scenario's last result", async ({ db, sql }) => {
  for (let i = 0; i < 6; i++) await past(sql, NOON + i, { cost_microusd: i });
  await sql.ask(null);
  const { runs, scenarios } = await call<SyntheticOverview>(db, "service_role", "synthetic_overview");
  expect(runs.map(({ at }) => Date.parse(at) - NOON)).toEqual([5, 4, 3, 2, 1]);
  expect(scenarios).toMatchObject([
    { name: "a", last: { run_id: runs[0]!.run_id, state: "passed", cost_microusd: 5 } },
    { name: "b", last: null },
  ]);
});

test("what is registered takes the place of what was", async ({ db, sql }) => {
  await sql.register([entry("b", { title: "x".repeat(300), hash: "c3" }), entry("z")]);
  const { scenarios } = await call<SyntheticOverview>(db, "service_role", "synthetic_overview");
  expect(scenarios.map(({ name, hash, title }) => [name, hash, title.slice(0, 10)])).toEqual([
    ["b", "c3", "xxxxxxxxxx"],
    ["z", "a1".repeat(8), "About z"],
  ]);
  await db.query("savepoint before_it");
  for (
    const wrong of [{ name: "" }, { name: "y".repeat(65) }, { hash: 7 }, { smoke: "yes" }, {
      priced: { release: { expected_microusd: 1 } },
    }]
  ) {
    await expect(sql.register([{ ...entry("b"), ...wrong } as never])).rejects.toMatchObject({ code: "TG060" });
    await db.query("rollback to savepoint before_it");
  }
  await sql.register([]);
  expect((await call<SyntheticOverview>(db, "service_role", "synthetic_overview")).scenarios).toEqual([]);
});

test("one isolate at a time has the message, the next when it is done or has died; who could not send it is followed by another", async ({ db, sql }) => {
  const claim = (after = 0) =>
    sql.call<{ message_id: number | null; run: { version: number } } | null>(
      "claim_run_message",
      [run.run_id],
      NOON + after * SECOND,
    );
  const finish = (id: number | null, version: number) =>
    call(db, "service_role", "finish_run_message", { p_run_id: run.run_id, p_message_id: id, p_version: version });
  const run = await givenRun(sql, { chat_id: 5 });
  const first = await claim();
  expect(first).toMatchObject({ message_id: null, run: { state: "running" } });
  expect(await claim(29)).toBeNull();
  expect(await claim(30)).toMatchObject({ message_id: null });
  await finish(null, first!.run.version);
  const second = await claim(31);
  expect(second).toMatchObject({ message_id: null });
  await givenTaken(sql, run);
  await finish(99, second!.run.version);
  const third = await claim(32);
  expect(third).toMatchObject({ message_id: 99 });
  expect(third!.run.version).toBeGreaterThan(second!.run.version);
  await finish(99, third!.run.version);
  expect(await claim(33)).toBeNull();
  await finish(99, second!.run.version);
  expect(await claim(34)).toBeNull();
});

test("a terminal's run has no message", async ({ sql }) => {
  const run = await givenRun(sql);
  expect(await sql.call("claim_run_message", [run.run_id], NOON)).toBeNull();
});

test("recordings come in pages, of calls that were answered whole", async ({ db, sql }) => {
  const run = await givenRun(sql, { ceiling: 10_000 });
  const it = await givenTaken(sql, run);
  for (let nth = 0; nth < 25; nth++) {
    const of = start({ nth });
    await sql.settle(run, await givenCall(sql, run, it, of), end(1, { recorded: nth === 3 ? null : recorded(of) }));
  }
  interface Page {
    recordings: { call_id: number; scenario: string; recorded: { nth: number } }[];
    more: boolean;
  }
  const page = (after: number) =>
    call<Page>(db, "service_role", "synthetic_recordings", { p_run_id: run.run_id, p_after: after });
  const first = await page(0);
  const second = await page(first.recordings.at(-1)!.call_id);
  expect([first.more, second.more]).toEqual([true, false]);
  const all = [...first.recordings, ...second.recordings];
  expect(all.map((r) => r.recorded.nth)).toEqual(Array.from({ length: 25 }, (_, i) => i).filter((i) => i !== 3));
  expect(first.recordings).toHaveLength(20);
  expect(new Set(all.map(({ scenario }) => scenario))).toEqual(new Set([it.scenario]));
});
