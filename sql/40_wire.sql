-- 40_wire.sql — what a sender may send: the shape of tracer/wire.ts, and why a trace of it is refused.

create function tracegram.trace_time(p_trace_id uuid)
  returns timestamptz
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.to_timestamp(
    ('x0000' || pg_catalog.left(pg_catalog.replace(p_trace_id::text, '-', ''), 12))::pg_catalog.bit(64)::bigint / 1000.0
  );
$$;

comment on function tracegram.trace_time(uuid) is 'The time inside a UUIDv7, to the millisecond.';
revoke all on function tracegram.trace_time(uuid) from public, anon, authenticated, service_role;

create function tracegram.wire_time(p_value jsonb)
  returns timestamptz
  language sql stable strict
  set search_path = pg_catalog, pg_temp
as $$
  -- Cut rather than rounded to the millisecond, as the maker of the UUIDv7 does.
  select pg_catalog.date_trunc('milliseconds', case pg_catalog.jsonb_typeof(p_value)
    when 'number' then pg_catalog.to_timestamp(pg_catalog.floor(p_value::numeric) / 1000.0)
    -- Postgres reads "today" and local times as well; here only what says the same to everybody.
    when 'string' then (pg_catalog.substring(
      p_value #>> '{}', '^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)$'
    ))::timestamptz
  end);
$$;

comment on function tracegram.wire_time(jsonb) is 'Epoch milliseconds or ISO 8601 with an offset as a time, to the millisecond. Null for any other JSON.';
revoke all on function tracegram.wire_time(jsonb) from public, anon, authenticated, service_role;

create function tracegram.cut(p_text text, p_chars integer)
  returns text
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
  select case
    when pg_catalog.length(p_text) <= p_chars then p_text
    else pg_catalog.left(p_text, p_chars) || pg_catalog.format('… [%s characters]', pg_catalog.length(p_text))
  end;
$$;

comment on function tracegram.cut(text, integer) is 'The text, or its first p_chars characters and its original length.';
revoke all on function tracegram.cut(text, integer) from public, anon, authenticated, service_role;

create type tracegram.wire_io as (
  step           smallint,
  request        text,
  response       text,
  request_chars  integer,
  response_chars integer
);
comment on type tracegram.wire_io is 'WireIo of tracer/wire.ts, as it arrives.';

create type tracegram.wire_trace as (
  trace_id    uuid,
  started_at  jsonb,
  pipeline    text,
  status      text,
  duration_ms integer,
  error       text,
  release     text,
  update_id   integer,
  chat_id     bigint,
  user_id     bigint,
  message_id  integer,
  steps       tracegram.trace_step[],
  io          tracegram.wire_io[]
);
comment on type tracegram.wire_trace is 'WireTrace of tracer/wire.ts, as it arrives.';

create function tracegram.wire_refusal(p_trace tracegram.wire_trace, p_from timestamptz, p_now timestamptz)
  returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_started_at constant timestamptz := tracegram.wire_time(p_trace.started_at);
  v_steps      constant integer := pg_catalog.cardinality(p_trace.steps);
begin
  if p_trace.trace_id is null then return 'TG010 trace_id is missing'; end if;
  if v_started_at is null then return 'TG010 started_at is neither epoch milliseconds nor ISO 8601 with an offset'; end if;
  if coalesce(pg_catalog.btrim(p_trace.pipeline), '') = '' then return 'TG010 pipeline is missing'; end if;
  if p_trace.status is null or p_trace.status not in ('ok', 'error', 'running') then
    return 'TG010 status is none of ok, error, running';
  end if;
  if (p_trace.status = 'running') <> (p_trace.duration_ms is null) then
    return 'TG010 duration_ms must be left out while running, and given otherwise';
  end if;
  if p_trace.duration_ms < 0 then return 'TG010 duration_ms is negative'; end if;

  -- Version 7, variant 10xx.
  if p_trace.trace_id::text !~ '^.{14}7.{4}[89ab]' or tracegram.trace_time(p_trace.trace_id) <> v_started_at then
    return 'TG011 trace_id is not a UUIDv7 of the millisecond of started_at';
  end if;
  if v_started_at > p_now + interval '1 hour' then return 'TG012 started_at is over an hour in the future'; end if;
  if v_started_at < p_from then return 'TG012 the day of started_at is not kept'; end if;

  if v_steps is null or pg_catalog.array_ndims(p_trace.steps) > 1 then return 'TG013 steps is not an array of steps'; end if;
  if v_steps > 1000 then return pg_catalog.format('TG013 %s steps, at most 1000 are taken', v_steps); end if;
  if exists (
    select from pg_catalog.unnest(p_trace.io) as io
    -- I/O without steps is of a trace that is stored already, whose steps store_io looks at.
    where io.step is null or io.step not between 1 and coalesce(nullif(v_steps, 0), 1000)
  ) then
    return 'TG013 io: step must be the position of a step';
  end if;
  return (
    select case
      when coalesce(s.name, '') = '' then pg_catalog.format('TG013 step %s has no name', s.ordinality)
      when s.status not in ('ok', 'error', 'detached')
        then pg_catalog.format('TG013 step %s: status is none of ok, error, detached', s.ordinality)
      when s.offset_ms is null or s.offset_ms < 0 or s.duration_ms is null or s.duration_ms < 0
        then pg_catalog.format('TG013 step %s: offset_ms and duration_ms must be 0 or more', s.ordinality)
      when s.first_token_ms < 0 then pg_catalog.format('TG013 step %s: first_token_ms must be 0 or more', s.ordinality)
      else pg_catalog.format('TG013 step %s: tokens must be within 0 and 100 million, cost_microusd within 0 and a billion', s.ordinality)
    end
    from pg_catalog.unnest(p_trace.steps) with ordinality as s
    where coalesce(s.name, '') = '' or s.status not in ('ok', 'error', 'detached') or s.first_token_ms < 0
      or s.offset_ms is null or s.offset_ms < 0 or s.duration_ms is null or s.duration_ms < 0
      -- What a day of any sender adds up to fits a bigint.
      or greatest(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens) > 100000000
      or least(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens) < 0
      or s.cost_microusd not between 0 and 1000000000
    limit 1
  );
end;
$$;

comment on function tracegram.wire_refusal(tracegram.wire_trace, timestamptz, timestamptz) is
$doc$Why a trace cannot be stored, as a code and a sentence; null when it can. p_from is the start of the oldest day that is kept.

TG010  a field is missing or makes no sense
TG011  trace_id and started_at disagree
TG012  started_at is outside of what is kept
TG013  a step or its I/O makes no sense, or there are too many

A step whose parent does not exist is taken: it is counted as an orphan (46_roll_up.sql).$doc$;
revoke all on function tracegram.wire_refusal(tracegram.wire_trace, timestamptz, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.unreadable_field(p_item jsonb)
  returns text
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_part record;
begin
  for v_part in
    select e.key as name, null::regtype as of, e.key, e.value
    from pg_catalog.jsonb_each(p_item) as e
    -- Each try is a subtransaction: only of what is read, however much was sent.
    join pg_catalog.pg_attribute as f
      on f.attrelid = 'tracegram.wire_trace'::regclass and f.attname = e.key and f.attnum > 0
    where e.key not in ('steps', 'io')
    union all
    select pg_catalog.format('%s %s: %s', a.name, i.position, e.key), a.of, e.key, e.value
    from (values
      ('step', 'tracegram.trace_step'::regtype, p_item -> 'steps'),
      ('io', 'tracegram.wire_io'::regtype, p_item -> 'io')
    ) as a (name, of, items)
    cross join lateral pg_catalog.jsonb_array_elements(
      case when pg_catalog.jsonb_typeof(a.items) = 'array' then a.items else '[]' end
    ) with ordinality as i (item, position)
    cross join lateral pg_catalog.jsonb_each(case when pg_catalog.jsonb_typeof(i.item) = 'object' then i.item else '{}' end) as e
    join pg_catalog.pg_type as y on y.oid = a.of
    join pg_catalog.pg_attribute as f on f.attrelid = y.typrelid and f.attname = e.key and f.attnum > 0
    where i.position <= 1000
  loop
    begin
      case v_part.of
        when 'tracegram.trace_step'::regtype then
          perform pg_catalog.jsonb_populate_record(null::tracegram.trace_step, pg_catalog.jsonb_build_object(v_part.key, v_part.value));
        when 'tracegram.wire_io'::regtype then
          perform pg_catalog.jsonb_populate_record(null::tracegram.wire_io, pg_catalog.jsonb_build_object(v_part.key, v_part.value));
        else
          perform pg_catalog.jsonb_populate_record(null::tracegram.wire_trace, pg_catalog.jsonb_build_object(v_part.key, v_part.value));
          if v_part.key = 'started_at' then perform tracegram.wire_time(v_part.value); end if;
      end case;
    exception when data_exception then
      return 'TG010 ' || v_part.name || ': ' || sqlerrm;
    end;
  end loop;
  -- Each value by itself can be read, so it is what holds them that is not as it should be.
  foreach v_part.name in array array['steps', 'io'] loop
    if exists (
      select from pg_catalog.jsonb_path_query(p_item -> v_part.name, 'strict $[*]', silent => true) as e
      where pg_catalog.jsonb_typeof(e) <> 'object'
    ) or pg_catalog.jsonb_typeof(p_item -> v_part.name) <> 'array' then
      return pg_catalog.format('TG013 %s is not an array of objects', v_part.name);
    end if;
  end loop;
  return null;
end;
$$;

comment on function tracegram.unreadable_field(jsonb) is
  'The first value of a trace that does not fit its type, and why: "TG010 step 2: duration_ms: invalid input …". Null when all fit.';
revoke all on function tracegram.unreadable_field(jsonb) from public, anon, authenticated, service_role;
