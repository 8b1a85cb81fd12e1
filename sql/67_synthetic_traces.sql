-- 67_synthetic_traces.sql — traces of synthetic tests: stored as the bot's own are, and counted nowhere.
--
-- What counts traces starts from tracegram.batches (43_ingest.sql), where they leave no note; lists and what is found by a message
-- leave their key out (51_list_query.sql, 59_find_trace.sql).

create function public.store_synthetic_traces(p_run_id uuid, p_token text, p_batch jsonb)
  returns json
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- No ingest key has it. Traces of it are in no list but that of their release, and nothing of the bot's own counts them.
  c_key_id   constant smallint := 0;
  v_now      constant timestamptz := pg_catalog.now();
  v_batch    constant jsonb := case pg_catalog.jsonb_typeof(p_batch) when 'object' then p_batch -> 'traces' else p_batch end;
  v_settings tracegram.settings := tracegram.settings();
  v_items    tracegram.item_result[];
begin
  perform from tracegram.synthetic_runs as r where r.run_id = p_run_id and r.token = p_token;
  if not found then
    raise exception sqlstate 'TG060' using message = 'there is no such run, or the token is not its own';
  end if;
  if pg_catalog.jsonb_typeof(v_batch) is distinct from 'array' or v_batch = '[]' then
    raise exception sqlstate 'TG002' using message = 'the batch is neither an array of traces nor a report with one';
  end if;
  if pg_catalog.jsonb_array_length(v_batch) > 500 or pg_catalog.octet_length(p_batch::text) > 4194304 then
    raise exception sqlstate 'TG003' using message = 'the batch has over 500 traces or 4 MiB';
  end if;
  if exists (select from pg_catalog.jsonb_array_elements(v_batch) as t where t ->> 'status' = 'running') then
    raise exception sqlstate 'TG060' using
      message = 'a trace of the batch has not ended', hint = 'The tracer of a synthetic run announces nothing.';
  end if;
  perform tracegram.ensure_partitions(v_now);
  v_settings.io_sample_percent := 100; -- all of it was asked for; the quota guard's share holds
  begin
    v_items := tracegram.store_traces(c_key_id, v_batch, v_settings, v_now);
  exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
    v_items := array(
      select s
      from (
        select e.*
        from pg_catalog.json_array_elements(v_batch::text::json) with ordinality as e (item, ord)
        cross join lateral tracegram.item_head(e.item) as h
        order by h.trace_id, h.no_steps, e.ord
        offset 0 -- in the order of an ingest, see 43_ingest.sql
      ) as i
      cross join lateral tracegram.store_trace(c_key_id, i.item, i.ord, v_settings, v_now) as s
    );
  end;
  return tracegram.ingest_answer(v_items);
end;
$$;

comment on function public.store_synthetic_traces(uuid, text, jsonb) is
$doc$Stores traces of a synthetic run. They are found by their id, or listed by their release, and count in no figure or alert of the bot's own.

p_batch  1..500 traces that have ended, in at most 4 MiB, as ingest_traces takes them.

Returns what ingest_traces does.

TG002  no traces
TG003  too many, or too large  (split and retry)
TG060  no such run, the wrong token, or a trace that has not ended$doc$;
revoke all on function public.store_synthetic_traces(uuid, text, jsonb) from public, anon, authenticated;
grant execute on function public.store_synthetic_traces(uuid, text, jsonb) to service_role;
