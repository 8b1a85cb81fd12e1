// The rule of the scheduled jobs.
import type pg from "pg";
import { expect } from "vitest";
import { alertsOf, evaluate, MINUTE, stateOf, test } from "../_support/alerts.ts";

const HOUR = 60 * MINUTE;

/** How the rule stands at a time; the server, and each job, have been there all along. */
async function measure(db: pg.Client, at = Date.now()): Promise<{ value: number; detail: string }> {
  const sql = "select value::float8, detail from tracegram.measure_cron_failed($1)";
  return (await db.query(sql, [new Date(at)])).rows[0];
}

/** A run of each job that ended well, as pg_cron notes it. */
const allRan = (db: pg.Client, at: number) =>
  db.query(
    `insert into cron.job_run_details (jobid, runid, database, username, command, status, start_time, end_time)
     select jobid, jobid + (select coalesce(max(runid), 0) + 1000000 from cron.job_run_details), 'postgres', current_user, command, 'succeeded', $1, $1 from cron.job`,
    [new Date(at)],
  );

test("a job that was never due is not late, until it should have been", async ({ db }) => {
  await db.query("truncate cron.job_run_details");
  const { rows: [jobs] } = await db.query(
    "select count(*)::int as n, count(*) filter (where 2 * period < interval '115 minutes')::int as often from tracegram.jobs",
  );
  expect(await measure(db, Date.now() + 4 * MINUTE)).toEqual({ value: 0, detail: `all ${jobs.n} jobs run` });
  const { value, detail } = await measure(db, Date.now() + 2 * HOUR);
  expect(detail).toContain("tracegram-fold has not succeeded for over 00:05:10; tracegram-lost has not succeeded");
  expect(value).toBe(jobs.often);
  expect((await measure(db, Date.now() + 50 * HOUR)).value).toBe(jobs.n);
});

test("nor is what could not run while the server was away", async ({ db }) => {
  await db.query("truncate cron.job_run_details");
  await db.query("update tracegram.jobs set scheduled_at = now() - interval '30 days'");
  expect(await measure(db)).toMatchObject({ value: 0 });
});

test("one that ran is late when it has not for twice its period", async ({ db }) => {
  const ran = Date.now() + 100 * HOUR;
  await allRan(db, ran);
  expect(await measure(db, ran + 5 * MINUTE)).toMatchObject({ value: 0 });
  const { detail } = await measure(db, ran + 2 * HOUR + 6 * MINUTE);
  expect(detail).toContain("tracegram-purge has not succeeded for over 02:05:00");
  expect(detail).not.toContain("tracegram-plans");
});

test(
  "opens for a job that really fails, and resolves when it works again",
  { timeout: 60_000 },
  async ({ db, cluster }) => {
    const live = cluster.client("postgres");
    await live.connect();
    const change = (command: string) =>
      live.query("select cron.alter_job(jobid, '1 second', $1) from cron.job where jobname = 'tracegram-purge'", [
        command,
      ]);
    const last = async () =>
      (await live.query(
        `select status from cron.job_run_details join cron.job using (jobid)
       where jobname = 'tracegram-purge' and status in ('succeeded', 'failed') order by runid desc limit 1`,
      )).rows[0]?.status;
    try {
      await change("select 1 / 0");
      await expect.poll(last, { timeout: 20_000 }).toBe("failed");
      for (const minute of [0, 1]) await evaluate(db, Date.now() + minute * MINUTE);
      expect(await alertsOf(db, "cron_failed")).toMatchObject([{ value: 1, resolved_at: null }]);
      expect(await stateOf(db, "cron_failed")).toMatchObject({
        detail: expect.stringMatching(/^tracegram-purge failed: .*division by zero/),
      });
      await change("select 1");
      await expect.poll(last, { timeout: 20_000 }).toBe("succeeded");
      for (const minute of [2, 3]) await evaluate(db, Date.now() + minute * MINUTE);
      expect(await alertsOf(db, "cron_failed")).toMatchObject([{ resolved_at: expect.any(Date) }]);
    } finally {
      await live.query(
        "select cron.schedule(job, schedule, command) from tracegram.jobs where job = 'tracegram-purge'",
      );
      await live.end();
    }
  },
);

test("one that is inactive or not scheduled at all is named", async ({ db }) => {
  await allRan(db, Date.now());
  await db.query("select cron.alter_job(jobid, active => false) from cron.job where jobname = 'tracegram-fold'");
  await db.query("select cron.unschedule('tracegram-lost')");
  expect(await measure(db)).toEqual({
    value: 2,
    detail: "tracegram-fold is inactive; tracegram-lost is not scheduled",
  });
});

test("one that is scheduled for a while is looked at as well", async ({ db }) => {
  await allRan(db, Date.now());
  await db.query("select cron.schedule('tracegram-detach-trace_io', '0 0 30 2 *', 'select 1')");
  expect(await measure(db)).toMatchObject({ value: 0 });
  await db.query(
    `insert into cron.job_run_details (jobid, runid, database, username, command, status, return_message, start_time, end_time)
     select jobid, 1 + (select max(runid) from cron.job_run_details), 'postgres', current_user, command, 'failed', 'ERROR: no', now(), now()
     from cron.job where jobname = 'tracegram-detach-trace_io'`,
  );
  expect(await measure(db)).toEqual({ value: 1, detail: "tracegram-detach-trace_io failed: ERROR: no" });
});

test("what is scheduled is what there should be", async ({ db }) => {
  // Retention changes its own schedule, and schedules tracegram-detach-…, while days are leaving.
  const { rows } = await db.query(`
    select coalesce(job, jobname) as name from tracegram.jobs as j
    full join (select * from cron.job where jobname like 'tracegram-%' and jobname not like 'tracegram-detach-%') as c
      on c.jobname = j.job and c.command = j.command and (c.schedule = j.schedule or j.job = 'tracegram-retention')
    where j.job is null or c.jobname is null`);
  expect(rows).toEqual([]);
});

test("retention that cannot get rid of a day for six hours is named, with the day", async ({ db }) => {
  await allRan(db, Date.now());
  const leave = (hours: number) =>
    db.query(
      `insert into tracegram.retention_log (noted_at, what, why, table_name, day, bytes)
       select now() - $1 * interval '1 hour', 'leaving', 'expired', table_name, day, 0
       from tracegram.day_tables() where table_name = 'trace_io' order by day limit 1`,
      [hours],
    );
  await leave(5);
  expect(await measure(db)).toMatchObject({ value: 0 });
  await db.query("delete from tracegram.retention_log");
  await leave(7);
  expect(await measure(db)).toEqual({
    value: 1,
    detail: expect.stringMatching(/^tracegram-retention has not got rid of trace_io_p\d{8} for over 6 hours/),
  });
});
