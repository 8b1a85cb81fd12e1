import type pg from "pg";
import { describe, expect } from "vitest";
import type { AdminChange, Admins, Role } from "../../functions/_shared/db.ts";
import { test } from "../_support/db.ts";
import { call } from "../_support/rpc.ts";
import { aPress, claim, CLAIMED, finish, refused } from "../_support/updates.ts";

const setAdmin = (db: pg.Client, actor: number, user: number, role: string | null, fromSecret = false) =>
  call<AdminChange>(db, "service_role", "set_admin", {
    p_actor: actor,
    p_user_id: user,
    p_role: role,
    p_from_secret: fromSecret,
  });
const listAdmins = (db: pg.Client) => call<Admins>(db, "service_role", "list_admins");
const roles = async (db: pg.Client) =>
  Object.fromEntries((await listAdmins(db)).admins.map(({ user_id, role }) => [user_id, role]));

const noted = async (db: pg.Client) =>
  (await db.query("select role, detail, allowed from tracegram.admin_audit order by audit_id")).rows;

let nextUpdate = 1;
/** The role that a user has by their next press; null when it is refused. */
async function roleOf(db: pg.Client, user_id: number, bootstrap = false): Promise<Role | null> {
  const answer = await claim(db, aPress(nextUpdate++, { user_id, chat_id: user_id, bootstrap }));
  return answer.claim === "claimed" ? answer.role : null;
}

describe("who is answered", () => {
  test("an owner by the secret, from the first word on", async ({ db }) => {
    expect(await claim(db, aPress(1))).toEqual(CLAIMED);
    expect((await listAdmins(db)).admins).toEqual([
      { user_id: 1001, role: "owner", from_secret: true, added_by: null, added_at: expect.any(String) },
    ]);
  });

  test("whom an owner adds, with the role that was given, until it is taken away", async ({ db }) => {
    await roleOf(db, 1001, true);
    expect(await roleOf(db, 5)).toBeNull();
    expect(await setAdmin(db, 1001, 5, "viewer")).toEqual({ was: null, role: "viewer" });
    expect(await roleOf(db, 5)).toBe("viewer");
    expect(await setAdmin(db, 1001, 5, "operator")).toEqual({ was: "viewer", role: "operator" });
    expect(await roleOf(db, 5)).toBe("operator");
    expect(await setAdmin(db, 1001, 5, null)).toEqual({ was: "operator", role: null });
    expect(await roleOf(db, 5)).toBeNull();
  });

  test("nobody else, and nothing of it is kept but their count", async ({ db }) => {
    for (const id of [1, 2, 3]) {
      expect(await claim(db, aPress(id, { user_id: 6666, bootstrap: false }))).toEqual({ claim: "refused" });
    }
    expect(await refused(db)).toEqual({ stranger: 3 });
    expect((await db.query("select from tracegram.seen_updates")).rows).toEqual([]);
    expect((await listAdmins(db)).admins).toEqual([]);
  });

  test("who leaves the secret is a stranger, or what an owner has made of them", async ({ db }) => {
    await roleOf(db, 1001, true);
    await setAdmin(db, 1001, 5, "viewer");
    expect([await roleOf(db, 5, true), await roleOf(db, 1002, true)]).toEqual(["owner", "owner"]);
    expect([await roleOf(db, 5), await roleOf(db, 1002)]).toEqual(["viewer", null]);
    expect(await roles(db)).toEqual({ 1001: "owner", 5: "viewer" });
  });
});

describe("in a group", () => {
  const inGroup = (update_id: number, over = {}) =>
    aPress(update_id, { chat_id: -100, chat_type: "supergroup", message_id: null, ...over });
  const allow = (db: pg.Client, actor: number, allowed: boolean) =>
    call(db, "service_role", "allow_chat", { p_actor: actor, p_chat_id: -100, p_allowed: allowed });

  test("admins are answered once an owner has allowed it, and only they", async ({ db }) => {
    expect(await claim(db, inGroup(1))).toEqual({ claim: "refused" });
    expect(await refused(db)).toEqual({ group: 1 });
    expect(await claim(db, inGroup(2, { allows: true }))).toEqual(CLAIMED);
    expect(await allow(db, 1001, true)).toEqual({ allowed: true });
    expect(await claim(db, inGroup(3))).toEqual(CLAIMED);
    expect(await claim(db, inGroup(4, { user_id: 6666, bootstrap: false }))).toEqual({ claim: "refused" });
    expect((await listAdmins(db)).chats).toEqual([{ chat_id: -100, added_by: 1001, added_at: expect.any(String) }]);
    expect(await allow(db, 1001, false)).toEqual({ allowed: false });
    expect(await claim(db, inGroup(5))).toEqual({ claim: "refused" });
    expect((await noted(db)).map(({ detail }) => detail)).toEqual([
      { chat_id: -100, was: false, allowed: true },
      { chat_id: -100, was: true, allowed: false },
    ]);
  });

  test("only an owner may allow it", async ({ db }) => {
    await roleOf(db, 1001, true);
    await setAdmin(db, 1001, 5, "operator");
    expect(await claim(db, inGroup(1000, { user_id: 5, bootstrap: false, allows: true }))).toEqual({
      claim: "refused",
    });
    expect(await allow(db, 5, true)).toEqual({ refused: "owner" });
    expect((await listAdmins(db)).chats).toEqual([]);
  });
});

describe("set_admin", () => {
  test("is for owners", async ({ db }) => {
    await roleOf(db, 1001, true);
    await setAdmin(db, 1001, 5, "operator");
    for (const actor of [5, 6666]) expect(await setAdmin(db, actor, 5, "owner")).toEqual({ refused: "owner" });
    expect(await roles(db)).toEqual({ 1001: "owner", 5: "operator" });
  });

  test("leaves whom the secret names an owner", async ({ db }) => {
    await roleOf(db, 1001, true);
    await setAdmin(db, 1001, 5, "owner");
    for (const role of [null, "viewer"]) {
      expect(await setAdmin(db, 5, 1001, role, true)).toEqual({ unchanged: "from_secret" });
    }
    expect(await roleOf(db, 1001, true)).toBe("owner");
    // The secret has changed since they last wrote.
    expect(await setAdmin(db, 5, 1001, "viewer")).toEqual({ was: "owner", role: "viewer" });
    expect(await roles(db)).toEqual({ 1001: "viewer", 5: "owner" });
  });

  test("leaves at least one owner", async ({ db }) => {
    await db.query("insert into tracegram.admins (user_id, role) values (5, 'owner'), (6, 'viewer')");
    expect(await setAdmin(db, 5, 5, null)).toEqual({ unchanged: "last_owner" });
    expect(await setAdmin(db, 5, 5, "operator")).toEqual({ unchanged: "last_owner" });
    await setAdmin(db, 5, 6, "owner");
    expect(await setAdmin(db, 5, 5, null)).toEqual({ was: "owner", role: null });
  });

  test("notes what became of it, as the actor who they were", async ({ db }) => {
    await roleOf(db, 1001, true);
    await setAdmin(db, 1001, 5, "owner");
    await setAdmin(db, 1001, 6, null);
    await setAdmin(db, 5, 1001, null, true);
    await setAdmin(db, 5, 5, null);
    await setAdmin(db, 5, 1001, "viewer");
    expect(await noted(db)).toEqual([
      { role: "owner", detail: { user_id: 5, was: null, role: "owner" }, allowed: true },
      { role: "owner", detail: { user_id: 6, was: null, role: null }, allowed: true },
      { role: "owner", detail: { user_id: 1001, was: "owner", role: null, unchanged: "from_secret" }, allowed: true },
      { role: "owner", detail: { user_id: 5, was: "owner", role: null }, allowed: true },
      { role: null, detail: expect.objectContaining({ user_id: 1001, role: "viewer" }), allowed: false },
    ]);
  });

  test("knows three roles", async ({ db }) => {
    await roleOf(db, 1001, true);
    await expect(setAdmin(db, 1001, 5, "root")).rejects.toMatchObject({ code: "TG050" });
  });

  test("takes nothing from the update that it is asked in: the claim goes on", async ({ db }) => {
    await claim(db, aPress(500));
    await setAdmin(db, 1001, 5, "owner");
    await setAdmin(db, 5, 1001, null);
    await finish(db, 500);
    expect((await claim(db, aPress(500))).claim).toBe("done");
  });
});

describe("count_refusals", () => {
  const count = (db: pg.Client, counts: unknown) =>
    call(db, "service_role", "count_refusals", { p_counts: JSON.stringify(counts) });

  test("adds up, a row a day and reason", async ({ db }) => {
    await count(db, { wrong_secret: 2, forged_data: 1 });
    await count(db, { wrong_secret: 3, not_an_update: 1 });
    await db.query("select tracegram.count_refusals('{\"wrong_secret\": 7}', now() - interval '3 days')");
    await db.query("select tracegram.count_refusals('{\"wrong_secret\": 100}', now() - interval '7 days')");
    expect((await listAdmins(db)).refusals).toEqual({ wrong_secret: 12, forged_data: 1, not_an_update: 1 });
    expect((await db.query("select from tracegram.admin_refusals")).rows).toHaveLength(5);
  });

  test.for<unknown>([null, [], "x", { nonsense: 3 }, { stranger: -1 }, { stranger: "1" }, { stranger: 0 }])(
    "leaves %j out",
    async (counts, { db }) => {
      await count(db, counts);
      expect(await refused(db)).toEqual({});
    },
  );
});
