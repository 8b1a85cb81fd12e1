-- 65_read_io.sql — the requests and responses of a step, a page at a time, for admins who may read them.
--
-- Every call is in the audit, also the refused one: so it answers, and does not raise.

create function public.admin_trace_io(
  p_actor bigint, p_trace_id uuid, p_step integer, p_side text, p_page integer, p_page_chars integer, p_around_chars integer
)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_started_at constant timestamptz := tracegram.trace_time(p_trace_id);
  v_response   constant boolean := p_side = 'response';
  v_io         tracegram.trace_io;
  v_step       tracegram.trace_step;
  v_text       text;
  v_size       integer;
  v_stored     integer;
  v_page       integer;
  v_from       integer;
begin
  if not tracegram.require_role(
    p_actor, 'operator', 'read_io',
    pg_catalog.jsonb_build_object('trace_id', p_trace_id, 'step', p_step, 'side', p_side, 'page', p_page)
  ) then
    return pg_catalog.jsonb_build_object('refused', 'operator');
  end if;

  select * into v_io
  from tracegram.trace_io as io
  where io.started_at = v_started_at and io.trace_id = p_trace_id and io.step = p_step;
  if not found then
    return null;
  end if;
  select (t.steps[p_step]).* into v_step
  from tracegram.pipeline_traces as t
  where t.started_at = v_started_at and t.trace_id = p_trace_id;

  v_text := case when v_response then v_io.response else v_io.request end;
  -- A message is measured in UTF-16 units, and one of these characters has two.
  v_size := case when v_text ~ '[\U00010000-\U0010FFFF]' then p_page_chars / 2 else p_page_chars end;
  v_size := greatest(v_size, 1);
  v_stored := pg_catalog.length(v_text);
  v_page := greatest(0, least(p_page, (v_stored - 1) / v_size));
  v_from := greatest(0, v_page * v_size - p_around_chars);

  return pg_catalog.jsonb_build_object(
    'step', p_step,
    'name', v_step.name,
    'model', v_step.model,
    'status', coalesce(v_step.status, 'ok'),
    'side', case when v_response then 'response' else 'request' end,
    'request_chars', v_io.request_chars,
    'response_chars', v_io.response_chars,
    'stored_chars', v_stored,
    'page', v_page,
    'page_chars', v_size,
    'from', v_from,
    'text', pg_catalog.substr(v_text, v_from + 1, (v_page + 1) * v_size + p_around_chars - v_from),
    'previous_step', (
      select max(io.step) from tracegram.trace_io as io
      where io.started_at = v_started_at and io.trace_id = p_trace_id and io.step < p_step
    ),
    'next_step', (
      select min(io.step) from tracegram.trace_io as io
      where io.started_at = v_started_at and io.trace_id = p_trace_id and io.step > p_step
    )
  );
end;
$$;

comment on function public.admin_trace_io(bigint, uuid, integer, text, integer, integer, integer) is
$doc$A page of the request or response of a step. The page alone leaves the database, however long the text is.

p_actor         Telegram's id of the admin. Whether they may is in the audit as read_io.
p_step          position of the step, counted from 1.
p_side          request or response.
p_page          counted from 0; after the last one: the last one.
p_page_chars    characters of a page, halved for a text with characters outside the Basic Multilingual Plane (emoji), of which
                each has two UTF-16 units.
p_around_chars  characters before and after the page that come with it, so that the caller can move its ends to where a line ends.

Returns IoPage of functions/_shared/io_answers.ts; {"refused": "operator"} to anybody who is not at least that; null when nothing
was captured, or its day has been dropped.$doc$;
revoke all on function public.admin_trace_io(bigint, uuid, integer, text, integer, integer, integer) from public, anon, authenticated;
grant execute on function public.admin_trace_io(bigint, uuid, integer, text, integer, integer, integer) to service_role;

create function public.admin_export_io(p_actor bigint, p_trace_id uuid, p_after integer)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_started_at constant timestamptz := tracegram.trace_time(p_trace_id);
begin
  if not tracegram.require_role(
    p_actor, 'operator', 'read_io', pg_catalog.jsonb_build_object('trace_id', p_trace_id, 'export_after', p_after)
  ) then
    return pg_catalog.jsonb_build_object('refused', 'operator');
  end if;
  return (
    select pg_catalog.jsonb_build_object(
      'io', coalesce(
        pg_catalog.jsonb_agg(
          pg_catalog.jsonb_build_object(
            'step', io.step, 'request', io.request, 'request_chars', io.request_chars,
            'response', io.response, 'response_chars', io.response_chars
          ) order by io.step
        ), '[]'
      ),
      'more', pg_catalog.count(*) = 16
    )
    from (
      -- 16 steps of 65,536 characters a side are 2 MB of ASCII.
      select * from tracegram.trace_io as i
      where i.started_at = v_started_at and i.trace_id = p_trace_id and i.step > p_after
      order by i.step
      limit 16
    ) as io
  );
end;
$$;

comment on function public.admin_export_io(bigint, uuid, integer) is
$doc$The requests and responses of up to 16 steps of a trace, whole, for a file.

p_actor  Telegram's id of the admin. Whether they may is in the audit as read_io.
p_after  position of the last step that was read; 0 at first.

Returns {"io": [TraceIo of functions/_shared/answers.ts], "more"}; {"refused": "operator"} to anybody who is not at least that.$doc$;
revoke all on function public.admin_export_io(bigint, uuid, integer) from public, anon, authenticated;
grant execute on function public.admin_export_io(bigint, uuid, integer) to service_role;

create function public.admin_note_export(p_actor bigint, p_what jsonb)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The audit is kept longer than the filter is.
  v_what constant jsonb := p_what || coalesce((
    select pg_catalog.jsonb_build_object('filter', f.filter)
    from tracegram.list_filters as f
    where f.filter_id = p_what ->> 'filter'
  ), '{}');
begin
  return case
    when tracegram.require_role(p_actor, 'viewer', 'export', v_what) then '{}'
    else pg_catalog.jsonb_build_object('refused', 'viewer')
  end;
end;
$$;

comment on function public.admin_note_export(bigint, jsonb) is
$doc$Notes in the audit that an admin takes data out, before they do.

p_what  of what: {"of": "trace", "trace_id": …}, {"of": "traces", "format": …, "filter": …}, {"of": "stats", "hours": …}.
        filter is the id of one; the audit has the ListFilter itself.

Returns {}; {"refused": "viewer"} to anybody who is no admin.$doc$;
revoke all on function public.admin_note_export(bigint, jsonb) from public, anon, authenticated;
grant execute on function public.admin_note_export(bigint, jsonb) to service_role;
