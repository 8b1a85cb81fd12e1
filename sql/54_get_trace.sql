-- 54_get_trace.sql — one trace, and its requests and responses.
--
-- Each function keeps one generic plan a connection (planning over all partitions costs more than the query). The id's own
-- time names the one partition that is opened when it runs.

create function public.get_trace(p_trace_id uuid)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
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
