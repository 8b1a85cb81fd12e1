-- 58_overview.sql — how things stand, at a glance. From rollups and small tables; sizes from the catalogue. Opens no trace.

create function tracegram.stored_runs(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, true, p_now) as g);
begin
  return query
    select r.*
    from pg_catalog.unnest(v_ranges) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = '' and l.pipeline <> ''
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r;
end;
$$;

comment on function tracegram.stored_runs(timestamptz, timestamptz, timestamptz) is
  'The fewest rows of whole runs that hold a window, without those that wait to be folded.';
revoke all on function tracegram.stored_runs(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.days_by_catalogue(p_from date, p_today date)
  returns tracegram.day_size[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
begin
  return array(
    with tables as (
      select c.oid, c.relname, c.relpages, c.reltoastrelid, i.inhparent
      from pg_catalog.pg_inherits as i
      join pg_catalog.pg_class as c on c.oid = i.inhrelid
      where i.inhparent in ('tracegram.pipeline_traces'::regclass, 'tracegram.trace_io'::regclass)
    ),
    files as (
      select t.oid, t.relpages from tables as t
      union all
      select t.oid, c.relpages from tables as t join pg_catalog.pg_class as c on c.oid = t.reltoastrelid
      union all
      select t.oid, c.relpages
      from tables as t
      join pg_catalog.pg_index as x on x.indrelid = t.oid
      join pg_catalog.pg_class as c on c.oid = x.indexrelid
    ),
    sizes as (select f.oid, pg_catalog.sum(f.relpages) as pages from files as f group by f.oid),
    days as (
      select
        pg_catalog.to_date(pg_catalog.right(t.relname, 8), 'YYYYMMDD') as day,
        8192 * coalesce(pg_catalog.sum(s.pages) filter (where t.inhparent = 'tracegram.pipeline_traces'::regclass), 0) as trace_bytes,
        8192 * coalesce(pg_catalog.sum(s.pages) filter (where t.inhparent = 'tracegram.trace_io'::regclass), 0) as io_bytes
      from tables as t
      join sizes as s on s.oid = t.oid
      where t.relname ~ '_p\d{8}$'
      group by 1
    )
    select (d.day, d.trace_bytes, d.io_bytes, coalesce(r.traces, 0))::tracegram.day_size
    from days as d
    left join (
      select l.bucket::date as day, pg_catalog.sum(l.count) as traces
      from tracegram.rollups as l
      where l.level = '1d' and l.bucket >= p_from::timestamptz and l.step = '' and l.pipeline <> ''
      group by 1
    ) as r on r.day = d.day
    where d.day <= p_today
  );
end;
$$;

comment on function tracegram.days_by_catalogue(date, date) is
  'Sizes of the days as they were when vacuum last looked, which costs nothing to ask. Good enough for a forecast.';
revoke all on function tracegram.days_by_catalogue(date, date) from public, anon, authenticated, service_role;

create function tracegram.overview(p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  -- The five minutes that it is now are in it.
  v_to      constant timestamptz := pg_catalog.date_bin('5 minutes', p_now, '2000-01-01 00:00+00') + interval '5 minutes';
  v_from    constant timestamptz := v_to - interval '24 hours';
  v_before  constant timestamptz := v_from - interval '24 hours';
  v_today   constant timestamptz := pg_catalog.date_trunc('day', p_now);
  v_month   constant timestamptz := pg_catalog.date_trunc('month', p_now);
  v_waiting constant tracegram.rollups[] := tracegram.waiting_runs(least(v_month, v_before), v_to + interval '1 hour');
  v_settings constant tracegram.settings := tracegram.settings();
  v_size    constant bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_runs    jsonb;
begin
  select pg_catalog.jsonb_object_agg(w.name, tracegram.run_stats(w.starts, w.ends, array(
    select (
      r.pipeline, r.step, r.count, r.errors, r.duration_ms, r.durations, r.input_tokens, r.cached_tokens, r.output_tokens,
      r.reasoning_tokens, r.cost_microusd, r.unpriced
    )::tracegram.span_stats
    from (
      select * from tracegram.stored_runs(w.starts, w.ends, p_now)
      union all
      select * from pg_catalog.unnest(v_waiting) as n where n.bucket >= w.starts and n.bucket < w.ends
    ) as r
  ), p_now)) into v_runs
  from (values ('window', v_from, v_to), ('before', v_before, v_from)) as w (name, starts, ends);

  v_runs := v_runs || (
    select pg_catalog.jsonb_object_agg(s.name, pg_catalog.jsonb_build_object(
      'from', tracegram.iso(s.starts), 'count', s.count, 'cost_microusd', s.cost_microusd, 'unpriced_calls', s.unpriced
    ))
    from (
      select
        w.name, w.starts, coalesce(pg_catalog.sum(r.count), 0) as count, pg_catalog.sum(r.cost_microusd) as cost_microusd,
        coalesce(pg_catalog.sum(r.unpriced), 0) as unpriced
      from (values ('today', v_today), ('month', v_month)) as w (name, starts)
      left join (
        select l.bucket, l.count, l.cost_microusd, l.unpriced
        from tracegram.rollups as l
        -- Days are whole: today's has what there is of it.
        where l.level = '1d' and l.bucket >= v_month and l.bucket < v_to and l.step = '' and l.pipeline <> ''
        union all
        select n.bucket, n.count, n.cost_microusd, n.unpriced from pg_catalog.unnest(v_waiting) as n
      ) as r on r.bucket >= w.starts
      group by w.name, w.starts
    ) as s
  );

  return v_runs || pg_catalog.jsonb_build_object(
    'series', tracegram.trace_series(p_now - interval '24 hours', p_now, 24, v_waiting, p_now),
    'storage', pg_catalog.jsonb_build_object(
      'database_bytes', v_size,
      'quota_bytes', v_settings.quota_bytes,
      'quota_share', pg_catalog.round(v_size::numeric / v_settings.quota_bytes, 4),
      'days_until_full', tracegram.days_until_full(
        v_size, tracegram.days_by_catalogue(v_today::date - v_settings.trace_days, v_today::date), v_settings, v_today::date
      )
    ),
    'alerts', pg_catalog.jsonb_build_object(
      'open', (select count(*) from tracegram.alerts as a where a.resolved_at is null),
      'newest', (
        select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'alert_id', n.alert_id, 'rule', n.rule, 'summary', r.summary, 'unit', r.unit, 'threshold', n.threshold,
          'value', coalesce(n.last_value, n.value), 'opened_at', tracegram.iso(n.opened_at)
        ) order by n.alert_id desc), '[]')
        from (select * from tracegram.alerts as a where a.resolved_at is null order by a.alert_id desc limit 3) as n
        join tracegram.alert_rules as r on r.rule = n.rule
      )
    ),
    'dropped', (select coalesce(pg_catalog.sum(d.records), 0) from tracegram.dropped as d where d.grew_at >= p_now - interval '24 hours'),
    'keys', (select count(*) from tracegram.ingest_keys as k where k.revoked_at is null),
    'last_batch_at', tracegram.iso(greatest(
      (select max(u.minute) from tracegram.ingest_usage as u), (select max(k.purged_minute) from tracegram.ingest_keys as k)
    ))
  ) || (
    select pg_catalog.jsonb_build_object(
      'running', count(*) filter (where t.status = 'running'), 'lost', count(*) filter (where t.status = 'lost')
    )
    from tracegram.unended as t
    where t.started_at >= v_from
  );
end;
$$;

comment on function tracegram.overview(timestamptz) is 'See public.overview; p_now is the time of the call.';
revoke all on function tracegram.overview(timestamptz) from public, anon, authenticated, service_role;

create function public.overview()
  returns jsonb
  language sql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.overview(pg_catalog.now());
$$;

comment on function public.overview() is
$doc$How things stand, at a glance: one call serves one screen.

Returns Overview of functions/_shared/db.ts:
window, before   the last 24 hours (up to the end of these five minutes) and those before, as trace_stats has them
today, month     {from, count, cost_microusd, unpriced_calls} since midnight and since the first of the month, UTC
series           the last 24 hours of the clock, as trace_series has them
running, lost    announced in the last 24 hours and not ended; lost: no longer expected to
storage          {database_bytes, quota_bytes, quota_share, days_until_full} as trace_storage has them, but that
                 the forecast is made from sizes that vacuum has noted
alerts           {open, newest: [{alert_id, rule, summary, unit, threshold, value, opened_at}]}: how many, and the newest three
dropped          what those senders have dropped since they started that reported more of it in the last 24 hours
keys             ingest keys that are valid
last_batch_at    the minute in which the last batch came; null: none ever$doc$;
revoke all on function public.overview() from public, anon, authenticated;
grant execute on function public.overview() to service_role;
