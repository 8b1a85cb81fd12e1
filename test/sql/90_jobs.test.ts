import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, givenDay, partition, TABLES } from "../_support/partitions.ts";
import { givenKey } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

// Cron is asked to come at once instead of on the hour; the command that it runs is the one that was deployed.
test(
  "the partitions job really fires, drops the days that have expired, and makes the days ahead",
  { timeout: 60_000 },
  async ({ cluster, onTestFinished }) => {
    const live = cluster.client("postgres"); // no transaction: pg_cron works in its own
    await live.connect();
    onTestFinished(() => live.end());
    const now = Date.now();
    const key = await givenKey(live, "committed");
    const ages = { gone: 45 * DAY, kept: 20 * DAY, ioGone: 12 * DAY };
    for (const age of Object.values(ages)) {
      for (const table of TABLES) await givenDay(live, table, now - age);
    }
    const old = makeTrace({ started_at: now - ages.kept });
    await live.query("select public.ingest_traces($1, $2)", [key, JSON.stringify([old])]);
    const ahead = partition("pipeline_traces", now + 7 * DAY);
    await live.query(`drop table tracegram.${ahead}`);
    await live.query("truncate cron.job_run_details");

    await live.query(
      "select cron.alter_job(jobid, schedule => '1 second') from cron.job where jobname = 'tracegram-partitions'",
    );
    const exists = async (name: string) =>
      (await live.query("select to_regclass('tracegram.' || $1) is not null as yes", [name])).rows[0].yes;
    await expect.poll(() => exists(partition("pipeline_traces", now - ages.gone)), { timeout: 30_000 }).toBe(false);
    await expect.poll(() => exists(partition("trace_io", now - ages.ioGone)), { timeout: 30_000 }).toBe(false);
    await expect.poll(() => exists(ahead), { timeout: 30_000 }).toBe(true);
    expect(await exists(partition("pipeline_traces", now - ages.kept))).toBe(true);
    expect((await live.query("select public.get_trace($1) as trace", [old.trace_id])).rows[0].trace).not.toBeNull();

    // The job's own account of it comes a moment after what it did.
    const accounts = async () =>
      (await live.query(
        `select distinct d.status, d.command, d.username from cron.job_run_details as d
         join cron.job as j using (jobid) where j.jobname = 'tracegram-partitions' and d.end_time is not null`,
      )).rows;
    const succeeded = { status: "succeeded", command: "call partman.run_maintenance_proc()", username: "postgres" };
    await expect.poll(accounts, { timeout: 10_000 }).toEqual([succeeded]);
  },
);

test("the purge clears away old update ids, usage, responses and run history", async ({ db }) => {
  await db.query(
    "insert into tracegram.seen_updates values (1, now() - interval '49 hours'), (2, now() - interval '47 hours')",
  );
  await givenKey(db);
  await db.query(
    `insert into tracegram.ingest_usage (minute, key_id, backend, traces) select now() - age, min(key_id), 99, 1
     from tracegram.ingest_keys, unnest(array['49 hours', '47 hours']::interval[]) as age group by age`,
  );
  await db.query(
    `insert into tracegram.admin_responses (at, screen, characters)
     values (now() - interval '30 days 1 minute', 'gone', 1), (now() - interval '29 days', 'kept', 1)`,
  );
  await db.query("select tracegram.purge()");
  expect((await db.query("select screen from tracegram.admin_responses")).rows).toEqual([{ screen: "kept" }]);
  expect((await db.query("select update_id from tracegram.seen_updates")).rows).toEqual([{ update_id: "2" }]);
  expect((await db.query("select count(*)::int as n from tracegram.ingest_usage where backend = 99")).rows)
    .toEqual([{ n: 1 }]);
  expect((await db.query("select schedule, command from cron.job where jobname = 'tracegram-purge'")).rows)
    .toEqual([{ schedule: "37 * * * *", command: "select tracegram.purge()" }]);
});
