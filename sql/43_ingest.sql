-- 43_ingest.sql — the write door.
--
-- public.ingest_traces checks the key and the batch, has it stored (42_store_traces.sql), and leaves a note of it for the fold
-- (47_fold.sql). A bad trace is refused with its code and never takes a good one with it.

create table tracegram.batches (
  batch_id    bigint generated always as identity primary key,
  received_at timestamptz(3) not null,
  key_id      smallint not null,
  traces      integer not null,
  rejected    integer not null,
  duration_ms integer not null,
  ended       uuid[] not null,
  failed      uuid[] not null
);
alter table tracegram.batches enable row level security;
-- Random bytes do not compress.
alter table tracegram.batches alter column ended set storage external;
-- Every row is deleted within seconds of its insert. Without the index cleanup, which vacuum leaves out of a few dead rows, a
-- table that a burst has made large would stay so, and whoever reads what waits reads all of it.
alter table tracegram.batches set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, vacuum_index_cleanup = on
);

comment on table tracegram.batches is
  'Batches that came in and are not in the rollups yet: one row each, inserted by the ingest and deleted by the fold, so that ingests never meet on a row.';
comment on column tracegram.batches.batch_id is 'In order of arrival, about.';
comment on column tracegram.batches.received_at is 'When it came.';
comment on column tracegram.batches.key_id is 'Ingest key that it came with.';
comment on column tracegram.batches.traces is 'Traces in it.';
comment on column tracegram.batches.rejected is 'Those that were refused.';
comment on column tracegram.batches.duration_ms is 'How long the database took to store it, in milliseconds.';
comment on column tracegram.batches.ended is 'Ids of the traces that ended with it.';
comment on column tracegram.batches.failed is 'Those of them that failed.';

create function tracegram.ingest_answer(p_items tracegram.item_result[])
  returns json
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.json_build_object(
      'stored',    count(*) filter (where i.result = 'stored'),
      'updated',   count(*) filter (where i.result = 'updated'),
      'duplicate', count(*) filter (where i.result = 'duplicate'),
      'rejected',  count(*) filter (where i.result = 'rejected'),
      'items', pg_catalog.json_agg(
        case
          -- Of what was stored the id is a uuid, without anything to escape.
          when i.refusal is null then pg_catalog.format('{"trace_id": "%s", "result": "%s"}', i.trace_id, i.result)::json
          else pg_catalog.json_build_object(
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
  returns json
  language plpgsql
  security definer -- callers hold no table privileges; this function is the only way in
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_now      constant timestamptz := pg_catalog.now();
  v_began    constant timestamptz := pg_catalog.clock_timestamp();
  v_bytes    constant integer := pg_catalog.octet_length(p_batch::text);
  v_settings tracegram.settings;
  v_key      tracegram.ingest_keys;
  v_batch    jsonb;
  v_report   jsonb;
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

  if v_bytes <= 1048576 then
    begin
      v_batch := p_batch::jsonb;
    exception when data_exception or program_limit_exceeded then
      -- A trace of it holds what jsonb cannot; the others will be stored one by one.
    end;
  end if;
  if pg_catalog.json_typeof(p_batch) = 'object' then
    v_report := v_batch - 'traces';
    v_batch := v_batch -> 'traces';
    p_batch := p_batch -> 'traces';
  end if;
  if coalesce(pg_catalog.jsonb_typeof(v_batch), pg_catalog.json_typeof(p_batch)) is distinct from 'array' then
    v_count := 0;
  else
    v_count := coalesce(pg_catalog.jsonb_array_length(v_batch), pg_catalog.json_array_length(p_batch));
  end if;
  if v_count = 0 then
    raise exception sqlstate 'TG002' using
      message = 'the batch is neither an array of traces nor a report with one',
      hint    = 'Send a JSON array of at least one trace, or {sender, dropped, traces}.';
  end if;
  if v_count > 500 or v_bytes > 1048576 then
    raise exception sqlstate 'TG003' using
      message = pg_catalog.format('the batch has %s traces in %s bytes', v_count, v_bytes),
      hint    = 'Split it: at most 500 traces and 1048576 bytes.';
  end if;
  perform tracegram.charge_key(v_key.key_id, v_key.traces_per_minute, v_count, v_now);
  perform tracegram.ensure_partitions(v_now);

  if v_batch is not null then
    begin
      v_items := tracegram.store_traces(v_key.key_id, v_batch, v_settings, v_now);
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
      -- The batch was not stored: a value of one of its traces does not fit its type, or other senders were first three times.
    end;
  end if;
  if v_items is null then
    v_items := array(
      select s
      from (
        select e.*
        from pg_catalog.json_array_elements(p_batch) with ordinality as e (item, ord)
        cross join lateral tracegram.item_head(e.item) as h
        -- In the order in which a whole batch is stored, for the same reason (42_store_traces.sql); and what comes with no steps
        -- may be the I/O of a trace beside it.
        order by h.trace_id, h.no_steps, e.ord
        offset 0
      ) as i
      cross join lateral tracegram.store_trace(v_key.key_id, i.item, i.ord, v_settings, v_now) as s
    );
  end if;
  insert into tracegram.batches (received_at, key_id, traces, rejected, duration_ms, ended, failed)
  select
    v_now, v_key.key_id, v_count, count(*) filter (where i.result = 'rejected'),
    1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - v_began),
    coalesce(pg_catalog.array_agg(i.ended) filter (where i.ended is not null), '{}'),
    coalesce(pg_catalog.array_agg(i.ended) filter (where i.ended is not null and i.failed), '{}')
  from pg_catalog.unnest(v_items) as i;
  if v_report is not null then
    perform tracegram.note_dropped(v_key.key_id, v_report, v_now);
  end if;
  return tracegram.ingest_answer(v_items);
end;
$$;

comment on function public.ingest_traces(text, json) is
$doc$Stores one batch of traces for the bot that owns the key. Idempotent: what is stored already is counted, not changed.

p_key    the bot's ingest key, in clear; compared by its SHA-256.
p_batch  1..500 traces in at most 1 MiB of JSON, as an array, or as {sender, dropped, traces} with what the sender has dropped:
         WireReport of tracer/wire.ts, of which only the traces can be refused. Each is a WireTrace: started_at is epoch
         milliseconds or ISO 8601, offset_ms and duration_ms are whole milliseconds, cost_microusd is micro-dollars.

Returns {stored, updated, duplicate, rejected, items}: the counts, and in the order sent an item
{trace_id, result, code?, message?} for each trace. A rejected one has a code (do not retry any of them unchanged):

TG010  a field is missing, of the wrong type, or makes no sense
TG011  trace_id is not a UUIDv7 of the millisecond of started_at
TG012  started_at is over an hour in the future, or its day is not kept any more
TG013  a step or its I/O makes no sense, there are over 1,000 steps, or I/O came without steps and its trace is not stored
TG014  a trace of this id came with another key

The whole batch is refused with
TG001  unknown or revoked key          (do not retry)
TG002  neither traces nor a report     (do not retry)
TG003  too many traces or too large    (split and retry)
TG004  the key's limit is reached      (wait a minute and retry)
40001  a trace of it came in meanwhile (retry): only where transactions are repeatable read or serializable
22P02, 22P05  by PostgREST, of a body that is not JSON, or holds \u0000 or half a surrogate pair  (do not retry)$doc$;
revoke all on function public.ingest_traces(text, json) from public, anon, authenticated;
-- anon: a bot holds no other key, and this function checks the ingest key itself.
grant execute on function public.ingest_traces(text, json) to anon, service_role;
