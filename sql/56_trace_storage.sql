-- 56_trace_storage.sql — what the traces cost: bytes, growth, days until the quota is full, money.
--
-- Reads sizes from the catalogue and counts from the rollups; opens no trace.

create type tracegram.day_size as (
  day         date,
  trace_bytes bigint,
  io_bytes    bigint,
  traces      bigint
);
comment on type tracegram.day_size is 'Bytes of a day of traces and of I/O, with indexes, and how many traces have ended in it.';

create function tracegram.full_days(p_days tracegram.day_size[], p_today date)
  returns setof tracegram.day_size
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select d.*
    from pg_catalog.unnest(p_days) as d
    -- A bot that came three days ago has grown for three days.
    where d.day between p_today - 7 and p_today - 1
      and d.day >= (select min(f.day) from pg_catalog.unnest(p_days) as f where f.traces > 0);
end;
$$;

comment on function tracegram.full_days(tracegram.day_size[], date) is 'The last seven days that are over, from the first with traces on.';
revoke all on function tracegram.full_days(tracegram.day_size[], date) from public, anon, authenticated, service_role;

create function tracegram.days_until_full(
  p_size bigint, p_days tracegram.day_size[], p_settings tracegram.settings, p_today date
)
  returns integer
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_full record; -- means of the last seven days that are over
begin
  if p_size >= p_settings.quota_bytes then
    return 0;
  end if;
  select pg_catalog.avg(d.trace_bytes) as trace_bytes, pg_catalog.avg(d.io_bytes) as io_bytes into v_full
  from tracegram.full_days(p_days, p_today) as d;
  -- Day by day: what comes in, less the days that expire. After trace_days all has been replaced, and nothing grows any more.
  return (
    select min(k)
    from pg_catalog.generate_series(1, p_settings.trace_days + 1) as k
    cross join lateral (
      select
        coalesce(pg_catalog.sum(d.trace_bytes) filter (where d.day < p_today + k - p_settings.trace_days), 0)
          + coalesce(pg_catalog.sum(d.io_bytes) filter (where d.day < p_today + k - p_settings.io_days), 0)
          + greatest(0, k - p_settings.io_days - 1) * v_full.io_bytes as bytes
      from pg_catalog.unnest(p_days) as d
    ) as expired
    where p_size + k * (v_full.trace_bytes + v_full.io_bytes) - expired.bytes > p_settings.quota_bytes
  );
end;
$$;

comment on function tracegram.days_until_full(bigint, tracegram.day_size[], tracegram.settings, date) is
  'Days until a database of p_size bytes reaches its quota, as the last days went. Null: never, or not known yet.';
revoke all on function tracegram.days_until_full(bigint, tracegram.day_size[], tracegram.settings, date)
from public, anon, authenticated, service_role;

create function tracegram.trace_storage(p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_size     constant bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_today    constant date := p_now::date;
  v_tables   constant tracegram.day_table[] := array(select d from tracegram.day_tables() as d where d.state = 'attached');
  v_days     tracegram.day_size[];
  v_full     record; -- of the last seven days that are over: sums and means
  v_rollups  constant bigint :=
    pg_catalog.pg_total_relation_size('tracegram.rollups') + pg_catalog.pg_total_relation_size('tracegram.error_rollups');
begin
  v_days := array(
    select (
      t.day,
      coalesce(pg_catalog.sum(t.bytes) filter (where t.table_name = 'pipeline_traces'), 0),
      coalesce(pg_catalog.sum(t.bytes) filter (where t.table_name = 'trace_io'), 0),
      (
        select coalesce(pg_catalog.sum(r.count), 0)
        from tracegram.rollups as r
        where r.level = '1d' and r.bucket = t.day::timestamptz and r.step = '' and r.pipeline <> ''
      )
    )::tracegram.day_size
    from pg_catalog.unnest(v_tables) as t
    where t.day <= v_today
    group by t.day
    order by t.day desc
  );

  select
    pg_catalog.sum(d.trace_bytes) / nullif(pg_catalog.sum(d.traces), 0) as bytes_per_trace,
    pg_catalog.sum(d.io_bytes) / nullif(pg_catalog.sum(d.traces), 0) as io_bytes_per_trace,
    pg_catalog.avg(d.trace_bytes) as trace_bytes, pg_catalog.avg(d.io_bytes) as io_bytes
  into v_full
  from tracegram.full_days(v_days, v_today) as d;

  return pg_catalog.jsonb_build_object(
    'database_bytes', v_size,
    'quota_bytes', v_settings.quota_bytes,
    'quota_share', pg_catalog.round(v_size::numeric / v_settings.quota_bytes, 4),
    'tables', (
      select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t) order by t.table desc)
      from (
        select
          d.table_name as table, pg_catalog.sum(d.bytes) as bytes, pg_catalog.sum(d.row_estimate) as rows_estimate,
          min(d.day) as oldest_day, count(*) filter (where d.day <= v_today) as days
        from pg_catalog.unnest(v_tables) as d
        group by d.table_name
      ) as t
    ),
    'rollup_bytes', v_rollups,
    'days', pg_catalog.to_jsonb(v_days),
    'bytes_per_trace', pg_catalog.round(v_full.bytes_per_trace),
    'io_bytes_per_trace', pg_catalog.round(v_full.io_bytes_per_trace),
    'growth_bytes_per_day', pg_catalog.round(v_full.trace_bytes + v_full.io_bytes),
    'steady_bytes', pg_catalog.round(
      (v_settings.trace_days + 1) * v_full.trace_bytes + (v_settings.io_days + 1) * v_full.io_bytes + v_rollups
    ),
    'days_until_full', tracegram.days_until_full(v_size, v_days, v_settings, v_today)
  ) || (
    select pg_catalog.jsonb_build_object(
      'large_traces', coalesce(pg_catalog.sum(r.large), 0),
      'cost_microusd_per_1000_traces', pg_catalog.round(1000 * pg_catalog.sum(r.cost_microusd) / pg_catalog.sum(r.count))
    )
    from tracegram.rollups as r
    where r.level = '1d' and r.bucket >= (v_today - 7)::timestamptz and r.step = '' and r.pipeline <> ''
  ) || (
    select pg_catalog.jsonb_build_object(
      'ingest_p95_ms', tracegram.percentiles(pg_catalog.array_agg(r.durations)) -> 'p95_ms'
    )
    from tracegram.rollups as r
    where r.level = '1h' and r.bucket > p_now - interval '24 hours' and r.pipeline = '' and r.step = 'ingest'
  ) || pg_catalog.jsonb_build_object('gaps', (
    select pg_catalog.jsonb_build_object(
      'orphan_steps', coalesce(pg_catalog.sum(r.orphans) filter (where r.step <> ''), 0),
      'no_steps', coalesce(pg_catalog.sum(r.stepless), 0)
    )
    from tracegram.rollup_ranges(p_now - interval '24 hours', p_now, false, p_now) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r
  ) || (
    select pg_catalog.jsonb_build_object(
      'lost', count(*) filter (where t.status = 'lost'), 'running', count(*) filter (where t.status = 'running')
    )
    from tracegram.unended as t
    where t.started_at >= p_now - interval '24 hours'
  ) || pg_catalog.jsonb_build_object(
    'dropped', tracegram.dropped_summary(p_now - interval '24 hours', p_now + interval '1 hour') - 'senders'
  )) || pg_catalog.jsonb_build_object(
    'settings', pg_catalog.jsonb_build_object(
      'trace_days', v_settings.trace_days,
      'io_days', v_settings.io_days,
      'io_sample_percent', least(v_settings.io_sample_percent, v_settings.guard_io_sample_percent),
      'traces_from', tracegram.iso(v_settings.traces_from),
      'io_from', tracegram.iso(v_settings.io_from)
    ),
    'guard', pg_catalog.jsonb_build_object(
      'io_sample_percent', v_settings.guard_io_sample_percent,
      'steps', (
        select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
          'noted_at', tracegram.iso(l.noted_at), 'what', l.what, 'table', l.table_name, 'day', l.day, 'bytes', l.bytes,
          'detail', l.detail
        )) order by l.entry_id desc), '[]')
        from (select * from tracegram.retention_log where why = 'quota' order by entry_id desc limit 5) as l
      )
    )
  );
end;
$$;

comment on function tracegram.trace_storage(timestamptz) is
  'See public.trace_storage; p_now is the time of the report.';
revoke all on function tracegram.trace_storage(timestamptz) from public, anon, authenticated, service_role;

create function public.trace_storage()
  returns jsonb
  language sql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.trace_storage(pg_catalog.now());
$$;

comment on function public.trace_storage() is
$doc$What is stored, what it costs, and how long it will fit: one call serves one screen.

Returns
database_bytes, quota_bytes, quota_share   the whole database, the plan's limit, and the one as a share of the other
tables        [{table, bytes, rows_estimate, oldest_day, days}] of pipeline_traces and trace_io; days are up to today
rollup_bytes  of the rollups
days          [{day, trace_bytes, io_bytes, traces}], newest first; traces: those that have ended, exact but for some seconds
bytes_per_trace, io_bytes_per_trace   with indexes, over the last seven days that are over; null without traces
growth_bytes_per_day   what a day brings, over the same days; null before a day is over
steady_bytes           what traces and I/O will hold when each day brings that and an expired one goes, and the rollups of today
days_until_full        at that rate, with the days that expire until then; null: never, or not known yet
large_traces           rows over 5 kB of the last seven days and today
cost_microusd_per_1000_traces   of the same days; traces without a known cost count as free, and null: no cost is known
ingest_p95_ms          of the calls of the last 24 hours; null without
settings      what is in force: {trace_days, io_days, io_sample_percent, traces_from, io_from}
guard         {io_sample_percent (null: as the owner has set), steps: the quota guard's last five, newest first}
gaps          of the last 24 hours: {orphan_steps, no_steps, lost, running, dropped: {records, reasons}} as trace_gaps has them$doc$;
revoke all on function public.trace_storage() from public, anon, authenticated;
grant execute on function public.trace_storage() to service_role;
