-- 42_store_io.sql — the requests and responses of a batch: those of its new traces, and those that come later.

create type tracegram.item_result as (
  ord      bigint,
  trace_id text,
  result   text,
  refusal  text,
  ended    uuid,
  failed   boolean
);
comment on type tracegram.item_result is
$doc$What became of a trace of a batch: stored, updated, duplicate, or rejected with a refusal ("TG010 …"). ord counts from 1.

ended is the id of a trace that has ended with this batch; failed says how.$doc$;

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
    -- Where the I/O of its day has no partition, either: nothing of the trace itself is lost for it.
    and (
      select c.relispartition
      from pg_catalog.pg_class as c
      where c.oid = pg_catalog.to_regclass('tracegram.trace_io' || pg_catalog.to_char(s.started_at at time zone 'UTC', '"_p"YYYYMMDD'))
    )
    and tracegram.io_sampled(t.trace_id, t.status = 'error', p_settings)
  order by s.started_at, t.trace_id, io.step
  -- What came with the announcement gives way to what comes with the end.
  on conflict (started_at, trace_id, step) do update set
    request_chars = excluded.request_chars, response_chars = excluded.response_chars,
    request = excluded.request, response = excluded.response;
$$;

comment on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings) is
  'Stores the requests and responses of those traces of a batch that were stored, as far as tracegram.io_sampled says.';
revoke all on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings)
from public, anon, authenticated, service_role;

create function tracegram.store_late_io(p_batch jsonb, p_items tracegram.item_result[], p_settings tracegram.settings)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  -- Planning over all days costs more than this does.
  set plan_cache_mode = force_generic_plan
as $$
begin
  insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
  select distinct on (old.started_at, old.trace_id, io.step)
    old.started_at, old.trace_id, io.step,
    case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
    case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
    pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
  from pg_catalog.unnest(p_items) as r
  cross join lateral pg_catalog.jsonb_populate_record(
    null::tracegram.wire_trace, (p_batch -> (r.ord - 1)::integer) - 'steps'
  ) as t
  cross join lateral (
    select p.started_at, p.trace_id, p.status, pg_catalog.cardinality(p.steps) as steps
    from tracegram.pipeline_traces as p
    where p.started_at = tracegram.wire_time(t.started_at) and p.trace_id = t.trace_id
    offset 0 -- looked up trace by trace
  ) as old
  cross join lateral pg_catalog.unnest(t.io) as io
  -- A duplicate came with the key of the trace: with another it is refused.
  where r.result = 'duplicate' and t.io is not null
    and io.step <= old.steps
    and old.started_at >= p_settings.io_from
    and (
      select c.relispartition
      from pg_catalog.pg_class as c
      where c.oid = pg_catalog.to_regclass('tracegram.trace_io' || pg_catalog.to_char(old.started_at at time zone 'UTC', '"_p"YYYYMMDD'))
    )
    and tracegram.io_sampled(old.trace_id, old.status = 'error', p_settings)
  order by old.started_at, old.trace_id, io.step
  on conflict (started_at, trace_id, step) do nothing;
end;
$$;

comment on function tracegram.store_late_io(jsonb, tracegram.item_result[], tracegram.settings) is
$doc$Stores the requests and responses that came with duplicates, of steps that have none yet: a sender in need sends traces first, and
what was said in them later. What names a step that the stored trace does not have is left out.$doc$;
revoke all on function tracegram.store_late_io(jsonb, tracegram.item_result[], tracegram.settings)
from public, anon, authenticated, service_role;
