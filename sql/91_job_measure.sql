-- 91_job_measure.sql — how the rule of the scheduled jobs stands. See 81_alert_measures.sql.

create function tracegram.measure_cron_failed(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with jobs as (
    select
      coalesce(j.job, c.jobname) as job,
      case
        when c.jobid is null then 'is not scheduled'
        when not c.active then 'is inactive'
        when last.status = 'failed' then
          'failed: ' || pg_catalog.left(pg_catalog.split_part(last.return_message, E'\n', 1), 200)
        -- What was not due yet since the job was made, or since the server was away, is not late.
        when greatest(j.scheduled_at, pg_catalog.pg_postmaster_start_time(), (
          select pg_catalog.max(d.end_time)
          from cron.job_run_details as d
          where d.jobid = c.jobid and d.status = 'succeeded'
        )) < p_now - 2 * j.period - interval '5 minutes' then
          'has not succeeded for over ' || 2 * j.period + interval '5 minutes'
        when j.job = 'tracegram-retention' then (
          select 'has not got rid of ' || pg_catalog.min(d.name) || ' for over 6 hours: an old transaction may use it'
          from tracegram.day_tables() as d
          where d.leaving is not null and not exists (
            -- How long it has been leaving is in its last entry.
            select from tracegram.retention_log as l
            where l.table_name = d.table_name and l.day = d.day and l.what = 'leaving'
              and l.noted_at > p_now - interval '6 hours'
          )
        )
      end as why
    from tracegram.jobs as j
    full join (select * from cron.job where jobname like 'tracegram-%') as c on c.jobname = j.job
    left join lateral (
      select d.status, d.return_message
      from cron.job_run_details as d
      where d.jobid = c.jobid and d.status in ('succeeded', 'failed')
      order by d.runid desc
      limit 1
    ) as last on true
  )
  select
    count(j.why),
    coalesce(
      pg_catalog.string_agg(j.job || ' ' || j.why, '; ' order by j.job) filter (where j.why is not null),
      pg_catalog.format('all %s jobs run', count(*))
    )
  from jobs as j;
$$;

comment on function tracegram.measure_cron_failed(timestamptz) is
$doc$Jobs of tracegram.jobs that are not scheduled or late, and those and all others of ours that are inactive or failed when
they last ran; and retention, when a day has been leaving for over 6 hours.

Late is a job that has not succeeded for twice its period and five minutes. When pg_cron itself stands still, nobody
evaluates this: evaluated_at of list_alerts tells.$doc$;
revoke all on function tracegram.measure_cron_failed(timestamptz) from public, anon, authenticated, service_role;
