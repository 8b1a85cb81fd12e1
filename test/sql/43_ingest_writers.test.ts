// Traces that come from two senders at the same moment. In a file of their own, for these tests commit.
import type pg from "pg";
import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { givenKey } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

const connect = async (cluster: { client(name: string): pg.Client }, onTestFinished: (fn: () => void) => void) => {
  const client = cluster.client("postgres");
  await client.connect();
  onTestFinished(() => client.end());
  return client;
};
const send = async (db: pg.Client, key: string, batch: unknown[]) => {
  const { rows: [{ answer }] } = await db.query("select public.ingest_traces($1, $2) as answer", [
    key,
    JSON.stringify(batch),
  ]);
  return answer.items.map((item: { result: string; code?: string }) => item.code ?? item.result);
};
/** Until it waits for another's transaction. */
const waiting = (admin: pg.Client, db: pg.Client) =>
  expect.poll(async () =>
    (await admin.query("select wait_event from pg_stat_activity where pid = $1", [
      (db as unknown as { processID: number }).processID,
    ])).rows[0].wait_event, { interval: 5 }).toBe("transactionid");

test.for(["repeatable read", "serializable"])(
  "what came in meanwhile is no refusal of a %s transaction: it is to be sent again",
  async (level, { cluster, onTestFinished }) => {
    const [one, two] = [await connect(cluster, onTestFinished), await connect(cluster, onTestFinished)];
    const key = await givenKey(one, level);
    const [replayed, ended] = [makeTrace(), makeTrace()];
    const { duration_ms: _, ...announced } = { ...ended, status: "running" as const };
    for (const [first, then, result] of [[replayed, replayed, "duplicate"], [announced, ended, "updated"]] as const) {
      for (const batch of [[then], [then, { ...makeTrace(), duration_ms: "x" }]]) {
        await two.query(`begin isolation level ${level}; select from tracegram.settings`);
        await send(one, key, [first]);
        // What another transaction has stored before this one began is seen.
        await expect(send(two, key, batch)).rejects.toMatchObject({ code: "40001", hint: "Send the batch again." });
        await two.query("rollback");
        await one.query("delete from tracegram.unended where trace_id = $1", [first.trace_id]);
        await one.query("delete from tracegram.pipeline_traces where trace_id = $1", [first.trace_id]);
      }
      await send(one, key, [first]);
      await two.query(`begin isolation level ${level}`);
      expect(await send(two, key, [then])).toEqual([result]);
      await two.query("commit");
    }
  },
);

test("a batch that three others are ahead of goes in trace by trace", async ({ cluster, onTestFinished }) => {
  const [db, ...others] = await Promise.all(Array.from({ length: 5 }, () => connect(cluster, onTestFinished)));
  const admin = others.pop()!;
  const key = await givenKey(admin, "three ahead");
  const traces = Array.from({ length: 4 }, () => makeTrace()).sort((a, b) => a.trace_id < b.trace_id ? -1 : 1);
  for (const [i, other] of others.entries()) {
    await other.query("begin");
    await send(other, key, [traces[i]!]);
  }
  const answer = send(db!, key, traces.toReversed());
  for (const other of others) {
    await waiting(admin, db!);
    await other.query("commit");
  }
  expect(await answer).toEqual(["stored", "duplicate", "duplicate", "duplicate"]);
});
