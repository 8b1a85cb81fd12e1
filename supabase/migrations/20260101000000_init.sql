-- Made from sql/ by `npm run migration`. Edit there.

-- 00_schema.sql — the private schema, and the extensions it stands on.
--
-- tracegram  tables and internals. No API role has USAGE, so partitions, which inherit neither grants nor row level security,
--            are out of reach whatever their own privileges say.
-- public     only the functions that PostgREST serves; each revokes execute from everyone and grants it by name.

create extension if not exists pg_cron;

create schema if not exists partman;
create extension if not exists pg_partman schema partman;

create schema tracegram;
revoke all on schema tracegram from public, anon, authenticated, service_role;

comment on schema tracegram is 'Tracegram: tables and internals. Not exposed to any API role.';

-- 10_ingest_keys.sql — who may send traces.
--
-- Written by  public.create_ingest_key, public.rotate_ingest_key, public.revoke_ingest_key,
--             tracegram.purge_usage    (11_ingest_usage.sql; what was counted)
-- Read by     public.ingest_traces     (41_ingest.sql), public.list_ingest_keys (11_ingest_usage.sql)
-- Dropped by  nobody: a key is revoked, never deleted, for traces name it.

create table tracegram.ingest_keys (
  key_id            smallint generated always as identity primary key,
  name              text not null unique check (length(name) between 1 and 64),
  -- Both find a key by its secret: tracegram.find_key.
  key_sha256        bytea not null unique check (octet_length(key_sha256) = 32),
  old_key_sha256    bytea unique check (octet_length(old_key_sha256) = 32),
  old_key_until     timestamptz(3),
  traces_per_minute integer not null default 6000 check (traces_per_minute > 0),
  created_at        timestamptz(3) not null default now(),
  rotated_at        timestamptz(3),
  revoked_at        timestamptz(3),
  purged_traces     bigint not null default 0,
  purged_minute     timestamptz(0),
  check ((old_key_sha256 is null) = (old_key_until is null))
);
alter table tracegram.ingest_keys enable row level security;

comment on table tracegram.ingest_keys is 'One row per bot that may send traces.';
comment on column tracegram.ingest_keys.key_id is 'Stored with each trace. Stays when the key is rotated.';
comment on column tracegram.ingest_keys.name is 'For people. 1..64 characters.';
comment on column tracegram.ingest_keys.key_sha256 is 'SHA-256 of the key. The key itself is shown once and not stored.';
comment on column tracegram.ingest_keys.old_key_sha256 is 'SHA-256 of the key before the last rotation. Null when none works on.';
comment on column tracegram.ingest_keys.old_key_until is 'When the key before the last rotation ends.';
comment on column tracegram.ingest_keys.traces_per_minute is 'What a leaked key can write at most. Beyond it: TG004.';
comment on column tracegram.ingest_keys.created_at is 'When the key was made.';
comment on column tracegram.ingest_keys.rotated_at is 'When the key was last replaced by a new one.';
comment on column tracegram.ingest_keys.revoked_at is 'Null while the key is valid.';
comment on column tracegram.ingest_keys.purged_traces is 'Traces of minutes that tracegram.ingest_usage holds no more.';
comment on column tracegram.ingest_keys.purged_minute is 'The latest of those minutes.';

create function tracegram.hash_key(p_key text)
  returns bytea
  language sql immutable strict parallel safe
  set search_path = ''
as $$
  select pg_catalog.sha256(pg_catalog.convert_to(p_key, 'UTF8'));
$$;

comment on function tracegram.hash_key(text) is 'What is stored of a key: its SHA-256. It is random enough to need no salt.';
revoke all on function tracegram.hash_key(text) from public, anon, authenticated, service_role;

create function tracegram.random_key()
  returns text
  language sql
  set search_path = ''
as $$
  -- Two random uuids: 244 random bits without depending on pgcrypto's schema.
  select 'tgk_' || pg_catalog.replace(
    pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', '');
$$;

comment on function tracegram.random_key() is 'A new key: tgk_ and 64 hexadecimal digits.';
revoke all on function tracegram.random_key() from public, anon, authenticated, service_role;

create function tracegram.find_key(p_key text, p_now timestamptz)
  returns tracegram.ingest_keys
  language plpgsql stable
  set search_path = ''
as $$
declare
  v_sha256 constant bytea := tracegram.hash_key(p_key);
  v_key    tracegram.ingest_keys;
begin
  -- Two statements rather than an `or`: each is one index probe, and nearly always the first is the only one.
  select * into v_key
  from tracegram.ingest_keys
  where key_sha256 = v_sha256 and revoked_at is null;
  if not found then
    select * into v_key
    from tracegram.ingest_keys
    where old_key_sha256 = v_sha256 and old_key_until > p_now and revoked_at is null;
  end if;
  return v_key;
end;
$$;

comment on function tracegram.find_key(text, timestamptz) is
  'The row of a key that works at p_now: the current one, or the one before it within its grace. All null when none does.';
revoke all on function tracegram.find_key(text, timestamptz) from public, anon, authenticated, service_role;

create function public.create_ingest_key(p_name text)
  returns text
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
declare
  v_key constant text := tracegram.random_key();
begin
  insert into tracegram.ingest_keys (name, key_sha256) values (p_name, tracegram.hash_key(v_key));
  return v_key;
end;
$$;

comment on function public.create_ingest_key(text) is
$doc$Makes a key with which a bot may send traces, and nothing else.

p_name  for people, 1..64 characters, not used by another key, be it revoked.

Returns the key. It is stored only as a hash, so this is the one time it can be read.

23505  there is a key of that name    (rotate that one, or choose another name; a revoked key keeps its name)
23514  the name is empty or too long  (choose another)$doc$;
revoke all on function public.create_ingest_key(text) from public, anon, authenticated;
grant execute on function public.create_ingest_key(text) to service_role;

create function tracegram.rotate_ingest_key(p_name text, p_grace interval, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = ''
as $$
declare
  v_key constant text := tracegram.random_key();
begin
  if p_grace is null or p_grace < interval '0' or not pg_catalog.isfinite(p_grace) then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('the grace is %s', coalesce(p_grace::text, 'null')),
      hint    = 'Give a time of 0 or more, such as 24 hours.';
  end if;

  update tracegram.ingest_keys as k
  set
    old_key_sha256 = case when p_grace > interval '0' then k.key_sha256 end,
    -- Cut, for the column would round, and a key would outlast its grace.
    old_key_until  = case when p_grace > interval '0' then pg_catalog.date_trunc('milliseconds', p_now + p_grace) end,
    key_sha256     = tracegram.hash_key(v_key),
    rotated_at     = p_now
  where k.name = p_name and k.revoked_at is null;
  if not found then
    raise exception sqlstate 'TG030' using
      message = pg_catalog.format('there is no valid ingest key named %L', p_name),
      hint    = 'List the keys with select public.list_ingest_keys().';
  end if;
  return v_key;
end;
$$;

comment on function tracegram.rotate_ingest_key(text, interval, timestamptz) is
  'See public.rotate_ingest_key; p_now is the time of the rotation.';
revoke all on function tracegram.rotate_ingest_key(text, interval, timestamptz) from public, anon, authenticated, service_role;

create function public.rotate_ingest_key(p_name text, p_grace interval default '24 hours')
  returns text
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
  select tracegram.rotate_ingest_key(p_name, p_grace, pg_catalog.now());
$$;

comment on function public.rotate_ingest_key(text, interval) is
$doc$Gives a bot a new key in place of its old one, which works on until the grace is over.

p_name   the key's name.
p_grace  how long the old key works on: 0 ends it at once. A key that was replaced before ends now, whatever grace it had.

Returns the new key; this is the one time it can be read. The traces of both are one bot's: what was announced with the old key
is completed with the new one.

TG030  there is no valid key of that name  (list the keys; when it is revoked, create another)
22023  the grace is negative               (give 0 or more)$doc$;
revoke all on function public.rotate_ingest_key(text, interval) from public, anon, authenticated;
grant execute on function public.rotate_ingest_key(text, interval) to service_role;

create function public.revoke_ingest_key(p_name text)
  returns void
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
begin
  update tracegram.ingest_keys set revoked_at = coalesce(revoked_at, pg_catalog.now()) where name = p_name;
  if not found then
    raise exception sqlstate 'TG030' using
      message = pg_catalog.format('there is no ingest key named %L', p_name),
      hint    = 'List the keys with select public.list_ingest_keys().';
  end if;
end;
$$;

comment on function public.revoke_ingest_key(text) is
$doc$Ends a key at once and for good, with the one before it. Its traces stay. Revoking it again changes nothing.

p_name  the key's name.

TG030  there is no key of that name  (list the keys)$doc$;
revoke all on function public.revoke_ingest_key(text) from public, anon, authenticated;
grant execute on function public.revoke_ingest_key(text) to service_role;

-- 11_ingest_usage.sql — how many traces each key has sent: its limit by the minute, and its total.
--
-- Written by  tracegram.charge_key
-- Read by     tracegram.charge_key, public.list_ingest_keys
-- Dropped by  tracegram.purge_usage (90_jobs.sql calls it), which keeps the total in tracegram.ingest_keys

create table tracegram.ingest_usage (
  minute  timestamptz(0) not null,
  -- No foreign key: its lock on the key would make a rotation and an ingest wait for each other.
  key_id  smallint not null,
  backend integer  not null,
  traces  integer  not null,
  -- "what has this key sent in this minute", and the purge.
  primary key (minute, key_id, backend)
);
alter table tracegram.ingest_usage enable row level security;

comment on table tracegram.ingest_usage is
  'Traces sent per key, minute and connection, so that no sender waits for another''s row. Kept 2 days.';
comment on column tracegram.ingest_usage.minute is 'Start of the minute, UTC.';
comment on column tracegram.ingest_usage.key_id is 'Whose.';
comment on column tracegram.ingest_usage.backend is 'Process id of the connection''s backend.';
comment on column tracegram.ingest_usage.traces is 'Traces received, stored or not.';

create function tracegram.charge_key(
  p_key_id smallint,
  p_limit  integer,
  p_traces integer,
  p_now    timestamptz default now()
)
  returns void
  language plpgsql
  set search_path = ''
as $$
declare
  v_minute constant timestamptz := pg_catalog.date_trunc('minute', p_now);
  v_sent   bigint;
begin
  select sum(u.traces) into v_sent
  from tracegram.ingest_usage as u
  where u.minute = v_minute and u.key_id = p_key_id;

  if v_sent >= p_limit then
    raise exception sqlstate 'TG004' using
      message = pg_catalog.format('this key has sent %s traces in this minute, its limit is %s', v_sent, p_limit),
      hint    = 'Wait a minute and send the batch again.';
  end if;

  insert into tracegram.ingest_usage as u (minute, key_id, backend, traces)
  values (v_minute, p_key_id, pg_catalog.pg_backend_pid(), p_traces)
  on conflict (minute, key_id, backend) do update set traces = u.traces + excluded.traces;
end;
$$;

comment on function tracegram.charge_key(smallint, integer, integer, timestamptz) is
$doc$Counts traces against a key's limit of this minute.

A batch is let in while the key is below its limit, so one batch may pass it; batches running at the same moment do not see
each other, so the limit holds to within one batch a connection.

TG004  the limit is reached  (wait a minute, send the batch again)$doc$;
revoke all on function tracegram.charge_key(smallint, integer, integer, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_usage(p_now timestamptz)
  returns void
  language sql
  set search_path = ''
as $$
  -- One statement: whoever reads at that moment sees a trace in the one table or in the other.
  with purged as (
    delete from tracegram.ingest_usage where minute < p_now - interval '2 days' returning key_id, minute, traces
  ),
  by_key as (
    select p.key_id, sum(p.traces) as traces, max(p.minute) as minute from purged as p group by p.key_id
  )
  update tracegram.ingest_keys as k
  set purged_traces = k.purged_traces + b.traces, purged_minute = greatest(k.purged_minute, b.minute)
  from by_key as b
  where k.key_id = b.key_id;
$$;

comment on function tracegram.purge_usage(timestamptz) is 'Adds the usage of over 2 days ago to its keys'' totals, and deletes it.';
revoke all on function tracegram.purge_usage(timestamptz) from public, anon, authenticated, service_role;

create function public.list_ingest_keys()
  returns jsonb
  language plpgsql stable -- not sql, which would look for tracegram.iso before its file is loaded
  security definer -- the tables are in a schema that no API role can enter
  set search_path = ''
as $$
begin
  return (
    select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'key_id', k.key_id,
      'name', k.name,
      'created_at', tracegram.iso(k.created_at),
      'revoked_at', tracegram.iso(k.revoked_at),
      'rotated_at', tracegram.iso(k.rotated_at),
      'old_key_until', tracegram.iso(k.old_key_until),
      'traces_per_minute', k.traces_per_minute,
      'last_used_at', tracegram.iso(greatest(k.purged_minute, u.minute)),
      'traces', k.purged_traces + coalesce(u.traces, 0)
    ) order by k.key_id), '[]')
    from tracegram.ingest_keys as k
    left join (
      select key_id, sum(traces) as traces, max(minute) as minute from tracegram.ingest_usage group by key_id
    ) as u on u.key_id = k.key_id
  );
end;
$$;

comment on function public.list_ingest_keys() is
$doc$All ingest keys, oldest first, without anything that a trace could be sent with.

Returns an array of {key_id, name, created_at, revoked_at, rotated_at, old_key_until, traces_per_minute, last_used_at, traces}:

rotated_at     when the key was last replaced by a new one; old_key_until is when the one before it ends. Null without.
last_used_at   the minute in which the last batch came. Null before the first.
traces         how many traces the bot has sent ever, stored or not, batches that were refused as a whole left out.$doc$;
revoke all on function public.list_ingest_keys() from public, anon, authenticated;
grant execute on function public.list_ingest_keys() to service_role;

-- 20_pipeline_traces.sql — one row per pipeline run, its steps inside the row.
--
-- Written by  tracegram.store_traces (41_ingest.sql), nothing else
-- Read by     the 5x_*.sql files
-- Dropped by  pg_partman, a day at a time (30_partitions.sql)
--
-- Partitioned by UTC day of started_at: pipeline_traces_p20260131 holds [2026-01-31, 2026-02-01). The trace id is a UUIDv7 of
-- the same millisecond, so an id alone finds its partition.

create type tracegram.trace_step as (
  name          text,
  parent        smallint,
  status        text,
  offset_ms     integer,
  duration_ms   integer,
  error         text,
  model         text,
  input_tokens  integer,
  output_tokens integer,
  cost_microusd bigint
);

comment on type tracegram.trace_step is 'One step of a trace. Attribute names are the wire''s (tracer/wire.ts).';
comment on column tracegram.trace_step.name is 'Low-cardinality name, such as llm.generate.';
comment on column tracegram.trace_step.parent is 'Position of the enclosing step in the array, counted from 1. Null at the top level.';
comment on column tracegram.trace_step.status is 'ok or error.';
comment on column tracegram.trace_step.offset_ms is 'Milliseconds from the start of the trace.';
comment on column tracegram.trace_step.duration_ms is 'Milliseconds.';
comment on column tracegram.trace_step.error is 'What went wrong, at most about 2,000 characters.';
comment on column tracegram.trace_step.model is 'LLM calls: the model that answered.';
comment on column tracegram.trace_step.input_tokens is 'LLM calls: tokens of the request. Null when not known.';
comment on column tracegram.trace_step.output_tokens is 'LLM calls: tokens of the response. Null when not known.';
comment on column tracegram.trace_step.cost_microusd is 'LLM calls: price in micro-dollars. Null when not known, never 0 for that.';

create table tracegram.pipeline_traces (
  started_at  timestamptz(3) not null,
  update_id   bigint,
  chat_id     bigint,
  user_id     bigint,
  message_id  bigint,
  duration_ms integer check (duration_ms >= 0),
  key_id      smallint not null,
  trace_id    uuid not null,
  pipeline    text not null,
  status      text not null check (status in ('ok', 'error', 'running')),
  error       text,
  release     text,
  steps       tracegram.trace_step[] not null,
  check ((status = 'running') = (duration_ms is null)),
  -- Makes a retried batch idempotent, finds a trace by id, and reads pages newest first without a sort.
  primary key (started_at, trace_id)
) partition by range (started_at);

create index pipeline_traces_started_at_brin on tracegram.pipeline_traces using brin (started_at);
comment on index tracegram.pipeline_traces_started_at_brin is
  '"What ran between these two times" over many days, without the key: ad-hoc SQL and reports.';

alter table tracegram.pipeline_traces alter column steps set compression lz4;
alter table tracegram.pipeline_traces enable row level security;

comment on table tracegram.pipeline_traces is 'Pipeline runs with their steps, partitioned by UTC day, kept 30 days.';
comment on column tracegram.pipeline_traces.started_at is 'Start by the bot''s clock, to the millisecond. Partition key.';
comment on column tracegram.pipeline_traces.update_id is 'Telegram update that started the run.';
comment on column tracegram.pipeline_traces.chat_id is 'Telegram chat.';
comment on column tracegram.pipeline_traces.user_id is 'Telegram user.';
comment on column tracegram.pipeline_traces.message_id is 'Telegram message that the bot answered with, or else the one it answered to.';
comment on column tracegram.pipeline_traces.duration_ms is 'Milliseconds. Null while running.';
comment on column tracegram.pipeline_traces.key_id is 'Ingest key that the trace came with.';
comment on column tracegram.pipeline_traces.trace_id is 'UUIDv7 whose time is started_at.';
comment on column tracegram.pipeline_traces.pipeline is 'Which pipeline ran. At most 300 characters.';
comment on column tracegram.pipeline_traces.status is 'ok, error, or running for a trace that was announced and has not ended yet.';
comment on column tracegram.pipeline_traces.error is 'What went wrong, at most about 2,000 characters.';
comment on column tracegram.pipeline_traces.release is 'Version of the bot.';
comment on column tracegram.pipeline_traces.steps is 'Steps in order of their start.';

create view tracegram.trace_steps with (security_invoker = true) as
select t.trace_id, t.started_at as trace_started_at, s.position, s.name, s.parent, s.status, s.offset_ms, s.duration_ms,
  s.error, s.model, s.input_tokens, s.output_tokens, s.cost_microusd
from tracegram.pipeline_traces as t
cross join lateral pg_catalog.unnest(t.steps) with ordinality
  as s (name, parent, status, offset_ms, duration_ms, error, model, input_tokens, output_tokens, cost_microusd, position);

comment on view tracegram.trace_steps is 'One row per step, for ad-hoc SQL. Filter on trace_started_at, or every day is read.';

-- 21_trace_io.sql — full prompts and responses of captured steps.
--
-- Written by  tracegram.store_traces (41_ingest.sql), nothing else
-- Read by     public.get_trace (which steps have I/O), public.get_trace_io
-- Dropped by  pg_partman, a day at a time (30_partitions.sql)
--
-- Apart from the traces because it is most of the bytes, is read least, and is dropped first.

create table tracegram.trace_io (
  started_at     timestamptz(3) not null,
  trace_id       uuid not null,
  step           smallint not null check (step > 0),
  request_chars  integer check (request_chars >= 0),
  response_chars integer check (response_chars >= 0),
  request        text,
  response       text,
  -- Makes a retried batch idempotent, and finds the I/O of a trace by its id.
  primary key (started_at, trace_id, step)
) partition by range (started_at);

create index trace_io_started_at_brin on tracegram.trace_io using brin (started_at);
comment on index tracegram.trace_io_started_at_brin is '"What was captured between these two times": ad-hoc SQL and reports.';

alter table tracegram.trace_io alter column request set compression lz4;
alter table tracegram.trace_io alter column response set compression lz4;
alter table tracegram.trace_io enable row level security;

comment on table tracegram.trace_io is 'Requests and responses of captured steps, partitioned by UTC day, kept 7 days.';
comment on column tracegram.trace_io.started_at is 'Start of the trace. Partition key.';
comment on column tracegram.trace_io.trace_id is 'The trace.';
comment on column tracegram.trace_io.step is 'Position of the step in the trace, counted from 1.';
comment on column tracegram.trace_io.request_chars is 'Length of the request in characters before it was cut. Null without a request.';
comment on column tracegram.trace_io.response_chars is 'Length of the response in characters before it was cut. Null without a response.';
comment on column tracegram.trace_io.request is 'What was sent, cut to 65,536 characters.';
comment on column tracegram.trace_io.response is 'What came back, cut to 65,536 characters.';

-- 30_partitions.sql — days ahead are made, days behind are dropped.
--
-- pg_partman does both when 90_jobs.sql calls it: seven days ahead always exist, so a bot keeps its place through a week
-- without maintenance. The days behind are made here, all that are kept, so that a fresh database takes older traces too.

-- Days are UTC days, whatever time zone the session that runs this migration has.
set timezone = 'UTC';

select partman.create_parent(
  p_parent_table    => 'tracegram.pipeline_traces',
  p_control         => 'started_at',
  p_interval        => '1 day',
  p_premake         => 7,
  p_start_partition => (now() - interval '30 days')::date::text,
  p_template_table  => 'false', -- a partition is made like its parent; there is nothing to add
  -- Without a default partition a trace of a day that is gone is refused, rather than kept where nothing ever drops it.
  p_default_table   => false
);
select partman.create_parent(
  p_parent_table    => 'tracegram.trace_io',
  p_control         => 'started_at',
  p_interval        => '1 day',
  p_premake         => 7,
  p_start_partition => (now() - interval '7 days')::date::text,
  p_template_table  => 'false',
  p_default_table   => false
);

update partman.part_config
set
  retention                = case parent_table when 'tracegram.pipeline_traces' then '30 days' else '7 days' end,
  retention_keep_table     = false, -- drop the partition, do not merely detach it
  infinite_time_partitions = true   -- also for a bot that nobody wrote to for a month
where parent_table in ('tracegram.pipeline_traces', 'tracegram.trace_io');

reset timezone;

create function tracegram.ensure_partitions(p_now timestamptz)
  returns void
  language plpgsql
  set search_path = ''
  set timezone = 'UTC'
as $$
declare
  -- The last day that a trace of now may belong to (TG012 beyond it).
  v_day constant text := pg_catalog.to_char(p_now + interval '1 hour', '"_p"YYYYMMDD');
begin
  if pg_catalog.to_regclass('tracegram.pipeline_traces' || v_day) is not null
    and pg_catalog.to_regclass('tracegram.trace_io' || v_day) is not null
  then
    return;
  end if;
  -- pg_partman lets a second caller go by without having done anything; here it waits for the first.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.ensure_partitions'));
  perform partman.run_maintenance('tracegram.pipeline_traces');
  perform partman.run_maintenance('tracegram.trace_io');
end;
$$;

comment on function tracegram.ensure_partitions(timestamptz) is
$doc$Makes the partitions of today and the days ahead when today's is missing.

pg_cron does that hourly. This is for a project that was paused for over a week and gets a trace before pg_cron has run.$doc$;
revoke all on function tracegram.ensure_partitions(timestamptz) from public, anon, authenticated, service_role;

-- 40_wire.sql — what a sender may send: the shape of tracer/wire.ts, and why a trace of it is refused.

create function tracegram.trace_time(p_trace_id uuid)
  returns timestamptz
  language sql immutable strict parallel safe
  set search_path = ''
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
  set search_path = ''
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
  set search_path = ''
as $$
  select case
    when pg_catalog.length(p_text) <= p_chars then p_text
    else pg_catalog.left(p_text, p_chars) || pg_catalog.format('… [%s characters]', pg_catalog.length(p_text))
  end;
$$;

comment on function tracegram.cut(text, integer) is 'The text, or its first p_chars characters and its original length.';
revoke all on function tracegram.cut(text, integer) from public, anon, authenticated, service_role;

create type tracegram.wire_trace as (
  trace_id    uuid,
  started_at  jsonb,
  pipeline    text,
  status      text,
  duration_ms integer,
  error       text,
  release     text,
  update_id   bigint,
  chat_id     bigint,
  user_id     bigint,
  message_id  bigint,
  steps       jsonb,
  io          jsonb
);
comment on type tracegram.wire_trace is 'WireTrace of tracer/wire.ts, as it arrives.';

create type tracegram.wire_io as (
  step           smallint,
  request        text,
  response       text,
  request_chars  integer,
  response_chars integer
);
comment on type tracegram.wire_io is 'WireIo of tracer/wire.ts, as it arrives.';

create function tracegram.wire_refusal(p_trace tracegram.wire_trace, p_now timestamptz)
  returns text
  language plpgsql stable
  set search_path = ''
as $$
declare
  v_started_at constant timestamptz := tracegram.wire_time(p_trace.started_at);
  v_steps      integer;
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
  if v_started_at < p_now - interval '30 days' then return 'TG012 started_at is over 30 days ago'; end if;

  if pg_catalog.jsonb_typeof(p_trace.steps) is distinct from 'array' then return 'TG013 steps is not an array'; end if;
  v_steps := pg_catalog.jsonb_array_length(p_trace.steps);
  if v_steps > 1000 then return pg_catalog.format('TG013 %s steps, at most 1000 are taken', v_steps); end if;
  if p_trace.io is not null then
    if pg_catalog.jsonb_typeof(p_trace.io) <> 'array' then return 'TG013 io is not an array'; end if;
    if exists (
      select from pg_catalog.jsonb_populate_recordset(null::tracegram.wire_io, p_trace.io) as io
      where io.step is null or io.step not between 1 and v_steps
    ) then
      return 'TG013 io: step must be the position of a step';
    end if;
  end if;
  return (
    select case
      when coalesce(s.name, '') = '' then pg_catalog.format('TG013 step %s has no name', s.position)
      when s.status is null or s.status not in ('ok', 'error')
        then pg_catalog.format('TG013 step %s: status is neither ok nor error', s.position)
      when s.offset_ms is null or s.offset_ms < 0 or s.duration_ms is null or s.duration_ms < 0
        then pg_catalog.format('TG013 step %s: offset_ms and duration_ms must be 0 or more', s.position)
      else pg_catalog.format('TG013 step %s: parent must be the position of an earlier step', s.position)
    end
    from pg_catalog.jsonb_populate_recordset(null::tracegram.trace_step, p_trace.steps) with ordinality
      as s (name, parent, status, offset_ms, duration_ms, error, model, input_tokens, output_tokens, cost_microusd, position)
    where coalesce(s.name, '') = '' or s.status is null or s.status not in ('ok', 'error')
      or s.offset_ms is null or s.offset_ms < 0 or s.duration_ms is null or s.duration_ms < 0
      or (s.parent is not null and s.parent not between 1 and s.position - 1)
    limit 1
  );
end;
$$;

comment on function tracegram.wire_refusal(tracegram.wire_trace, timestamptz) is
$doc$Why a trace cannot be stored, as a code and a sentence; null when it can.

TG010  a field is missing or makes no sense
TG011  trace_id and started_at disagree
TG012  started_at is outside of what is kept
TG013  a step or its I/O makes no sense, or there are too many$doc$;
revoke all on function tracegram.wire_refusal(tracegram.wire_trace, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.unreadable_field(p_item jsonb)
  returns text
  language plpgsql stable
  set search_path = ''
as $$
declare
  v_part record;
begin
  for v_part in
    select e.key as name, null::regtype as of, e.key, e.value
    from pg_catalog.jsonb_each(p_item) as e
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
      return v_part.name || ': ' || sqlerrm;
    end;
  end loop;
  return null;
end;
$$;

comment on function tracegram.unreadable_field(jsonb) is
  'The first value of a trace that does not fit its type, and why: "step 2: duration_ms: invalid input syntax …". Null when all fit.';
revoke all on function tracegram.unreadable_field(jsonb) from public, anon, authenticated, service_role;

-- 41_ingest.sql — the write door.
--
-- public.ingest_traces checks the key and the batch, tracegram.store_traces stores what is good of it. A bad trace is refused
-- with its code and never takes a good one with it: the batch is stored as a whole, in one statement, and only when a value
-- cannot even be read does the batch go in trace by trace.

create type tracegram.item_result as (
  ord      bigint,
  trace_id text,
  result   text,
  refusal  text
);
comment on type tracegram.item_result is
  'What became of a trace of a batch: stored, updated, duplicate, or rejected with a refusal ("TG010 …"). ord counts from 1.';

create function tracegram.store_traces(p_key_id smallint, p_batch jsonb, p_now timestamptz)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = ''
as $$
begin
  return query
  with parsed as materialized (
    select
      r.*,
      -- Of one trace sent twice in a batch, the one that has ended is the one to keep.
      pg_catalog.row_number() over (partition by r.trace_id, r.refusal is null order by r.status = 'running', r.ord) as turn
    from (
      select
        i.ord,
        t.*,
        tracegram.wire_time(t.started_at) as started,
        coalesce(tracegram.wire_refusal(t, p_now), case
          when before.key_id <> p_key_id then 'TG014 a trace of this id came with another key'
        end) as refusal,
        before.status as before
      from pg_catalog.jsonb_array_elements(p_batch) with ordinality as i (item, ord)
      cross join lateral pg_catalog.jsonb_populate_record(null::tracegram.wire_trace, i.item) as t
      left join lateral (
        select old.key_id, old.status
        from tracegram.pipeline_traces as old
        where old.started_at = tracegram.wire_time(t.started_at) and old.trace_id = t.trace_id
        offset 0 -- looked up trace by trace: a hash of all days would be made otherwise
      ) as before on true
    ) as r
  ),
  written as (
    insert into tracegram.pipeline_traces as old (
      started_at, update_id, chat_id, user_id, message_id, duration_ms, key_id, trace_id, pipeline, status, error, release, steps
    )
    select
      p.started, p.update_id, p.chat_id, p.user_id, p.message_id, p.duration_ms, p_key_id, p.trace_id,
      tracegram.cut(p.pipeline, 300), p.status, tracegram.cut(p.error, 2000), tracegram.cut(p.release, 300),
      array(
        select (
          tracegram.cut(s.name, 300), s.parent, s.status, s.offset_ms, s.duration_ms, tracegram.cut(s.error, 2000),
          tracegram.cut(s.model, 300), s.input_tokens, s.output_tokens, s.cost_microusd
        )::tracegram.trace_step
        from pg_catalog.jsonb_populate_recordset(null::tracegram.trace_step, p.steps) as s
      )
    from parsed as p
    where p.refusal is null and p.turn = 1
    -- The same order in every batch, so that two senders of the same traces wait for each other and never deadlock.
    order by p.started, p.trace_id
    on conflict (started_at, trace_id) do update set
      update_id = excluded.update_id, chat_id = excluded.chat_id, user_id = excluded.user_id,
      message_id = excluded.message_id, duration_ms = excluded.duration_ms, pipeline = excluded.pipeline, status = excluded.status,
      error = excluded.error, release = excluded.release, steps = excluded.steps
    where old.status = 'running' and excluded.status <> 'running' and old.key_id = excluded.key_id
    returning old.trace_id
  ),
  captured as (
    insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
    -- Of a step that comes twice in one trace, either will do: both are of one run.
    select distinct on (p.started, p.trace_id, io.step)
      p.started, p.trace_id, io.step,
      case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
      case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
      pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
    from parsed as p
    join written as w on w.trace_id = p.trace_id
    cross join lateral pg_catalog.jsonb_populate_recordset(null::tracegram.wire_io, p.io) as io
    where p.refusal is null and p.turn = 1
      -- A trace that comes so late that its I/O would be dropped at once is stored without it.
      and p.started >= p_now - interval '7 days'
    order by p.started, p.trace_id, io.step
    -- What came with the announcement gives way to what comes with the end.
    on conflict (started_at, trace_id, step) do update set
      request_chars = excluded.request_chars, response_chars = excluded.response_chars,
      request = excluded.request, response = excluded.response
  )
  select
    p.ord,
    p.trace_id::text,
    case
      when p.refusal is not null then 'rejected'
      when p.turn > 1 or w.trace_id is null then 'duplicate'
      when p.before = 'running' then 'updated'
      else 'stored'
    end,
    p.refusal
  from parsed as p
  left join written as w on w.trace_id = p.trace_id and p.turn = 1;
end;
$$;

comment on function tracegram.store_traces(smallint, jsonb, timestamptz) is
$doc$Stores the good traces of a batch, all in one statement.

Returns what became of each: stored, updated (it was announced before and has now ended), duplicate, or rejected with a refusal.

22xxx, 23xxx, 54xxx  a value cannot be read, or its day has no partition: nothing was stored$doc$;
revoke all on function tracegram.store_traces(smallint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.why_unreadable(p_item json, p_error text)
  returns text
  language plpgsql stable
  set search_path = ''
as $$
begin
  if pg_catalog.json_typeof(p_item) <> 'object' then
    return 'not an object';
  end if;
  return coalesce(tracegram.unreadable_field(p_item::jsonb), p_error);
exception when data_exception or program_limit_exceeded then
  return p_error; -- not even JSON that can be stored
end;
$$;

comment on function tracegram.why_unreadable(json, text) is 'What to tell the sender of a trace that failed with p_error.';
revoke all on function tracegram.why_unreadable(json, text) from public, anon, authenticated, service_role;

create function tracegram.store_trace(p_key_id smallint, p_item json, p_ord bigint, p_now timestamptz)
  returns setof tracegram.item_result
  language plpgsql
  set search_path = ''
as $$
declare
  -- Read from the text, for the item may hold escapes that cannot be converted.
  v_trace_id constant text := pg_catalog.substring(p_item::text, '"trace_id"\s*:\s*"([^"\\]*)"');
begin
  return query
    select p_ord, s.trace_id, s.result, s.refusal
    from tracegram.store_traces(p_key_id, pg_catalog.jsonb_build_array(p_item::jsonb), p_now) as s;
exception
  when check_violation then
    -- The values were checked: what is violated is the partition bounds.
    return query select p_ord, v_trace_id, 'rejected'::text, 'TG012 the day of started_at is not kept'::text;
  when data_exception or integrity_constraint_violation or program_limit_exceeded then
    return query select p_ord, v_trace_id, 'rejected'::text, 'TG010 ' || tracegram.why_unreadable(p_item, sqlerrm);
end;
$$;

comment on function tracegram.store_trace(smallint, json, bigint, timestamptz) is
  'Stores one trace of a batch that could not be stored as a whole. A failure becomes its refusal.';
revoke all on function tracegram.store_trace(smallint, json, bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ingest_answer(p_items tracegram.item_result[])
  returns jsonb
  language sql immutable
  set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'stored',    count(*) filter (where i.result = 'stored'),
    'updated',   count(*) filter (where i.result = 'updated'),
    'duplicate', count(*) filter (where i.result = 'duplicate'),
    'rejected',  count(*) filter (where i.result = 'rejected'),
    'items', pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object('trace_id', i.trace_id, 'result', i.result)
        || case
          when i.refusal is null then '{}'
          else pg_catalog.jsonb_build_object(
            'code', pg_catalog.left(i.refusal, 5), 'message', pg_catalog.substr(i.refusal, 7))
        end
      order by i.ord
    )
  )
  from pg_catalog.unnest(p_items) as i;
$$;

comment on function tracegram.ingest_answer(tracegram.item_result[]) is 'IngestResult of tracer/wire.ts.';
revoke all on function tracegram.ingest_answer(tracegram.item_result[]) from public, anon, authenticated, service_role;

create function public.ingest_traces(p_key text, p_batch json)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges; this function is the only way in
  set search_path = ''
as $$
declare
  v_key    tracegram.ingest_keys;
  v_count  integer;
  v_now    constant timestamptz := pg_catalog.now();
  v_answer jsonb;
begin
  v_key := tracegram.find_key(p_key, v_now);
  if v_key.key_id is null then
    raise exception sqlstate 'TG001' using
      message = 'unknown or revoked ingest key',
      hint    = 'Create one with select public.create_ingest_key(''my bot'').';
  end if;

  if pg_catalog.json_typeof(p_batch) is distinct from 'array' or pg_catalog.json_array_length(p_batch) = 0 then
    raise exception sqlstate 'TG002' using
      message = 'the batch is not an array of traces',
      hint    = 'Send a JSON array of at least one trace.';
  end if;
  v_count := pg_catalog.json_array_length(p_batch);
  if v_count > 500 or pg_catalog.octet_length(p_batch::text) > 1048576 then
    raise exception sqlstate 'TG003' using
      message = pg_catalog.format('the batch has %s traces in %s bytes', v_count, pg_catalog.octet_length(p_batch::text)),
      hint    = 'Split it: at most 500 traces and 1048576 bytes.';
  end if;
  perform tracegram.charge_key(v_key.key_id, v_key.traces_per_minute, v_count, v_now);
  perform tracegram.ensure_partitions(v_now);

  begin
    select tracegram.ingest_answer(pg_catalog.array_agg(s)) into v_answer
    from tracegram.store_traces(v_key.key_id, p_batch::jsonb, v_now) as s;
  exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
    select tracegram.ingest_answer(pg_catalog.array_agg(s)) into v_answer
    from pg_catalog.json_array_elements(p_batch) with ordinality as i (item, ord)
    cross join lateral tracegram.store_trace(v_key.key_id, i.item, i.ord, v_now) as s;
  end;
  return v_answer;
end;
$$;

comment on function public.ingest_traces(text, json) is
$doc$Stores one batch of traces for the bot that owns the key. Idempotent: what is stored already is counted, not changed.

p_key    the bot's ingest key, in clear; compared by its SHA-256.
p_batch  1..500 traces in at most 1 MiB of JSON, each as WireTrace of tracer/wire.ts: started_at is epoch milliseconds or
         ISO 8601, offset_ms and duration_ms are whole milliseconds, cost_microusd is micro-dollars.

Returns {stored, updated, duplicate, rejected, items}: the counts, and in the order sent an item
{trace_id, result, code?, message?} for each trace. A rejected one has a code (do not retry any of them unchanged):

TG010  a field is missing, of the wrong type, or makes no sense
TG011  trace_id is not a UUIDv7 of the millisecond of started_at
TG012  started_at is over an hour in the future, or its day is not kept any more
TG013  a step or its I/O makes no sense, or there are over 1,000 steps
TG014  a trace of this id came with another key

The whole batch is refused with
TG001  unknown or revoked key          (do not retry)
TG002  not an array of traces          (do not retry)
TG003  too many traces or too large    (split and retry)
TG004  the key's limit is reached      (wait a minute and retry)
22P02, 22P05  by PostgREST, of a body that is not JSON, or holds \u0000 or half a surrogate pair  (do not retry)$doc$;
revoke all on function public.ingest_traces(text, json) from public, anon, authenticated;
-- anon: a bot holds no other key, and this function checks the ingest key itself.
grant execute on function public.ingest_traces(text, json) to anon, service_role;

-- 50_read_traces.sql — what screens read: pages of traces, one trace, its I/O.
--
-- Each function keeps one generic plan a connection (planning over all partitions costs more than the query), and bounds
-- started_at, so that only the partitions in question are opened when it runs.

create function tracegram.iso(p_time timestamptz)
  returns text
  language sql immutable strict parallel safe
  set search_path = ''
as $$
  select pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
$$;

comment on function tracegram.iso(timestamptz) is 'ISO 8601 with milliseconds, in UTC.';
revoke all on function tracegram.iso(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.trace_summary(p_trace tracegram.pipeline_traces)
  returns jsonb
  language sql immutable
  set search_path = ''
as $$
  select pg_catalog.jsonb_build_object(
    'trace_id', p_trace.trace_id,
    'started_at', tracegram.iso(p_trace.started_at),
    'pipeline', p_trace.pipeline,
    'status', p_trace.status,
    'duration_ms', p_trace.duration_ms,
    'error', p_trace.error,
    'error_step', (
      select s.name
      from pg_catalog.unnest(p_trace.steps) with ordinality
        as s (name, parent, status, offset_ms, duration_ms, error, model, input_tokens, output_tokens, cost_microusd, position)
      where s.status = 'error'
      -- Of a chain of steps that failed together, the innermost is where it began.
      order by s.offset_ms + s.duration_ms, s.position desc
      limit 1
    ),
    'chat_id', p_trace.chat_id,
    'user_id', p_trace.user_id,
    'step_count', pg_catalog.cardinality(p_trace.steps),
    'input_tokens', sum(s.input_tokens),
    'output_tokens', sum(s.output_tokens),
    'cost_microusd', sum(s.cost_microusd),
    'cost_complete', count(*) filter (where s.model is not null and s.cost_microusd is null) = 0
  )
  from pg_catalog.unnest(p_trace.steps) as s;
$$;

comment on function tracegram.trace_summary(tracegram.pipeline_traces) is 'TraceSummary of functions/_shared/db.ts: a trace as one row of a page.';
revoke all on function tracegram.trace_summary(tracegram.pipeline_traces) from public, anon, authenticated, service_role;

create function public.list_traces(
  p_cursor    uuid        default null,
  p_direction text        default 'older',
  p_limit     integer     default 10,
  p_from      timestamptz default null,
  p_to        timestamptz default null
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
declare
  -- Counting stops here: beyond it the total is a lower bound, and says so.
  c_most   constant integer := 10000;
  v_limit  constant integer := least(greatest(p_limit, 1), 100);
  v_from   constant timestamptz := coalesce(p_from, pg_catalog.now() - interval '30 days');
  v_to     constant timestamptz := coalesce(p_to, pg_catalog.now() + interval '1 hour');
  v_cursor constant timestamptz := tracegram.trace_time(p_cursor);
  v_page   tracegram.pipeline_traces[];
  v_first  tracegram.pipeline_traces;
  v_last   tracegram.pipeline_traces;
  v_total  integer;
  v_newer  integer;
begin
  if p_direction is null or p_direction not in ('older', 'newer', 'from') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown direction %L', p_direction),
      hint    = 'Use older, newer or from.';
  end if;

  if p_direction = 'newer' then
    v_page := array(
      select t from tracegram.pipeline_traces as t
      where t.started_at >= v_cursor and t.started_at <= v_to and (t.started_at, t.trace_id) > (v_cursor, p_cursor)
      order by t.started_at, t.trace_id
      limit 2 * v_limit
    );
    -- Pages are numbered from the newest trace, which moves on. So near the top, "the page before" is the top itself.
    v_page := case when pg_catalog.cardinality(v_page) = 2 * v_limit then array(
      select (t.started_at, t.update_id, t.chat_id, t.user_id, t.message_id, t.duration_ms, t.key_id, t.trace_id, t.pipeline,
        t.status, t.error, t.release, t.steps)::tracegram.pipeline_traces
      from pg_catalog.unnest(v_page[:v_limit]) as t
      order by t.started_at desc, t.trace_id desc
    ) end;
  elsif p_cursor is not null then
    v_page := array(
      select t from tracegram.pipeline_traces as t
      where t.started_at >= v_from and t.started_at <= least(v_cursor, v_to)
        and (t.started_at, t.trace_id) <= (v_cursor, p_cursor)
        and (p_direction = 'from' or t.trace_id <> p_cursor)
      order by t.started_at desc, t.trace_id desc
      limit v_limit
    );
  end if;
  -- Without a cursor, near the top, or when all that the cursor led to is gone: the newest traces.
  if coalesce(pg_catalog.cardinality(v_page), 0) = 0 then
    v_page := array(
      select t from tracegram.pipeline_traces as t
      where t.started_at >= v_from and t.started_at <= v_to
      order by t.started_at desc, t.trace_id desc
      limit v_limit
    );
  end if;

  v_first := v_page[1];
  v_last := v_page[pg_catalog.cardinality(v_page)];
  select count(*) into v_total
  from (
    select from tracegram.pipeline_traces as t
    where t.started_at >= v_from and t.started_at <= v_to
    limit c_most + 1
  ) as counted;
  select count(*) into v_newer
  from (
    select from tracegram.pipeline_traces as t
    where t.started_at >= v_first.started_at and t.started_at <= v_to
      and (t.started_at, t.trace_id) > (v_first.started_at, v_first.trace_id)
    limit c_most + 1
  ) as counted;

  return pg_catalog.jsonb_build_object(
    'page', v_newer / v_limit + 1,
    'pages', greatest(1, pg_catalog.ceil(least(v_total, c_most)::numeric / v_limit), v_newer / v_limit + 1),
    'total', least(v_total, c_most),
    'total_exact', v_total <= c_most,
    'has_newer', v_newer > 0,
    'has_older', exists (
      select from tracegram.pipeline_traces as t
      where t.started_at >= v_from and t.started_at <= v_last.started_at
        and (t.started_at, t.trace_id) < (v_last.started_at, v_last.trace_id)
    ),
    'traces', coalesce((
      select pg_catalog.jsonb_agg(tracegram.trace_summary(v_page[i]) order by i)
      from pg_catalog.generate_series(1, pg_catalog.cardinality(v_page)) as i
    ), '[]')
  );
end;
$$;

comment on function public.list_traces(uuid, text, integer, timestamptz, timestamptz) is
$doc$One page of traces, newest first, with all that a screen says about it: one call serves one screen.

p_cursor     trace id that the page is relative to; null: the newest page.
p_direction  older, newer (the page after or before p_cursor), or from (at p_cursor). Where there is no full page before
             p_cursor, newer is the newest page.
p_limit      traces a page, 1..100; other values are brought into that range.
p_from, p_to started_at is within both; null: the last 30 days.

Returns TracePage of functions/_shared/db.ts. Counting stops at 10,000 traces: then total_exact is false, and total and pages
are lower bounds. Money is micro-dollars, durations are milliseconds, times are ISO 8601.

22023  p_direction is none of the three  (do not retry)$doc$;
revoke all on function public.list_traces(uuid, text, integer, timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.list_traces(uuid, text, integer, timestamptz, timestamptz) to service_role;

create function public.get_trace(p_trace_id uuid)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_started_at constant timestamptz := tracegram.trace_time(p_trace_id);
begin
  return (
    select tracegram.trace_summary(t) || pg_catalog.jsonb_build_object(
      'release', t.release,
      'update_id', t.update_id,
      'message_id', t.message_id,
      'steps', pg_catalog.jsonb_strip_nulls(pg_catalog.to_jsonb(t.steps)),
      'io_steps', coalesce((
        select pg_catalog.jsonb_agg(io.step order by io.step)
        from tracegram.trace_io as io
        where io.started_at = v_started_at and io.trace_id = p_trace_id
      ), '[]')
    )
    from tracegram.pipeline_traces as t
    where t.started_at = v_started_at and t.trace_id = p_trace_id
  );
end;
$$;

comment on function public.get_trace(uuid) is
$doc$One trace with its steps. The id's own time names the one partition that is read.

Returns TraceDetail of functions/_shared/db.ts; null when there is no such trace, or its day has been dropped.$doc$;
revoke all on function public.get_trace(uuid) from public, anon, authenticated;
grant execute on function public.get_trace(uuid) to service_role;

create function public.get_trace_io(p_trace_id uuid, p_step integer default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = ''
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_started_at constant timestamptz := tracegram.trace_time(p_trace_id);
begin
  return coalesce((
    select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(io) - 'started_at' - 'trace_id' order by io.step)
    from tracegram.trace_io as io
    where io.started_at = v_started_at and io.trace_id = p_trace_id and (p_step is null or io.step = p_step)
  ), '[]');
end;
$$;

comment on function public.get_trace_io(uuid, integer) is
$doc$The captured requests and responses of a trace.

p_step  position of one step, counted from 1; null: all.

Returns an array of {step, request, request_chars, response, response_chars}; *_chars is the length before cutting. Empty when
nothing was captured, or its day has been dropped.$doc$;
revoke all on function public.get_trace_io(uuid, integer) from public, anon, authenticated;
grant execute on function public.get_trace_io(uuid, integer) to service_role;

-- 60_updates.sql — each Telegram update is handled once.
--
-- Written by  public.claim_update, public.finish_update (the telegram function)
-- Dropped by  tracegram.purge (90_jobs.sql)
--
-- A claim is a lease: when an isolate dies in the middle of an update, the redelivery is handled after the lease has run out.

create table tracegram.seen_updates (
  update_id  bigint primary key,
  claimed_at timestamptz(3) not null,
  handled_at timestamptz(3)
);
alter table tracegram.seen_updates enable row level security;

comment on table tracegram.seen_updates is 'Telegram updates of the admin bot that were claimed or handled, kept 2 days.';
comment on column tracegram.seen_updates.update_id is 'Telegram''s id of the update.';
comment on column tracegram.seen_updates.claimed_at is 'Start of the last lease.';
comment on column tracegram.seen_updates.handled_at is 'Null until the update was handled.';

create function tracegram.claim_update(p_update_id bigint, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = ''
as $$
begin
  insert into tracegram.seen_updates as u (update_id, claimed_at)
  values (p_update_id, p_now)
  on conflict (update_id) do update set claimed_at = excluded.claimed_at
    where u.handled_at is null and u.claimed_at <= p_now - interval '60 seconds';
  if found then
    return 'claimed';
  end if;
  return case
    when exists (select from tracegram.seen_updates as u where u.update_id = p_update_id and u.handled_at is not null) then 'done'
    else 'busy'
  end;
end;
$$;

comment on function tracegram.claim_update(bigint, timestamptz) is 'See public.claim_update; p_now is the time of the claim.';
revoke all on function tracegram.claim_update(bigint, timestamptz) from public, anon, authenticated, service_role;

create function public.claim_update(p_update_id bigint)
  returns text
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
  select tracegram.claim_update(p_update_id, pg_catalog.now());
$$;

comment on function public.claim_update(bigint) is
$doc$Claims a Telegram update for handling, for 60 seconds.

Returns claimed (handle it, then call finish_update), done (it was handled before), or busy (another isolate has it: answer
503, and Telegram delivers it again).$doc$;
revoke all on function public.claim_update(bigint) from public, anon, authenticated;
grant execute on function public.claim_update(bigint) to service_role;

create function public.finish_update(p_update_id bigint, p_handled boolean)
  returns void
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
begin
  if p_handled then
    update tracegram.seen_updates set handled_at = pg_catalog.now() where update_id = p_update_id;
  else
    delete from tracegram.seen_updates where update_id = p_update_id and handled_at is null;
  end if;
end;
$$;

comment on function public.finish_update(bigint, boolean) is
$doc$Ends a claim.

p_handled  true: the update was handled and never will be again. false: it was not, and its redelivery may be claimed at once.$doc$;
revoke all on function public.finish_update(bigint, boolean) from public, anon, authenticated;
grant execute on function public.finish_update(bigint, boolean) to service_role;

-- 90_jobs.sql — what pg_cron does, and when (UTC).
--
-- Scheduling a job of an existing name replaces it.

create function tracegram.purge(p_now timestamptz default now())
  returns void
  language sql
  set search_path = ''
as $$
  delete from tracegram.seen_updates where claimed_at < p_now - interval '2 days';
  select tracegram.purge_usage(p_now);
  -- pg_cron never does this itself.
  delete from cron.job_run_details where end_time < p_now - interval '7 days';
$$;

comment on function tracegram.purge(timestamptz) is
$doc$Deletes what small tables no longer need: update ids and usage after 2 days, pg_cron's run history after 7.

Telegram redelivers an update for at most 24 hours.$doc$;
revoke all on function tracegram.purge(timestamptz) from public, anon, authenticated, service_role;

-- Hourly, so that a missed run costs nothing: partitions are made seven days ahead.
select cron.schedule('tracegram-partitions', '7 * * * *', 'call partman.run_maintenance_proc()');
select cron.schedule('tracegram-purge', '37 * * * *', 'select tracegram.purge()');

-- 95_policies.sql — each table says that nobody may read it.
--
-- Row level security without a policy lets nobody in already. With a policy that says so it is known to be meant, and
-- `supabase db advisors` does not ask about it. Partitions have neither: the schema keeps everybody out (00_schema.sql).

do $$
declare
  v_table text;
begin
  for v_table in
    select c.relname
    from pg_catalog.pg_class as c
    where c.relnamespace = 'tracegram'::regnamespace and c.relrowsecurity
      and not exists (select from pg_catalog.pg_policy as p where p.polrelid = c.oid)
  loop
    execute pg_catalog.format('create policy nobody on tracegram.%I using (false)', v_table);
  end loop;
end;
$$;
