-- 50_trace_summary.sql — a trace as one row of a page.

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
      -- tracegram.iso, written out: ten calls of it cost as much as the rest.
      'started_at', pg_catalog.to_char(p_trace.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
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
