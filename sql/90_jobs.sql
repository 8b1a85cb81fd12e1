-- 90_jobs.sql — what pg_cron does, and when (UTC).
--
-- Scheduling a job of an existing name replaces it.

create table tracegram.jobs (
  job          text primary key check (job ~ '^tracegram-[a-z]+$'),
  schedule     text not null,
  period       interval not null,
  command      text not null,
  scheduled_at timestamptz(3) not null default now()
);
alter table tracegram.jobs enable row level security;

comment on table tracegram.jobs is 'What pg_cron should be doing, so that an alert tells when it is not (91_job_measure.sql).';
comment on column tracegram.jobs.job is 'Name of the job.';
comment on column tracegram.jobs.schedule is 'When, as pg_cron takes it.';
comment on column tracegram.jobs.period is 'How far apart that is. A job that has not succeeded for twice as long is late.';
comment on column tracegram.jobs.command is 'What.';
comment on column tracegram.jobs.scheduled_at is 'Since when.';

create function tracegram.purge(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.seen_updates where claimed_at < p_now - interval '2 days';
  select tracegram.purge_usage(p_now);
  -- pg_cron never does this itself.
  delete from cron.job_run_details where end_time < p_now - interval '7 days';
  -- Of jobs that run all the time, what went well is of no interest a few hours later.
  delete from cron.job_run_details as d
  using cron.job as c, tracegram.jobs as j
  where c.jobid = d.jobid and j.job = c.jobname and d.status = 'succeeded'
    and d.end_time < p_now - greatest(3 * j.period, interval '3 hours');
  select tracegram.purge_rollups(p_now);
  select tracegram.purge_gaps(p_now);
  select tracegram.purge_dropped(p_now);
  select tracegram.purge_responses(p_now);
  select tracegram.purge_admins(p_now);
  select tracegram.purge_filters(p_now);
  select tracegram.purge_synthetic(p_now);
  delete from tracegram.retention_log where noted_at < p_now - interval '90 days';
  delete from tracegram.alerts where resolved_at < p_now - interval '90 days';
  delete from tracegram.plan_checks where checked_at < p_now - interval '30 days';
$$;

comment on function tracegram.purge(timestamptz) is
$doc$Deletes what small tables no longer need: update ids and usage after 2 days, pg_cron's run history after 7, responses
of the admin bot and plan checks after 30, resolved alerts and unused filters of lists after 90, what admins did and runs of
synthetic tests after 400.

Telegram redelivers an update for at most 24 hours.$doc$;
revoke all on function tracegram.purge(timestamptz) from public, anon, authenticated, service_role;

insert into tracegram.jobs (job, schedule, period, command)
values
  -- Hourly, so that a missed run costs nothing: partitions are made seven days ahead.
  ('tracegram-partitions', '7 * * * *',    '1 hour',     'select tracegram.make_partitions()'),
  ('tracegram-purge',      '37 * * * *',   '1 hour',     'select tracegram.purge()'),
  -- Readers add what waits to what is folded, so this only keeps that small.
  ('tracegram-fold',       '5 seconds',    '5 seconds',  'select tracegram.fold_batches()'),
  ('tracegram-lost',       '* * * * *',    '1 minute',   'select tracegram.mark_lost()'),
  -- It comes back sooner by itself while a day is leaving, and schedules tracegram-detach-… for that.
  ('tracegram-retention',  '* * * * *',    '1 minute',   'select tracegram.retain()'),
  ('tracegram-quota',      '*/10 * * * *', '10 minutes', 'select tracegram.guard_quota()'),
  ('tracegram-alerts',     '* * * * *',    '1 minute',   'select tracegram.watch()'),
  ('tracegram-synthetic',  '* * * * *',    '1 minute',   'select tracegram.tend_synthetic_runs()'),
  ('tracegram-plans',      '17 3 * * *',   '1 day',      'select tracegram.check_plans()');

select cron.schedule(job, schedule, command) from tracegram.jobs;
