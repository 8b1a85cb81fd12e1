import type pg from "pg";
import { expect } from "vitest";
import type { RunAsk, RunWish } from "../../functions/_shared/synthetic_answers.ts";
import { test as base } from "../_support/db.ts";
import { entry, givenRun, MINUTE, NOON, OPERATOR, outcome, syntheticSql } from "../_support/synthetic.ts";

const VIEWER = 8;
const OTHER = 9;
const test = base.extend("sql", async ({ db }) => {
  const sql = syntheticSql(db);
  await db.query(
    "insert into tracegram.admins (user_id, role) values ($1, 'operator'), ($2, 'viewer'), ($3, 'owner')",
    [OPERATOR, VIEWER, OTHER],
  );
  await sql.register([entry("a", { smoke: true }), entry("b"), entry("c")]);
  return sql;
});

const audit = async (db: pg.Client) =>
  (await db.query("select user_id::int as who, action, detail, allowed from tracegram.admin_audit order by audit_id"))
    .rows;

test("an ask says what it would cost, and starts nothing", async ({ db, sql }) => {
  const asked = await sql.ask(OPERATOR, { repeat: 2, concurrency: 3 }) as RunAsk;
  expect(asked).toMatchObject({
    scenarios: [{ name: "a" }, { name: "b" }, { name: "c" }],
    repeat: 2,
    expected_microusd: 600,
    worst_microusd: 1800,
    unknown: 0,
    left_microusd: 1_000_000,
    confirm_until: new Date(NOON + 5 * MINUTE).toISOString(),
  });
  expect(await sql.view(asked.run_id)).toMatchObject({
    state: "asked",
    scenarios: 6,
    started_at: null,
    results: [],
    version: 0,
  });
  expect(await audit(db)).toEqual([]);
  expect((await db.query("select token from tracegram.synthetic_runs where run_id = $1", [asked.run_id])).rows).toEqual(
    [{ token: null }],
  );
});

test.for<[string, Partial<RunWish>, string[]]>([
  ["all of a tier", { tier: "smoke" }, ["a"]],
  ["those that are named, each once", { tier: "smoke", scenarios: ["c", "b", "c"] }, ["b", "c"]],
])("%s", async ([_, wish, names], { sql }) => {
  const asked = await sql.ask(null, wish) as RunAsk;
  expect(asked.scenarios.map(({ name }) => name)).toEqual(names);
});

test.for<[Record<string, unknown>]>([
  [{ tier: "cheap" }],
  [{ mode: "paid" }],
  [{ repeat: 0 }],
  [{ repeat: 101 }],
  [{ repeat: 1.5 }],
  [{ concurrency: 17 }],
  [{ concurrency: 0 }],
  [{ seed: -1 }],
  [{ scenarios: "a" }],
  [{ chat_id: "7" }],
  [{ runner_url: "ftp://example.com" }],
  [{ entries: "a" }],
  [{ entries: [{ name: "a" }] }],
])("no run: %j", async ([wish], { sql }) => {
  await expect(sql.ask(null, wish)).rejects.toMatchObject({ code: "TG060" });
});

test("names that nobody has registered are none, and so is an empty list", async ({ sql }) => {
  for (const scenarios of [["a", "z"], []]) expect(await sql.ask(null, { scenarios })).toMatchObject({ no: "none" });
});

test("a terminal brings its scenarios and their prices, and the function's stay what they are", async ({ db, sql }) => {
  const priced = { smoke: null, release: { expected_microusd: 7, worst_microusd: 9 } };
  const entries = [entry("a", { priced }), entry("mine", { priced: { smoke: null, release: null } })];
  const before = await db.query("select * from tracegram.synthetic_scenarios order by name");
  expect(await sql.ask(null, { entries })).toMatchObject({
    scenarios: [
      { name: "a", estimate: { expected_microusd: 7, worst_microusd: 9, from: "prices" } },
      { name: "mine", estimate: null },
    ],
    unknown: 1,
  });
  expect(await sql.ask(null, { entries: [] })).toMatchObject({ no: "none" });
  expect(await db.query("select * from tracegram.synthetic_scenarios order by name")).toMatchObject({
    rows: before.rows,
  });
  expect(before.rows.map(({ name }) => name)).toContain("a");
});

test("where nothing is left of a cap, a run that could pay is not asked for; a replay is", async ({ db, sql }) => {
  await db.query("update tracegram.settings set synthetic_day_cap_microusd = 0");
  expect(await sql.ask(OPERATOR)).toMatchObject({ no: "cap", spend: { day_cap_microusd: 0 } });
  expect(await sql.ask(OPERATOR, { mode: "missing" })).toMatchObject({ no: "cap" });
  const asked = await sql.ask(OPERATOR, { mode: "replay" }) as RunAsk;
  expect(asked).toMatchObject({ expected_microusd: 0, worst_microusd: 0, unknown: 0 });
  expect(await sql.confirm(OPERATOR, asked.run_id, 500)).toMatchObject({ ceiling_microusd: 0 });
});

test("viewers and strangers are refused each time, and it is in the audit; operators and owners confirm and stop, and that is too", async ({ db, sql }) => {
  const { run_id } = await sql.ask(OPERATOR) as RunAsk;
  for (const actor of [VIEWER, 12345]) {
    expect(await sql.ask(actor)).toEqual({ refused: "operator" });
    expect(await sql.confirm(actor, run_id, 5)).toEqual({ refused: "operator" });
    expect(await sql.stop(actor, run_id)).toEqual({ refused: "operator" });
  }
  expect((await audit(db)).map(({ who, action, allowed }) => [who, action, allowed])).toEqual(
    [VIEWER, VIEWER, VIEWER, 12345, 12345, 12345].map((who) => [who, "run_tests", false]),
  );
  expect(await sql.view(run_id)).toMatchObject({ state: "asked" });
  await db.query("truncate tracegram.admin_audit");
  await sql.confirm(OPERATOR, run_id, 5);
  expect(await sql.stop(OTHER, run_id)).toEqual({ state: "stopped" });
  const of = { run_id, tier: "release", mode: "live" };
  expect(await audit(db)).toEqual([
    { who: OPERATOR, action: "run_tests", allowed: true, detail: { ...of, ceiling_microusd: 5 } },
    { who: OTHER, action: "run_tests", allowed: true, detail: { ...of, act: "stop" } },
  ]);
  expect(await sql.view(run_id)).toMatchObject({ state: "stopped", stopped_by: OTHER });
});

test("a confirmation is one-use, of who has asked, and for five minutes", async ({ sql }) => {
  const { run_id } = await sql.ask(OPERATOR) as RunAsk;
  expect(await sql.confirm(OTHER, run_id)).toEqual({ no: "not_yours" });
  expect(await sql.confirm(null, run_id)).toEqual({ no: "not_yours" });
  expect(await sql.confirm(OPERATOR, run_id, null, NOON + 5 * MINUTE)).toEqual({ no: "expired" });
  expect(await sql.confirm(OPERATOR, run_id, null, NOON + 5 * MINUTE - 1)).toMatchObject({ ceiling_microusd: 900 });
  expect(await sql.confirm(OPERATOR, run_id)).toEqual({ no: "used" });
  expect(await sql.confirm(OTHER, run_id)).toEqual({ no: "not_yours" });
});

test("of many who confirm at the same moment, one starts it", async ({ cluster }) => {
  const clients = Array.from({ length: 8 }, () => cluster.client("postgres"));
  await Promise.all(clients.map((client) => client.connect()));
  try {
    const [first] = clients.map(syntheticSql);
    await first!.register([entry("once")]);
    const { run_id } = await first!.ask(null) as RunAsk;
    const answers = await Promise.all(clients.map((client) => syntheticSql(client).confirm(null, run_id)));
    expect(answers.filter((answer) => "token" in answer)).toHaveLength(1);
    expect(answers.filter((answer) => "no" in answer && answer.no === "used")).toHaveLength(7);
    expect((await first!.view(run_id))!.results).toHaveLength(1);
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
});

test("a ceiling is at most what is left of each cap, and must be given where an estimate is unknown", async ({ sql }) => {
  await sql.register([entry("a"), entry("b", { priced: { smoke: null, release: null } })]);
  const { run_id, unknown, ...rest } = await sql.ask(OPERATOR) as RunAsk;
  expect(unknown).toBe(1);
  expect(rest).toMatchObject({ worst_microusd: 300, scenarios: [{ name: "a" }, { name: "b", estimate: null }] });
  expect(await sql.confirm(OPERATOR, run_id)).toEqual({ no: "no_ceiling" });
  await expect(sql.confirm(OPERATOR, run_id, -1)).rejects.toMatchObject({ code: "TG060" });
});

test.for(
  [
    ["synthetic_run_cap_microusd", 900],
    ["synthetic_day_cap_microusd", 1000],
    ["synthetic_month_cap_microusd", 1500],
  ] as const,
)("%s of %i leaves what was not spent and reserved of it", async ([cap, microusd], { db, sql }) => {
  await db.query(`update tracegram.settings set ${cap} = ${microusd}`);
  await db.query(
    "insert into tracegram.synthetic_days (day, spent_microusd, reserved_microusd) values ('2026-01-15', 60, 40), ('2026-01-01', 500, 0), ('2025-12-31', 9999, 0)",
  );
  const { run_id, left_microusd, spend } = await sql.ask(OPERATOR) as RunAsk;
  expect(left_microusd).toBe(900);
  expect(spend).toMatchObject({ today_microusd: 60, month_microusd: 560 });
  expect(await sql.confirm(OPERATOR, run_id, 901)).toEqual({ no: "over_cap" });
  expect(await sql.confirm(OPERATOR, run_id, 900)).toMatchObject({ ceiling_microusd: 900 });
});

test("an admin has one run at a time, and one that waits for its confirmation; terminals have as many as they like", async ({ sql }) => {
  const first = await sql.ask(OPERATOR) as RunAsk;
  const second = await sql.ask(OPERATOR) as RunAsk;
  expect(await sql.confirm(OPERATOR, first.run_id)).toEqual({ no: "gone" });
  expect(await sql.confirm(OPERATOR, second.run_id)).toMatchObject({ run_id: second.run_id });
  expect(await sql.ask(OPERATOR)).toEqual({ no: "running", run_id: second.run_id });
  expect(await sql.ask(OTHER)).toMatchObject({ worst_microusd: 900 });
  await sql.stop(OPERATOR, second.run_id);
  expect(await sql.ask(OPERATOR)).toMatchObject({ worst_microusd: 900 });
  await givenRun(sql);
  await givenRun(sql);
});

test("what was not confirmed is taken back, and a run that is over stays as it ended", async ({ sql }) => {
  const { run_id } = await sql.ask(OPERATOR) as RunAsk;
  expect(await sql.stop(OTHER, run_id)).toEqual({ no: "not_yours" });
  expect(await sql.stop(OPERATOR, run_id)).toEqual({ state: "cancelled" });
  expect(await sql.confirm(OPERATOR, run_id)).toEqual({ no: "gone" });
  const run = await givenRun(sql, { scenarios: ["a"] });
  const it = await sql.take(run);
  if (it.kind !== "taken") throw new Error(it.kind);
  await sql.finish(run, it, outcome());
  expect(await sql.stop(OPERATOR, run.run_id)).toEqual({ state: "passed" });
  expect(await sql.view(run.run_id)).toMatchObject({ state: "passed", stopped_by: null });
});

test("the order is the seed's, and another one in each repeat", async ({ sql }) => {
  const order = async (seed: number) => {
    const run = await givenRun(sql, { seed, repeat: 4 });
    return (await sql.view(run.run_id))!.results.map(({ scenario, repeat }) => `${repeat}${scenario}`);
  };
  const first = await order(1);
  expect(await order(1)).toEqual(first);
  expect(await order(2)).not.toEqual(first);
  expect(first.map((name) => name[0]).join("")).toBe("111222333444");
  const repeats = [0, 3, 6, 9].map((i) => first.slice(i, i + 3).map((name) => name[1]).join(""));
  expect(new Set(repeats).size).toBeGreaterThan(1);
  for (const repeat of repeats) expect([...repeat].sort().join("")).toBe("abc");
});
