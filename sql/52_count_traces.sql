-- 52_count_traces.sql — how many traces a list has, and how many come before a page.

create function tracegram.count_by_rollups(p_ranges tracegram.rollup_range[], p_unended boolean, p_filter tracegram.trace_filter)
  returns bigint
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_starts constant timestamptz := (p_ranges[1]).starts;
  v_ends   constant timestamptz := (p_ranges[pg_catalog.cardinality(p_ranges)]).ends;
  v_from   constant uuid := tracegram.first_id(v_starts);
  v_to     constant uuid := tracegram.first_id(v_ends);
  v_count  bigint := 0;
begin
  if p_filter.status is null or p_filter.status in ('ok', 'error') then
    select coalesce(pg_catalog.sum(case p_filter.status when 'ok' then r.count - r.errors when 'error' then r.errors else r.count end), 0)
    into v_count
    from pg_catalog.unnest(p_ranges) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = '' and l.pipeline <> ''
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r
    where p_filter.pipeline is null or r.pipeline = p_filter.pipeline;

    -- What waits to be folded: its ids tell when, and the batch how they ended.
    if p_filter.pipeline is null then
      v_count := v_count + (
        select coalesce(pg_catalog.sum(w.counts), 0)
        from (
          select pg_catalog.unnest(b.ended) as trace_id, 1 as counts
          from tracegram.batches as b
          where p_filter.status is distinct from 'error'
          union all
          select pg_catalog.unnest(b.failed), case p_filter.status when 'ok' then -1 else 1 end
          from tracegram.batches as b
          where p_filter.status is not null
        ) as w
        where w.trace_id >= v_from and w.trace_id < v_to
      );
    else
      v_count := v_count + (
        select count(*)
        from tracegram.find_traces(array(select pg_catalog.unnest(b.ended) from tracegram.batches as b), v_starts, v_ends) as t
        where t.pipeline = p_filter.pipeline and (p_filter.status is null or t.status = p_filter.status)
      );
    end if;
  end if;
  if p_unended and (p_filter.status is null or p_filter.status in ('running', 'lost')) then
    v_count := v_count + (
      select count(*)
      from tracegram.unended as t
      where t.started_at >= v_starts and t.started_at < v_ends
        and (p_filter.status is null or t.status = p_filter.status)
        and (p_filter.pipeline is null or t.pipeline = p_filter.pipeline)
    );
  end if;
  return v_count;
end;
$$;

comment on function tracegram.count_by_rollups(tracegram.rollup_range[], boolean, tracegram.trace_filter) is
$doc$How many traces started in these buckets, of the filter's status and pipeline.

p_unended  whether those that have not ended are counted.$doc$;
revoke all on function tracegram.count_by_rollups(tracegram.rollup_range[], boolean, tracegram.trace_filter)
from public, anon, authenticated, service_role;

create type tracegram.bounded_count as (
  n     bigint,
  exact boolean
);
comment on type tracegram.bounded_count is 'A count, or where it is not exact a lower bound: counting stopped there.';

create function tracegram.covered(p_filter tracegram.trace_filter)
  returns boolean
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (p_filter.user_id, p_filter.chat_id, p_filter.duration_ms, p_filter.release, p_filter.error) is null
    -- Of more pipelines than there is room for, the rollups do not tell which trace is whose.
    and (p_filter.pipeline is null or not exists (select from tracegram.rollups as r where r.level = '1d' and r.pipeline = '(other)'));
end;
$$;

comment on function tracegram.covered(tracegram.trace_filter) is 'Whether rollups can count what matches: they know status and pipeline.';
revoke all on function tracegram.covered(tracegram.trace_filter) from public, anon, authenticated, service_role;

create function tracegram.count_stretch(
  p_order text, p_ascending boolean, p_key tracegram.trace_key, p_filter tracegram.trace_filter
)
  returns tracegram.bounded_count
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most    constant integer := 500;
  v_stretch constant tracegram.trace_stretch := tracegram.list_stretch(
    p_order, p_ascending, case when p_ascending then '>' else '<' end, p_key, p_filter, c_most + 1, true
  );
begin
  return (least(v_stretch.n, c_most), v_stretch.n <= c_most and (v_stretch.searched_to).trace_id is null);
end;
$$;

comment on function tracegram.count_stretch(text, boolean, tracegram.trace_key, tracegram.trace_filter) is
  'How many traces of a list come after a key, or before it. Counting stops at 500.';
revoke all on function tracegram.count_stretch(text, boolean, tracegram.trace_key, tracegram.trace_filter)
from public, anon, authenticated, service_role;

create function tracegram.count_window(p_order text, p_filter tracegram.trace_filter)
  returns bigint
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_ranges tracegram.rollup_range[] := array(
    select g from tracegram.rollup_ranges(p_filter.starts, p_filter.ends, true, pg_catalog.now()) as g
  );
  v_starts timestamptz; -- of the whole buckets in the window …
  v_ends   timestamptz;
  v_edge   tracegram.trace_filter := p_filter;
  v_count  bigint := 0;
begin
  if (v_ranges[1]).starts = p_filter.starts and (v_ranges[pg_catalog.cardinality(v_ranges)]).ends = p_filter.ends then
    return tracegram.count_by_rollups(v_ranges, p_order = 'newest', p_filter);
  end if;
  select case when g.starts = p_filter.starts then g.starts else g.ends end into v_starts
  from tracegram.rollup_ranges(p_filter.starts, p_filter.starts + interval '1 microsecond', true, pg_catalog.now()) as g;
  select case when g.ends = p_filter.ends then g.ends else g.starts end into v_ends
  from tracegram.rollup_ranges(p_filter.ends - interval '1 microsecond', p_filter.ends, true, pg_catalog.now()) as g;
  if v_starts >= v_ends then
    return (tracegram.list_stretch(p_order, false, null, null, p_filter, 2147483647, true)).n;
  end if;
  -- … and what is left of it on either side, trace by trace.
  if p_filter.starts < v_starts then
    v_edge.ends := v_starts;
    v_count := (tracegram.list_stretch(p_order, false, null, null, v_edge, 2147483647, true)).n;
  end if;
  if v_ends < p_filter.ends then
    v_edge.starts := v_ends;
    v_edge.ends := p_filter.ends;
    v_count := v_count
      + (tracegram.list_stretch(p_order, false, null, null, v_edge, 2147483647, true)).n;
  end if;
  v_ranges := array(select g from tracegram.rollup_ranges(v_starts, v_ends, true, pg_catalog.now()) as g);
  return v_count + tracegram.count_by_rollups(v_ranges, p_order = 'newest', p_filter);
end;
$$;

comment on function tracegram.count_window(text, tracegram.trace_filter) is
  'How many traces a list has, newest or slowest first, whose filter the rollups cover. Exact.';
revoke all on function tracegram.count_window(text, tracegram.trace_filter) from public, anon, authenticated, service_role;

create function tracegram.count_before(p_order text, p_key tracegram.trace_key, p_filter tracegram.trace_filter)
  returns tracegram.bounded_count
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_bucket tracegram.trace_filter := p_filter;
  v_rest   tracegram.trace_filter := p_filter;
  v_count  bigint;
begin
  if p_order <> 'newest' or not tracegram.covered(p_filter) then
    return tracegram.count_stretch(p_order, true, p_key, p_filter);
  end if;
  -- The key's own bucket trace by trace, and what is newer by rollups.
  select least(g.ends, p_filter.ends) into v_bucket.ends
  from tracegram.rollup_ranges(p_key.started_at, p_key.started_at + interval '1 microsecond', true, pg_catalog.now()) as g;
  v_rest.starts := v_bucket.ends;
  v_count := (tracegram.list_stretch('newest', true, '>', p_key, v_bucket, 2147483647, true)).n;
  if v_rest.starts < v_rest.ends then
    v_count := v_count + tracegram.count_window('newest', v_rest);
  end if;
  return (v_count, true);
end;
$$;

comment on function tracegram.count_before(text, tracegram.trace_key, tracegram.trace_filter) is 'How many traces of a list come before a key.';
revoke all on function tracegram.count_before(text, tracegram.trace_key, tracegram.trace_filter)
from public, anon, authenticated, service_role;
