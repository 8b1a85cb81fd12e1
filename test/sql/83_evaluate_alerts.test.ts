// When alerts open and resolve. What is measured is the size of the database in percent of a quota that the tests change.
import type pg from "pg";
import { expect } from "vitest";
import { alertsOf, evaluate, fillQuota, MINUTE, NOON, stateOf, test } from "../_support/alerts.ts";

/** Evaluates minute after minute with these values, from the given minute on. */
async function minutes(db: pg.Client, percents: readonly number[], from = 0): Promise<number> {
  let minute = from;
  for (const percent of percents) {
    await fillQuota(db, percent);
    await evaluate(db, NOON + minute++ * MINUTE);
  }
  return minute;
}

const times = (n: number, ...values: number[]) => Array.from({ length: n }, () => values).flat();

test("a value that swings around the threshold each minute opens no alert", async ({ db }) => {
  await minutes(db, times(10, 82, 78));
  expect(await alertsOf(db, "quota")).toEqual([]);
});

test("nor does it open another one, or resolve the one that is open", async ({ db }) => {
  const then = await minutes(db, [82, 82, ...times(20, 70, 82)]);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: null }]);
  // Below the threshold, though not by enough to be good.
  const later = await minutes(db, times(10, 78), then);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: null }]);
  const end = await minutes(db, times(4, 70), later);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: null }]);
  await minutes(db, [70], end);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: new Date(NOON + end * MINUTE) }]);
});

test("it opens again when it is in breach again, as another alert", async ({ db }) => {
  await minutes(db, [90, 90, ...times(5, 70), 90, 90]);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: expect.any(Date) }, { resolved_at: null }]);
});

test("an open alert keeps its worst value, and what was found then", async ({ db }) => {
  await minutes(db, [85, 85, 95, 90]);
  const [alert] = await alertsOf(db, "quota");
  expect([alert!.value, alert!.worst, alert!.last_value!].map(Math.round)).toEqual([85, 95, 90]);
  const { rows: [{ quota }] } = await db.query("select quota_bytes::float8 as quota from tracegram.settings");
  const mb = Math.round(quota * 90 / 95 / 1e6);
  expect(alert!.detail).toMatch(new RegExp(`of ${mb} MB$`));
});

test("one minute is evaluated once", async ({ db }) => {
  await fillQuota(db, 90);
  expect(await evaluate(db, NOON)).toBe(14);
  expect(await evaluate(db, NOON + MINUTE - 1)).toBe(0);
  expect(await evaluate(db, NOON - 5 * MINUTE)).toBe(0);
  expect(await alertsOf(db, "quota")).toEqual([]);
  expect(await evaluate(db, NOON + MINUTE)).toBe(14);
  expect(await alertsOf(db, "quota")).toHaveLength(1);
});

test("of those who evaluate at the same moment, one does", async ({ cluster }) => {
  const clients = Array.from({ length: 6 }, () => cluster.client("postgres"));
  await Promise.all(clients.map((client) => client.connect()));
  const [db] = clients;
  try {
    // pg_cron's own, which is here as well, comes no more.
    await db!.query("select cron.unschedule('tracegram-alerts')");
    await db!.query(
      "select pg_advisory_lock(hashtext('tracegram.alerts')), pg_advisory_unlock(hashtext('tracegram.alerts'))",
    );
    await db!.query("update tracegram.alert_rules set threshold = 0 where rule = 'quota'");
    for (let minute = 10; minute < 20; minute++) {
      const at = new Date(Date.now() + minute * MINUTE);
      const counts = await Promise.all(
        clients.map(async (client) =>
          (await client.query("select tracegram.evaluate_alerts($1) as n", [at])).rows[0].n as number
        ),
      );
      expect(counts.sort((a, b) => b - a)).toEqual([14, 0, 0, 0, 0, 0]);
    }
    expect(await alertsOf(db!, "quota")).toHaveLength(1);

    // One who has not committed yet keeps nobody waiting.
    await clients[1]!.query("begin");
    const later = Date.now() + 60 * MINUTE;
    expect(await evaluate(clients[1]!, later)).toBe(14);
    expect(await evaluate(clients[2]!, later)).toBe(0);
    await clients[1]!.query("rollback");
    expect(await evaluate(clients[2]!, later)).toBe(14);
  } finally {
    await db!.query("update tracegram.alert_rules set threshold = 80 where rule = 'quota'");
    await Promise.all(clients.map((client) => client.end()));
  }
});

test("a rule that cannot be measured says so, keeps its alert, and stops no other", async ({ db }) => {
  await minutes(db, [90, 90]);
  await db.query(`create or replace function tracegram.measure_quota(p_now timestamptz) returns tracegram.measurement
    language sql stable set search_path = pg_catalog, pg_temp as 'select 1 / (p_now < p_now)::integer, null'`);
  for (let minute = 2; minute < 10; minute++) expect(await evaluate(db, NOON + minute * MINUTE)).toBe(14);
  expect(await stateOf(db, "quota")).toMatchObject({
    value: expect.closeTo(90, 0),
    error: "division by zero",
    evaluated_at: new Date(NOON + 9 * MINUTE),
  });
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: null }]);
  const { rows } = await db.query(
    "select count(*)::int as n from tracegram.alert_state where error is null and evaluated_at = $1",
    [
      new Date(NOON + 9 * MINUTE),
    ],
  );
  expect(rows).toEqual([{ n: 13 }]);
});

test("a table that somebody holds is the matter of its rules alone", async ({ db, cluster }) => {
  const other = cluster.client("postgres");
  await other.connect();
  try {
    await other.query("begin; lock table tracegram.admin_responses");
    await evaluate(db, NOON);
  } finally {
    await other.end();
  }
  const { rows } = await db.query(
    "select rule from tracegram.alert_state where error like '%lock timeout%' order by rule",
  );
  expect(rows.map(({ rule }) => rule)).toEqual(["long_message", "slow_screen", "telegram_429"]);
});

test("a rule that is switched off is not evaluated", async ({ db }) => {
  await db.query("update tracegram.alert_rules set enabled = false where rule = 'quota'");
  await minutes(db, [90, 90, 90]);
  expect(await stateOf(db, "quota")).toBeUndefined();
  expect(await alertsOf(db, "quota")).toEqual([]);
});

test("each rule has its measure, and each measure its rule", async ({ db }) => {
  const { rows } = await db.query(`
    select r.rule, p.proname from tracegram.alert_rules as r
    full join (select proname from pg_proc where pronamespace = 'tracegram'::regnamespace and proname like 'measure\\_%') as p
      on p.proname = 'measure_' || r.rule
    where r.rule is null or p.proname is null`);
  expect(rows).toEqual([]);
});

/** What the quota's measure finds from now on; null: too little to say. */
const finds = (db: pg.Client, value: number | null) =>
  db.query(`create or replace function tracegram.measure_quota(p_now timestamptz) returns tracegram.measurement
    language sql stable set search_path = pg_catalog, pg_temp as $$ select ${value}::numeric, 'found' $$`);

async function findings(db: pg.Client, values: readonly (number | null)[], from = 0): Promise<number> {
  for (const [i, value] of values.entries()) {
    await finds(db, value);
    await evaluate(db, NOON + (from + i) * MINUTE);
  }
  return from + values.length;
}

test("too little to measure changes no streak: an outage in which users leave stays open", async ({ db }) => {
  await findings(db, [90, null, 90]);
  expect(await alertsOf(db, "quota")).toMatchObject([{ opened_at: new Date(NOON + 2 * MINUTE), resolved_at: null }]);
  const then = await findings(db, [...Array(30).fill(null), 70, 70, null, 70, 70], 3);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: null }]);
  await findings(db, [null, 70], then);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: new Date(NOON + (then + 1) * MINUTE) }]);
});

test("after an hour of it an alert resolves, and the rule starts afresh", async ({ db }) => {
  const then = await findings(db, [90, 90, ...Array(60).fill(null)]);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: null }]);
  const later = await findings(db, [null, null, 90], then);
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: new Date(NOON + then * MINUTE) }]);
  await findings(db, [90], later);
  expect(await alertsOf(db, "quota")).toMatchObject([{}, { resolved_at: null }]);
  expect(await stateOf(db, "quota")).toMatchObject({ error: null });
});
