import type pg from "pg";
import { expect } from "vitest";
import { alertsOf, evaluate, fillQuota, MINUTE, NOON, stateOf, test } from "../_support/alerts.ts";
import { as } from "../_support/db.ts";

const call = (db: pg.Client, sql: string, values: unknown[] = []) =>
  as(db, "service_role", async () => (await db.query(`select ${sql} as answer`, values)).rows[0].answer);
const change = (db: pg.Client, rule: string | null, changes: unknown) =>
  call(db, "public.change_alert_rule($1, $2)", [rule, changes === null ? null : JSON.stringify(changes)]);

/** Opens the quota alert and resolves it, n times over; the last stays open. */
async function givenAlerts(db: pg.Client, n: number): Promise<void> {
  await db.query("update tracegram.alert_rules set opens_after = 1, resolves_after = 1 where rule = 'quota'");
  await db.query("update tracegram.alert_rules set enabled = false where rule <> 'quota'");
  for (let minute = 0; minute < 2 * n - 1; minute++) {
    await fillQuota(db, minute % 2 === 0 ? 90 : 70);
    await evaluate(db, NOON + minute * MINUTE);
  }
}

test("the screen: each rule with how it stands, and the alerts that are open", async ({ db }) => {
  await givenAlerts(db, 3);
  const { rules, alerts, ...rest } = await call(db, "public.list_alerts()");
  expect(rest).toEqual({ open: 1, has_older: false });
  const [{ alert_id }] = alerts;
  expect(alerts).toEqual([{
    alert_id: expect.any(Number),
    rule: "quota",
    summary: "The database is nearly full",
    unit: "percent",
    opened_at: new Date(NOON + 4 * MINUTE).toISOString(),
    resolved_at: null,
    threshold: 80,
    value: expect.closeTo(90, 0),
    worst: expect.closeTo(90, 0),
    last_value: expect.closeTo(90, 0),
    detail: expect.stringMatching(/^\d+ of \d+ MB$/),
    acknowledged_at: null,
    acknowledged_by: null,
    muted_until: null,
    muted_by: null,
    revision: 1,
    resolved_before_at: new Date(NOON + 3 * MINUTE).toISOString(),
    events: [{ kind: "opened", attempts: 0, delivered_at: null, last_error: null }],
  }]);
  expect(rules).toHaveLength(14);
  expect(rules.find(({ rule }: { rule: string }) => rule === "quota")).toEqual({
    rule: "quota",
    summary: "The database is nearly full",
    threshold: 80,
    unit: "percent",
    enabled: true,
    opens_after: 1,
    resolves_after: 1,
    value: expect.closeTo(90, 0),
    detail: alerts[0].detail,
    error: null,
    evaluated_at: new Date(NOON + 4 * MINUTE).toISOString(),
    muted_until: null,
    open_alert_id: alert_id,
  });
  expect(rules[0]).toMatchObject({ rule: "cron_failed", enabled: false, evaluated_at: null, open_alert_id: null });
});

test("all alerts, page by page, newest first, each once", async ({ db }) => {
  await givenAlerts(db, 5);
  const seen: number[] = [];
  let more = true;
  for (let before: number | null = null; more; before = seen.at(-1)!) {
    const page: { alerts: { alert_id: number }[]; has_older: boolean } = await call(
      db,
      "public.list_alerts(false, 2, $1)",
      [before],
    );
    seen.push(...page.alerts.map(({ alert_id }) => alert_id));
    more = page.has_older;
  }
  const ids = (await alertsOf(db, "quota")).map(({ alert_id }) => Number(alert_id));
  expect(ids).toHaveLength(5);
  expect(seen).toEqual(ids.reverse());
  const { alerts } = await call(db, "public.list_alerts(false)");
  expect(alerts[1].events.map(({ kind }: { kind: string }) => kind)).toEqual(["opened", "resolved"]);
});

test("a page holds 1 to 100 alerts, and none where there are none", async ({ db }) => {
  expect(await call(db, "public.list_alerts(false, 0)")).toMatchObject({ alerts: [], open: 0, has_older: false });
  await givenAlerts(db, 2);
  expect((await call(db, "public.list_alerts(false, 0)")).alerts).toHaveLength(1);
  expect((await call(db, "public.list_alerts(null, 1000, null)")).alerts).toHaveLength(2);
});

test("the owner changes when a rule is in breach", async ({ db }) => {
  expect(await change(db, "quota", { threshold: 95.5 })).toMatchObject({
    rule: "quota",
    threshold: 95.5,
    enabled: true,
  });
  for (const minute of [0, 1, 2]) {
    await fillQuota(db, 90);
    await evaluate(db, NOON + minute * MINUTE);
  }
  expect(await alertsOf(db, "quota")).toEqual([]);
  await change(db, "quota", { threshold: 50 });
  for (const minute of [3, 4]) await evaluate(db, NOON + minute * MINUTE);
  expect(await alertsOf(db, "quota")).toHaveLength(1);
});

test("a rule that is switched off has its alert resolved, and starts afresh when it is switched on", async ({ db }) => {
  await fillQuota(db, 90);
  for (const minute of [0, 1]) await evaluate(db, NOON + minute * MINUTE);
  expect(await change(db, "quota", { enabled: false })).toMatchObject({ enabled: false, open_alert_id: null });
  expect(await alertsOf(db, "quota")).toMatchObject([{ resolved_at: expect.any(Date) }]);
  expect(await stateOf(db, "quota")).toBeUndefined();
  const events = "select kind, detail from tracegram.alert_events order by event_id desc limit 1";
  expect((await db.query(events)).rows).toEqual([{ kind: "resolved", detail: "the rule was switched off" }]);

  await change(db, "quota", { enabled: true, threshold: 80 });
  await evaluate(db, NOON + 2 * MINUTE);
  expect(await alertsOf(db, "quota")).toHaveLength(1);
  await evaluate(db, NOON + 3 * MINUTE);
  expect(await alertsOf(db, "quota")).toMatchObject([{}, { resolved_at: null }]);
});

test.for(
  [
    ["no_such_rule", { threshold: 1 }],
    [null, { threshold: 1 }],
    ["quota", { threshold: -1 }],
    ["quota", { threshold: 100.1 }],
    ["error_rate", { threshold: 150 }],
    ["p95", { threshold: 0 }],
    ["ingest_p95", { threshold: 0, enabled: true }],
    ["quota", { threshold: "5" }],
    ["quota", { threshold: null }],
    ["quota", { enabled: "yes" }],
    ["quota", { opens_after: 1 }],
    ["quota", [1]],
    ["quota", null],
  ] as const,
)("refused: of %j %j", async ([rule, changes], { db }) => {
  const before = (await db.query("select * from tracegram.alert_rules order by rule")).rows;
  await expect(change(db, rule, changes)).rejects.toMatchObject({ code: "TG040" });
  expect((await db.query("select * from tracegram.alert_rules order by rule")).rows).toEqual(before);
});

test.for(
  [["quota", 0], ["error_rate", 100], ["p95", 0.001], ["daily_spend", 0], ["dropped", 0], ["dropped", 1e6]] as const,
)("a limit that makes sense: %s %d", async ([rule, threshold], { db }) => {
  expect(await change(db, rule, { threshold })).toMatchObject({ rule, threshold });
});

test("why a limit is refused says the range", async ({ db }) => {
  await expect(change(db, "error_rate", { threshold: 150 })).rejects.toMatchObject({ hint: "It is 0 to 100 percent." });
  await expect(change(db, "p95", { threshold: 0 })).rejects.toMatchObject({ hint: "It is above 0 ms." });
});

test("resolved alerts go after 90 days with their events, open ones stay", async ({ db }) => {
  await givenAlerts(db, 3);
  const at = async (days: number) => {
    await db.query("select tracegram.purge($1)", [new Date(NOON + 2 * MINUTE + days * 24 * 60 * MINUTE)]);
    return [await alertsOf(db, "quota"), (await db.query("select from tracegram.alert_events")).rowCount];
  };
  expect(await at(89)).toMatchObject([[{}, {}, {}], 5]);
  expect(await at(90)).toMatchObject([[{}, {}], 3]);
  expect(await at(900)).toMatchObject([[{ resolved_at: null }], 1]);
});

test("a rule that is switched off while it is evaluated leaves no alert open", async ({ cluster }) => {
  const clients = Array.from({ length: 3 }, () => cluster.client("postgres"));
  const [evaluating, owner, watcher] = clients as [pg.Client, pg.Client, pg.Client];
  await Promise.all(clients.map((client) => client.connect()));
  try {
    await evaluating.query("select cron.unschedule('tracegram-alerts')");
    await evaluating.query("begin; select pg_advisory_xact_lock(hashtext('tracegram.alerts'))");
    await evaluating.query(
      "update tracegram.alert_rules set threshold = 0, opens_after = 1 where rule = 'quota'; commit",
    );
    await evaluating.query("begin");
    await evaluate(evaluating, Date.now() + 10 * MINUTE);
    expect(await alertsOf(evaluating, "quota")).toMatchObject([{ resolved_at: null }]);
    const { rows: [{ pid }] } = await owner.query("select pg_backend_pid() as pid");
    let changed = false;
    const change = owner.query(`select public.change_alert_rule('quota', '{"enabled": false}')`)
      .then(() => changed = true);
    const waits = "select wait_event_type = 'Lock' as yes from pg_stat_activity where pid = $1";
    await expect.poll(
      async () => changed || (await watcher.query(waits, [pid])).rows[0].yes,
      { timeout: 20_000 },
    ).toBe(true);
    await evaluating.query("commit");
    await change;
    expect(await alertsOf(owner, "quota")).toMatchObject([{ resolved_at: expect.any(Date) }]);
    expect(await stateOf(owner, "quota")).toBeUndefined();
  } finally {
    await owner.query("delete from tracegram.alerts; delete from tracegram.alert_state").catch(() => {});
    await owner.query(
      "update tracegram.alert_rules set threshold = 80, opens_after = 2, enabled = true where rule = 'quota'",
    ).catch(() => {});
    await Promise.all(clients.map((client) => client.end()));
  }
});
