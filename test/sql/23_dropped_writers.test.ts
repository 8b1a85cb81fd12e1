// Reports that come at the same moment. In a file of their own, for these tests commit.
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { givenKey } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const report = (sender: string, dropped: Record<string, number>) => ({ sender, dropped, traces: [makeTrace()] });

const connect = async (cluster: { client(name: string): pg.Client }, onTestFinished: (fn: () => void) => void) => {
  const client = cluster.client("postgres");
  await client.connect();
  onTestFinished(() => client.end());
  return client;
};
const send = (db: pg.Client, key: string, batch: unknown) =>
  db.query("select public.ingest_traces($1, $2)", [key, JSON.stringify(batch)]);

test("batches of other senders, and arrays, do not wait for a report", async ({ cluster, onTestFinished }) => {
  const [one, two] = [await connect(cluster, onTestFinished), await connect(cluster, onTestFinished)];
  const key = await givenKey(one, "side by side");
  await one.query("begin");
  await send(one, key, report(randomUUID(), { queue_full: 1 }));
  await two.query("set lock_timeout = 1");
  await send(two, key, report(randomUUID(), { queue_full: 1 }));
  await send(two, key, [makeTrace()]);
  await two.query("select tracegram.purge_dropped(now())");
  await one.query("commit");
});

test("reports of one sender wait for each other and never deadlock; the most is kept", async ({ cluster, onTestFinished }) => {
  const writers = await Promise.all(Array.from({ length: 8 }, () => connect(cluster, onTestFinished)));
  const key = await givenKey(writers[0]!, "one sender");
  await writers[0]!.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
  const sender = randomUUID();
  const names = Array.from({ length: 10 }, (_, i) => `reason ${i}`);
  await Promise.all(writers.map(async (writer, w) => {
    for (let round = 0; round < 10; round++) {
      const order = w % 2 ? names : names.toReversed();
      await send(writer, key, report(sender, Object.fromEntries(order.map((name) => [name, round * 8 + w + 1]))));
    }
  }));
  const { rows } = await writers[0]!.query(
    "select reason, records::int from tracegram.dropped where sender = $1 order by 1",
    [
      sender,
    ],
  );
  expect(rows).toEqual(names.map((reason) => ({ reason, records: 80 })));
});

test("a hostile key's flood of senders neither deadlocks nor grows", async ({ cluster, onTestFinished }) => {
  const writers = await Promise.all(Array.from({ length: 4 }, () => connect(cluster, onTestFinished)));
  const admin = writers[0]!;
  const key = await givenKey(admin, "flood");
  await admin.query(
    `insert into tracegram.dropped
     select key_id, gen_random_uuid(), 'reason ' || r, 1, at, at, at, 0, 0
     from tracegram.ingest_keys, generate_series(1, 1000) as i, generate_series(1, 5) as r,
       lateral (select now() - i * interval '1 hour' as at) as t where name = 'flood'`,
  );
  await Promise.all(writers.map(async (writer) => {
    for (let round = 0; round < 20; round++) {
      await send(
        writer,
        key,
        report(randomUUID(), Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`r${i}`, 1]))),
      );
    }
  }));
  await send(admin, key, report(randomUUID(), { last: 1 }));
  const { rows } = await admin.query(
    "select count(distinct sender)::int as n from tracegram.dropped join tracegram.ingest_keys using (key_id) where name = 'flood'",
  );
  expect(rows).toEqual([{ n: 1000 }]);
});
