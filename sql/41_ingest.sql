-- 41_ingest.sql — the write door.
--
-- public.ingest_traces checks the key and the batch, tracegram.store_traces stores what is good of it. A bad trace is refused
-- with its code and never takes a good one with it: the batch is stored as a whole, in one statement, and only when a value
-- cannot even be read does the batch go in trace by trace.

create type tracegram.item_result as (
  ord      bigint,
  trace_id text,
  result   text,
  refusal  text
);
comment on type tracegram.item_result is
  'What became of a trace of a batch: stored, updated, duplicate, or rejected with a refusal ("TG010 …"). ord counts from 1.';

create function tracegram.store_traces(p_key_id smallint, p_batch jsonb, p_now timestamptz)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = ''
as $$
begin
  return query
  with parsed as materialized (
    select
      r.*,
      -- Of one trace sent twice in a batch, the one that has ended is the one to keep.
      pg_catalog.row_number() over (partition by r.trace_id, r.refusal is null order by r.status = 'running', r.ord) as turn
    from (
      select
        i.ord,
        t.*,
        tracegram.wire_time(t.started_at) as started,
        coalesce(tracegram.wire_refusal(t, p_now), case
          when before.key_id <> p_key_id then 'TG014 a trace of this id came with another key'
        end) as refusal,
        before.status as before
      from pg_catalog.jsonb_array_elements(p_batch) with ordinality as i (item, ord)
      cross join lateral pg_catalog.jsonb_populate_record(null::tracegram.wire_trace, i.item) as t
      left join lateral (
        select old.key_id, old.status
        from tracegram.pipeline_traces as old
        where old.started_at = tracegram.wire_time(t.started_at) and old.trace_id = t.trace_id
        offset 0 -- looked up trace by trace: a hash of all days would be made otherwise
      ) as before on true
    ) as r
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
      message_id = excluded.message_id, duration_ms = excluded.duration_ms, pipeline = excluded.pipeline, status = excluded.status,
      error = excluded.error, release = excluded.release, steps = excluded.steps
    where old.status = 'running' and excluded.status <> 'running' and old.key_id = excluded.key_id
    returning old.trace_id
  ),
  captured as (
    insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
    -- Of a step that comes twice in one trace, either will do: both are of one run.
    select distinct on (p.started, p.trace_id, io.step)
      p.started, p.trace_id, io.step,
      case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
      case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
      pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
    from parsed as p
    join written as w on w.trace_id = p.trace_id
    cross join lateral pg_catalog.jsonb_populate_recordset(null::tracegram.wire_io, p.io) as io
    where p.refusal is null and p.turn = 1
      -- A trace that comes so late that its I/O would be dropped at once is stored without it.
      and p.started >= p_now - interval '7 days'
    order by p.started, p.trace_id, io.step
    -- What came with the announcement gives way to what comes with the end.
    on conflict (started_at, trace_id, step) do update set
      request_chars = excluded.request_chars, response_chars = excluded.response_chars,
      request = excluded.request, response = excluded.response
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

create function tracegram.why_unreadable(p_item json, p_error text)
  returns text
  language plpgsql stable
  set search_path = ''
as $$
begin
  if pg_catalog.json_typeof(p_item) <> 'object' then
    return 'not an object';
  end if;
  return coalesce(tracegram.unreadable_field(p_item::jsonb), p_error);
exception when data_exception or program_limit_exceeded then
  return p_error; -- not even JSON that can be stored
end;
$$;

comment on function tracegram.why_unreadable(json, text) is 'What to tell the sender of a trace that failed with p_error.';
revoke all on function tracegram.why_unreadable(json, text) from public, anon, authenticated, service_role;

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
    return query select p_ord, v_trace_id, 'rejected'::text, 'TG010 ' || tracegram.why_unreadable(p_item, sqlerrm);
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
  v_key := tracegram.find_key(p_key, v_now);
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
