-- 58_error_groups.sql — failed runs by kind of error. From rollups alone.

create function tracegram.error_groups(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_before constant timestamptz := p_from - (p_to - p_from);
  -- As fine as rollups are at the start of the window before, so that both windows have the same length.
  v_grain  constant interval := case
    when v_before >= pg_catalog.date_trunc('hour', p_now) - interval '49 hours' then interval '5 minutes'
    when v_before >= pg_catalog.date_trunc('day', p_now) - interval '61 days' then interval '1 hour'
    else interval '1 day'
  end;
  v_from   constant timestamptz := pg_catalog.date_bin(v_grain, p_from, '2000-01-01 00:00+00');
  v_to     constant timestamptz := pg_catalog.date_bin(v_grain, p_to - interval '1 microsecond', '2000-01-01 00:00+00') + v_grain;
begin
  return (
    with now as materialized (
      select
        r.pipeline, r.step, r.kind, pg_catalog.sum(r.count) as count,
        (pg_catalog.array_agg(r.example order by r.example desc))[1] as example, min(r.bucket) as first_at
      from tracegram.error_rows(v_from, v_to, p_now) as r
      group by r.pipeline, r.step, r.kind
    ),
    earlier as materialized (
      select b.pipeline, b.step, b.kind, pg_catalog.sum(b.count) as count
      from tracegram.error_rows(v_from - (v_to - v_from), v_from, p_now) as b
      group by b.pipeline, b.step, b.kind
    )
    select pg_catalog.jsonb_build_object(
      'from', tracegram.iso(v_from),
      'to', tracegram.iso(v_to),
      'errors', (select coalesce(pg_catalog.sum(n.count), 0) from now as n),
      'errors_before', (select coalesce(pg_catalog.sum(e.count), 0) from earlier as e),
      'count', (
        select coalesce(pg_catalog.sum(r.count), 0)
        from tracegram.rollup_rows(v_from, v_to, true, p_now) as r
        where r.pipeline <> ''
      ),
      'kinds', (select count(*) from now),
      'groups', (
        select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'pipeline', g.pipeline, 'step', g.step, 'kind', g.kind, 'count', g.count, 'before', coalesce(e.count, 0),
          'example', g.example, 'first_at', tracegram.iso(g.first_at)
        ) order by g.count desc, g.kind, g.pipeline, g.step), '[]')
        from (select * from now as n order by n.count desc, n.kind, n.pipeline, n.step limit 10) as g
        left join earlier as e on e.pipeline = g.pipeline and e.step = g.step and e.kind = g.kind
      )
    )
  );
end;
$$;

comment on function tracegram.error_groups(timestamptz, timestamptz, timestamptz) is 'See public.error_groups; p_now is the time of the call.';
revoke all on function tracegram.error_groups(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function public.error_groups(p_from timestamptz default null, p_to timestamptz default null)
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
  return tracegram.error_groups(v_from, v_to, pg_catalog.now());
end;
$$;

comment on function public.error_groups(timestamptz, timestamptz) is
$doc$Failed runs of a window by kind of error, against the window of the same length before it: one call serves one screen.

p_from, p_to  the window; null: the last 24 hours, up to now. Widened as trace_stats widens it.

Returns ErrorGroups of functions/_shared/db.ts: {from, to, errors, errors_before, count, kinds, groups: [{pipeline, step, kind, count,
before, example, first_at}]}. groups are the ten most frequent of kinds; kind is the error with # for numbers and ids, example the
newest trace of it, first_at the start of the five minutes (of longer windows the hour or day) in which the window's first was.

22023  the window is empty or over 200 days  (do not retry)$doc$;
revoke all on function public.error_groups(timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.error_groups(timestamptz, timestamptz) to service_role;
