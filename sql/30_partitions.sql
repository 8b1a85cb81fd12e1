-- 30_partitions.sql — days ahead are made. Days behind are dropped by tracegram.retain (70_retention.sql).
--
-- pg_partman makes them when 90_jobs.sql calls it: seven days ahead always exist, so a bot keeps its place through a week
-- without maintenance. The days behind are made here, all that are kept, so that a fresh database takes older traces too.

-- Days are UTC days, whatever time zone the session that runs this migration has.
set timezone = 'UTC';

select partman.create_parent(
  p_parent_table    => 'tracegram.pipeline_traces',
  p_control         => 'started_at',
  p_interval        => '1 day',
  p_premake         => 7,
  p_start_partition => (now() - interval '30 days')::date::text,
  p_template_table  => 'false', -- a partition is made like its parent; there is nothing to add
  -- Without a default partition a trace of a day that is gone is refused, rather than kept where nothing ever drops it.
  p_default_table   => false
);
select partman.create_parent(
  p_parent_table    => 'tracegram.trace_io',
  p_control         => 'started_at',
  p_interval        => '1 day',
  p_premake         => 7,
  p_start_partition => (now() - interval '7 days')::date::text,
  p_template_table  => 'false',
  p_default_table   => false
);

-- Also for a bot that nobody wrote to for a month. pg_partman is given no retention: it would drop days itself, and make every
-- ingest wait for the readers before it.
update partman.part_config
set infinite_time_partitions = true
where parent_table in ('tracegram.pipeline_traces', 'tracegram.trace_io');

reset timezone;

create function tracegram.ensure_partitions(p_now timestamptz)
  returns void
  language plpgsql
  set search_path = ''
  set timezone = 'UTC'
as $$
declare
  -- The last day that a trace of now may belong to (TG012 beyond it).
  v_day constant text := pg_catalog.to_char(p_now + interval '1 hour', '"_p"YYYYMMDD');
begin
  if pg_catalog.to_regclass('tracegram.pipeline_traces' || v_day) is not null
    and pg_catalog.to_regclass('tracegram.trace_io' || v_day) is not null
  then
    return;
  end if;
  -- A second caller waits for the first, and then finds them made.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.ensure_partitions'));
  -- Only what is needed: pg_partman's maintenance would make each day of the sleep, and take too long and too many locks for it.
  perform partman.create_partition_time(t.name, array(
    select pg_catalog.generate_series(pg_catalog.date_trunc('day', p_now), p_now + interval '7 days', interval '1 day')
  ))
  from (values ('tracegram.pipeline_traces'), ('tracegram.trace_io')) as t (name);
end;
$$;

comment on function tracegram.ensure_partitions(timestamptz) is
$doc$Makes the partitions of today and the days ahead when today's is missing.

pg_cron does that hourly. This is for a project that was paused for over a week and gets a trace before pg_cron has run.$doc$;
revoke all on function tracegram.ensure_partitions(timestamptz) from public, anon, authenticated, service_role;
