-- 50_read_traces.sql — what screens read: pages of traces, one trace, its I/O.
--
-- Each function keeps one generic plan a connection (planning over all partitions costs more than the query), and bounds
-- started_at, so that only the partitions in question are opened when it runs.

create function tracegram.iso(p_time timestamptz)
  returns text
  language sql immutable strict parallel safe
  set search_path = ''
as $$
  select pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
$$;

comment on function tracegram.iso(timestamptz) is 'ISO 8601 with milliseconds, in UTC.';
revoke all on function tracegram.iso(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.trace_summary(p_trace tracegram.pipeline_traces)
  returns jsonb
  language sql immutable
  set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'trace_id', p_trace.trace_id,
    'started_at', tracegram.iso(p_trace.started_at),
    'pipeline', p_trace.pipeline,
    'status', p_trace.status,
    'duration_ms', p_trace.duration_ms,
    'error', p_trace.error,
    'error_step', case when p_trace.status = 'error' then tracegram.failed_step(p_trace.steps) end,
    'chat_id', p_trace.chat_id,
    'user_id', p_trace.user_id,
    'step_count', pg_catalog.cardinality(p_trace.steps),
    'input_tokens', sum(s.input_tokens),
    'output_tokens', sum(s.output_tokens),
    'cost_microusd', p_trace.cost_microusd,
    'cost_complete', count(*) filter (where s.model is not null and s.cost_microusd is null) = 0
  )
  from pg_catalog.unnest(p_trace.steps) as s;
$$;

comment on function tracegram.trace_summary(tracegram.pipeline_traces) is 'TraceSummary of functions/_shared/db.ts: a trace as one row of a page.';
revoke all on function tracegram.trace_summary(tracegram.pipeline_traces) from public, anon, authenticated, service_role;

create function public.list_traces(
  p_cursor    uuid        default null,
  p_direction text        default 'older',
  p_limit     integer     default 10,
  p_from      timestamptz default null,
  p_to        timestamptz default null
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
declare
  -- Counting stops here: beyond it the total is a lower bound, and says so.
  c_most   constant integer := 10000;
  v_limit  constant integer := least(greatest(p_limit, 1), 100);
  v_from   constant timestamptz := coalesce(p_from, pg_catalog.now() - interval '30 days');
  v_to     constant timestamptz := coalesce(p_to, pg_catalog.now() + interval '1 hour');
  v_cursor constant timestamptz := tracegram.trace_time(p_cursor);
  v_page   tracegram.pipeline_traces[];
  v_first  tracegram.pipeline_traces;
  v_last   tracegram.pipeline_traces;
  v_total  integer;
  v_newer  integer;
begin
  if p_direction is null or p_direction not in ('older', 'newer', 'from') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown direction %L', p_direction),
      hint    = 'Use older, newer or from.';
  end if;

  if p_direction = 'newer' then
    v_page := array(
      select t from tracegram.pipeline_traces as t
      where t.started_at >= v_cursor and t.started_at <= v_to and (t.started_at, t.trace_id) > (v_cursor, p_cursor)
      order by t.started_at, t.trace_id
      limit 2 * v_limit
    );
    -- Pages are numbered from the newest trace, which moves on. So near the top, "the page before" is the top itself.
    v_page := case when pg_catalog.cardinality(v_page) = 2 * v_limit then array(
      select (t.started_at, t.update_id, t.chat_id, t.user_id, t.message_id, t.duration_ms, t.key_id, t.trace_id, t.pipeline,
        t.status, t.error, t.release, t.steps)::tracegram.pipeline_traces
      from pg_catalog.unnest(v_page[:v_limit]) as t
      order by t.started_at desc, t.trace_id desc
    ) end;
  elsif p_cursor is not null then
    v_page := array(
      select t from tracegram.pipeline_traces as t
      where t.started_at >= v_from and t.started_at <= least(v_cursor, v_to)
        and (t.started_at, t.trace_id) <= (v_cursor, p_cursor)
        and (p_direction = 'from' or t.trace_id <> p_cursor)
      order by t.started_at desc, t.trace_id desc
      limit v_limit
    );
  end if;
  -- Without a cursor, near the top, or when all that the cursor led to is gone: the newest traces.
  if coalesce(pg_catalog.cardinality(v_page), 0) = 0 then
    v_page := array(
      select t from tracegram.pipeline_traces as t
      where t.started_at >= v_from and t.started_at <= v_to
      order by t.started_at desc, t.trace_id desc
      limit v_limit
    );
  end if;

  v_first := v_page[1];
  v_last := v_page[pg_catalog.cardinality(v_page)];
  select count(*) into v_total
  from (
    select from tracegram.pipeline_traces as t
    where t.started_at >= v_from and t.started_at <= v_to
    limit c_most + 1
  ) as counted;
  select count(*) into v_newer
  from (
    select from tracegram.pipeline_traces as t
    where t.started_at >= v_first.started_at and t.started_at <= v_to
      and (t.started_at, t.trace_id) > (v_first.started_at, v_first.trace_id)
    limit c_most + 1
  ) as counted;

  return pg_catalog.jsonb_build_object(
    'page', v_newer / v_limit + 1,
    'pages', greatest(1, pg_catalog.ceil(least(v_total, c_most)::numeric / v_limit), v_newer / v_limit + 1),
    'total', least(v_total, c_most),
    'total_exact', v_total <= c_most,
    'has_newer', v_newer > 0,
    'has_older', exists (
      select from tracegram.pipeline_traces as t
      where t.started_at >= v_from and t.started_at <= v_last.started_at
        and (t.started_at, t.trace_id) < (v_last.started_at, v_last.trace_id)
    ),
    'traces', coalesce((
      select pg_catalog.jsonb_agg(tracegram.trace_summary(v_page[i]) order by i)
      from pg_catalog.generate_series(1, pg_catalog.cardinality(v_page)) as i
    ), '[]')
  );
end;
$$;

comment on function public.list_traces(uuid, text, integer, timestamptz, timestamptz) is
$doc$One page of traces, newest first, with all that a screen says about it: one call serves one screen.

p_cursor     trace id that the page is relative to; null: the newest page.
p_direction  older, newer (the page after or before p_cursor), or from (at p_cursor). Where there is no full page before
             p_cursor, newer is the newest page.
p_limit      traces a page, 1..100; other values are brought into that range.
p_from, p_to started_at is within both; null: the last 30 days.

Returns TracePage of functions/_shared/db.ts. Counting stops at 10,000 traces: then total_exact is false, and total and pages
are lower bounds. Money is micro-dollars, durations are milliseconds, times are ISO 8601.

22023  p_direction is none of the three  (do not retry)$doc$;
revoke all on function public.list_traces(uuid, text, integer, timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.list_traces(uuid, text, integer, timestamptz, timestamptz) to service_role;

create function public.get_trace(p_trace_id uuid)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_started_at constant timestamptz := tracegram.trace_time(p_trace_id);
begin
  return (
    select tracegram.trace_summary(t) || pg_catalog.jsonb_build_object(
      'release', t.release,
      'update_id', t.update_id,
      'message_id', t.message_id,
      'steps', pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(t.steps)),
      'io_steps', coalesce((
        select pg_catalog.jsonb_agg(io.step order by io.step)
        from tracegram.trace_io as io
        where io.started_at = v_started_at and io.trace_id = p_trace_id
      ), '[]')
    )
    from tracegram.pipeline_traces as t
    where t.started_at = v_started_at and t.trace_id = p_trace_id
  );
end;
$$;

comment on function public.get_trace(uuid) is
$doc$One trace with its steps. The id's own time names the one partition that is read.

Returns TraceDetail of functions/_shared/db.ts; null when there is no such trace, or its day has been dropped.$doc$;
revoke all on function public.get_trace(uuid) from public, anon, authenticated;
grant execute on function public.get_trace(uuid) to service_role;

create function public.get_trace_io(p_trace_id uuid, p_step integer default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_started_at constant timestamptz := tracegram.trace_time(p_trace_id);
begin
  return coalesce((
    select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(io) - 'started_at' - 'trace_id' order by io.step)
    from tracegram.trace_io as io
    where io.started_at = v_started_at and io.trace_id = p_trace_id and (p_step is null or io.step = p_step)
  ), '[]');
end;
$$;

comment on function public.get_trace_io(uuid, integer) is
$doc$The captured requests and responses of a trace.

p_step  position of one step, counted from 1; null: all.

Returns an array of {step, request, request_chars, response, response_chars}; *_chars is the length before cutting. Empty when
nothing was captured, or its day has been dropped.$doc$;
revoke all on function public.get_trace_io(uuid, integer) from public, anon, authenticated;
grant execute on function public.get_trace_io(uuid, integer) to service_role;
