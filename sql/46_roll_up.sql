-- 46_roll_up.sql — the traces of batches, counted: what a reader adds, and what the fold puts away.

create function tracegram.first_id(p_time timestamptz)
  returns uuid
  language plpgsql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.ceil(1000 * pg_catalog.date_part('epoch', p_time))::bigint), 12, '0')
    || '00000000000000000000')::uuid;
end;
$$;

comment on function tracegram.first_id(timestamptz) is 'Every UUIDv7 of this time or later is greater, and every earlier one is less.';
revoke all on function tracegram.first_id(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.find_traces(
  p_ids uuid[], p_from timestamptz default '2000-01-01 00:00+00', p_to timestamptz default '3000-01-01 00:00+00'
)
  returns setof tracegram.pipeline_traces
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_from constant uuid := tracegram.first_id(p_from);
  v_to   constant uuid := tracegram.first_id(p_to);
begin
  return query
    select t.*
    from pg_catalog.unnest(p_ids) as e (trace_id)
    cross join lateral (
      select *
      from tracegram.pipeline_traces as found
      where found.started_at = pg_catalog.to_timestamp( -- tracegram.trace_time, written out: it is done for each
        ('x0000' || pg_catalog.left(pg_catalog.replace(e.trace_id::text, '-', ''), 12))::pg_catalog.bit(64)::bigint / 1000.0
      ) and found.trace_id = e.trace_id
      offset 0 -- looked up trace by trace: a hash of all days would be made otherwise
    ) as t
    where e.trace_id >= v_from and e.trace_id < v_to;
end;
$$;

comment on function tracegram.find_traces(uuid[], timestamptz, timestamptz) is
  'Those of these traces that started in [p_from, p_to), each looked up by its id.';
revoke all on function tracegram.find_traces(uuid[], timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.error_kind(p_error text)
  returns text
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(nullif(pg_catalog.btrim(pg_catalog.left(pg_catalog.regexp_replace(
    -- A uuid, or a long word with a digit in it: the id of a request, a hash, a token.
    pg_catalog.regexp_replace(
      pg_catalog.split_part(pg_catalog.left(p_error, 400), E'\n', 1),
      '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\m(?=\w*\d)\w{8,}\M', '#', 'gi'
    ),
    '\d+(?:[.,:]\d+)*', '#', 'g'
  ), 120)), ''), '(no message)');
end;
$$;

comment on function tracegram.error_kind(text) is
  'The first line of an error with # for numbers and ids, cut to 120 characters: what errors of one cause have in common.';
revoke all on function tracegram.error_kind(text) from public, anon, authenticated, service_role;

create function tracegram.failed_step(p_steps tracegram.trace_step[])
  returns text
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select s.name
    from pg_catalog.unnest(p_steps) with ordinality as s
    where s.status = 'error'
    -- Of a chain of steps that failed together, the innermost is where it began.
    order by s.offset_ms::bigint + s.duration_ms, s.ordinality desc
    limit 1
  );
end;
$$;

comment on function tracegram.failed_step(tracegram.trace_step[]) is 'Name of the innermost step that failed first. Null when none did.';
revoke all on function tracegram.failed_step(tracegram.trace_step[]) from public, anon, authenticated, service_role;


create function tracegram.roll_up(p_traces tracegram.pipeline_traces[], p_batches tracegram.batches[])
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    with spans as (
      select
        t.started_at, t.pipeline, '' as step, t.status = 'error' as failed, t.duration_ms, s.input_tokens, s.cached_tokens,
        s.output_tokens, s.reasoning_tokens, t.cost_microusd, s.unpriced,
        pg_catalog.pg_column_size(t.steps) + coalesce(pg_catalog.octet_length(t.error), 0) + 100 > 5000 as large,
        s.orphans > 0 as orphan, pg_catalog.cardinality(t.steps) = 0 as stepless
      from pg_catalog.unnest(p_traces) as t
      cross join lateral (
        select
          pg_catalog.sum(s.input_tokens) as input_tokens, pg_catalog.sum(s.cached_tokens) as cached_tokens,
          pg_catalog.sum(s.output_tokens) as output_tokens, pg_catalog.sum(s.reasoning_tokens) as reasoning_tokens,
          count(*) filter (where s.model is not null and s.cost_microusd is null) as unpriced,
          count(*) filter (where s.parent not between 1 and s.ordinality - 1) as orphans
        from pg_catalog.unnest(t.steps) with ordinality as s
      ) as s
      union all
      select
        t.started_at, t.pipeline, s.name, s.status = 'error', s.duration_ms, s.input_tokens, s.cached_tokens,
        s.output_tokens, s.reasoning_tokens, s.cost_microusd, (s.model is not null and s.cost_microusd is null)::integer,
        false, coalesce(s.parent not between 1 and s.ordinality - 1, false), false
      from pg_catalog.unnest(p_traces) as t
      cross join lateral pg_catalog.unnest(t.steps) with ordinality as s
      union all
      select b.received_at, '', 'ingest', b.rejected > 0, b.duration_ms, null, null, null, null, null, 0, false, false, false
      from pg_catalog.unnest(p_batches) as b
    ),
    slots as (
      select
        pg_catalog.date_bin('5 minutes', s.started_at, '2000-01-01 00:00+00') as bucket, s.pipeline, s.step,
        (case
          when s.duration_ms < 10 then s.duration_ms
          else 10 + pg_catalog.floor(pg_catalog.ln(s.duration_ms / 10.0::double precision) / pg_catalog.ln(1.1::double precision))
        end)::smallint as slot,
        count(*) as count, count(*) filter (where s.failed) as errors, pg_catalog.sum(s.duration_ms) as duration_ms,
        pg_catalog.sum(s.input_tokens) as input_tokens, pg_catalog.sum(s.cached_tokens) as cached_tokens,
        pg_catalog.sum(s.output_tokens) as output_tokens, pg_catalog.sum(s.reasoning_tokens) as reasoning_tokens,
        pg_catalog.sum(s.cost_microusd) as cost_microusd, pg_catalog.sum(s.unpriced) as unpriced,
        count(*) filter (where s.large) as large, count(*) filter (where s.orphan) as orphans,
        count(*) filter (where s.stepless) as stepless
      from spans as s
      group by 1, 2, 3, 4
    )
    select
      '5m', s.bucket::timestamptz(0), s.pipeline, s.step, pg_catalog.sum(s.count)::bigint, pg_catalog.sum(s.errors)::bigint,
      least(pg_catalog.sum(s.duration_ms), 9000000000000000000)::bigint,
      (pg_catalog.array_agg(s.slot order by s.slot), pg_catalog.array_agg(s.count::integer order by s.slot))::tracegram.histogram,
      pg_catalog.sum(s.input_tokens)::bigint, pg_catalog.sum(s.cached_tokens)::bigint, pg_catalog.sum(s.output_tokens)::bigint,
      pg_catalog.sum(s.reasoning_tokens)::bigint, pg_catalog.sum(s.cost_microusd)::bigint, pg_catalog.sum(s.unpriced)::bigint,
      pg_catalog.sum(s.large)::bigint, pg_catalog.sum(s.orphans)::bigint, pg_catalog.sum(s.stepless)::bigint
    from slots as s
    group by s.bucket, s.pipeline, s.step;
end;
$$;

comment on function tracegram.roll_up(tracegram.pipeline_traces[], tracegram.batches[]) is
  'The 5m rows of traces that have ended, and of the calls that brought batches.';
revoke all on function tracegram.roll_up(tracegram.pipeline_traces[], tracegram.batches[])
from public, anon, authenticated, service_role;

create function tracegram.roll_up_errors(p_traces tracegram.pipeline_traces[])
  returns setof tracegram.error_rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    select
      '5m', pg_catalog.date_bin('5 minutes', t.started_at, '2000-01-01 00:00+00')::timestamptz(0), t.pipeline,
      coalesce(tracegram.failed_step(t.steps), ''), tracegram.error_kind(t.error),
      count(*), (pg_catalog.array_agg(t.trace_id order by t.trace_id desc))[1]
    from pg_catalog.unnest(p_traces) as t
    where t.status = 'error'
    group by 2, 3, 4, 5;
end;
$$;

comment on function tracegram.roll_up_errors(tracegram.pipeline_traces[]) is 'The 5m rows of traces that have failed.';
revoke all on function tracegram.roll_up_errors(tracegram.pipeline_traces[]) from public, anon, authenticated, service_role;
