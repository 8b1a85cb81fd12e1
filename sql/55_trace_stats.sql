-- 55_trace_stats.sql — how the bot did in a window, against the window before. From rollups alone.

create type tracegram.span_stats as (
  pipeline         text,
  step             text,
  count            bigint,
  errors           bigint,
  duration_ms      numeric,
  durations        tracegram.histogram,
  input_tokens     bigint,
  cached_tokens    bigint,
  output_tokens    bigint,
  reasoning_tokens bigint,
  cost_microusd    bigint,
  unpriced         bigint
);
comment on type tracegram.span_stats is
  'The rollups of a window, added up per pipeline and step. durations is null of steps that are not among the five slowest.';

create function tracegram.span_stats(p_from timestamptz, p_to timestamptz, p_runs_only boolean, p_now timestamptz)
  returns tracegram.span_stats[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    with buckets as materialized (
      select * from tracegram.rollup_rows(p_from, p_to, p_runs_only, p_now) as r where r.pipeline <> ''
    ),
    sums as (
      select
        b.pipeline, b.step, pg_catalog.sum(b.count) as count, pg_catalog.sum(b.errors) as errors,
        pg_catalog.sum(b.duration_ms) as duration_ms, pg_catalog.sum(b.input_tokens) as input_tokens,
        pg_catalog.sum(b.cached_tokens) as cached_tokens, pg_catalog.sum(b.output_tokens) as output_tokens,
        pg_catalog.sum(b.reasoning_tokens) as reasoning_tokens, pg_catalog.sum(b.cost_microusd) as cost_microusd,
        pg_catalog.sum(b.unpriced) as unpriced,
        pg_catalog.row_number() over (
          -- As trace_stats orders them, or one that it shows would be without its durations.
          partition by b.step = ''
          order by pg_catalog.round(pg_catalog.sum(b.duration_ms) / pg_catalog.sum(b.count), 1) desc, b.pipeline, b.step
        ) as slowest
      from buckets as b
      group by b.pipeline, b.step
    ),
    merged as (
      -- Most of the work: not for steps that are not shown.
      select b.pipeline, b.step, tracegram.merge_histograms(pg_catalog.array_agg(b.durations)) as durations
      from buckets as b
      where b.step = '' or (b.pipeline, b.step) in (select s.pipeline, s.step from sums as s where s.step <> '' and s.slowest <= 5)
      group by b.pipeline, b.step
    )
    select (
      s.pipeline, s.step, s.count, s.errors, s.duration_ms, m.durations,
      s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.cost_microusd, s.unpriced
    )::tracegram.span_stats
    from sums as s
    left join merged as m on m.pipeline = s.pipeline and m.step = s.step
  );
end;
$$;

comment on function tracegram.span_stats(timestamptz, timestamptz, boolean, timestamptz) is 'Each pipeline and step of a window, or only whole runs.';
revoke all on function tracegram.span_stats(timestamptz, timestamptz, boolean, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.run_stats(p_from timestamptz, p_to timestamptz, p_spans tracegram.span_stats[], p_now timestamptz)
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Of a window that has not passed yet, what has passed of it.
  v_hours constant numeric := pg_catalog.date_part('epoch', least(p_to, greatest(p_now, p_from + interval '5 minutes')) - p_from) / 3600;
begin
  return (
    select pg_catalog.jsonb_build_object(
      'from', tracegram.iso(p_from),
      'to', tracegram.iso(p_to),
      'count', coalesce(pg_catalog.sum(r.count), 0),
      'errors', coalesce(pg_catalog.sum(r.errors), 0),
      'error_rate', pg_catalog.round(pg_catalog.sum(r.errors) / nullif(pg_catalog.sum(r.count), 0), 4),
      'per_hour', pg_catalog.round(coalesce(pg_catalog.sum(r.count), 0) / v_hours, 2),
      'input_tokens', pg_catalog.sum(r.input_tokens),
      'cached_tokens', pg_catalog.sum(r.cached_tokens),
      'output_tokens', pg_catalog.sum(r.output_tokens),
      'reasoning_tokens', pg_catalog.sum(r.reasoning_tokens),
      'cost_microusd', pg_catalog.sum(r.cost_microusd),
      'unpriced_calls', coalesce(pg_catalog.sum(r.unpriced), 0)
    ) || tracegram.percentiles(pg_catalog.array_agg(r.durations))
    from pg_catalog.unnest(p_spans) as r
    where r.step = ''
  );
end;
$$;

comment on function tracegram.run_stats(timestamptz, timestamptz, tracegram.span_stats[], timestamptz) is
  'RunStats of functions/_shared/db.ts: all runs of a window.';
revoke all on function tracegram.run_stats(timestamptz, timestamptz, tracegram.span_stats[], timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.trace_stats(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_length constant interval := p_to - p_from;
  -- As fine as rollups are at the start of the window before, so that both windows have the same length.
  v_grain  constant text := case
    when p_from - v_length >= pg_catalog.date_trunc('hour', p_now) - interval '49 hours' then '5 minutes'
    when p_from - v_length >= pg_catalog.date_trunc('day', p_now) - interval '61 days' then '1 hour'
    else '1 day'
  end;
  v_from   constant timestamptz := pg_catalog.date_bin(v_grain::interval, p_from, '2000-01-01 00:00+00');
  v_to     constant timestamptz := pg_catalog.date_bin(v_grain::interval, p_to - interval '1 microsecond', '2000-01-01 00:00+00')
    + v_grain::interval;
  v_before constant timestamptz := v_from - (v_to - v_from);
  v_spans  constant tracegram.span_stats[] := tracegram.span_stats(v_from, v_to, false, p_now);
begin
  return pg_catalog.jsonb_build_object(
    'window', tracegram.run_stats(v_from, v_to, v_spans, p_now),
    'before', tracegram.run_stats(v_before, v_from, tracegram.span_stats(v_before, v_from, true, p_now), p_now)
  ) || (
    select pg_catalog.jsonb_build_object(
      'running', count(*) filter (where t.status = 'running'), 'lost', count(*) filter (where t.status = 'lost')
    )
    from tracegram.unended as t
    where t.started_at >= v_from and t.started_at < v_to
  ) || (
    with spans as (
      select p.pipeline, p.step, p.count, p.errors, p.cost_microusd, p.durations,
        pg_catalog.round(p.duration_ms / p.count, 1) as mean_ms
      from pg_catalog.unnest(v_spans) as p
    )
    select pg_catalog.jsonb_build_object(
      'pipelines', (
        select coalesce(pg_catalog.jsonb_agg(
          pg_catalog.to_jsonb(s) - 'durations' - 'step' || tracegram.percentiles(array[s.durations]) order by s.count desc, s.pipeline
        ), '[]')
        from (select * from spans as p where p.step = '' order by p.count desc, p.pipeline limit 10) as s
      ),
      'slowest_steps', (
        select coalesce(pg_catalog.jsonb_agg(
          pg_catalog.to_jsonb(s) - 'durations' || tracegram.percentiles(array[s.durations]) order by s.mean_ms desc, s.pipeline, s.step
        ), '[]')
        from (select * from spans as p where p.step <> '' order by p.mean_ms desc, p.pipeline, p.step limit 5) as s
      )
    )
  ) || pg_catalog.jsonb_build_object('top_errors', (
    with top as (
      select
        r.pipeline, r.step, r.kind, pg_catalog.sum(r.count) as count,
        (pg_catalog.array_agg(r.example order by r.example desc))[1] as example
      from tracegram.error_rows(v_from, v_to, p_now) as r
      group by r.pipeline, r.step, r.kind
      order by 4 desc, r.kind, r.pipeline, r.step
      limit 10
    ),
    earlier as materialized (
      select b.pipeline, b.step, b.kind, pg_catalog.sum(b.count) as count
      from tracegram.error_rows(v_before, v_from, p_now) as b
      group by b.pipeline, b.step, b.kind
    )
    select coalesce(pg_catalog.jsonb_agg(
      pg_catalog.to_jsonb(t) || pg_catalog.jsonb_build_object('before', coalesce(e.count, 0))
      order by t.count desc, t.kind, t.pipeline, t.step
    ), '[]')
    from top as t
    left join earlier as e on e.pipeline = t.pipeline and e.step = t.step and e.kind = t.kind
  ));
end;
$$;

comment on function tracegram.trace_stats(timestamptz, timestamptz, timestamptz) is 'See public.trace_stats; p_now is the time of the call.';
revoke all on function tracegram.trace_stats(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function public.trace_stats(p_from timestamptz default null, p_to timestamptz default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_to   constant timestamptz := coalesce(p_to, pg_catalog.now());
  v_from constant timestamptz := coalesce(p_from, v_to - interval '24 hours');
begin
  if v_from >= v_to or v_to - v_from > interval '200 days' then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('a window from %s to %s', v_from, v_to),
      hint    = 'p_from must be before p_to, by 200 days at most.';
  end if;
  return tracegram.trace_stats(v_from, v_to, pg_catalog.now());
end;
$$;

comment on function public.trace_stats(timestamptz, timestamptz) is
$doc$How the bot did in a window, and in the window of the same length before it: one call serves one screen.

p_from, p_to  the window; null: the last 24 hours, up to now. Widened to whole five minutes, or hours where the window before
              starts over 49 hours ago, or days over 61 days ago.

Returns TraceStats of functions/_shared/db.ts: window and before {from, to, count, errors, error_rate 0..1, per_hour, p50_ms,
p95_ms, p99_ms (each within 5 %), tokens by class, cost_microusd, unpriced_calls}, running and lost of the window, the ten
pipelines with most runs, the five steps of the highest mean duration, and the ten most frequent errors, each with its newest
trace as an example and its count before. Runs count when they have ended. Unknown is null.

22023  the window is empty or over 200 days  (do not retry)$doc$;
revoke all on function public.trace_stats(timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.trace_stats(timestamptz, timestamptz) to service_role;
