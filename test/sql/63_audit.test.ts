import type pg from "pg";
import { describe, expect } from "vitest";
import type { AuditEntry, Refused } from "../../functions/_shared/db.ts";
import { test } from "../_support/db.ts";
import { call } from "../_support/rpc.ts";
import { refused } from "../_support/updates.ts";

const AT = "2026-01-31T12:00:00.000Z";
const given = (db: pg.Client) =>
  db.query("insert into tracegram.admins (user_id, role) values (1, 'owner'), (2, 'operator'), (3, 'viewer')");

async function require(db: pg.Client, actor: number | null, role: string, detail: object = {}): Promise<boolean> {
  const sql = "select tracegram.require_role($1, $2, 'read_io', $3, $4) as r";
  return (await db.query(sql, [actor, role, JSON.stringify(detail), AT])).rows[0].r;
}

const audit = (db: pg.Client, actor = 1, args: object = {}) =>
  call<{ entries: AuditEntry[] } | Refused>(db, "service_role", "list_audit", { p_actor: actor, ...args });
const entries = async (db: pg.Client, args: object = {}) =>
  (await audit(db, 1, args) as { entries: AuditEntry[] }).entries;

describe("require_role", () => {
  test("each role may do what those before it may", async ({ db }) => {
    await given(db);
    const may: Record<string, boolean[]> = {};
    for (const role of ["viewer", "operator", "owner", "emperor"]) {
      may[role] = [];
      for (const actor of [1, 2, 3, 6666]) may[role].push(await require(db, actor, role));
    }
    expect(may).toEqual({
      viewer: [true, true, true, false],
      operator: [true, true, false, false],
      owner: [true, false, false, false],
      emperor: [false, false, false, false],
    });
  });

  test("writes down what was done, and what was not", async ({ db }) => {
    await given(db);
    await require(db, 2, "operator", { trace_id: "x" });
    await require(db, 3, "operator", { trace_id: "y" });
    await require(db, null, "operator");
    const entry = { audit_id: expect.any(Number), at: AT, action: "read_io", detail: {} };
    expect(await entries(db)).toEqual([
      { ...entry, user_id: 0, role: null, allowed: false },
      { ...entry, user_id: 3, role: "viewer", detail: { trace_id: "y" }, allowed: false },
      { ...entry, user_id: 2, role: "operator", detail: { trace_id: "x" }, allowed: true },
    ]);
    expect(await refused(db)).toEqual({ forbidden: 2 });
  });

  test("does not let a long detail fill the table", async ({ db }) => {
    await given(db);
    await require(db, 1, "owner", { words: "x".repeat(100_000) });
    expect((await entries(db))[0]!.detail).toEqual({ cut: expect.stringMatching(/^\{"words": "x+$/) });
  });

  test("is asked by the bot, too, for what it refuses by itself", async ({ db }) => {
    await given(db);
    const args = { p_actor: 3, p_role: "operator", p_action: "alert", p_detail: '{"act": "mute_1h"}' };
    expect(await call(db, "service_role", "refuse_action", args)).toBe(false);
    expect(await entries(db)).toMatchObject([{
      user_id: 3,
      action: "alert",
      detail: { act: "mute_1h" },
      allowed: false,
    }]);
  });
});

describe("list_audit", () => {
  test("is for owners", async ({ db }) => {
    await given(db);
    for (const actor of [2, 3, 6666]) expect(await audit(db, actor)).toEqual({ refused: "owner" });
  });

  test("goes back in pages", async ({ db }) => {
    await given(db);
    for (let i = 0; i < 5; i++) await require(db, 1, "owner", { i });
    const page = await entries(db, { p_limit: 2 });
    expect(page.map((entry) => entry.detail)).toEqual([{ i: 4 }, { i: 3 }]);
    const rest = await entries(db, { p_limit: 0, p_before: page[1]!.audit_id });
    expect(rest.map((entry) => entry.detail)).toEqual([{ i: 2 }]);
  });
});

test("what is old is deleted, and nothing else", async ({ db }) => {
  await given(db);
  for (const days of [399, 401]) {
    await db.query(
      "insert into tracegram.admin_refusals values ((now() at time zone 'UTC')::date - $1::int, 'stranger', $1)",
      [
        days,
      ],
    );
    await db.query(
      "select tracegram.require_role(1, 'owner', 'x', jsonb_build_object('days', $1::int), now() - $1::int * interval '1 day')",
      [days],
    );
  }
  await db.query(
    `insert into tracegram.admin_chat_state values (29, now() - interval '29 days'), (31, now() - interval '31 days')`,
  );
  await db.query("select tracegram.purge()");
  expect((await entries(db)).map((entry) => entry.detail)).toEqual([{ days: 399 }]);
  expect(await refused(db)).toEqual({ stranger: 399 });
  expect((await db.query("select chat_id from tracegram.admin_chat_state")).rows).toEqual([{ chat_id: "29" }]);
});
