-- 59_find_trace.sql — a trace by the first characters of its id, or by the message that its run has sent.

create function tracegram.prefix_bound(p_hex text, p_last boolean)
  returns uuid
  language sql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.rpad(p_hex, 32, case when p_last then 'f' else '0' end)::uuid;
$$;

comment on function tracegram.prefix_bound(text, boolean) is 'The least id that starts with these hex digits, or the greatest.';
revoke all on function tracegram.prefix_bound(text, boolean) from public, anon, authenticated, service_role;

create function tracegram.find_query()
  returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select 'select * from tracegram.pipeline_traces as t where t.started_at >= $1 and t.started_at <= $2 '
    || 'and t.trace_id >= $3 and t.trace_id <= $4 order by t.started_at desc, t.trace_id desc limit $5';
$$;

comment on function tracegram.find_query() is 'Traces of $1 up to $2 with ids of $3 up to $4, the newest $5. Run over a day at a time.';
revoke all on function tracegram.find_query() from public, anon, authenticated, service_role;

create function tracegram.message_query()
  returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  -- Of a chat with very many runs the newest of these days, which are mostly the ones that somebody asks about.
  select 'select c.trace_id from (select t.started_at, t.trace_id, t.message_id from tracegram.pipeline_traces as t '
    || 'where t.started_at >= $1 and t.started_at < $2 and (t.chat_id = $3 or t.user_id = $3 and t.chat_id is null) '
    || 'order by t.started_at desc, t.trace_id desc limit 20000) as c '
    || 'where c.message_id = $4 order by c.started_at desc, c.trace_id desc limit 1';
$$;

comment on function tracegram.message_query() is
  'The newest trace of [$1, $2) of chat $3 with message $4, among its newest 20,000. Run over few days at a time.';
revoke all on function tracegram.message_query() from public, anon, authenticated, service_role;

create function tracegram.traces_between(p_first uuid, p_last uuid, p_now timestamptz)
  returns setof tracegram.pipeline_traces
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_from timestamptz := greatest(tracegram.trace_time(p_first), (tracegram.settings()).traces_from);
  -- No trace is of later than in an hour, and no time of ours beyond the year 10889.
  v_to   timestamptz := least(tracegram.trace_time(p_last), p_now + interval '1 hour');
  v_day  timestamptz;
  v_left integer := 6;
  v_n    integer;
begin
  -- A day at a time, newest first: most prefixes that a person types are within a minute.
  while v_left > 0 and v_to >= v_from loop
    v_day := greatest(v_from, pg_catalog.date_trunc('day', v_to, 'UTC'));
    return query execute tracegram.find_query() using v_day, v_to, p_first, p_last, v_left;
    get diagnostics v_n = row_count;
    v_left := v_left - v_n;
    v_to := v_day - interval '1 millisecond';
  end loop;
end;
$$;

comment on function tracegram.traces_between(uuid, uuid, timestamptz) is 'The newest six traces of ids from one up to another.';
revoke all on function tracegram.traces_between(uuid, uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.find_trace(p_prefix text)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hex   constant text := pg_catalog.lower(pg_catalog.replace(pg_catalog.left(p_prefix, 64), '-', ''));
  v_found tracegram.pipeline_traces[];
begin
  if v_hex is null or v_hex !~ '^[0-9a-f]{4,32}$' then
    return null;
  end if;
  v_found := array(
    select t
    from tracegram.traces_between(
      tracegram.prefix_bound(v_hex, false), tracegram.prefix_bound(v_hex, true), pg_catalog.now()
    ) as t
  );
  return case pg_catalog.cardinality(v_found)
    when 0 then null
    when 1 then pg_catalog.jsonb_build_object('trace_id', v_found[1].trace_id)
    else pg_catalog.jsonb_build_object(
      'candidates', (
        select pg_catalog.jsonb_agg(tracegram.trace_summary(c) order by c.started_at desc, c.trace_id desc)
        from pg_catalog.unnest(v_found[:5]) as c
      ),
      'more', pg_catalog.cardinality(v_found) > 5
    )
  end;
end;
$$;

comment on function public.find_trace(text) is
$doc$A trace by its id, or by the first characters of it.

p_prefix  at least four hex digits, in any case of letters, with or without dashes. Eight are those of about a minute.

Returns {trace_id} when it is one trace's; {candidates, more} when it is several': TraceSummary of the newest five, and whether there
are more; null when it is none's.$doc$;
revoke all on function public.find_trace(text) from public, anon, authenticated;
grant execute on function public.find_trace(text) to service_role;

create function public.trace_of_message(p_chat_id bigint, p_message_id bigint)
  returns uuid
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_oldest constant timestamptz := (tracegram.settings()).traces_from;
  v_to     timestamptz := pg_catalog.now() + interval '1 hour';
  v_from   timestamptz := pg_catalog.date_trunc('day', v_to, 'UTC');
  v_days   integer := 1;
  v_found  uuid;
begin
  if p_message_id not between 1 and 2147483647 then
    return null;
  end if;
  -- By the indexes of chats and users, a day, then two, four … at a time: messages that somebody asks about are mostly new.
  while v_to > v_oldest loop
    v_from := greatest(v_from, v_oldest);
    execute tracegram.message_query() into v_found using v_from, v_to, p_chat_id, p_message_id::integer;
    exit when v_found is not null;
    v_to := v_from;
    v_from := v_from - v_days * interval '1 day';
    v_days := v_days * 2;
  end loop;
  return v_found;
end;
$$;

comment on function public.trace_of_message(bigint, bigint) is
$doc$The newest run whose answer a message is: the last message that the run sent to its chat, or edited there.

p_chat_id, p_message_id  Telegram's. A private chat has the id of its user.

Returns its trace id; null when there is none that is kept. Of a run that has sent several messages, only the last one leads to it. Of a chat with very many runs, 20,000 are looked
at of one day, then of the two before it, the four before those, and so on.$doc$;
revoke all on function public.trace_of_message(bigint, bigint) from public, anon, authenticated;
grant execute on function public.trace_of_message(bigint, bigint) to service_role;
