-- 51_list_query.sql — stretches of the lists of traces, by any filter, in any order, from any place, either way.
--
-- The queries are put together from fixed pieces and parameters, for the conditions that a list has, and run over few days at
-- a time: so Postgres plans over one partition or two, with the values at hand, and picks the index that fits them.

create type tracegram.trace_filter as (
  starts      timestamptz,
  ends        timestamptz,
  status      text,
  pipeline    text,
  user_id     bigint,
  chat_id     bigint,
  duration_ms integer,
  release     text,
  error       text
);
comment on type tracegram.trace_filter is
  'Which traces are listed: those that started in [starts, ends) and match all that is not null. duration_ms is the least, error a part of the text.';

create type tracegram.trace_key as (
  started_at timestamptz,
  trace_id   uuid,
  value      bigint
);
comment on type tracegram.trace_key is 'A place in a list. value is its duration or cost where the list is ordered by that.';

create function tracegram.key_of(p_trace tracegram.pipeline_traces, p_order text)
  returns tracegram.trace_key
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    p_trace.started_at, p_trace.trace_id, case p_order when 'slowest' then p_trace.duration_ms when 'dearest' then p_trace.cost_microusd end
  )::tracegram.trace_key;
end;
$$;

comment on function tracegram.key_of(tracegram.pipeline_traces, text) is 'Where a trace stands in a list. Its value is null where it has no place.';
revoke all on function tracegram.key_of(tracegram.pipeline_traces, text) from public, anon, authenticated, service_role;

create type tracegram.trace_stretch as (
  traces      tracegram.pipeline_traces[],
  n           bigint,
  searched_to tracegram.trace_key
);
comment on type tracegram.trace_stretch is
  'n traces of a list, in its order, or only their number. searched_to is null, or where the search stopped because it had looked at too many that did not match.';

create function tracegram.list_query(p_order text, p_ascending boolean, p_keyset text, p_filter tracegram.trace_filter)
  returns text[]
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_way     constant text := case when p_ascending then ' asc' else ' desc' end;
  v_column  constant text := case p_order when 'newest' then 't.started_at' when 'slowest' then 't.duration_ms' else 't.cost_microusd' end;
  v_by      constant text := v_column || v_way || ', t.trace_id' || v_way;
  v_source  text := 'tracegram.pipeline_traces';
  -- What an index finds …
  v_found   text := 't.started_at >= $1 and t.started_at < $2';
  -- … and what the traces that it finds are looked at for.
  v_matches text := '';
begin
  -- Those of synthetic tests count in none of the bot's own lists.
  if p_filter.release is distinct from 'synthetic' then
    v_found := v_found || ' and t.key_id > 0';
  end if;
  if p_filter.user_id is not null then
    v_found := v_found || ' and t.user_id = $9';
  end if;
  if p_filter.chat_id is not null then
    v_found := v_found || ' and (t.chat_id = $10 or t.user_id = $10 and t.chat_id is null)';
  end if;
  if p_order <> 'newest' then
    if p_filter.user_id is not null or p_filter.chat_id is not null then
      -- They are few: all are sorted, rather than all traces walked through in order until a few of them are met.
      v_source := '(select * from ' || v_source || ' as t where ' || v_found || ' offset 0)';
    end if;
    v_found := v_found || case p_order when 'slowest' then ' and t.duration_ms is not null' else ' and t.cost_microusd > 0' end;
  end if;
  if p_filter.status in ('error', 'running', 'lost') and p_order = 'newest' then
    v_found := v_found || ' and t.status = $7';
  elsif p_filter.status is not null then
    v_matches := v_matches || ' and t.status = $7';
  end if;
  if p_filter.error is not null then
    if p_order = 'newest' then
      v_found := v_found || $q$ and t.status = 'error'$q$;
    else
      v_matches := v_matches || $q$ and t.status = 'error'$q$;
    end if;
    v_matches := v_matches || ' and pg_catalog.strpos(pg_catalog.lower(t.error), pg_catalog.lower($13)) > 0';
  end if;
  if p_filter.duration_ms is not null then
    if p_order = 'slowest' then
      v_found := v_found || ' and t.duration_ms >= $11';
    else
      v_matches := v_matches || ' and t.duration_ms >= $11';
    end if;
  end if;
  if p_filter.pipeline is not null then v_matches := v_matches || ' and t.pipeline = $8'; end if;
  if p_filter.release is not null then v_matches := v_matches || ' and t.release = $12'; end if;

  if p_keyset is not null then
    v_found := v_found || pg_catalog.format(
      ' and (%s, t.trace_id) %s (%s, $4)', v_column, p_keyset,
      case p_order when 'newest' then '$3' when 'slowest' then '$5::integer' else '$5' end
    );
  end if;
  if v_matches = '' then
    return array[
      pg_catalog.format('from %s as t where %s order by %s limit $6', v_source, v_found, v_by)
    ];
  end if;
  return array[
    pg_catalog.format(
      'from (select * from %s as t where %s order by %s limit $14) as t where true%s order by %s limit $6',
      v_source, v_found, v_by, v_matches, v_by
    ),
    pg_catalog.format(
      'select (t.started_at, t.trace_id, %s)::tracegram.trace_key from %s as t where %s order by %s offset $14 - 1 limit 1',
      case p_order when 'newest' then 'null' else v_column end, v_source, v_found, v_by
    )
  ];
end;
$$;

comment on function tracegram.list_query(text, boolean, text, tracegram.trace_filter) is
$doc$The query of a list, from its "from" on, and where traces must be looked at the query of the last one that is looked at.

p_order      newest, slowest or dearest
p_ascending  whether it is read against its order
p_keyset     the comparison that the rows stand in to the key: <, <= or >. Null: no key.

Parameters: $1 and $2 the window, $3..$5 the key, $6 limit, $7 status, $8 pipeline, $9 user, $10 chat, $11 duration, $12
release, $13 error, $14 traces to look at.$doc$;
revoke all on function tracegram.list_query(text, boolean, text, tracegram.trace_filter) from public, anon, authenticated, service_role;

create function tracegram.list_stretch(
  p_order text, p_ascending boolean, p_keyset text, p_key tracegram.trace_key, p_filter tracegram.trace_filter, p_limit integer,
  p_count_only boolean default false
)
  returns tracegram.trace_stretch
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Whoever asks for all of them gets all of them.
  v_look   constant integer := greatest(20000, p_limit);
  v_query  constant text[] := tracegram.list_query(p_order, p_ascending, p_keyset, p_filter);
  v_select constant text := case
    when p_count_only then 'select null, (select count(*) from (select ' || v_query[1] || ') as c)'
    else 'select p.page, pg_catalog.cardinality(p.page) from (select array(select t ' || v_query[1] || ') as page) as p'
  end;
  v_from   timestamptz := p_filter.starts;
  v_to     timestamptz := p_filter.ends;
  v_days   integer := 1;
  v_rows   tracegram.pipeline_traces[];
  v_n      bigint;
  v_found  tracegram.trace_stretch := ('{}', 0, null);
begin
  if p_order = 'newest' then
    if p_ascending then
      v_from := greatest(v_from, p_key.started_at);
      v_to := least(v_to, pg_catalog.date_trunc('day', v_from, 'UTC') + interval '1 day');
    else
      v_to := least(v_to, p_key.started_at + interval '1 microsecond');
      v_from := greatest(v_from, pg_catalog.date_trunc('day', v_to - interval '1 microsecond', 'UTC'));
    end if;
  end if;
  loop
    execute v_select into v_rows, v_n using
      v_from, v_to, p_key.started_at, p_key.trace_id, p_key.value, p_limit - v_found.n,
      p_filter.status, p_filter.pipeline, p_filter.user_id, p_filter.chat_id, p_filter.duration_ms, p_filter.release,
      p_filter.error, v_look;
    v_found.traces := v_found.traces || v_rows;
    v_found.n := v_found.n + v_n;
    exit when v_found.n >= p_limit;
    if v_query[2] is not null then
      execute v_query[2] into v_found.searched_to using
        v_from, v_to, p_key.started_at, p_key.trace_id, p_key.value, null::integer,
        p_filter.status, p_filter.pipeline, p_filter.user_id, p_filter.chat_id, p_filter.duration_ms, p_filter.release,
        p_filter.error, v_look;
      exit when (v_found.searched_to).trace_id is not null;
    end if;
    -- Days that have few are read together, the more the fewer.
    if p_ascending then
      exit when p_order <> 'newest' or v_to >= p_filter.ends;
      v_from := v_to;
      v_to := least(p_filter.ends, v_to + v_days * interval '1 day');
    else
      exit when p_order <> 'newest' or v_from <= p_filter.starts;
      v_to := v_from;
      v_from := greatest(p_filter.starts, v_from - v_days * interval '1 day');
    end if;
    v_days := v_days * 2;
  end loop;
  return v_found;
end;
$$;

comment on function tracegram.list_stretch(text, boolean, text, tracegram.trace_key, tracegram.trace_filter, integer, boolean) is
$doc$Up to p_limit traces of a list, from a key or its start, in the order in which they are read.

Where no index knows which traces match, at most 20,000 of a stretch of days are looked at. p_count_only: their number alone.$doc$;
revoke all on function tracegram.list_stretch(text, boolean, text, tracegram.trace_key, tracegram.trace_filter, integer, boolean)
from public, anon, authenticated, service_role;

