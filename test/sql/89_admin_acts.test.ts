import type pg from "pg";
import { expect } from "vitest";
import { test as base } from "../_support/db.ts";
import { call } from "../_support/rpc.ts";

const test = base.extend("admins", async ({ db }) => {
  await db.query("insert into tracegram.admins (user_id, role) values (1, 'owner'), (2, 'operator')");
  return [1, 2];
});

interface Answer {
  settings: Record<string, unknown>;
  drops?: { trace_days: number; io_days: number; bytes: number };
}

const change = (db: pg.Client, actor: number, changes: unknown, confirmedDays = 0) =>
  call<Answer>(db, "service_role", "admin_change_settings", {
    p_actor: actor,
    p_changes: JSON.stringify(changes),
    p_confirmed_days: confirmedDays,
  });
const changeRule = (db: pg.Client, actor: number, rule: string, changes: unknown) =>
  call<Record<string, unknown>>(db, "service_role", "admin_change_rule", {
    p_actor: actor,
    p_rule: rule,
    p_changes: JSON.stringify(changes),
  });
const audit = async (db: pg.Client) =>
  (await db.query("select user_id, action, detail, allowed from tracegram.admin_audit")).rows;

test("the owner changes a setting, and the audit has what it was", async ({ db, admins: _ }) => {
  expect(await change(db, 1, { io_sample_percent: 10 })).toMatchObject({ settings: { io_sample_percent: 10 } });
  expect(await audit(db)).toEqual([{
    user_id: "1",
    action: "change_settings",
    detail: { before: { io_sample_percent: 100 }, after: { io_sample_percent: 10 } },
    allowed: true,
  }]);
});

test("an operator changes neither settings nor rules", async ({ db, admins: _ }) => {
  expect(await change(db, 2, { io_sample_percent: 10 })).toEqual({ refused: "owner" });
  expect(await changeRule(db, 2, "quota", { enabled: false })).toEqual({ refused: "owner" });
  expect(await audit(db)).toMatchObject([{ allowed: false }, { action: "change_rule", allowed: false }]);
  expect((await db.query("select io_sample_percent from tracegram.settings")).rows).toEqual([{
    io_sample_percent: 100,
  }]);
});

test("what would drop days is asked about first", async ({ db, admins: _ }) => {
  // Days that lie further back than the template has any.
  await db.query("update tracegram.settings set traces_from = now() - interval '30 days'");
  for (const days of [3, 5]) {
    const name = `pipeline_traces_p${
      new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10).replaceAll("-", "")
    }`;
    const { rows: [{ there }] } = await db.query("select to_regclass($1) is not null as there", [`tracegram.${name}`]);
    expect(there).toBe(true);
  }
  const asked = await change(db, 1, { trace_days: 4, io_days: 4 });
  expect(asked.settings).toMatchObject({ trace_days: 30, io_days: 7 });
  expect(asked.drops!.trace_days).toBeGreaterThan(0);
  expect(asked.drops!.bytes).toBeGreaterThan(0);
  const days = asked.drops!.trace_days + asked.drops!.io_days;
  // Since it was confirmed, a day more has come to be dropped.
  expect(await change(db, 1, { trace_days: 4, io_days: 4 }, days - 1)).toEqual(asked);
  const done = await change(db, 1, { trace_days: 4, io_days: 4 }, days);
  expect(done).toMatchObject({ settings: { trace_days: 4, io_days: 4 } });
  expect(done.drops).toBeUndefined();
  expect((await audit(db)).map(({ action }) => action)).toEqual([
    "ask_change_settings",
    "ask_change_settings",
    "change_settings",
  ]);
});

test("more days drop nothing, and are not asked about", async ({ db, admins: _ }) => {
  const answer = await change(db, 1, { trace_days: 90 });
  expect(answer).toMatchObject({ settings: { trace_days: 90 } });
  expect(answer.drops).toBeUndefined();
});

test.for([
  [{ alert_url: "http://elsewhere" }],
  [{ alert_secret: "x" }],
  [{ trace_days: "7" }],
  [{ trace_days: 0 }],
  [{ quota_bytes: 1 }],
  [
    { io_days: 31 },
  ],
  [[1]],
  [null],
])("refused: %j", async ([changes], { db, admins: _ }) => {
  await expect(change(db, 1, changes, 4095)).rejects.toMatchObject({ code: "TG020" });
});

test("the owner changes a rule, and the audit has what it was", async ({ db, admins: _ }) => {
  expect(await changeRule(db, 1, "quota", { threshold: 95 })).toMatchObject({ rule: "quota", threshold: 95 });
  expect(await audit(db)).toEqual([{
    user_id: "1",
    action: "change_rule",
    detail: { rule: "quota", before: { threshold: 80, enabled: true }, after: { threshold: 95 } },
    allowed: true,
  }]);
  await expect(changeRule(db, 1, "nonsense", { enabled: true })).rejects.toMatchObject({ code: "TG040" });
});
