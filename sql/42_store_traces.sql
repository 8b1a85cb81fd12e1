-- 42_store_traces.sql — what is good of a batch is stored, and each trace is told what became of it.
--
-- The batch is stored as a whole, in one insert. Only when that meets traces that are there already are those looked at one by
-- one, and only when a value cannot even be read does the batch go in trace by trace. A trace that comes again changes in nothing but
-- the requests and responses that it had none of; an item with these and no steps is never a trace of its own.

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
  v_known  uuid[] := array[]::uuid[];
  v_new    uuid[];
  v_items  tracegram.item_result[];
  v_table  text;
begin
  -- "on conflict do nothing" would look for each trace before it inserts it, and most batches bring nothing but new ones.
  for attempt in 1 .. 3 loop
    begin
      with written as (
        insert into tracegram.pipeline_traces (
          started_at, update_id, chat_id, user_id, message_id, cost_microusd, duration_ms, key_id, trace_id, pipeline, status,
          error, release, steps
        )
        select distinct on (t.trace_id)
          t.started_at, t.update_id, t.chat_id, t.user_id, t.message_id, t.cost_microusd, t.duration_ms, p_key_id, t.trace_id,
          t.pipeline, t.status, t.error, t.release, t.steps
        from pg_catalog.unnest(v_traces) as t
        where t.refusal is null and not t.io_only and t.trace_id <> all (v_known)
        -- The same order in every batch, so that two senders of the same traces wait for each other and never deadlock; and of
        -- one trace sent twice in a batch, the end before the announcement.
        order by t.trace_id, t.status = 'running', t.ord
        returning started_at, trace_id, pipeline, status
      ),
      announced as (
        insert into tracegram.unended (started_at, trace_id, pipeline, status)
        select w.started_at, w.trace_id, w.pipeline, w.status from written as w where w.status = 'running'
      )
      select coalesce(pg_catalog.array_agg(w.trace_id), '{}') into v_new from written as w;
      exit;
    exception when unique_violation then
      if attempt = 3 then
        get stacked diagnostics v_table = table_name;
        -- What is in the way has come after the snapshot that all of this transaction sees, and cannot be looked at in it. A row
        -- of unended that was left behind would be in the way for ever, and PostgREST tries again what fails with 40001.
        if pg_catalog.current_setting('transaction_isolation') in ('repeatable read', 'serializable') and v_table <> 'unended' then
          raise exception sqlstate '40001' using
            message = 'a trace of this batch came in meanwhile, and this transaction cannot see it',
            hint    = 'Send the batch again.';
        end if;
        raise; -- they keep coming in meanwhile
      end if;
      v_known := array(
        select t.trace_id
        from pg_catalog.unnest(v_traces) as t
        cross join lateral (
          select from tracegram.pipeline_traces as old where old.started_at = t.started_at and old.trace_id = t.trace_id
          offset 0 -- looked up trace by trace
        ) as old
      );
    end;
  end loop;

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
  if exists (select from pg_catalog.unnest(v_traces) as t where t.has_io)
    or exists (select from pg_catalog.unnest(v_items) as i where i.result = 'updated')
  then
    perform tracegram.store_io(p_batch, v_items, p_settings);
  end if;
  return v_items;
end;
$$;

comment on function tracegram.store_traces(smallint, jsonb, tracegram.settings, timestamptz) is
$doc$Stores the good traces of a batch, all together.

Returns what became of each: stored, updated (it was announced before and has now ended), duplicate, or rejected with a refusal.

22xxx, 23514, 54xxx  a value cannot be read, or its day has no partition: nothing was stored
23505                three times another sender was first: send them one by one
40001                another sender was first, and the transaction is one that cannot see it: send the batch again$doc$;
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

create function tracegram.item_head(p_item json, out trace_id text, out no_steps boolean)
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  trace_id := case when pg_catalog.json_typeof(p_item -> 'trace_id') = 'string' then p_item ->> 'trace_id' end;
  no_steps := coalesce(p_item ->> 'steps' ~ '^\s*\[\s*\]$', false);
exception when data_exception or program_limit_exceeded then
  no_steps := false; -- it holds escapes that cannot be converted
end;
$$;

comment on function tracegram.item_head(json, out text, out boolean) is
  'The id of an item of a batch, as it was sent, and whether it has no steps. The id is null where it is no string or cannot be read.';
revoke all on function tracegram.item_head(json, out text, out boolean) from public, anon, authenticated, service_role;

create function tracegram.store_trace(
  p_key_id smallint, p_item json, p_ord bigint, p_settings tracegram.settings, p_now timestamptz
)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select p_ord, s.trace_id, s.result, s.refusal, s.ended, s.failed
    from pg_catalog.unnest(tracegram.store_traces(p_key_id, pg_catalog.jsonb_build_array(p_item::jsonb), p_settings, p_now)) as s;
exception
  when unique_violation then
    raise; -- of what else is there: nothing is wrong with this trace
  when check_violation then
    -- The values were checked: what is violated is the partition bounds.
    return query
      select p_ord, h.trace_id, 'rejected'::text, 'TG012 the day of started_at is not kept'::text, null::uuid, null::boolean
      from tracegram.item_head(p_item) as h;
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    return query
      select p_ord, h.trace_id, 'rejected'::text, tracegram.why_unreadable(p_item, sqlerrm), null::uuid, null::boolean
      from tracegram.item_head(p_item) as h;
end;
$$;

comment on function tracegram.store_trace(smallint, json, bigint, tracegram.settings, timestamptz) is
  'Stores one trace of a batch that could not be stored as a whole. A failure becomes its refusal.';
revoke all on function tracegram.store_trace(smallint, json, bigint, tracegram.settings, timestamptz) from public, anon, authenticated, service_role;
