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
    || 'where t.started_at >= $1 and t.started_at < $2 and (t.chat_id = $3 or t.user_id = $3 and t.chat_id is null) and t.key_id > 0 '
    || 'order by t.started_at desc, t.trace_id desc limit 20000) as c '
    || 'where c.message_id = $4 order by c.started_at desc, c.trace_id desc limit 1';
$$;

comment on function tracegram.message_query() is
  'The newest trace of [$1, $2) of chat $3 with message $4, among its newest 20,000. Run over few days at a time.';
revoke all on function tracegram.message_query() from public, anon, authenticated, service_role;

create function tracegram.sender_query()
  returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select 'with runs as materialized (select c.trace_id, c.started_at, c.message_id, '
    || 'c.started_at + coalesce(c.duration_ms * interval ''1 ms'', $6) as ended_at '
    || 'from (select * from tracegram.pipeline_traces as t '
    || 'where t.started_at >= $1 and t.started_at < $2 and (t.chat_id = $3 or t.user_id = $3 and t.chat_id is null) and t.key_id > 0 '
    || 'order by t.started_at desc, t.trace_id desc limit 20000) as c) '
    || 'select r.trace_id from runs as r where r.ended_at >= $5 - interval ''5 seconds'' '
    -- By the end of a run with a later message, this one had been sent.
    || 'and r.started_at <= coalesce((select min(l.ended_at) from runs as l where l.message_id > $4), $2) '
    || 'order by (r.message_id > $4) is true desc, '
    -- Seconds between the run and the second in which the message was sent.
    || 'greatest(interval ''0'', r.started_at - $5 - interval ''1 second'', $5 - r.ended_at), '
    || 'r.message_id - $4, r.started_at desc, r.trace_id desc limit 1';
$$;

comment on function tracegram.sender_query() is
  'The run of chat $3 that most likely sent message $4 at $5, among the newest 20,000 of [$1, $2). $6 is how long one may run that has not ended.';
revoke all on function tracegram.sender_query() from public, anon, authenticated, service_role;

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

create function public.trace_of_message(p_chat_id bigint, p_message_id bigint, p_sent_at timestamptz default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_id     constant integer := case when p_message_id between 1 and 2147483647 then p_message_id end;
  v_to     timestamptz := pg_catalog.now() + interval '1 hour';
  v_from   timestamptz := pg_catalog.date_trunc('day', v_to, 'UTC');
  v_days   integer := 1;
  v_found  uuid;
begin
  -- By the indexes of chats and users, a day, then two, four … at a time: messages that somebody asks about are mostly new.
  while v_id is not null and v_to > v_settings.traces_from loop
    v_from := greatest(v_from, v_settings.traces_from);
    execute tracegram.message_query() into v_found using v_from, v_to, p_chat_id, v_id;
    if v_found is not null then
      return pg_catalog.jsonb_build_object('trace_id', v_found, 'exact', true);
    end if;
    v_to := v_from;
    v_from := v_from - v_days * interval '1 day';
    v_days := v_days * 2;
  end loop;
  if v_id is null and p_message_id is not null then
    return null;
  end if;
  execute tracegram.sender_query() into v_found using
    p_sent_at - interval '1 day', p_sent_at + interval '6 seconds', p_chat_id, v_id, p_sent_at, v_settings.lost_after;
  return case when v_found is not null then pg_catalog.jsonb_build_object('trace_id', v_found, 'exact', false) end;
end;
$$;

comment on function public.trace_of_message(bigint, bigint, timestamptz) is
$doc$The run that a message of the bot comes from.

p_chat_id, p_message_id  Telegram's. A private chat has the id of its user. Of a message without an id that is known: null.
p_sent_at                when it was sent, by Telegram's clock, which has seconds. Null: not known.

Returns {trace_id, exact}; null when there is none that is kept. exact: it is the newest run whose last message in the chat,
sent or edited, is this one. Of a chat with very many runs, 20,000 are looked at of one day, then of the two before it, the four
before those, and so on. Otherwise, it is the one that most likely sent it, of those that were running at p_sent_at, give or take
5 s, and had started within the day before. Ids grow within a chat, so it is not one that started after a run had ended that has
a later message; and of several it is rather one with a later message, and of those the one whose message follows soonest.$doc$;
revoke all on function public.trace_of_message(bigint, bigint, timestamptz) from public, anon, authenticated;
grant execute on function public.trace_of_message(bigint, bigint, timestamptz) to service_role;
