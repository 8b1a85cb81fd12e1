/** Rules evaluated at times of the test's choice. */
import type pg from "pg";
import { test as base } from "./db.ts";

export const MINUTE = 60_000;

/** Noon of yesterday, UTC: what started then is stored as any other, and no test runs into midnight. */
export const NOON = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 12 * 60 * MINUTE;

/** Nothing has been evaluated, and pg_cron, which evaluates each minute, finds somebody at it until the test is over. */
export const test = base.extend("db", async ({ db }) => {
  await db.query("select pg_advisory_xact_lock(hashtext('tracegram.alerts'))");
  await db.query("delete from tracegram.alert_state; delete from tracegram.alerts");
  return db;
});

export const evaluate = async (db: pg.Client, at: number): Promise<number> =>
  (await db.query("select tracegram.evaluate_alerts($1) as n", [new Date(at)])).rows[0].n;

export interface AlertRow {
  alert_id: string;
  opened_at: Date;
  resolved_at: Date | null;
  value: number;
  worst: number;
  last_value: number | null;
  detail: string;
}

/** The alerts of a rule, oldest first. */
export async function alertsOf(db: pg.Client, rule: string): Promise<AlertRow[]> {
  const sql = `select alert_id, opened_at, resolved_at, value::float8, worst::float8, last_value::float8, detail
    from tracegram.alerts where rule = $1 order by alert_id`;
  return (await db.query(sql, [rule])).rows;
}

export async function stateOf(db: pg.Client, rule: string) {
  const sql = "select value::float8, detail, error, evaluated_at from tracegram.alert_state where rule = $1";
  return (await db.query(sql, [rule])).rows[0] as
    | { value: number | null; detail: string; error: string | null; evaluated_at: Date }
    | undefined;
}

export async function ruleOf(db: pg.Client, rule: string) {
  const sql = "select threshold::float8, opens_after, resolves_after from tracegram.alert_rules where rule = $1";
  return (await db.query(sql, [rule])).rows[0] as { threshold: number; opens_after: number; resolves_after: number };
}

export const changeSettings = (db: pg.Client, changes: object) =>
  db.query("select public.change_settings($1)", [JSON.stringify(changes)]);

/** Sets the quota so that the database, as large as it is, takes this many percent of it. */
export async function fillQuota(db: pg.Client, percent: number): Promise<void> {
  const { rows: [{ bytes }] } = await db.query("select pg_database_size(current_database())::float8 as bytes");
  await changeSettings(db, { quota_bytes: Math.round(bytes * 100 / percent) });
}
