-- 57_trace_series.sql — how the bot did over a window, in equal stretches of time: what charts are drawn of. From rollups alone.

create function tracegram.waiting_runs(p_from timestamptz, p_to timestamptz)
  returns tracegram.rollups[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ids constant uuid[] := array(select pg_catalog.unnest(b.ended) from tracegram.batches as b);
begin
  -- Mostly nothing waits, and then no day is opened.
  if pg_catalog.cardinality(v_ids) = 0 then
    return array[]::tracegram.rollups[];
  end if;
  return array(
    select r
    from tracegram.roll_up(array(select t from tracegram.find_traces(v_ids, p_from, p_to) as t), array[]::tracegram.batches[]) as r
    where r.step = ''
  );
end;
$$;

comment on function tracegram.waiting_runs(timestamptz, timestamptz) is
  'The 5m rows of whole runs that started in [p_from, p_to) and wait to be folded.';
revoke all on function tracegram.waiting_runs(timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.series_bucket(p_from timestamptz, p_to timestamptz, p_points integer, p_now timestamptz)
  returns interval
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted constant numeric := pg_catalog.date_part('epoch', p_to - p_from) / 60 / p_points;
  -- As fine as rollups of whole runs are at its start.
  v_least  constant integer := case
    when p_from >= pg_catalog.date_trunc('day', p_now, 'UTC') - interval '31 days' then 5
    when p_from >= pg_catalog.date_trunc('day', p_now, 'UTC') - interval '61 days' then 60
    else 1440
  end;
begin
  return pg_catalog.make_interval(mins => coalesce(
    -- Those that a day is made of, so that hours start on the hour and days at midnight.
    (
      select min(m.minutes)
      from pg_catalog.unnest(array[5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440]) as m (minutes)
      where m.minutes >= greatest(v_wanted, v_least)
    ),
    1440 * pg_catalog.ceil(v_wanted / 1440)::integer
  ));
end;
$$;

comment on function tracegram.series_bucket(timestamptz, timestamptz, integer, timestamptz) is
  'The shortest stretch that a window is shown in by so many points at most.';
revoke all on function tracegram.series_bucket(timestamptz, timestamptz, integer, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.trace_series(
  p_from timestamptz, p_to timestamptz, p_points integer, p_waiting tracegram.rollups[], p_now timestamptz
)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  c_origin constant timestamptz := timestamptz '2000-01-01 00:00+00';
  v_bucket constant interval := tracegram.series_bucket(p_from, p_to, p_points, p_now);
  v_level  constant text := case when v_bucket < interval '1 hour' then '5m' when v_bucket < interval '1 day' then '1h' else '1d' end;
  v_to     constant timestamptz := pg_catalog.date_bin(v_bucket, p_to - interval '1 microsecond', c_origin) + v_bucket;
  v_points constant integer :=
    pg_catalog.ceil(pg_catalog.date_part('epoch', p_to - p_from) / pg_catalog.date_part('epoch', v_bucket));
  v_from   constant timestamptz := v_to - v_points * v_bucket;
begin
  return pg_catalog.jsonb_build_object(
    'from', tracegram.iso(v_from),
    'to', tracegram.iso(v_to),
    'bucket_s', pg_catalog.date_part('epoch', v_bucket),
    'points', (
      with runs as (
        select r.bucket, r.count, r.errors, r.durations, r.cost_microusd
        from tracegram.rollups as r
        where r.level = v_level and r.bucket >= v_from and r.bucket < v_to and r.step = '' and r.pipeline <> ''
        union all
        select w.bucket, w.count, w.errors, w.durations, w.cost_microusd
        from pg_catalog.unnest(p_waiting) as w
        where w.bucket >= v_from and w.bucket < v_to
      ),
      points as (
        select
          pg_catalog.date_bin(v_bucket, r.bucket, c_origin) as at, pg_catalog.sum(r.count) as count,
          pg_catalog.sum(r.errors) as errors, tracegram.percentiles(pg_catalog.array_agg(r.durations)) as durations,
          pg_catalog.sum(r.cost_microusd) as cost_microusd
        from runs as r
        group by 1
      )
      select pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'at', tracegram.iso(b.at),
          'count', coalesce(p.count, 0),
          'errors', coalesce(p.errors, 0),
          'p50_ms', p.durations -> 'p50_ms',
          'p95_ms', p.durations -> 'p95_ms',
          'cost_microusd', p.cost_microusd
        ) order by b.at
      )
      from pg_catalog.generate_series(v_from, v_to - v_bucket, v_bucket) as b (at)
      left join points as p on p.at = b.at
    )
  );
end;
$$;

comment on function tracegram.trace_series(timestamptz, timestamptz, integer, tracegram.rollups[], timestamptz) is
  'See public.trace_series; p_waiting are the rows of what waits to be folded, p_now is the time of the call.';
revoke all on function tracegram.trace_series(timestamptz, timestamptz, integer, tracegram.rollups[], timestamptz)
from public, anon, authenticated, service_role;

create function public.trace_series(
  p_from   timestamptz default null,
  p_to     timestamptz default null,
  p_points integer     default 24
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_to     constant timestamptz := coalesce(p_to, pg_catalog.now());
  v_from   constant timestamptz := coalesce(p_from, v_to - interval '24 hours');
  v_points constant integer := least(greatest(coalesce(p_points, 24), 1), 168);
begin
  if v_from >= v_to or v_to - v_from > interval '400 days' then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('a window from %s to %s', v_from, v_to),
      hint    = 'p_from must be before p_to, by 400 days at most.';
  end if;
  return tracegram.trace_series(
    v_from, v_to, v_points,
    -- Widened by the longest that the window can be moved.
    tracegram.waiting_runs(v_from - (v_to - v_from), v_to + (v_to - v_from) + interval '1 day'), pg_catalog.now()
  );
end;
$$;

comment on function public.trace_series(timestamptz, timestamptz, integer) is
$doc$How the bot did over a window, in equal stretches of time, none left out: one call serves one chart.

p_from, p_to  the window; null: the last 24 hours, up to now.
p_points      stretches at most, 1..168; other values are brought into that range.

Returns Series of functions/_shared/db.ts: {from, to, bucket_s, points: [{at, count, errors, p50_ms, p95_ms (each within 5 %),
cost_microusd}]}, oldest first. A stretch is 5, 10, 15, 20 or 30 minutes, 1, 2, 3, 4, 6, 8 or 12 hours, or whole days, at least an
hour where the window starts over 31 days ago and a day over 61 days ago. The last one has p_to in it, so of a window up to now
it is not over yet. Runs count when they have ended, where they started. Unknown is null.

22023  the window is empty or over 400 days  (do not retry)$doc$;
revoke all on function public.trace_series(timestamptz, timestamptz, integer) from public, anon, authenticated;
grant execute on function public.trace_series(timestamptz, timestamptz, integer) to service_role;
