-- 48_read_rollups.sql — the fewest rows that hold a window, with what waits to be folded.

create type tracegram.rollup_range as (
  level  text,
  starts timestamptz,
  ends   timestamptz
);
comment on type tracegram.rollup_range is 'Buckets of one level from one time up to another.';

create function tracegram.rollup_ranges(p_from timestamptz, p_to timestamptz, p_runs_only boolean, p_now timestamptz)
  returns setof tracegram.rollup_range
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  -- What the finer levels still have.
  c_5m  constant timestamptz := case
    when p_runs_only then pg_catalog.date_trunc('day', p_now) - interval '31 days'
    else pg_catalog.date_trunc('hour', p_now) - interval '49 hours'
  end;
  c_1h  constant timestamptz := pg_catalog.date_trunc('day', p_now) - interval '61 days';
  v_from timestamptz := case
    when p_from >= c_5m then pg_catalog.date_bin('5 minutes', p_from, '2000-01-01 00:00+00')
    when p_from >= c_1h then pg_catalog.date_trunc('hour', p_from)
    else pg_catalog.date_trunc('day', p_from)
  end;
  -- A microsecond before the next bucket is in this one; so is nothing of a bucket that starts at p_to.
  v_end  constant timestamptz := p_to - interval '1 microsecond';
  v_to   constant timestamptz := case
    when p_to >= c_5m then pg_catalog.date_bin('5 minutes', v_end, '2000-01-01 00:00+00') + interval '5 minutes'
    when p_to >= c_1h then pg_catalog.date_trunc('hour', v_end) + interval '1 hour'
    else pg_catalog.date_trunc('day', v_end) + interval '1 day'
  end;
  v_hour timestamptz := pg_catalog.date_trunc('hour', v_from + interval '1 hour' - interval '1 microsecond');
  v_day  timestamptz := pg_catalog.date_trunc('day', v_from + interval '1 day' - interval '1 microsecond');
  v_last_hour timestamptz := pg_catalog.date_trunc('hour', v_to);
  v_last_day  timestamptz := pg_catalog.date_trunc('day', v_to);
begin
  -- Without a whole day, or hour, inside there is but one range of what is finer.
  if v_hour >= v_last_hour then
    v_hour := v_to;
    v_last_hour := v_to;
  end if;
  if v_day >= v_last_day then
    v_day := v_last_hour;
    v_last_day := v_last_hour;
  end if;
  return query
    select r.*
    from (values
      ('5m', v_from, v_hour), ('1h', v_hour, v_day), ('1d', v_day, v_last_day), ('1h', v_last_day, v_last_hour),
      ('5m', v_last_hour, v_to)
    ) as r (level, starts, ends)
    where r.starts < r.ends;
end;
$$;

comment on function tracegram.rollup_ranges(timestamptz, timestamptz, boolean, timestamptz) is
$doc$The fewest buckets that cover [p_from, p_to): days, and where no whole day fits hours, and then five minutes.

Of times over 49 hours ago the bounds are widened to the hour (of whole runs 31 days), over 61 days ago to the day. Five minutes
are the least.$doc$;
revoke all on function tracegram.rollup_ranges(timestamptz, timestamptz, boolean, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.rollup_rows(
  p_from timestamptz, p_to timestamptz, p_runs_only boolean default false, p_now timestamptz default now()
)
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges  constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, p_runs_only, p_now) as g);
  v_from    constant timestamptz := (v_ranges[1]).starts;
  v_to      constant timestamptz := (v_ranges[pg_catalog.cardinality(v_ranges)]).ends;
  v_batches tracegram.batches[];
  v_traces  tracegram.pipeline_traces[];
begin
  if p_runs_only then
    return query
      select r.*
      from pg_catalog.unnest(v_ranges) as g
      cross join lateral (
        select * from tracegram.rollups as l
        where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = ''
        offset 0
      ) as r;
  else
    return query
      select r.*
      from pg_catalog.unnest(v_ranges) as g
      cross join lateral (
        select * from tracegram.rollups as l
        where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
        offset 0 -- range by range: a hash of everything would be made otherwise
      ) as r;
  end if;
  v_traces := array(
    select t
    from tracegram.find_traces(array(select pg_catalog.unnest(b.ended) from tracegram.batches as b), v_from, v_to) as t
  );
  v_batches := array(select b from tracegram.batches as b where b.received_at >= v_from and b.received_at < v_to);
  if pg_catalog.cardinality(v_traces) + pg_catalog.cardinality(v_batches) > 0 then
    return query
      select * from tracegram.roll_up(v_traces, v_batches) as r where r.step = '' or not p_runs_only;
  end if;
end;
$$;

comment on function tracegram.rollup_rows(timestamptz, timestamptz, boolean, timestamptz) is
$doc$The fewest rows that together hold all that is stored and has ended in [p_from, p_to), and each trace once.

Rows are of several levels, and of batches that were not folded yet. The bounds are widened as tracegram.rollup_ranges says.
p_runs_only leaves the steps out.$doc$;
revoke all on function tracegram.rollup_rows(timestamptz, timestamptz, boolean, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.error_rows(p_from timestamptz, p_to timestamptz, p_now timestamptz default now())
  returns setof tracegram.error_rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges  constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, false, p_now) as g);
  v_from    constant timestamptz := (v_ranges[1]).starts;
  v_to      constant timestamptz := (v_ranges[pg_catalog.cardinality(v_ranges)]).ends;
begin
  return query
    select r.*
    from pg_catalog.unnest(v_ranges) as g
    cross join lateral (
      select * from tracegram.error_rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r;
  return query
    select *
    from tracegram.roll_up_errors(array(
      select t
      from tracegram.find_traces(array(select pg_catalog.unnest(b.failed) from tracegram.batches as b), v_from, v_to) as t
    ));
end;
$$;

comment on function tracegram.error_rows(timestamptz, timestamptz, timestamptz) is
  'The same of errors: the fewest rows that hold all runs that failed in [p_from, p_to).';
revoke all on function tracegram.error_rows(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;
