// The table in which batches wait. In a file of its own, for vacuum runs outside any transaction.
import { expect, vi } from "vitest";
import { test } from "../_support/db.ts";

test("becomes small again after a burst, also when new batches have come meanwhile", async ({ cluster, onTestFinished }) => {
  const [db, admin] = [cluster.client("postgres"), cluster.client("supabase_admin")];
  for (const client of [db, admin]) {
    await client.connect();
    onTestFinished(() => client.end());
  }
  // Else the fold takes them.
  await admin.query("update cron.job set active = false");
  const arrive = (n: number) =>
    db.query(
      `insert into tracegram.batches (received_at, key_id, traces, rejected, duration_ms, ended, failed)
       select now(), 1, 100, 0, 1, array(select gen_random_uuid() from generate_series(1, 100)), '{}' from generate_series(1, $1)`,
      [n],
    );
  const pages = async (): Promise<number> =>
    (await db.query("select pg_relation_size('tracegram.batches') / 8192 as pages")).rows[0].pages;

  await arrive(1000);
  // All of the burst but its end is folded, and vacuumed; then new ones come, and the rest of the burst is folded.
  await db.query("delete from tracegram.batches where batch_id <= (select max(batch_id) - 5 from tracegram.batches)");
  await admin.query("vacuum tracegram.batches");
  expect(Number(await pages())).toBeGreaterThan(150);
  const { rows: [{ last }] } = await db.query("select max(batch_id) as last from tracegram.batches");
  await arrive(5);
  await db.query("delete from tracegram.batches where batch_id <= $1", [last]);
  // A job that had begun before still sees what was deleted; when it has ended, the next vacuum does.
  await vi.waitFor(async () => {
    await admin.query("vacuum tracegram.batches");
    expect(Number(await pages())).toBeLessThan(10);
  }, { timeout: 10_000, interval: 500 });
  expect((await db.query("select count(*)::integer as n from tracegram.batches")).rows).toEqual([{ n: 5 }]);
});
