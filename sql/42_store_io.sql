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
  language plpgsql
  set search_path = pg_catalog, pg_temp
  -- Planning over all days costs more than this does.
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_completes constant boolean := exists (select from pg_catalog.unnest(p_items) as i where i.result = 'updated');
  v_stored    jsonb; -- what the duplicates with I/O are of
  v_items     tracegram.item_result[];
  v_completed uuid;
begin
  if exists (select from pg_catalog.unnest(p_items) as i where i.result = 'duplicate') then
    -- A duplicate came with the key of the trace: with another it is refused.
    v_stored := (
      select pg_catalog.jsonb_object_agg(old.trace_id, pg_catalog.to_jsonb(old) - 'trace_id')
      from pg_catalog.unnest(p_items) as i
      cross join lateral (
        select p.trace_id, p.status, pg_catalog.cardinality(p.steps) as steps
        from tracegram.pipeline_traces as p
        where p.started_at = tracegram.trace_time(i.trace_id::uuid) and p.trace_id = i.trace_id::uuid
        offset 0 -- looked up trace by trace
      ) as old
      where i.result = 'duplicate' and p_batch -> (i.ord - 1)::integer ? 'io'
    );
  end if;

  -- Whatever is locked is locked in the order of the traces, so that two senders wait for each other and never deadlock: all in
  -- one insert, or trace by trace where rows go as well.
  for v_items in
    select pg_catalog.array_agg(i)
    from pg_catalog.unnest(p_items) as i
    where i.result <> 'rejected'
    group by case when v_completes then i.trace_id::uuid end
    order by case when v_completes then i.trace_id::uuid end
  loop
    if v_completes then
      -- What came with the announcement, or later, is of its steps, and those of the end may be others.
      v_completed := (select i.trace_id::uuid from pg_catalog.unnest(v_items) as i where i.result = 'updated');
      delete from tracegram.trace_io as old
      where old.started_at = tracegram.trace_time(v_completed) and old.trace_id = v_completed;
    end if;

    insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
    -- Of a step that comes twice in one trace, either will do: both are of one run.
    select distinct on (s.started_at, t.trace_id, io.step)
      s.started_at, t.trace_id, io.step,
      case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
      case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
      pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
    from pg_catalog.unnest(v_items) as r
    cross join lateral pg_catalog.jsonb_populate_record(
      null::tracegram.wire_trace, (p_batch -> (r.ord - 1)::integer) - 'steps'
    ) as t
    cross join lateral (select tracegram.wire_time(t.started_at) as started_at) as s
    cross join lateral pg_catalog.unnest(t.io) as io
    where (r.result <> 'duplicate' or io.step <= (v_stored -> r.trace_id ->> 'steps')::integer)
      -- A trace so late that the I/O of its day is gone is stored without it.
      and s.started_at >= p_settings.io_from
      -- Where the I/O of its day has no partition, either: nothing of the trace itself is lost for it.
      and (
        select c.relispartition
        from pg_catalog.pg_class as c
        where c.oid = pg_catalog.to_regclass('tracegram.trace_io' || pg_catalog.to_char(s.started_at at time zone 'UTC', '"_p"YYYYMMDD'))
      )
      and tracegram.io_sampled(t.trace_id, coalesce(v_stored -> r.trace_id ->> 'status', t.status) = 'error', p_settings)
    order by s.started_at, t.trace_id, io.step, r.result = 'duplicate'
    on conflict (started_at, trace_id, step) do nothing;
  end loop;
end;
$$;

comment on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings) is
$doc$Stores the requests and responses of a batch, as far as tracegram.io_sampled says.

Those of a trace that was completed replace all that came before. Those of a duplicate are taken for steps that have none yet: a
sender in need sends traces first, and what was said in them later. What names a step that the stored trace does not have is left
out.$doc$;
revoke all on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings)
from public, anon, authenticated, service_role;
