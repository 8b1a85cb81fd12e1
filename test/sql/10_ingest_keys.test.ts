import type pg from "pg";
import { describe, expect } from "vitest";
import { as, test } from "../_support/db.ts";
import { getTrace, givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const HOUR = 3_600_000;
const UNKNOWN = { code: "TG001" };

const call = <T>(db: pg.Client, sql: string, values: unknown[] = []): Promise<T> =>
  as(db, "service_role", async () => (await db.query(`select ${sql} as answer`, values)).rows[0].answer);
const rotate = (db: pg.Client, name: string, grace?: string) =>
  grace === undefined
    ? call<string>(db, "public.rotate_ingest_key($1)", [name])
    : call<string>(db, "public.rotate_ingest_key($1, $2)", [name, grace]);
const revoke = (db: pg.Client, name: string) => call<null>(db, "public.revoke_ingest_key($1)", [name]);

/** A rotation that took place a while ago. */
const rotated = async (db: pg.Client, name: string, grace: string, ago: string): Promise<string> =>
  (await db.query("select tracegram.rotate_ingest_key($1, $2, now() - $3::interval) as key", [name, grace, ago]))
    .rows[0]
    .key;

const isTaken = (db: pg.Client, key: string) =>
  ingest(db, key, [makeTrace()]).then(({ stored }) => stored === 1, (error) => {
    expect(error).toMatchObject(UNKNOWN);
    return false;
  });

describe("rotate_ingest_key", () => {
  test("gives a new key, and the old one works on for a day", async ({ db }) => {
    const old = await givenKey(db, "bot");
    const key = await rotate(db, "bot");
    expect(key).toMatch(/^tgk_[0-9a-f]{64}$/);
    expect(key).not.toBe(old);
    expect([await isTaken(db, key), await isTaken(db, old)]).toEqual([true, true]);
    const { rows: [until] } = await db.query(
      `select old_key_until = date_trunc('milliseconds', now() + interval '1 day') as day
       from tracegram.ingest_keys where name = 'bot'`,
    );
    expect(until).toEqual({ day: true });
  });

  test("the old key works to the end of its grace and not after", async ({ db }) => {
    const old = await givenKey(db, "bot");
    const key = await rotated(db, "bot", "24 hours", "23 hours 59 minutes");
    expect([await isTaken(db, key), await isTaken(db, old)]).toEqual([true, true]);
    const later = await rotated(db, "bot", "24 hours", "24 hours");
    expect([await isTaken(db, later), await isTaken(db, key), await isTaken(db, old)]).toEqual([true, false, false]);
  });

  test("the grace ends to the millisecond", async ({ db }) => {
    const old = await givenKey(db, "bot");
    const at = Date.parse("2026-01-01T00:00:00Z");
    await db.query("select tracegram.rotate_ingest_key('bot', '1 hour', $1)", [new Date(at)]);
    const found = async (ms: number) =>
      (await db.query("select (tracegram.find_key($1, $2)).name", [old, new Date(ms)])).rows[0].name;
    expect([await found(at), await found(at + HOUR - 1), await found(at + HOUR)]).toEqual(["bot", "bot", null]);
  });

  test("a grace of 0 ends the old key at once", async ({ db }) => {
    const old = await givenKey(db, "bot");
    const key = await rotate(db, "bot", "0");
    expect([await isTaken(db, key), await isTaken(db, old)]).toEqual([true, false]);
  });

  test("of keys rotated twice within the grace, the last two work", async ({ db }) => {
    const first = await givenKey(db, "bot");
    const second = await rotate(db, "bot");
    const third = await rotate(db, "bot");
    expect([await isTaken(db, first), await isTaken(db, second), await isTaken(db, third)]).toEqual([
      false,
      true,
      true,
    ]);
  });

  test("a trace announced with the old key is completed with the new one", async ({ db }) => {
    const old = await givenKey(db, "bot");
    const ended = makeTrace();
    const { duration_ms: _, ...running } = { ...ended, status: "running" as const };
    await ingest(db, old, [running]);
    const key = await rotate(db, "bot");
    expect(await ingest(db, key, [ended])).toMatchObject({ updated: 1 });
    expect(await getTrace(db, ended.trace_id)).toMatchObject({ status: "ok" });
  });

  test("both keys share the limit a minute", async ({ db }) => {
    const old = await givenKey(db, "bot");
    const key = await rotate(db, "bot");
    await db.query("update tracegram.ingest_keys set traces_per_minute = 2");
    await ingest(db, old, [makeTrace(), makeTrace()]);
    await expect(ingest(db, key, [makeTrace()])).rejects.toMatchObject({ code: "TG004" });
  });

  test.for(["-1 second", "1 year 1 second", "1000000 years", "infinity", "null"])(
    "refuses a grace of %s",
    async (grace, { db }) => {
      const old = await givenKey(db, "bot");
      await expect(call(db, "public.rotate_ingest_key('bot', nullif($1, 'null')::interval)", [grace])).rejects
        .toMatchObject({
          code: "22023",
          hint: expect.stringContaining("24 hours"),
        });
      expect(await isTaken(db, old)).toBe(true);
    },
  );
});

describe("revoke_ingest_key", () => {
  test("ends both keys at once, and leaves other bots' alone", async ({ db }) => {
    const [old, other] = [await givenKey(db, "bot"), await givenKey(db, "other")];
    const key = await rotate(db, "bot");
    await revoke(db, "bot");
    expect([await isTaken(db, key), await isTaken(db, old), await isTaken(db, other)]).toEqual([false, false, true]);
  });

  test("a second time changes nothing", async ({ db }) => {
    await givenKey(db, "bot");
    await db.query("update tracegram.ingest_keys set revoked_at = '2026-01-01T00:00:00Z' where name = 'bot'");
    await revoke(db, "bot");
    const { rows } = await db.query("select revoked_at from tracegram.ingest_keys where name = 'bot'");
    expect(rows).toEqual([{ revoked_at: new Date("2026-01-01T00:00:00Z") }]);
  });

  test("a revoked key is not rotated, and keeps its name", async ({ db }) => {
    await givenKey(db, "bot");
    await revoke(db, "bot");
    await expect(rotate(db, "bot")).rejects.toMatchObject({ code: "TG030" });
    await expect(call(db, "public.create_ingest_key('bot')")).rejects.toMatchObject({ code: "23505" });
  });
});

test.for([[null, "no"], ["", "0"], ["x".repeat(65), "65"]])(
  "create_ingest_key refuses %o as a name, and says how long one is",
  async ([name, characters], { db }) => {
    await expect(call(db, "public.create_ingest_key($1)", [name])).rejects.toMatchObject({
      code: "23514",
      message: `the name has ${characters} characters`,
      hint: expect.stringContaining("1 to 64"),
    });
  },
);

test.for(["public.revoke_ingest_key", "public.rotate_ingest_key"])(
  "%s says that it does not know the name",
  async (name, { db }) => {
    const key = await givenKey(db, "bot");
    await expect(call(db, `${name}('bto')`)).rejects.toMatchObject({
      code: "TG030",
      message: expect.stringContaining("'bto'"),
      hint: expect.stringContaining("list_ingest_keys"),
    });
    expect(await isTaken(db, key)).toBe(true);
  },
);

test("a key is stored as its hash alone, also after a rotation", async ({ db }) => {
  const keys = [await givenKey(db, "bot"), await rotate(db, "bot")];
  const { rows } = await db.query("select k::text as row from tracegram.ingest_keys as k where name = 'bot'");
  expect(rows).toHaveLength(1);
  for (const key of keys) {
    expect(key).toMatch(/^tgk_[0-9a-f]{64}$/);
    expect(rows[0].row).not.toContain(key.slice(4));
  }
});

test("a key is found with one index probe for each secret, however many keys there are", async ({ db }) => {
  const old = await givenKey(db, "bot");
  const key = await rotate(db, "bot");
  await db.query(`
    insert into tracegram.ingest_keys (name, key_sha256, old_key_sha256, old_key_until)
    select n::text, sha256(('a' || n)::bytea), sha256(('b' || n)::bytea), now() + interval '1 day'
    from generate_series(1, 5000) as n`);
  await db.query("analyze tracegram.ingest_keys");
  const scans = async () =>
    (await db.query(
      `select coalesce(seq_scan, 0)::int as table, coalesce(idx_scan, 0)::int as index from pg_stat_xact_user_tables
       where relid = 'tracegram.ingest_keys'::regclass`,
    )).rows[0];
  const looks = { current: key, old, unknown: "tgk_wrong" };
  const cost: Record<string, unknown> = {};
  for (const [what, secret] of Object.entries(looks)) {
    const before = await scans();
    await db.query("select tracegram.find_key($1, now())", [secret]);
    const after = await scans();
    cost[what] = { table: after.table - before.table, index: after.index - before.index };
  }
  expect(cost).toEqual({
    current: { table: 0, index: 1 },
    old: { table: 0, index: 2 },
    unknown: { table: 0, index: 2 },
  });
});
