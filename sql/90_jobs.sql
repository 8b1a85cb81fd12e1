-- 90_jobs.sql — what pg_cron does, and when (UTC).
--
-- Scheduling a job of an existing name replaces it.

create function tracegram.purge(p_now timestamptz default now())
  returns void
  language sql
  set search_path = ''
as $$
  delete from tracegram.seen_updates where claimed_at < p_now - interval '2 days';
  select tracegram.purge_usage(p_now);
  -- pg_cron never does this itself.
  delete from cron.job_run_details where end_time < p_now - interval '7 days';
  -- Of jobs that run all the time, a day of successes is enough.
  delete from cron.job_run_details where status = 'succeeded' and end_time < p_now - interval '1 day';
  select tracegram.purge_rollups(p_now);
  select tracegram.purge_gaps(p_now);
  select tracegram.purge_responses(p_now);
  delete from tracegram.retention_log where noted_at < p_now - interval '90 days';
$$;

comment on function tracegram.purge(timestamptz) is
$doc$Deletes what small tables no longer need: update ids and usage after 2 days, pg_cron's run history after 7, responses
of the admin bot after 30.

Telegram redelivers an update for at most 24 hours.$doc$;
revoke all on function tracegram.purge(timestamptz) from public, anon, authenticated, service_role;

-- Hourly, so that a missed run costs nothing: partitions are made seven days ahead.
select cron.schedule('tracegram-partitions', '7 * * * *', 'call partman.run_maintenance_proc()');
select cron.schedule('tracegram-purge', '37 * * * *', 'select tracegram.purge()');
-- Readers add what waits to what is folded, so this only keeps that small.
select cron.schedule('tracegram-fold', '15 seconds', 'select tracegram.fold_batches()');
select cron.schedule('tracegram-lost', '* * * * *', 'select tracegram.mark_lost()');
-- It comes back sooner by itself while a day is leaving, and schedules tracegram-detach-… for that.
select cron.schedule('tracegram-retention', '* * * * *', 'select tracegram.retain()');
select cron.schedule('tracegram-quota', '*/10 * * * *', 'select tracegram.guard_quota()');
