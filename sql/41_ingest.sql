-- 41_ingest.sql — the write door.
--
-- public.ingest_traces checks the key and the batch, tracegram.store_traces stores what is good of it. A bad trace is refused
-- with its code and never takes a good one with it: the batch is stored as a whole, in one statement, and only when a value
-- cannot even be read does the batch go in trace by trace.

create table tracegram.batches (
  batch_id    bigint generated always as identity primary key,
  received_at timestamptz(3) not null,
  key_id      smallint not null,
  traces      integer not null,
  rejected    integer not null,
  duration_ms integer not null,
  ended       uuid[] not null
);
alter table tracegram.batches enable row level security;
-- Random bytes do not compress.
alter table tracegram.batches alter column ended set storage external;
-- Every row is deleted within seconds of its insert.
alter table tracegram.batches set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

comment on table tracegram.batches is
  'Batches that came in and are not in the rollups yet: one row each, inserted by the ingest and deleted by the fold, so that ingests never meet on a row.';
comment on column tracegram.batches.batch_id is 'In order of arrival, about.';
comment on column tracegram.batches.received_at is 'When it came.';
comment on column tracegram.batches.key_id is 'Ingest key that it came with.';
comment on column tracegram.batches.traces is 'Traces in it.';
comment on column tracegram.batches.rejected is 'Those that were refused.';
comment on column tracegram.batches.duration_ms is 'How long the database took to store it, in milliseconds.';
comment on column tracegram.batches.ended is 'Ids of the traces that ended with it.';

create type tracegram.item_result as (
  ord      bigint,
  trace_id text,
  result   text,
  refusal  text,
  ended    uuid
);
comment on type tracegram.item_result is
$doc$What became of a trace of a batch: stored, updated, duplicate, or rejected with a refusal ("TG010 …"). ord counts from 1.

ended is the id of a trace that has ended with this batch.$doc$;

create function tracegram.store_io(p_batch jsonb, p_items tracegram.item_result[], p_settings tracegram.settings)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
  -- Of a step that comes twice in one trace, either will do: both are of one run.
  select distinct on (s.started_at, t.trace_id, io.step)
    s.started_at, t.trace_id, io.step,
    case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
    case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
    pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
  from pg_catalog.unnest(p_items) as r
  cross join lateral pg_catalog.jsonb_populate_record(
    null::tracegram.wire_trace, (p_batch -> (r.ord - 1)::integer) - 'steps'
  ) as t
  cross join lateral (select tracegram.wire_time(t.started_at) as started_at) as s
  cross join lateral pg_catalog.unnest(t.io) as io
  where r.result in ('stored', 'updated')
    -- A trace so late that the I/O of its day is gone is stored without it.
    and s.started_at >= p_settings.io_from
    and (t.status = 'error' or tracegram.io_sampled(t.trace_id, p_settings))
  order by s.started_at, t.trace_id, io.step
  -- What came with the announcement gives way to what comes with the end.
  on conflict (started_at, trace_id, step) do update set
    request_chars = excluded.request_chars, response_chars = excluded.response_chars,
    request = excluded.request, response = excluded.response;
$$;

comment on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings) is
  'Stores the requests and responses of those traces of a batch that were stored: all of errors, a share of the rest.';
revoke all on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings)
from public, anon, authenticated, service_role;

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
      j.io is not null, j.refusal
    )::tracegram.judged_trace
    from (
      select
        i.ord, t.*, started.at, steps.as_sent, steps.cost_microusd,
        case
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
            and (s.status is null or s.status in ('ok', 'error'))
            and coalesce(s.cost_microusd between 0 and 1000000000, true)
            and coalesce(greatest(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens) <= 100000000, true)
            and coalesce(least(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens) >= 0, true)
          ), true) and coalesce(pg_catalog.array_ndims(t.steps), 1) = 1 as valid,
          -- Most are stored as they came; what is too long, or says ok, is put right first.
          coalesce(pg_catalog.bool_and(
            pg_catalog.octet_length(s.name) <= 100 and (s.status is null or s.status = 'error')
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
      tracegram.cut(s.model, 300), s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.cost_microusd
    )::tracegram.trace_step
    from pg_catalog.unnest(p_steps) as s
  );
$$;

comment on function tracegram.tidy_steps(tracegram.trace_step[]) is 'Steps as they are stored: long texts cut, ok left out.';
revoke all on function tracegram.tidy_steps(tracegram.trace_step[]) from public, anon, authenticated, service_role;

create function tracegram.complete_traces(p_key_id smallint, p_traces tracegram.judged_trace[], p_new uuid[])
  returns tracegram.item_result[]
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  -- Of one trace sent twice in a batch, the one that has ended is the one that was kept.
  v_kept      constant bigint[] := array(
    select distinct on (t.trace_id) t.ord
    from pg_catalog.unnest(p_traces) as t
    where t.refusal is null
    order by t.trace_id, t.status = 'running', t.ord
  );
  v_trace     tracegram.judged_trace;
  v_completed uuid[] := array[]::uuid[];
  v_foreign   uuid[] := array[]::uuid[];
begin
  -- In the order of the insert, for the same reason.
  for v_trace in
    select t.* from pg_catalog.unnest(p_traces) as t
    where t.ord = any (v_kept) and t.trace_id <> all (p_new)
    order by t.trace_id
  loop
    update tracegram.pipeline_traces as old set
      update_id = v_trace.update_id, chat_id = v_trace.chat_id, user_id = v_trace.user_id, message_id = v_trace.message_id,
      cost_microusd = v_trace.cost_microusd, duration_ms = v_trace.duration_ms, pipeline = v_trace.pipeline,
      status = v_trace.status, error = v_trace.error, release = v_trace.release, steps = v_trace.steps
    where old.started_at = v_trace.started_at and old.trace_id = v_trace.trace_id and old.key_id = p_key_id
      and old.status in ('running', 'lost') and v_trace.status <> 'running';
    if found then
      v_completed := v_completed || v_trace.trace_id;
    elsif exists (
      select from tracegram.pipeline_traces as old
      where old.started_at = v_trace.started_at and old.trace_id = v_trace.trace_id and old.key_id <> p_key_id
    ) then
      v_foreign := v_foreign || v_trace.trace_id;
    end if;
  end loop;

  return array(
    select (
      t.ord, t.trace_id,
      case
        when t.refusal is not null or t.trace_id = any (v_foreign) then 'rejected'
        when t.ord = any (v_kept) and t.trace_id = any (p_new) then 'stored'
        when t.ord = any (v_kept) and t.trace_id = any (v_completed) then 'updated'
        else 'duplicate'
      end,
      case when t.trace_id = any (v_foreign) then 'TG014 a trace of this id came with another key' else t.refusal end,
      case when t.ord = any (v_kept) and t.status <> 'running' and t.trace_id = any (p_new || v_completed) then t.trace_id end
    )::tracegram.item_result
    from pg_catalog.unnest(p_traces) as t
  );
end;
$$;

comment on function tracegram.complete_traces(smallint, tracegram.judged_trace[], uuid[]) is
$doc$Of a batch whose new traces (p_new) are stored, completes those that were announced before, and says what became of each.$doc$;
revoke all on function tracegram.complete_traces(smallint, tracegram.judged_trace[], uuid[])
from public, anon, authenticated, service_role;

create function tracegram.store_traces(p_key_id smallint, p_batch jsonb, p_settings tracegram.settings, p_now timestamptz)
  returns tracegram.item_result[]
  language plpgsql
  set search_path = pg_catalog, pg_temp
  -- Planning over all days costs more than a batch does.
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_traces constant tracegram.judged_trace[] := tracegram.judge_traces(p_batch, p_settings, p_now);
  v_new    uuid[];
  v_items  tracegram.item_result[];
begin
  with written as (
    insert into tracegram.pipeline_traces (
      started_at, update_id, chat_id, user_id, message_id, cost_microusd, duration_ms, key_id, trace_id, pipeline, status,
      error, release, steps
    )
    select
      t.started_at, t.update_id, t.chat_id, t.user_id, t.message_id, t.cost_microusd, t.duration_ms, p_key_id, t.trace_id,
      t.pipeline, t.status, t.error, t.release, t.steps
    from pg_catalog.unnest(v_traces) as t
    where t.refusal is null
    -- The same order in every batch, so that two senders of the same traces wait for each other and never deadlock; and of one
    -- trace sent twice in a batch, the end before the announcement.
    order by t.trace_id, t.status = 'running', t.ord
    on conflict (started_at, trace_id) do nothing
    returning trace_id
  )
  select coalesce(pg_catalog.array_agg(w.trace_id), '{}') into v_new from written as w;

  if pg_catalog.cardinality(v_new) = pg_catalog.cardinality(v_traces) then
    v_items := array(
      select (t.ord, t.trace_id, 'stored', null, case when t.status <> 'running' then t.trace_id end)::tracegram.item_result
      from pg_catalog.unnest(v_traces) as t
    );
  else
    v_items := tracegram.complete_traces(p_key_id, v_traces, v_new);
  end if;
  if exists (select from pg_catalog.unnest(v_traces) as t where t.has_io) then
    perform tracegram.store_io(p_batch, v_items, p_settings);
  end if;
  return v_items;
end;
$$;

comment on function tracegram.store_traces(smallint, jsonb, tracegram.settings, timestamptz) is
$doc$Stores the good traces of a batch, all together.

Returns what became of each: stored, updated (it was announced before and has now ended), duplicate, or rejected with a refusal.

22xxx, 23xxx, 54xxx  a value cannot be read, or its day has no partition: nothing was stored$doc$;
revoke all on function tracegram.store_traces(smallint, jsonb, tracegram.settings, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.why_unreadable(p_item json, p_error text)
  returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_catalog.json_typeof(p_item) <> 'object' then
    return 'TG010 not an object';
  end if;
  return coalesce(tracegram.unreadable_field(p_item::jsonb), 'TG010 ' || p_error);
exception when data_exception or program_limit_exceeded then
  return 'TG010 ' || p_error; -- not even JSON that can be stored
end;
$$;

comment on function tracegram.why_unreadable(json, text) is 'The refusal of a trace that failed with p_error.';
revoke all on function tracegram.why_unreadable(json, text) from public, anon, authenticated, service_role;

create function tracegram.store_trace(
  p_key_id smallint, p_item json, p_ord bigint, p_settings tracegram.settings, p_now timestamptz
)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Read from the text, for the item may hold escapes that cannot be converted.
  v_trace_id constant text := pg_catalog.substring(p_item::text, '"trace_id"\s*:\s*"([^"\\]*)"');
begin
  return query
    select p_ord, s.trace_id, s.result, s.refusal, s.ended
    from pg_catalog.unnest(tracegram.store_traces(p_key_id, pg_catalog.jsonb_build_array(p_item::jsonb), p_settings, p_now)) as s;
exception
  when check_violation then
    -- The values were checked: what is violated is the partition bounds.
    return query select p_ord, v_trace_id, 'rejected'::text, 'TG012 the day of started_at is not kept'::text, null::uuid;
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    return query select p_ord, v_trace_id, 'rejected'::text, tracegram.why_unreadable(p_item, sqlerrm), null::uuid;
end;
$$;

comment on function tracegram.store_trace(smallint, json, bigint, tracegram.settings, timestamptz) is
  'Stores one trace of a batch that could not be stored as a whole. A failure becomes its refusal.';
revoke all on function tracegram.store_trace(smallint, json, bigint, tracegram.settings, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ingest_answer(p_items tracegram.item_result[])
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.jsonb_build_object(
      'stored',    count(*) filter (where i.result = 'stored'),
      'updated',   count(*) filter (where i.result = 'updated'),
      'duplicate', count(*) filter (where i.result = 'duplicate'),
      'rejected',  count(*) filter (where i.result = 'rejected'),
      'items', pg_catalog.jsonb_agg(
        case
          when i.refusal is null then pg_catalog.jsonb_build_object('trace_id', i.trace_id, 'result', i.result)
          else pg_catalog.jsonb_build_object(
            'trace_id', i.trace_id, 'result', i.result,
            'code', pg_catalog.left(i.refusal, 5), 'message', pg_catalog.substr(i.refusal, 7)
          )
        end
        order by i.ord
      )
    )
    from pg_catalog.unnest(p_items) as i
  );
end;
$$;

comment on function tracegram.ingest_answer(tracegram.item_result[]) is 'IngestResult of tracer/wire.ts.';
revoke all on function tracegram.ingest_answer(tracegram.item_result[]) from public, anon, authenticated, service_role;

create function public.ingest_traces(p_key text, p_batch json)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges; this function is the only way in
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_now      constant timestamptz := pg_catalog.now();
  v_began    constant timestamptz := pg_catalog.clock_timestamp();
  v_settings tracegram.settings;
  v_key      tracegram.ingest_keys;
  v_batch    jsonb;
  v_count    integer;
  v_items    tracegram.item_result[];
begin
  select * into v_settings from tracegram.settings;
  v_key := tracegram.find_key(p_key, v_now);
  if v_key.key_id is null then
    raise exception sqlstate 'TG001' using
      message = 'unknown or revoked ingest key',
      hint    = 'Create one with select public.create_ingest_key(''my bot'').';
  end if;

  begin
    v_batch := p_batch::jsonb;
  exception when data_exception or program_limit_exceeded then
    -- A trace of it holds what jsonb cannot; the others will be stored one by one.
  end;
  if coalesce(pg_catalog.jsonb_typeof(v_batch), pg_catalog.json_typeof(p_batch)) is distinct from 'array' then
    v_count := 0;
  else
    v_count := coalesce(pg_catalog.jsonb_array_length(v_batch), pg_catalog.json_array_length(p_batch));
  end if;
  if v_count = 0 then
    raise exception sqlstate 'TG002' using
      message = 'the batch is not an array of traces',
      hint    = 'Send a JSON array of at least one trace.';
  end if;
  if v_count > 500 or pg_catalog.octet_length(p_batch::text) > 1048576 then
    raise exception sqlstate 'TG003' using
      message = pg_catalog.format('the batch has %s traces in %s bytes', v_count, pg_catalog.octet_length(p_batch::text)),
      hint    = 'Split it: at most 500 traces and 1048576 bytes.';
  end if;
  perform tracegram.charge_key(v_key.key_id, v_key.traces_per_minute, v_count, v_now);
  perform tracegram.ensure_partitions(v_now);

  if v_batch is not null then
    begin
      v_items := tracegram.store_traces(v_key.key_id, v_batch, v_settings, v_now);
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
      -- The batch was not stored: a value of one of its traces does not fit its type.
    end;
  end if;
  if v_items is null then
    v_items := array(
      select s
      from pg_catalog.json_array_elements(p_batch) with ordinality as i (item, ord)
      cross join lateral tracegram.store_trace(v_key.key_id, i.item, i.ord, v_settings, v_now) as s
    );
  end if;
  insert into tracegram.batches (received_at, key_id, traces, rejected, duration_ms, ended)
  select
    v_now, v_key.key_id, v_count, count(*) filter (where i.result = 'rejected'),
    1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - v_began),
    coalesce(pg_catalog.array_agg(i.ended) filter (where i.ended is not null), '{}')
  from pg_catalog.unnest(v_items) as i;
  return tracegram.ingest_answer(v_items);
end;
$$;

comment on function public.ingest_traces(text, json) is
$doc$Stores one batch of traces for the bot that owns the key. Idempotent: what is stored already is counted, not changed.

p_key    the bot's ingest key, in clear; compared by its SHA-256.
p_batch  1..500 traces in at most 1 MiB of JSON, each as WireTrace of tracer/wire.ts: started_at is epoch milliseconds or
         ISO 8601, offset_ms and duration_ms are whole milliseconds, cost_microusd is micro-dollars.

Returns {stored, updated, duplicate, rejected, items}: the counts, and in the order sent an item
{trace_id, result, code?, message?} for each trace. A rejected one has a code (do not retry any of them unchanged):

TG010  a field is missing, of the wrong type, or makes no sense
TG011  trace_id is not a UUIDv7 of the millisecond of started_at
TG012  started_at is over an hour in the future, or its day is not kept any more
TG013  a step or its I/O makes no sense, or there are over 1,000 steps
TG014  a trace of this id came with another key

The whole batch is refused with
TG001  unknown or revoked key          (do not retry)
TG002  not an array of traces          (do not retry)
TG003  too many traces or too large    (split and retry)
TG004  the key's limit is reached      (wait a minute and retry)
22P02, 22P05  by PostgREST, of a body that is not JSON, or holds \u0000 or half a surrogate pair  (do not retry)$doc$;
revoke all on function public.ingest_traces(text, json) from public, anon, authenticated;
-- anon: a bot holds no other key, and this function checks the ingest key itself.
grant execute on function public.ingest_traces(text, json) to anon, service_role;
