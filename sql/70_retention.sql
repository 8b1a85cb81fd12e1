-- 70_retention.sql — days behind are dropped, and no ingest waits for it.
--
-- To drop an attached partition is to lock its whole table against everyone: the drop would wait behind one long reader, and
-- every ingest behind the drop. So a day goes in steps, and the catalogue tells how far it has come:
--
--   leaving     traces_from or io_from moves past it: ingest refuses it, readers look no further back. The log has it.
--   detaching   `detach partition … concurrently` waits for those who use the table, and nobody waits for it. It cannot run
--               inside a function, so pg_cron is given the bare command. Not while the fold has traces of that day to count.
--   detached    a table of its own, and dropped.
--
-- docs/decisions/06-days-are-detached.md has what was measured.

create function tracegram.expel_days(p_table text, p_from date, p_why text, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
  update tracegram.settings as s
  set
    traces_from = case p_table when 'pipeline_traces' then p_from else s.traces_from end,
    io_from = case p_table when 'trace_io' then p_from else s.io_from end
  where p_from > case p_table when 'pipeline_traces' then s.traces_from else s.io_from end;

  insert into tracegram.retention_log (noted_at, what, why, table_name, day, bytes, row_estimate)
  select p_now, 'leaving', p_why, d.table_name, d.day, d.bytes, d.row_estimate
  from tracegram.day_tables() as d
  where d.table_name = p_table and d.state = 'attached' and d.leaving is null and d.day < p_from
  order by d.day;
$$;

comment on function tracegram.expel_days(text, date, text, timestamptz) is
  'Sends the days of a table before p_from away: they are refused from now on, and retention drops them.';
revoke all on function tracegram.expel_days(text, date, text, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.drop_day(p_day tracegram.day_table, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  -- Somebody may be reading it by its own name: then the next run drops it.
  set lock_timeout = '100ms'
as $$
begin
  execute pg_catalog.format('drop table tracegram.%I', p_day.name);
  insert into tracegram.retention_log (noted_at, what, why, table_name, day, bytes, row_estimate)
  values (p_now, 'dropped', p_day.leaving, p_day.table_name, p_day.day, p_day.bytes, p_day.row_estimate);
exception when lock_not_available then
  null;
end;
$$;

comment on function tracegram.drop_day(tracegram.day_table, timestamptz) is 'Drops a day that is detached.';
revoke all on function tracegram.drop_day(tracegram.day_table, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.detach_day(p_table text, p_day tracegram.day_table)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- pg_cron knows no "once": it runs in seven seconds, and retention is back in ten and takes it away before it repeats.
  c_soon    constant text := '7 seconds';
  c_never   constant text := '0 0 30 2 *';
  v_name    constant text := 'tracegram-detach-' || p_table;
  v_prefix  constant text := pg_catalog.format('alter table tracegram.%I detach partition', p_table);
  v_command constant text := v_prefix || ' tracegram.' || pg_catalog.quote_ident(p_day.name)
    || case p_day.state when 'detaching' then ' finalize' else ' concurrently' end;
  v_job     bigint := (select j.jobid from cron.job as j where j.jobname = v_name);
begin
  if exists (
    select from pg_catalog.pg_stat_activity as a
    where a.state = 'active' and a.pid <> pg_catalog.pg_backend_pid() and pg_catalog.starts_with(a.query, v_prefix)
  ) then
    -- It waits for somebody. To unschedule it would be to stop it.
    perform cron.alter_job(v_job, schedule => c_never) where v_job is not null;
    return;
  end if;
  if exists (select from cron.job as j where j.jobid = v_job and j.command = v_command and j.schedule = c_soon) then
    return; -- it has not run yet, or has failed and is tried again
  end if;
  -- A new job, for its seven seconds count from now.
  perform cron.unschedule(v_job) where v_job is not null;
  perform cron.schedule(v_name, c_soon, v_command) where p_day.name is not null;
end;
$$;

comment on function tracegram.detach_day(text, tracegram.day_table) is
  'Has pg_cron detach this day of a table, or end a detach that was interrupted. Null: there is nothing to detach.';
revoke all on function tracegram.detach_day(text, tracegram.day_table) from public, anon, authenticated, service_role;

create function tracegram.retain(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_today    constant date := p_now::date;
  v_settings constant tracegram.settings := tracegram.settings();
  v_days     tracegram.day_table[];
  v_day      tracegram.day_table;
  v_table    text;
  v_left     integer;
begin
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.retain')) then
    return null;
  end if;
  -- The newest must not go before the next are there: pg_partman makes days after a day.
  perform tracegram.ensure_partitions(p_now);

  v_days := array(select d from tracegram.day_tables() as d where d.leaving is not null order by d.day);
  foreach v_table in array array['pipeline_traces', 'trace_io'] loop
    for v_day in
      select d.* from pg_catalog.unnest(v_days) as d where d.table_name = v_table and d.state = 'detached'
    loop
      perform tracegram.drop_day(v_day, p_now);
    end loop;
    -- One at a time: a table has at most one partition that is detaching.
    select d.* into v_day
    from pg_catalog.unnest(v_days) as d
    where d.table_name = v_table and d.state <> 'detached'
    order by d.state = 'detaching' desc, d.day
    limit 1;
    -- What waits for the fold is counted from its traces.
    if v_table = 'pipeline_traces' and v_day.state = 'attached' and exists (
      select
      from tracegram.batches as b
      cross join lateral pg_catalog.unnest(b.ended) as e (trace_id)
      where e.trace_id >= tracegram.first_id(v_day.day) and e.trace_id < tracegram.first_id(v_day.day + 1)
    ) then
      v_day := null;
    end if;
    perform tracegram.detach_day(v_table, v_day);
  end loop;

  -- What leaves now is detached by the next run: until then, what still came in is counted by the fold.
  perform tracegram.expel_days(k.table_name, coalesce(d.oldest, k.day), 'expired', p_now)
  from (values
    ('pipeline_traces', v_today - v_settings.trace_days), ('trace_io', v_today - v_settings.io_days)
  ) as k (table_name, day)
  cross join lateral (
    select min(t.day) as oldest
    from tracegram.day_tables() as t
    where t.table_name = k.table_name and t.state = 'attached' and t.day >= k.day
  ) as d;

  select count(*) into v_left from tracegram.day_tables() as d where d.leaving is not null;
  perform cron.alter_job(j.jobid, schedule => s.schedule)
  from cron.job as j
  cross join (select case v_left when 0 then '* * * * *' else '10 seconds' end as schedule) as s
  where j.jobname = 'tracegram-retention' and j.schedule <> s.schedule;
  return v_left;
end;
$$;

comment on function tracegram.retain(timestamptz) is
$doc$Takes the days that are older than the settings keep, and those that the quota guard has sent away, a step further.

Runs each minute, and every ten seconds while there are such days: each takes about that long.

Returns how many are left; null while another call is at work.$doc$;
revoke all on function tracegram.retain(timestamptz) from public, anon, authenticated, service_role;
