import { expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY, givenDay, partition } from "../_support/partitions.ts";
import { givenKey } from "../_support/rpc.ts";
import { makeTrace } from "../_support/traces.ts";

// Cron is asked to come at once instead of on the minute; the commands that it runs are those that were deployed.
test(
  "the jobs really fire: days ahead are made, and days behind detached and dropped",
  { timeout: 120_000 },
  async ({ cluster, onTestFinished }) => {
    const live = cluster.client("postgres"); // no transaction: pg_cron works in its own
    await live.connect();
    onTestFinished(() => live.end());
    const now = Date.now();
    const key = await givenKey(live, "committed");
    const gone = [partition("pipeline_traces", now - 45 * DAY), partition("trace_io", now - 12 * DAY)];
    await givenDay(live, "pipeline_traces", now - 45 * DAY);
    await givenDay(live, "trace_io", now - 12 * DAY);
    const old = makeTrace({ started_at: now - 20 * DAY });
    await live.query("select public.ingest_traces($1, $2)", [key, JSON.stringify([old])]);
    const ahead = partition("pipeline_traces", now + 7 * DAY);
    await live.query(`drop table if exists tracegram.${ahead}`);
    await live.query("truncate cron.job_run_details");

    await live.query(
      `select cron.alter_job(jobid, schedule => '1 second') from cron.job
     where jobname in ('tracegram-partitions', 'tracegram-retention')`,
    );
    const exists = async (name: string) =>
      (await live.query("select to_regclass('tracegram.' || $1) is not null as yes", [name])).rows[0].yes;
    for (const name of gone) await expect.poll(() => exists(name), { timeout: 60_000 }).toBe(false);
    await expect.poll(() => exists(ahead), { timeout: 30_000 }).toBe(true);
    expect((await live.query("select public.get_trace($1) as trace", [old.trace_id])).rows[0].trace).not.toBeNull();

    // The jobs' own account of it comes a moment after what they did.
    const accounts = async () =>
      (await live.query(
        `select distinct d.status, regexp_replace(d.command, '_p\\d{8}', '_p…') as command, d.username
       from cron.job_run_details as d
       where d.command ~ 'make_partitions|retain|detach' and d.end_time is not null order by 2`,
      )).rows;
    const succeeded = (command: string) => ({ status: "succeeded", command, username: "postgres" });
    await expect.poll(accounts, { timeout: 20_000 }).toEqual([
      succeeded("alter table tracegram.pipeline_traces detach partition tracegram.pipeline_traces_p… concurrently"),
      succeeded("alter table tracegram.trace_io detach partition tracegram.trace_io_p… concurrently"),
      succeeded("select tracegram.make_partitions()"),
      succeeded("select tracegram.retain()"),
    ]);
    const { rows } = await live.query("select jobname from cron.job where jobname like 'tracegram-detach-%'");
    expect(rows).toEqual([]);
  },
);

test("retention runs each minute and the quota guard every ten", async ({ db }) => {
  const { rows } = await db.query(
    "select schedule, command from cron.job where jobname in ('tracegram-retention', 'tracegram-quota') order by command",
  );
  expect(rows[0]).toEqual({ schedule: "*/10 * * * *", command: "select tracegram.guard_quota()" });
  expect(rows[1]).toMatchObject({ command: "select tracegram.retain()" });
});

test("the purge clears away old update ids, usage, responses, run history and notes of retention", async ({ db }) => {
  await db.query(
    `insert into tracegram.seen_updates (update_id, claimed_at, chat_id)
     values (1, now() - interval '49 hours', 1), (2, now() - interval '47 hours', 1)`,
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
  await db.query("delete from tracegram.retention_log"); // the cron test of this file commits
  await db.query(
    `insert into tracegram.retention_log (noted_at, what, why, bytes)
     select now() - age, 'sampling', 'quota', 1 from unnest(array['91 days', '89 days']::interval[]) as age`,
  );
  await db.query("select tracegram.purge()");
  expect(
    (await db.query("select now()::date - noted_at::date as days from tracegram.retention_log where what = 'sampling'"))
      .rows,
  ).toEqual([{
    days: 89,
  }]);
  expect((await db.query("select screen from tracegram.admin_responses")).rows).toEqual([{ screen: "kept" }]);
  expect((await db.query("select update_id from tracegram.seen_updates")).rows).toEqual([{ update_id: "2" }]);
  expect((await db.query("select count(*)::int as n from tracegram.ingest_usage where backend = 99")).rows)
    .toEqual([{ n: 1 }]);
  expect((await db.query("select schedule, command from cron.job where jobname = 'tracegram-purge'")).rows)
    .toEqual([{ schedule: "37 * * * *", command: "select tracegram.purge()" }]);
});

test("it keeps of each job's runs what tells whether the job is late, and failures for a week", async ({ db }) => {
  await db.query("truncate cron.job_run_details");
  await db.query(
    `insert into cron.job_run_details (jobid, runid, database, username, command, status, start_time, end_time)
     select c.jobid, 1000 * c.jobid + r.ago, 'postgres', current_user, c.command, r.status, at, at
     from (values (2, 'succeeded'), (4, 'succeeded'), (70, 'succeeded'), (80, 'succeeded'), (160, 'failed'), (170, 'failed'))
       as r (ago, status)
     cross join lateral (select now() - r.ago * interval '1 hour' as at) as t
     cross join cron.job as c
     where c.jobname in ('tracegram-fold', 'tracegram-plans')`,
  );
  await db.query("select tracegram.purge()");
  const { rows } = await db.query(
    "select jobname, array_agg(runid % 1000 order by runid)::int[] as hours from cron.job_run_details join cron.job using (jobid) group by 1 order by 1",
  );
  expect(rows).toEqual([
    { jobname: "tracegram-fold", hours: [2, 160] },
    { jobname: "tracegram-plans", hours: [2, 4, 70, 160] },
  ]);
});
