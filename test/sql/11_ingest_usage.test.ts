import { createHash } from "node:crypto";
import type pg from "pg";
import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { givenKey, ingest } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

interface ListedKey {
  name: string;
  created_at: string;
  traces: number;
  last_used_at: string | null;
}

const listKeys = async (db: pg.Client): Promise<ListedKey[]> =>
  (await db.query("select public.list_ingest_keys() as keys")).rows[0].keys;
const listed = async (db: pg.Client, name: string) => (await listKeys(db)).find((key) => key.name === name);
const traces = (n: number) => Array.from({ length: n }, () => makeTrace());

test("lists every key with its use, oldest first", async ({ db }) => {
  await db.query("truncate tracegram.ingest_keys");
  await givenKey(db, "idle");
  const key = await givenKey(db, "busy");
  await givenKey(db, "gone");
  await ingest(db, key, traces(3));
  await db.query("select public.rotate_ingest_key('busy', '1 hour'), public.revoke_ingest_key('gone')");
  const { rows: [{ now, minute, until }] } = await db.query(
    `select tracegram.iso(now()) as now, tracegram.iso(date_trunc('minute', now())) as minute,
       tracegram.iso(now() + interval '1 hour') as until`,
  );
  const idle = {
    key_id: expect.any(Number),
    created_at: expect.any(String),
    revoked_at: null,
    rotated_at: null,
    old_key_until: null,
    traces_per_minute: 6000,
    last_used_at: null,
    traces: 0,
  };
  const keys = await listKeys(db);
  expect(keys).toEqual([
    { ...idle, name: "idle" },
    { ...idle, name: "busy", rotated_at: expect.any(String), old_key_until: until, last_used_at: minute, traces: 3 },
    { ...idle, name: "gone", revoked_at: expect.any(String) },
  ]);
  // To the millisecond, which the columns round and `now` cuts.
  expect(Math.abs(Date.parse(keys[0]!.created_at) - Date.parse(now))).toBeLessThanOrEqual(1);
});

test("a list that leaks shows no secret, nor its hash", async ({ db }) => {
  const old = await givenKey(db, "bot");
  const { rows: [{ key }] } = await db.query("select public.rotate_ingest_key('bot') as key");
  const text = JSON.stringify(await listKeys(db));
  expect(text).toContain('"bot"');
  for (const secret of [old, key]) {
    const hash = createHash("sha256").update(secret).digest();
    for (
      const trace of [secret.slice(4, 20), hash.toString("hex").slice(0, 16), hash.toString("base64").slice(0, 16)]
    ) {
      expect(text).not.toContain(trace);
    }
  }
});

test("counts what was received, stored or not, and no batch that was refused as a whole", async ({ db }) => {
  const key = await givenKey(db, "bot");
  const batch = [makeTrace(), makeTrace({ pipeline: "" })];
  await ingest(db, key, batch);
  await ingest(db, key, batch); // a duplicate, and what is rejected again
  await expect(ingest(db, key, {})).rejects.toMatchObject({ code: "TG002" });
  await db.query("update tracegram.ingest_keys set traces_per_minute = 4");
  await expect(ingest(db, key, traces(1))).rejects.toMatchObject({ code: "TG004" });
  expect(await listed(db, "bot")).toMatchObject({ traces: 4 });
});

test("the total and the last use are exact over any number of purges", async ({ db }) => {
  const [key, other] = [await givenKey(db, "bot"), await givenKey(db, "other")];
  const { rows: [{ t0 }] } = await db.query("select date_trunc('minute', now()) as t0");
  const charge = (name: string, n: number, days: number) =>
    db.query(
      `select tracegram.charge_key(key_id, 6000, $2, $3::timestamptz - $4 * interval '1 day')
       from tracegram.ingest_keys where name = $1`,
      [name, n, t0, days],
    );
  for (const [n, days] of [[5, 9], [7, 9], [11, 5], [13, 1]] as const) await charge("bot", n, days);
  await charge("other", 17, 4);
  const expected = { bot: { traces: 36, last_used_at: iso(t0, 1) }, other: { traces: 17, last_used_at: iso(t0, 4) } };
  const check = async () => {
    expect(await listed(db, "bot")).toMatchObject(expected.bot);
    expect(await listed(db, "other")).toMatchObject(expected.other);
  };
  const left = async () =>
    (await db.query(
      `select count(*)::int as n from tracegram.ingest_usage as u
       join tracegram.ingest_keys using (key_id) where name in ('bot', 'other')`,
    ))
      .rows[0].n;
  await check();
  expect(await left()).toBe(4);
  // Days pass: each purge takes more, the last all.
  for (const [days, rows] of [[-6, 3], [-6, 3], [0, 1], [30, 0]] as const) {
    await db.query("select tracegram.purge(now() + $1 * interval '1 day')", [days]);
    expect(await left()).toBe(rows);
    await check();
  }
  await ingest(db, key, traces(2));
  await ingest(db, other, traces(1));
  expect(await listed(db, "bot")).toMatchObject({ traces: 38, last_used_at: iso(t0, 0) });
  expect(await listed(db, "other")).toMatchObject({ traces: 18 });
});

const iso = (t0: Date, daysAgo: number) => new Date(t0.getTime() - daysAgo * 86_400_000).toISOString();

// These commit, or must not wait for what has not: connections of their own instead of `db`.

test("an ingest waits for none of sixteen others that are in flight, and all are counted", async ({ cluster, onTestFinished }) => {
  const clients = Array.from({ length: 18 }, () => cluster.client("postgres"));
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.end()));
  });
  await Promise.all(clients.map((client) => client.connect()));
  const [judge, last, ...flying] = clients as [pg.Client, pg.Client, ...pg.Client[]];
  const key = await givenKey(judge, "sixteen");
  for (const client of flying) {
    await client.query("begin; set local lock_timeout = '200ms'");
    await ingest(client, key, traces(2));
  }
  const { rows } = await judge.query(
    "select count(*)::int as n from pg_stat_activity where state = 'idle in transaction' and backend_xid is not null",
  );
  expect(rows).toEqual([{ n: 16 }]);

  await last.query("begin; set local lock_timeout = '200ms'");
  await ingest(last, key, traces(3));
  await last.query("commit");
  // Each sends again within its transaction, and to the row that it has.
  for (const client of flying) await ingest(client, key, traces(1));
  await Promise.all(flying.map((client) => client.query("commit")));
  expect(await listed(judge, "sixteen")).toMatchObject({ traces: 16 * 3 + 3 });
});

test("a rotation and a purge wait for no ingest in flight, and no ingest for them", async ({ cluster, onTestFinished }) => {
  const clients = Array.from({ length: 4 }, () => cluster.client("postgres"));
  onTestFinished(async () => {
    await Promise.all(clients.map((client) => client.end()));
  });
  await Promise.all(clients.map((client) => client.connect()));
  const [one, two, rotator, purger] = clients as [pg.Client, pg.Client, pg.Client, pg.Client];
  const key = await givenKey(one, "rotating");
  const { rows: [{ id }] } = await one.query("select key_id as id from tracegram.ingest_keys where name = 'rotating'");
  await one.query("select tracegram.charge_key($1, 6000, 5, now() - interval '3 days')", [id]);
  for (const client of clients) await client.query("begin; set local lock_timeout = '200ms'");

  await ingest(one, key, traces(1));
  await purger.query("select tracegram.purge_usage(now())");
  await ingest(two, key, traces(1));
  await purger.query("commit");
  await rotator.query("select public.rotate_ingest_key('rotating')");
  await ingest(one, key, traces(1));
  await two.query("commit; begin; set local lock_timeout = '200ms'");
  await ingest(two, key, traces(1));
  for (const client of [one, two, rotator]) await client.query("commit");
  expect(await listed(one, "rotating")).toMatchObject({ traces: 9 });
});
