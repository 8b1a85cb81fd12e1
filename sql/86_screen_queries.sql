-- 86_screen_queries.sql — the queries of the screens that read traces, so that their plans can be looked at.

create type tracegram.screen_query as (
  query     text,
  sql       text,
  types     text,
  arguments text,
  plan_mode text,
  looks_at  integer,
  starts    timestamptz,
  ends      timestamptz
);
comment on type tracegram.screen_query is
  'A query of a screen, with what it takes to plan it as the screen''s function does.';
comment on column tracegram.screen_query.query is 'Its name.';
comment on column tracegram.screen_query.sql is 'Its text, with $1 … for what differs.';
comment on column tracegram.screen_query.types is 'Types of $1 …, separated by commas.';
comment on column tracegram.screen_query.arguments is 'SQL of their values, separated by commas.';
comment on column tracegram.screen_query.plan_mode is
  'plan_cache_mode of the function: force_generic_plan, or force_custom_plan where it plans each time.';
comment on column tracegram.screen_query.looks_at is
  'Traces that it may look at, where no index knows which match. Ten times as many may as well be read in a row.';
comment on column tracegram.screen_query.starts is 'It has no business in a day before this one.';
comment on column tracegram.screen_query.ends is 'Nor after this one.';

create function tracegram.screen_queries(p_now timestamptz)
  returns setof tracegram.screen_query
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- Those of one trace are one expression each: it is read from the function.
  select
    p.proname,
    'select ' || pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
      pg_catalog.substring(p.prosrc, '\mreturn (.*);\s*end;'),
      'v_started_at', '$1'), 'p_trace_id', '$2'), 'p_step', '$3'),
    'timestamptz, uuid, integer', pg_catalog.format('%L, %L, null', w.starts, pg_catalog.gen_random_uuid()),
    'force_generic_plan', 0, w.starts, w.starts
  from pg_catalog.pg_proc as p
  cross join (select p_now - interval '2 days' as starts) as w
  where p.oid in ('public.get_trace(uuid)'::regprocedure, 'public.get_trace_io(uuid, integer)'::regprocedure)
  union all
  -- Those of a step's texts are parts of their functions.
  select
    p.proname || ' ' || q.nth,
    'select ' || pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(pg_catalog.replace(
      q.part[1], 'v_started_at', '$1'), 'p_trace_id', '$2'), 'p_step', '$3'), 'p_after', '$3'),
    'timestamptz, uuid, integer', pg_catalog.format('%L, %L, 1', w.starts, pg_catalog.gen_random_uuid()),
    'force_generic_plan', 0, w.starts, w.starts
  from pg_catalog.pg_proc as p
  cross join lateral pg_catalog.regexp_matches(p.prosrc, '\mfrom tracegram\.(?:trace_io|pipeline_traces) as [^;)]+', 'g')
    with ordinality as q (part, nth)
  cross join (select p_now - interval '2 days' as starts) as w
  where p.oid in (
    'public.admin_trace_io(bigint, uuid, integer, text, integer, integer, integer)'::regprocedure,
    'public.admin_export_io(bigint, uuid, integer)'::regprocedure
  )
  union all
  -- Those of lists, by what they are filtered and ordered by, from their start and from a trace on.
  select
    pg_catalog.concat_ws(' ', 'list_traces', o.name, f.name, case q.part when 2 then 'searched_to' end),
    case q.part when 1 then 'select t ' else '' end || q.sql,
    'timestamptz, timestamptz, timestamptz, uuid, bigint, '
      || 'integer, text, text, bigint, bigint, integer, text, text, integer',
    pg_catalog.format('%L, %L, %L, %L, 1000, 11, %L, %L, 1, 1, 1000, %L, %L, 20000',
      w.starts, w.ends, w.ends, pg_catalog.gen_random_uuid(), f.status, 'support', '1.0', '429'),
    'force_custom_plan', case when q.sql ~ '\$14' then 20000 else 0 end, w.starts, w.ends
  from (select p_now - interval '2 days' as starts, p_now - interval '1 day' as ends) as w
  cross join (values
    ('newest', 'newest', false, '<'), ('newest, from its start', 'newest', false, null),
    ('newest, back', 'newest', true, '>'), ('slowest', 'slowest', false, '<'), ('dearest', 'dearest', false, '<')
  ) as o (name, list, ascending, keyset)
  cross join (values
    ('all', null), ('of status', 'error'), ('of status ok', 'ok'), ('of pipeline', null), ('of user', null),
    ('of chat', null), ('over a duration', null), ('of release', null), ('of error', null)
  ) as f (name, status)
  cross join lateral pg_catalog.unnest(tracegram.list_query(o.list, o.ascending, o.keyset, (
    w.starts, w.ends, f.status,
    case f.name when 'of pipeline' then 'support' end,
    case f.name when 'of user' then 1 end,
    case f.name when 'of chat' then 1 end,
    case f.name when 'over a duration' then 1000 end,
    case f.name when 'of release' then '1.0' end,
    case f.name when 'of error' then '429' end
  )::tracegram.trace_filter)) with ordinality as q (sql, part)
  union all
  select 'find_trace', tracegram.find_query(), 'timestamptz, timestamptz, uuid, uuid, integer',
    pg_catalog.format('%L, %L, %L, %L, 6', w.starts, w.starts + interval '1 minute',
      tracegram.first_id(w.starts), tracegram.first_id(w.starts + interval '1 minute')),
    'force_custom_plan', 0, w.starts, w.starts + interval '1 minute'
  from (select p_now - interval '2 days' as starts) as w
  union all
  select 'trace_of_message', tracegram.message_query(), 'timestamptz, timestamptz, bigint, integer',
    pg_catalog.format('%L, %L, 1, 1', w.starts, w.ends), 'force_custom_plan', 20000, w.starts, w.ends
  from (select p_now - interval '2 days' as starts, p_now - interval '1 day' as ends) as w
  union all
  select 'trace_of_message, likely', tracegram.sender_query(), 'timestamptz, timestamptz, bigint, integer, timestamptz, interval',
    pg_catalog.format('%L, %L, 1, 1, %L, %L', w.starts, w.ends + interval '6 seconds', w.ends, interval '15 minutes'),
    'force_custom_plan', 20000, w.starts, w.ends + interval '6 seconds'
  from (select p_now - interval '2 days' as starts, p_now - interval '1 day' as ends) as w;
$$;

comment on function tracegram.screen_queries(timestamptz) is
  'The queries of the screens that read traces, as their functions run them, over a day and a bit.';
revoke all on function tracegram.screen_queries(timestamptz) from public, anon, authenticated, service_role;
