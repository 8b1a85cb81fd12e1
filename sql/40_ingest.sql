-- 40_ingest.sql — the write door.
--
-- public.ingest_traces checks the key and the batch, tracegram.store_traces stores what is good of it. A bad trace is refused
-- with its code and never takes a good one with it: the batch is stored as a whole, in one statement, and only when a value
-- cannot even be read does the batch go in trace by trace.

create function tracegram.trace_time(p_trace_id uuid)
  returns timestamptz
  language sql immutable strict parallel safe
  set search_path = ''
as $$
  select pg_catalog.to_timestamp(
    ('x0000' || pg_catalog.left(pg_catalog.replace(p_trace_id::text, '-', ''), 12))::pg_catalog.bit(64)::bigint / 1000.0
  );
$$;

comment on function tracegram.trace_time(uuid) is 'The time inside a UUIDv7, to the millisecond.';
revoke all on function tracegram.trace_time(uuid) from public, anon, authenticated, service_role;

create function tracegram.wire_time(p_value jsonb)
  returns timestamptz
  language sql stable strict
  set search_path = ''
as $$
  -- Cut rather than rounded to the millisecond, as the maker of the UUIDv7 does.
  select pg_catalog.date_trunc('milliseconds', case pg_catalog.jsonb_typeof(p_value)
    when 'number' then pg_catalog.to_timestamp(pg_catalog.floor(p_value::numeric) / 1000.0)
    when 'string' then (p_value #>> '{}')::timestamptz
  end);
$$;

comment on function tracegram.wire_time(jsonb) is 'Epoch milliseconds or ISO 8601 as a time, to the millisecond. Null for any other JSON.';
revoke all on function tracegram.wire_time(jsonb) from public, anon, authenticated, service_role;

create function tracegram.cut(p_text text, p_chars integer)
  returns text
  language sql immutable strict parallel safe
  set search_path = ''
as $$
  select case
    when pg_catalog.length(p_text) <= p_chars then p_text
    else pg_catalog.left(p_text, p_chars) || pg_catalog.format('… [%s characters]', pg_catalog.length(p_text))
  end;
$$;

comment on function tracegram.cut(text, integer) is 'The text, or its first p_chars characters and its original length.';
revoke all on function tracegram.cut(text, integer) from public, anon, authenticated, service_role;

create type tracegram.wire_trace as (
  trace_id    uuid,
  started_at  jsonb,
  pipeline    text,
  status      text,
  duration_ms integer,
  error       text,
  release     text,
  update_id   bigint,
  chat_id     bigint,
  user_id     bigint,
  message_id  bigint,
  steps       jsonb,
  io          jsonb
);
comment on type tracegram.wire_trace is 'WireTrace of tracer/wire.ts, as it arrives.';

create type tracegram.wire_io as (
  step           smallint,
  request        text,
  response       text,
  request_chars  integer,
  response_chars integer
);
comment on type tracegram.wire_io is 'WireIo of tracer/wire.ts, as it arrives.';

create type tracegram.item_result as (
  ord      bigint,
  trace_id text,
  result   text,
  refusal  text
);
comment on type tracegram.item_result is
  'What became of a trace of a batch: stored, updated, duplicate, or rejected with a refusal ("TG010 …"). ord counts from 1.';

create function tracegram.wire_refusal(p_trace tracegram.wire_trace, p_now timestamptz)
  returns text
  language plpgsql stable
  set search_path = ''
as $$
declare
  v_started_at constant timestamptz := tracegram.wire_time(p_trace.started_at);
  v_steps      integer;
begin
  if p_trace.trace_id is null then return 'TG010 trace_id is missing'; end if;
  if v_started_at is null then return 'TG010 started_at is neither epoch milliseconds nor ISO 8601'; end if;
  if coalesce(p_trace.pipeline, '') = '' then return 'TG010 pipeline is missing'; end if;
  if p_trace.status is null or p_trace.status not in ('ok', 'error', 'running') then
    return 'TG010 status is none of ok, error, running';
  end if;
  if (p_trace.status = 'running') <> (p_trace.duration_ms is null) then
    return 'TG010 duration_ms must be left out while running, and given otherwise';
  end if;
  if p_trace.duration_ms < 0 then return 'TG010 duration_ms is negative'; end if;

  if pg_catalog.substr(p_trace.trace_id::text, 15, 1) <> '7' or tracegram.trace_time(p_trace.trace_id) <> v_started_at then
    return 'TG011 trace_id is not a UUIDv7 of the millisecond of started_at';
  end if;
  if v_started_at > p_now + interval '1 hour' then return 'TG012 started_at is over an hour in the future'; end if;
  if v_started_at < p_now - interval '30 days' then return 'TG012 started_at is over 30 days ago'; end if;

  if pg_catalog.jsonb_typeof(p_trace.steps) is distinct from 'array' then return 'TG013 steps is not an array'; end if;
  v_steps := pg_catalog.jsonb_array_length(p_trace.steps);
  if v_steps > 1000 then return pg_catalog.format('TG013 %s steps, at most 1000 are taken', v_steps); end if;
  return (
    select case
      when coalesce(s.name, '') = '' then pg_catalog.format('TG013 step %s has no name', s.position)
      when s.status is null or s.status not in ('ok', 'error')
        then pg_catalog.format('TG013 step %s: status is neither ok nor error', s.position)
      when s.offset_ms is null or s.offset_ms < 0 or s.duration_ms is null or s.duration_ms < 0
        then pg_catalog.format('TG013 step %s: offset_ms and duration_ms must be 0 or more', s.position)
      else pg_catalog.format('TG013 step %s: parent must be the position of an earlier step', s.position)
    end
    from pg_catalog.jsonb_populate_recordset(null::tracegram.trace_step, p_trace.steps) with ordinality
      as s (name, parent, status, offset_ms, duration_ms, error, model, input_tokens, output_tokens, cost_microusd, position)
    where coalesce(s.name, '') = '' or s.status is null or s.status not in ('ok', 'error')
      or s.offset_ms is null or s.offset_ms < 0 or s.duration_ms is null or s.duration_ms < 0
      or (s.parent is not null and s.parent not between 1 and s.position - 1)
    limit 1
  );
end;
$$;

comment on function tracegram.wire_refusal(tracegram.wire_trace, timestamptz) is
$doc$Why a trace cannot be stored, as a code and a sentence; null when it can.

TG010  a field is missing or makes no sense
TG011  trace_id and started_at disagree
TG012  started_at is outside of what is kept
TG013  a step makes no sense, or there are too many$doc$;
revoke all on function tracegram.wire_refusal(tracegram.wire_trace, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.store_traces(p_key_id smallint, p_batch jsonb, p_now timestamptz)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = ''
as $$
begin
  return query
  with parsed as materialized (
    select
      i.ord,
      t.*,
      tracegram.wire_time(t.started_at) as started,
      tracegram.wire_refusal(t, p_now) as refusal,
      -- Of one trace sent twice in a batch, the one that has ended is the one to keep.
      pg_catalog.row_number() over (partition by t.trace_id order by t.status = 'running', i.ord) as turn,
      (
        select old.status
        from tracegram.pipeline_traces as old
        where old.started_at = tracegram.wire_time(t.started_at) and old.trace_id = t.trace_id
      ) as before
    from pg_catalog.jsonb_array_elements(p_batch) with ordinality as i (item, ord)
    cross join lateral pg_catalog.jsonb_populate_record(null::tracegram.wire_trace, i.item) as t
  ),
  written as (
    insert into tracegram.pipeline_traces as old (
      started_at, update_id, chat_id, user_id, message_id, duration_ms, key_id, trace_id, pipeline, status, error, release, steps
    )
    select
      p.started, p.update_id, p.chat_id, p.user_id, p.message_id, p.duration_ms, p_key_id, p.trace_id,
      tracegram.cut(p.pipeline, 300), p.status, tracegram.cut(p.error, 2000), tracegram.cut(p.release, 300),
      array(
        select (
          tracegram.cut(s.name, 300), s.parent, s.status, s.offset_ms, s.duration_ms, tracegram.cut(s.error, 2000),
          tracegram.cut(s.model, 300), s.input_tokens, s.output_tokens, s.cost_microusd
        )::tracegram.trace_step
        from pg_catalog.jsonb_populate_recordset(null::tracegram.trace_step, p.steps) as s
      )
    from parsed as p
    where p.refusal is null and p.turn = 1
    -- The same order in every batch, so that two senders of the same traces wait for each other and never deadlock.
    order by p.started, p.trace_id
    on conflict (started_at, trace_id) do update set
      update_id = excluded.update_id, chat_id = excluded.chat_id, user_id = excluded.user_id,
      message_id = excluded.message_id, duration_ms = excluded.duration_ms, status = excluded.status,
      error = excluded.error, release = excluded.release, steps = excluded.steps
    where old.status = 'running' and excluded.status <> 'running' and old.key_id = excluded.key_id
    returning old.trace_id
  ),
  captured as (
    insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
    select
      p.started, p.trace_id, io.step,
      case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
      case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
      pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
    from parsed as p
    join written as w on w.trace_id = p.trace_id
    cross join lateral pg_catalog.jsonb_populate_recordset(null::tracegram.wire_io, p.io) as io
    where p.refusal is null and p.turn = 1
      and io.step between 1 and pg_catalog.jsonb_array_length(p.steps)
      -- A trace that comes so late that its I/O would be dropped at once is stored without it.
      and p.started >= p_now - interval '7 days'
    order by p.started, p.trace_id, io.step
    on conflict do nothing
  )
  select
    p.ord,
    p.trace_id::text,
    case
      when p.refusal is not null then 'rejected'
      when p.turn > 1 or w.trace_id is null then 'duplicate'
      when p.before = 'running' then 'updated'
      else 'stored'
    end,
    p.refusal
  from parsed as p
  left join written as w on w.trace_id = p.trace_id and p.turn = 1;
end;
$$;

comment on function tracegram.store_traces(smallint, jsonb, timestamptz) is
$doc$Stores the good traces of a batch, all in one statement.

Returns what became of each: stored, updated (it was announced before and has now ended), duplicate, or rejected with a refusal.

22xxx, 23xxx, 54xxx  a value cannot be read, or its day has no partition: nothing was stored$doc$;
revoke all on function tracegram.store_traces(smallint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.store_trace(p_key_id smallint, p_item json, p_ord bigint, p_now timestamptz)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = ''
as $$
declare
  -- Read from the text, for the item may hold escapes that cannot be converted.
  v_trace_id constant text := pg_catalog.substring(p_item::text, '"trace_id"\s*:\s*"([^"\\]*)"');
begin
  return query
    select p_ord, s.trace_id, s.result, s.refusal
    from tracegram.store_traces(p_key_id, pg_catalog.jsonb_build_array(p_item::jsonb), p_now) as s;
exception
  when check_violation then
    -- The values were checked: what is violated is the partition bounds.
    return query select p_ord, v_trace_id, 'rejected'::text, 'TG012 the day of started_at is not kept'::text;
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    return query select
      p_ord, v_trace_id, 'rejected'::text,
      case when pg_catalog.json_typeof(p_item) = 'object' then 'TG010 ' || sqlerrm else 'TG010 not an object' end;
end;
$$;

comment on function tracegram.store_trace(smallint, json, bigint, timestamptz) is
  'Stores one trace of a batch that could not be stored as a whole. A failure becomes its refusal.';
revoke all on function tracegram.store_trace(smallint, json, bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ingest_answer(p_items tracegram.item_result[])
  returns jsonb
  language sql immutable
  set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'stored',    count(*) filter (where i.result = 'stored'),
    'updated',   count(*) filter (where i.result = 'updated'),
    'duplicate', count(*) filter (where i.result = 'duplicate'),
    'rejected',  count(*) filter (where i.result = 'rejected'),
    'items', pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object('trace_id', i.trace_id, 'result', i.result)
        || case
          when i.refusal is null then '{}'
          else pg_catalog.jsonb_build_object(
            'code', pg_catalog.left(i.refusal, 5), 'message', pg_catalog.substr(i.refusal, 7))
        end
      order by i.ord
    )
  )
  from pg_catalog.unnest(p_items) as i;
$$;

comment on function tracegram.ingest_answer(tracegram.item_result[]) is 'IngestResult of tracer/wire.ts.';
revoke all on function tracegram.ingest_answer(tracegram.item_result[]) from public, anon, authenticated, service_role;

create function public.ingest_traces(p_key text, p_batch json)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges; this function is the only way in
  set search_path = ''
as $$
declare
  v_key    tracegram.ingest_keys;
  v_count  integer;
  v_now    constant timestamptz := pg_catalog.now();
  v_answer jsonb;
begin
  select * into v_key
  from tracegram.ingest_keys
  where key_sha256 = pg_catalog.sha256(pg_catalog.convert_to(p_key, 'UTF8')) and revoked_at is null;
  if v_key.key_id is null then
    raise exception sqlstate 'TG001' using
      message = 'unknown or revoked ingest key',
      hint    = 'Create one with select public.create_ingest_key(''my bot'').';
  end if;

  if pg_catalog.json_typeof(p_batch) is distinct from 'array' or pg_catalog.json_array_length(p_batch) = 0 then
    raise exception sqlstate 'TG002' using
      message = 'the batch is not an array of traces',
      hint    = 'Send a JSON array of at least one trace.';
  end if;
  v_count := pg_catalog.json_array_length(p_batch);
  if v_count > 500 or pg_catalog.octet_length(p_batch::text) > 1048576 then
    raise exception sqlstate 'TG003' using
      message = pg_catalog.format('the batch has %s traces in %s bytes', v_count, pg_catalog.octet_length(p_batch::text)),
      hint    = 'Split it: at most 500 traces and 1048576 bytes.';
  end if;
  perform tracegram.charge_key(v_key.key_id, v_key.traces_per_minute, v_count, v_now);
  perform tracegram.ensure_partitions(v_now);

  begin
    select tracegram.ingest_answer(pg_catalog.array_agg(s)) into v_answer
    from tracegram.store_traces(v_key.key_id, p_batch::jsonb, v_now) as s;
  exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
    select tracegram.ingest_answer(pg_catalog.array_agg(s)) into v_answer
    from pg_catalog.json_array_elements(p_batch) with ordinality as i (item, ord)
    cross join lateral tracegram.store_trace(v_key.key_id, i.item, i.ord, v_now) as s;
  end;
  return v_answer;
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
TG013  a step makes no sense, or there are over 1,000

The whole batch is refused with
TG001  unknown or revoked key          (do not retry)
TG002  not an array of traces          (do not retry)
TG003  too many traces or too large    (split and retry)
TG004  the key's limit is reached      (wait a minute and retry)$doc$;
revoke all on function public.ingest_traces(text, json) from public, anon, authenticated;
-- anon: a bot holds no other key, and this function checks the ingest key itself.
grant execute on function public.ingest_traces(text, json) to anon, service_role;
