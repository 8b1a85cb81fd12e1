-- 42_store_traces.sql — what is good of a batch is stored, and each trace is told what became of it.
--
-- The batch is stored as a whole, in one insert. Only when that meets traces that are there already are those looked at one by
-- one, and only when a value cannot even be read does the batch go in trace by trace. A trace that comes again changes in nothing but
-- the requests and responses that it had none of; an item with these and no steps is never a trace of its own.

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
    order by t.trace_id, t.io_only, t.status = 'running', t.ord
  );
  v_trace     tracegram.judged_trace;
  v_completed uuid[] := array[]::uuid[];
  v_foreign   uuid[] := array[]::uuid[];
  v_missing   uuid[] := array[]::uuid[]; -- I/O came of them, and they never did
begin
  -- In the order of the insert, for the same reason.
  for v_trace in
    select t.* from pg_catalog.unnest(p_traces) as t
    where t.ord = any (v_kept) and t.trace_id <> all (p_new)
    order by t.trace_id
  loop
    -- Before the trace, as mark_lost does, so that the two never wait for each other both ways.
    delete from tracegram.unended as u
    where u.started_at = v_trace.started_at and u.trace_id = v_trace.trace_id and v_trace.status <> 'running'
      and not v_trace.io_only
      and exists (
        select from tracegram.pipeline_traces as old
        where old.started_at = v_trace.started_at and old.trace_id = v_trace.trace_id and old.key_id = p_key_id
      );
    update tracegram.pipeline_traces as old set
      update_id = v_trace.update_id, chat_id = v_trace.chat_id, user_id = v_trace.user_id, message_id = v_trace.message_id,
      cost_microusd = v_trace.cost_microusd, duration_ms = v_trace.duration_ms, pipeline = v_trace.pipeline,
      status = v_trace.status, error = v_trace.error, release = v_trace.release, steps = v_trace.steps
    where old.started_at = v_trace.started_at and old.trace_id = v_trace.trace_id and old.key_id = p_key_id
      and old.status in ('running', 'lost') and v_trace.status <> 'running' and not v_trace.io_only;
    if found then
      v_completed := v_completed || v_trace.trace_id;
    elsif exists (
      select from tracegram.pipeline_traces as old
      where old.started_at = v_trace.started_at and old.trace_id = v_trace.trace_id and old.key_id <> p_key_id
    ) then
      v_foreign := v_foreign || v_trace.trace_id;
    elsif v_trace.io_only and not exists (
      select from tracegram.pipeline_traces as old
      where old.started_at = v_trace.started_at and old.trace_id = v_trace.trace_id
    ) then
      v_missing := v_missing || v_trace.trace_id;
    end if;
  end loop;

  return array(
    select (
      t.ord, t.trace_id,
      case
        when t.refusal is not null or t.trace_id = any (v_foreign || v_missing) then 'rejected'
        when t.ord = any (v_kept) and t.trace_id = any (p_new) then 'stored'
        when t.ord = any (v_kept) and t.trace_id = any (v_completed) then 'updated'
        else 'duplicate'
      end,
      case
        when t.trace_id = any (v_foreign) then 'TG014 a trace of this id came with another key'
        when t.trace_id = any (v_missing) then 'TG013 io without steps is of a trace that is stored, and this one is not'
        else t.refusal
      end,
      case when t.ord = any (v_kept) and t.status <> 'running' and t.trace_id = any (p_new || v_completed) then t.trace_id end,
      t.status = 'error'
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
    where t.refusal is null and not t.io_only
    -- The same order in every batch, so that two senders of the same traces wait for each other and never deadlock; and of one
    -- trace sent twice in a batch, the end before the announcement.
    order by t.trace_id, t.status = 'running', t.ord
    on conflict (started_at, trace_id) do nothing
    returning started_at, trace_id, pipeline, status
  ),
  announced as (
    insert into tracegram.unended (started_at, trace_id, pipeline, status)
    select w.started_at, w.trace_id, w.pipeline, w.status from written as w where w.status = 'running'
  )
  select coalesce(pg_catalog.array_agg(w.trace_id), '{}') into v_new from written as w;

  if pg_catalog.cardinality(v_new) = pg_catalog.cardinality(v_traces) then
    v_items := array(
      select (
        t.ord, t.trace_id, 'stored', null, case when t.status <> 'running' then t.trace_id end, t.status = 'error'
      )::tracegram.item_result
      from pg_catalog.unnest(v_traces) as t
    );
  else
    v_items := tracegram.complete_traces(p_key_id, v_traces, v_new);
  end if;
  if exists (select from pg_catalog.unnest(v_traces) as t where t.has_io) then
    perform tracegram.store_io(p_batch, v_items, p_settings);
    if exists (select from pg_catalog.unnest(v_items) as i where i.result = 'duplicate') then
      perform tracegram.store_late_io(p_batch, v_items, p_settings);
    end if;
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
    select p_ord, s.trace_id, s.result, s.refusal, s.ended, s.failed
    from pg_catalog.unnest(tracegram.store_traces(p_key_id, pg_catalog.jsonb_build_array(p_item::jsonb), p_settings, p_now)) as s;
exception
  when check_violation then
    -- The values were checked: what is violated is the partition bounds.
    return query select p_ord, v_trace_id, 'rejected'::text, 'TG012 the day of started_at is not kept'::text, null::uuid, null::boolean;
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    return query select p_ord, v_trace_id, 'rejected'::text, tracegram.why_unreadable(p_item, sqlerrm), null::uuid, null::boolean;
end;
$$;

comment on function tracegram.store_trace(smallint, json, bigint, tracegram.settings, timestamptz) is
  'Stores one trace of a batch that could not be stored as a whole. A failure becomes its refusal.';
revoke all on function tracegram.store_trace(smallint, json, bigint, tracegram.settings, timestamptz) from public, anon, authenticated, service_role;
