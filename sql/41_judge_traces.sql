-- 41_judge_traces.sql — a batch is read: what of it will be stored as it came, what is put right first, and what is refused.

create type tracegram.judged_trace as (
  ord           bigint,
  started_at    timestamptz,
  update_id     integer,
  chat_id       bigint,
  user_id       bigint,
  message_id    integer,
  cost_microusd bigint,
  duration_ms   integer,
  trace_id      uuid,
  pipeline      text,
  status        text,
  error         text,
  release       text,
  steps         tracegram.trace_step[],
  has_io        boolean,
  io_only       boolean,
  refusal       text
);
comment on type tracegram.judged_trace is 'A trace of a batch as it will be stored, or why it will not.';

create function tracegram.judge_traces(p_batch jsonb, p_settings tracegram.settings, p_now timestamptz)
  returns tracegram.judged_trace[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select (
      j.ord, j.at, j.update_id,
      -- A private chat has its user's id, and most chats are private.
      case when j.chat_id = j.user_id then null when j.chat_id is null and j.user_id is not null then 0 else j.chat_id end,
      j.user_id, j.message_id, j.cost_microusd, j.duration_ms, j.trace_id,
      case when pg_catalog.length(j.pipeline) > 100 then tracegram.cut(j.pipeline, 100) else j.pipeline end,
      j.status,
      case when pg_catalog.length(j.error) > 2000 then tracegram.cut(j.error, 2000) else j.error end,
      case when pg_catalog.length(j.release) > 300 then tracegram.cut(j.release, 300) else j.release end,
      case when j.as_sent then j.steps else tracegram.tidy_steps(j.steps) end,
      j.io is not null, j.io is not null and pg_catalog.cardinality(j.io) > 0 and pg_catalog.cardinality(j.steps) = 0, j.refusal
    )::tracegram.judged_trace
    from (
      select
        i.ord, t.*, started.at, steps.as_sent, steps.cost_microusd,
        case
          -- A string that Postgres would read as an array is none.
          when pg_catalog.jsonb_typeof(i.item -> 'steps') <> 'array' then 'TG013 steps is not an array of objects'
          when pg_catalog.jsonb_typeof(i.item -> 'io') not in ('array', 'null') then 'TG013 io is not an array of objects'
          -- All that wire_refusal refuses, in one expression: it is asked only for the reason.
          when pg_catalog.btrim(t.pipeline) <> ''
            and (t.status in ('ok', 'error') and t.duration_ms >= 0 or t.status = 'running' and t.duration_ms is null)
            and pg_catalog.uuid_extract_version(t.trace_id) = 7
            and pg_catalog.substring(pg_catalog.uuid_send(t.trace_id), 1, 6)
              = pg_catalog.substring(pg_catalog.int8send((pg_catalog.date_part('epoch', started.at) * 1000)::bigint), 3)
            and started.at between p_settings.traces_from and p_now + interval '1 hour'
            and pg_catalog.cardinality(t.steps) <= 1000 and steps.valid and t.io is null
          then null
          else tracegram.wire_refusal(t, p_settings.traces_from, p_now)
        end as refusal
      from pg_catalog.jsonb_array_elements(p_batch) with ordinality as i (item, ord)
      cross join lateral pg_catalog.jsonb_populate_record(null::tracegram.wire_trace, i.item) as t
      cross join lateral (
        select case pg_catalog.jsonb_typeof(t.started_at)
          when 'number' then pg_catalog.to_timestamp(pg_catalog.floor(t.started_at::numeric)::bigint / 1000.0::double precision)
          else tracegram.wire_time(t.started_at)
        end as at
        offset 0 -- once
      ) as started
      cross join lateral (
        select
          coalesce(pg_catalog.bool_and(
            coalesce(s.name <> '' and s.offset_ms >= 0 and s.duration_ms >= 0, false)
            and (s.status is null or s.status in ('ok', 'error', 'detached'))
            and coalesce(s.cost_microusd between 0 and 1000000000, true)
            and coalesce(greatest(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens) <= 100000000, true)
            and coalesce(least(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.first_token_ms) >= 0, true)
          ), true) and coalesce(pg_catalog.array_ndims(t.steps), 1) = 1 as valid,
          -- Most are stored as they came; what is too long, or says ok, is put right first.
          coalesce(pg_catalog.bool_and(
            pg_catalog.octet_length(s.name) <= 100 and (s.status is null or s.status <> 'ok')
            and (s.error is null or pg_catalog.octet_length(s.error) <= 2000)
            and (s.model is null or pg_catalog.octet_length(s.model) <= 300)
          ), true) as as_sent,
          pg_catalog.sum(s.cost_microusd) as cost_microusd
        from pg_catalog.unnest(t.steps) as s
      ) as steps
    ) as j
  );
end;
$$;

comment on function tracegram.judge_traces(jsonb, tracegram.settings, timestamptz) is
$doc$Reads a batch.

22xxx, 54xxx  a value does not fit its type$doc$;
revoke all on function tracegram.judge_traces(jsonb, tracegram.settings, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.tidy_steps(p_steps tracegram.trace_step[])
  returns tracegram.trace_step[]
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select array(
    select (
      tracegram.cut(s.name, 100), s.parent, nullif(s.status, 'ok'), s.offset_ms, s.duration_ms, tracegram.cut(s.error, 2000),
      tracegram.cut(s.model, 300), s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.cost_microusd,
      s.first_token_ms
    )::tracegram.trace_step
    from pg_catalog.unnest(p_steps) as s
  );
$$;

comment on function tracegram.tidy_steps(tracegram.trace_step[]) is 'Steps as they are stored: long texts cut, ok left out.';
revoke all on function tracegram.tidy_steps(tracegram.trace_step[]) from public, anon, authenticated, service_role;
