-- 51_list_traces.sql — pages of traces, and which page of how many each is.

create function tracegram.iso(p_time timestamptz)
  returns text
  language plpgsql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  return pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end;
$$;

comment on function tracegram.iso(timestamptz) is 'ISO 8601 with milliseconds, in UTC.';
revoke all on function tracegram.iso(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.trace_summary(p_trace tracegram.pipeline_traces)
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.jsonb_build_object(
      'trace_id', p_trace.trace_id,
      'started_at', tracegram.iso(p_trace.started_at),
      'pipeline', p_trace.pipeline,
      'status', p_trace.status,
      'duration_ms', p_trace.duration_ms,
      'error', p_trace.error,
      'error_step', case when p_trace.status = 'error' then tracegram.failed_step(p_trace.steps) end,
      'chat_id', nullif(coalesce(p_trace.chat_id, p_trace.user_id), 0),
      'user_id', p_trace.user_id,
      'step_count', pg_catalog.cardinality(p_trace.steps),
      'input_tokens', sum(s.input_tokens),
      'output_tokens', sum(s.output_tokens),
      'cost_microusd', p_trace.cost_microusd,
      'cost_complete', count(*) filter (where s.model is not null and s.cost_microusd is null) = 0
    )
    from pg_catalog.unnest(p_trace.steps) as s
  );
end;
$$;

comment on function tracegram.trace_summary(tracegram.pipeline_traces) is 'TraceSummary of functions/_shared/db.ts: a trace as one row of a page.';
revoke all on function tracegram.trace_summary(tracegram.pipeline_traces) from public, anon, authenticated, service_role;

create function tracegram.count_by_rollups(p_starts timestamptz, p_ends timestamptz, p_unended boolean, p_filter tracegram.trace_filter)
  returns bigint
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_from  constant uuid := tracegram.first_id(p_starts);
  v_to    constant uuid := tracegram.first_id(p_ends);
  v_count bigint := 0;
begin
  if p_filter.status is null or p_filter.status in ('ok', 'error') then
    select coalesce(pg_catalog.sum(case p_filter.status when 'ok' then r.count - r.errors when 'error' then r.errors else r.count end), 0)
    into v_count
    from tracegram.rollup_ranges(p_starts, p_ends, pg_catalog.now()) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = '' and l.pipeline <> ''
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r
    where p_filter.pipeline is null or r.pipeline = p_filter.pipeline;

    if p_filter.status is null and p_filter.pipeline is null then
      -- The ids are enough.
      v_count := v_count + (
        select count(*)
        from tracegram.batches as b
        cross join lateral pg_catalog.unnest(b.ended) as e (trace_id)
        where e.trace_id >= v_from and e.trace_id < v_to
      );
    elsif exists (select from tracegram.batches) then
      v_count := v_count + (
        select count(*)
        from tracegram.ended_traces(array(select b from tracegram.batches as b), p_starts, p_ends) as t
        where (p_filter.status is null or t.status = p_filter.status)
          and (p_filter.pipeline is null or t.pipeline = p_filter.pipeline)
      );
    end if;
  end if;
  if p_unended and (p_filter.status is null or p_filter.status in ('running', 'lost')) then
    v_count := v_count + (
      select count(*)
      from tracegram.pipeline_traces as t
      where t.status in ('running', 'lost') and t.started_at >= p_starts and t.started_at < p_ends
        and (p_filter.status is null or t.status = p_filter.status)
        and (p_filter.pipeline is null or t.pipeline = p_filter.pipeline)
    );
  end if;
  return v_count;
end;
$$;

comment on function tracegram.count_by_rollups(timestamptz, timestamptz, boolean, tracegram.trace_filter) is
$doc$How many traces started in [p_starts, p_ends), bounds of rollup buckets, of the filter's status and pipeline.

p_unended  whether those that have not ended are counted.$doc$;
revoke all on function tracegram.count_by_rollups(timestamptz, timestamptz, boolean, tracegram.trace_filter)
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
  v_count   constant integer := pg_catalog.cardinality(v_stretch.traces);
begin
  return (least(v_count, c_most)::bigint, v_count <= c_most and (v_stretch.searched_to).trace_id is null);
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
  v_starts timestamptz; -- of the whole buckets in the window …
  v_ends   timestamptz;
  v_edge   tracegram.trace_filter := p_filter;
  v_count  bigint := 0;
begin
  select case when g.starts = p_filter.starts then g.starts else g.ends end into v_starts
  from tracegram.rollup_ranges(p_filter.starts, p_filter.starts + interval '1 microsecond', pg_catalog.now()) as g;
  select case when g.ends = p_filter.ends then g.ends else g.starts end into v_ends
  from tracegram.rollup_ranges(p_filter.ends - interval '1 microsecond', p_filter.ends, pg_catalog.now()) as g;
  if v_starts >= v_ends then
    return pg_catalog.cardinality((tracegram.list_stretch(p_order, false, null, null, p_filter, 2147483647, true)).traces);
  end if;
  -- … and what is left of it on either side, trace by trace.
  if p_filter.starts < v_starts then
    v_edge.ends := v_starts;
    v_count := pg_catalog.cardinality((tracegram.list_stretch(p_order, false, null, null, v_edge, 2147483647, true)).traces);
  end if;
  if v_ends < p_filter.ends then
    v_edge.starts := v_ends;
    v_edge.ends := p_filter.ends;
    v_count := v_count
      + pg_catalog.cardinality((tracegram.list_stretch(p_order, false, null, null, v_edge, 2147483647, true)).traces);
  end if;
  return v_count + tracegram.count_by_rollups(v_starts, v_ends, p_order = 'newest', p_filter);
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
  from tracegram.rollup_ranges(p_key.started_at, p_key.started_at + interval '1 microsecond', pg_catalog.now()) as g;
  v_rest.starts := v_bucket.ends;
  v_count := pg_catalog.cardinality((tracegram.list_stretch('newest', true, '>', p_key, v_bucket, 2147483647, true)).traces);
  if v_rest.starts < v_rest.ends then
    v_count := v_count + tracegram.count_window('newest', v_rest);
  end if;
  return (v_count, true);
end;
$$;

comment on function tracegram.count_before(text, tracegram.trace_key, tracegram.trace_filter) is 'How many traces of a list come before a key.';
revoke all on function tracegram.count_before(text, tracegram.trace_key, tracegram.trace_filter)
from public, anon, authenticated, service_role;

create function public.list_traces(
  p_cursor          uuid        default null,
  p_direction       text        default 'older',
  p_limit           integer     default 10,
  p_from            timestamptz default null,
  p_to              timestamptz default null,
  p_order           text        default 'newest',
  p_status          text        default null,
  p_pipeline        text        default null,
  p_user_id         bigint      default null,
  p_chat_id         bigint      default null,
  p_min_duration_ms integer     default null,
  p_release         text        default null,
  p_error           text        default null
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit   constant integer := least(greatest(p_limit, 1), 100);
  v_oldest  constant timestamptz := (select s.traces_from from tracegram.settings as s);
  v_filter  constant tracegram.trace_filter := (
    greatest(coalesce(p_from, v_oldest), v_oldest),
    -- By default up to the end of a bucket, which the rollups count without a look at the traces.
    coalesce(
      p_to + interval '1 microsecond',
      pg_catalog.date_bin('5 minutes', pg_catalog.now() + interval '65 minutes', '2000-01-01 00:00+00')
    ),
    p_status, p_pipeline, p_user_id, p_chat_id, p_min_duration_ms, p_release, nullif(p_error, '')
  );
  v_key     tracegram.trace_key;
  v_page    tracegram.trace_stretch := ('{}', null);
  v_traces  tracegram.pipeline_traces[];
  v_shown   integer;
  v_last    tracegram.trace_key;
  v_before  tracegram.bounded_count := (0, true);
  v_after   tracegram.bounded_count;
  v_total   tracegram.bounded_count;
begin
  if p_direction is null or p_direction not in ('older', 'newer', 'from') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown direction %L', p_direction), hint = 'Use older, newer or from.';
  end if;
  if p_order is null or p_order not in ('newest', 'slowest', 'dearest') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown order %L', p_order), hint = 'Use newest, slowest or dearest.';
  end if;
  if p_status not in ('ok', 'error', 'running', 'lost') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown status %L', p_status), hint = 'Use ok, error, running or lost.';
  end if;

  if p_cursor is not null then
    v_key := (tracegram.trace_time(p_cursor), p_cursor, null);
    if p_order <> 'newest' then
      select case p_order when 'slowest' then t.duration_ms else t.cost_microusd end into v_key.value
      from tracegram.pipeline_traces as t
      where t.started_at = v_key.started_at and t.trace_id = v_key.trace_id;
    end if;
  end if;

  if v_key.value is null and p_order <> 'newest' then
    v_key := null; -- it is gone, or has no place in this order: the list starts at its top
  elsif p_direction = 'newer' then
    v_page := tracegram.list_stretch(p_order, true, '>', v_key, v_filter, 2 * v_limit);
    -- Pages are numbered from the top, which moves on. So near the top, "the page before" is the top itself.
    v_traces := case when pg_catalog.cardinality(v_page.traces) = 2 * v_limit then array(
      select v_page.traces[i] from pg_catalog.generate_series(v_limit, 1, -1) as i
    ) end;
    v_page := (coalesce(v_traces, '{}'), null);
  elsif p_cursor is not null then
    v_page := tracegram.list_stretch(
      p_order, false, case p_direction when 'from' then '<=' else '<' end, v_key, v_filter, v_limit + 1
    );
  end if;
  -- Without a cursor, near the top, or when all that the cursor led to is gone: the top.
  if v_key.trace_id is null or pg_catalog.cardinality(v_page.traces) = 0 and (v_page.searched_to).trace_id is null then
    v_key := null;
    v_page := tracegram.list_stretch(p_order, false, null, null, v_filter, v_limit + 1);
  end if;

  v_traces := v_page.traces[:v_limit];
  v_shown := pg_catalog.cardinality(v_traces);
  -- Where the next page goes on: after the last trace, or after what has been looked at in vain.
  v_last := case
    when (v_page.searched_to).trace_id is not null then v_page.searched_to else tracegram.key_of(v_traces[v_shown], p_order)
  end;
  if v_key.trace_id is not null then
    v_before := tracegram.count_before(
      p_order, case when v_shown > 0 then tracegram.key_of(v_traces[1], p_order) else v_last end, v_filter
    );
  end if;
  if p_order <> 'dearest' and tracegram.covered(v_filter) then
    v_total := (case when v_filter.starts < v_filter.ends then tracegram.count_window(p_order, v_filter) else 0 end, true);
  elsif v_last.trace_id is null then
    v_total := (0, true);
  else
    v_after := tracegram.count_stretch(p_order, false, v_last, v_filter);
    v_total := (v_before.n + v_shown + v_after.n, v_before.exact and v_after.exact and (v_page.searched_to).trace_id is null);
  end if;

  return pg_catalog.jsonb_build_object(
    'from', tracegram.iso(v_filter.starts),
    'to', tracegram.iso(coalesce(p_to, v_filter.ends)),
    'page', v_before.n / v_limit + 1,
    'page_exact', v_before.exact,
    'pages', greatest(1, pg_catalog.ceil(v_total.n::numeric / v_limit), v_before.n / v_limit + 1),
    'total', v_total.n,
    'total_exact', v_total.exact,
    'has_newer', v_before.n > 0,
    'has_older', (v_page.searched_to).trace_id is not null or pg_catalog.cardinality(v_page.traces) > v_limit
      or v_key.trace_id is not null and p_direction = 'newer',
    'older_cursor', v_last.trace_id,
    'searched_to', tracegram.iso((v_page.searched_to).started_at),
    'traces', coalesce((
      select pg_catalog.jsonb_agg(tracegram.trace_summary(v_traces[i]) order by i)
      from pg_catalog.generate_series(1, v_shown) as i
    ), '[]')
  );
end;
$$;

comment on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) is
$doc$One page of traces with all that a screen says about it: one call serves one screen.

p_cursor           trace id that the page is relative to; null: the first page.
p_direction        older (the page after p_cursor), newer (the page before it), or from (at p_cursor). Where there is no full
                   page before p_cursor, newer is the first page.
p_limit            traces a page, 1..100; other values are brought into that range.
p_from, p_to       started_at is within both; null: all that is kept.
p_order            newest, slowest (those that have ended) or dearest (those whose cost is known) first.
p_status           ok, error, running or lost; p_pipeline, p_user_id, p_chat_id, p_release: exactly that.
p_min_duration_ms  at least so long.
p_error            failed with this in the error's text, in any case of letters. null: no condition, in all of them.

Returns TracePage of functions/_shared/db.ts. total and pages are exact for status and pipeline, newest or slowest first, for
rollups know them. Otherwise counting stops at 500 on either side of the page: then total_exact (or page_exact) is false, and
the number is a lower bound. Where no index knows what matches, 20,000 traces are looked at; a page that they did not fill has
searched_to, how far back they went, and its older_cursor goes on from there. Money is micro-dollars, durations are
milliseconds, times are ISO 8601.

22023  p_direction, p_order or p_status is none of those  (do not retry)$doc$;
revoke all on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) from public, anon, authenticated;
grant execute on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) to service_role;
