-- 30_partitions.sql — days ahead are made. Days behind are dropped by tracegram.retain (70_retention.sql).
--
-- 90_jobs.sql has pg_partman make them, each hour: seven days ahead always exist, so a bot keeps its place through a week
-- without that. The days behind are made here, all that are kept, so that a fresh database takes older traces too.

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

-- pg_partman's own maintenance, which the owner may run for other tables, keeps away: it makes days of the time zone of the
-- database, with holes between them and ours. It is given no retention either: it would drop days itself, and make every
-- ingest wait for the readers before it.
update partman.part_config
set automatic_maintenance = 'off'
where parent_table in ('tracegram.pipeline_traces', 'tracegram.trace_io');

reset timezone;

create function tracegram.missing_days(p_now timestamptz, p_ahead integer)
  returns table (table_name text, day timestamptz)
  language sql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO'
as $$
  select t.table_name, d.day
  from (values
    ('pipeline_traces', 'tracegram.pipeline_traces'::regclass), ('trace_io', 'tracegram.trace_io'::regclass)
  ) as t (table_name, parent)
  cross join pg_catalog.generate_series(
    pg_catalog.date_trunc('day', p_now), p_now + p_ahead * interval '1 day', interval '1 day'
  ) as d (day)
  where not exists (
    select from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where i.inhparent = t.parent
      and i.inhrelid = pg_catalog.to_regclass('tracegram.' || t.table_name || pg_catalog.to_char(d.day, '"_p"YYYYMMDD'))
      and pg_catalog.pg_get_expr(c.relpartbound, c.oid)
        = pg_catalog.format('FOR VALUES FROM (%L) TO (%L)', d.day, d.day + interval '1 day')
  )
  order by d.day, t.table_name;
$$;

comment on function tracegram.missing_days(timestamptz, integer) is
  'Days from today to p_ahead days ahead without a partition of their name that takes this UTC day, no more and no less.';
revoke all on function tracegram.missing_days(timestamptz, integer) from public, anon, authenticated, service_role;

create function tracegram.make_partitions(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' -- pg_partman's names and bounds are of the session's
as $$
begin
  -- A second caller waits for the first, and then finds them made.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.ensure_partitions'));
  -- Only what is needed: pg_partman's maintenance makes each day of a sleep, takes too long and too many locks for it.
  perform partman.create_partition_time('tracegram.' || m.table_name, m.days)
  from (
    select d.table_name, pg_catalog.array_agg(d.day order by d.day) as days
    from tracegram.missing_days(p_now, 7) as d
    group by d.table_name
  ) as m;
  return (select count(*) from tracegram.missing_days(p_now, 7));
end;
$$;

comment on function tracegram.make_partitions(timestamptz) is
$doc$Makes the partitions that are missing of today and the seven days ahead, UTC days in any time zone.

Returns how many are still missing: those whose name is taken by a table that is not their day.$doc$;
revoke all on function tracegram.make_partitions(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ensure_partitions(p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
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
  perform tracegram.make_partitions(p_now);
end;
$$;

comment on function tracegram.ensure_partitions(timestamptz) is
$doc$Makes the partitions of today and the days ahead when there is none of today's name.

pg_cron looks after them hourly. This is for a project that was paused for over a week and gets a trace before pg_cron has run.$doc$;
revoke all on function tracegram.ensure_partitions(timestamptz) from public, anon, authenticated, service_role;
