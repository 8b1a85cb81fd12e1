-- Made from sql/ by `npm run migration`. Edit there.

-- 00_schema.sql — the private schema, and the extensions it stands on.
--
-- tracegram  tables and internals. No API role has USAGE, so partitions, which inherit neither grants nor row level security,
--            are out of reach whatever their own privileges say.
-- public     only the functions that PostgREST serves; each revokes execute from everyone and grants it by name.

create extension if not exists pg_cron;

create schema if not exists partman;
create extension if not exists pg_partman schema partman;

-- Alerts are delivered with it (84_deliver_alerts.sql); everything else works without it.
do $$
begin
  if exists (select from pg_catalog.pg_available_extensions where name = 'pg_net') then
    create extension if not exists pg_net schema extensions;
  end if;
end;
$$;

create schema tracegram;
revoke all on schema tracegram from public, anon, authenticated, service_role;

comment on schema tracegram is 'Tracegram: tables and internals. Not exposed to any API role.';

-- 05_settings.sql — what the owner decides: how long, how much, where alerts go, and what synthetic tests may cost.
--
-- Written by  public.change_settings; traces_from and io_from by retention and the quota guard, guard_io_sample_percent by the
--             quota guard
-- Read by     ingest, retention, the quota guard, alerts, synthetic tests

create table tracegram.settings (
  only_row                     boolean primary key default true check (only_row),
  trace_days                   smallint not null default 30 check (trace_days between 1 and 365),
  io_days                      smallint not null default 7 check (io_days between 1 and 365),
  io_sample_percent            smallint not null default 100 check (io_sample_percent between 0 and 100),
  guard_io_sample_percent      smallint check (guard_io_sample_percent between 0 and 100),
  quota_bytes                  bigint not null default 500000000 check (quota_bytes > 0),
  lost_after                   interval not null default '15 minutes' check (lost_after between '1 minute' and '1 day'),
  traces_from                  timestamptz(0) not null default (pg_catalog.date_trunc('day', now(), 'UTC') - interval '30 days'),
  io_from                      timestamptz(0) not null default (pg_catalog.date_trunc('day', now(), 'UTC') - interval '7 days'),
  alert_url                    text check (alert_url ~ '^https?://[^\s]+$'),
  alert_secret                 text,
  synthetic_run_cap_microusd   bigint not null default 1000000 check (synthetic_run_cap_microusd between 0 and 2000000000),
  synthetic_day_cap_microusd   bigint not null default 3000000 check (synthetic_day_cap_microusd between 0 and 1000000000000),
  synthetic_month_cap_microusd bigint not null default 20000000 check (synthetic_month_cap_microusd between 0 and 1000000000000),
  synthetic_concurrency        smallint not null default 2 check (synthetic_concurrency between 1 and 16),
  constraint io_days_within_trace_days check (io_days <= trace_days)
);
alter table tracegram.settings enable row level security;

comment on table tracegram.settings is 'What the owner decides. One row.';
comment on column tracegram.settings.only_row is 'True: there is one row.';
comment on column tracegram.settings.trace_days is 'Days that traces are kept, besides today. 1..365.';
comment on column tracegram.settings.io_days is 'Days that requests and responses are kept, besides today. At most trace_days.';
comment on column tracegram.settings.io_sample_percent is
  'Share of the successful traces whose requests and responses are stored when they are sent, 0..100. Of errors, all are.';
comment on column tracegram.settings.guard_io_sample_percent is
  'What the quota guard has lowered that share to, and that of errors with it. At 0 none are stored. Null: it has not.';
comment on column tracegram.settings.quota_bytes is 'Size that the plan allows the whole database. The free plan: 500 MB.';
comment on column tracegram.settings.lost_after is 'How long after its start an announced trace that has not ended is lost. 1 minute..1 day.';
comment on column tracegram.settings.traces_from is 'Start of the oldest day of traces that is there, UTC. Older traces are refused.';
comment on column tracegram.settings.io_from is
  'Start of the oldest day of requests and responses that is there, UTC. Those of older traces are not stored.';
comment on column tracegram.settings.alert_url is 'Where alerts are posted. Null: nowhere.';
comment on column tracegram.settings.alert_secret is 'Sent with each alert, so that the receiver knows who it is from.';
comment on column tracegram.settings.synthetic_run_cap_microusd is 'Most that one run of synthetic tests may spend, in micro-dollars. 0..2000000000; 0: nothing.';
comment on column tracegram.settings.synthetic_day_cap_microusd is 'Most that all of them may spend on a day, UTC, in micro-dollars. 0: nothing.';
comment on column tracegram.settings.synthetic_month_cap_microusd is 'Most that all of them may spend in a month, UTC, in micro-dollars. 0: nothing.';
comment on column tracegram.settings.synthetic_concurrency is 'How many scenarios of a run are run at once, unless it is asked for with another number. 1..16.';

insert into tracegram.settings default values;

create function tracegram.settings()
  returns tracegram.settings
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select s from tracegram.settings as s;
$$;

comment on function tracegram.settings() is 'The one row of settings.';
revoke all on function tracegram.settings() from public, anon, authenticated, service_role;

create function public.get_settings()
  returns jsonb
  language plpgsql stable
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.to_jsonb(s) - 'only_row' - 'alert_secret' || pg_catalog.jsonb_build_object(
      -- In hours, for to_char leaves days out.
      'lost_after', pg_catalog.to_char(
        pg_catalog.make_interval(secs => pg_catalog.date_part('epoch', s.lost_after)), 'HH24:MI:SS'
      ),
      'traces_from', tracegram.iso(s.traces_from),
      'io_from', tracegram.iso(s.io_from),
      'alert_secret_set', s.alert_secret is not null
    )
    from tracegram.settings as s
  );
end;
$$;

comment on function public.get_settings() is
$doc$The settings as one object, under the names of the columns of tracegram.settings. lost_after is hours, minutes and seconds
("00:15:00", "24:00:00"). Of the secret, only whether it is set.$doc$;
revoke all on function public.get_settings() from public, anon, authenticated;
grant execute on function public.get_settings() to service_role;

create function public.change_settings(p_changes jsonb)
  returns jsonb
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The rest is not the owner's: it says what retention and the quota guard have done.
  c_changeable constant text[] := array[
    'trace_days', 'io_days', 'io_sample_percent', 'quota_bytes', 'lost_after', 'alert_url', 'alert_secret',
    'synthetic_run_cap_microusd', 'synthetic_day_cap_microusd', 'synthetic_month_cap_microusd', 'synthetic_concurrency'
  ];
  v_unknown    text;
  v_constraint text;
begin
  if pg_catalog.jsonb_typeof(p_changes) is distinct from 'object' then
    raise exception sqlstate 'TG020' using message = 'the changes are not an object', hint = 'Such as {"io_days": 3}.';
  end if;
  select k into v_unknown from pg_catalog.jsonb_object_keys(p_changes) as k where k <> all (c_changeable) limit 1;
  if v_unknown is not null then
    raise exception sqlstate 'TG020' using
      message = pg_catalog.format('%L is not a setting that can be changed', v_unknown),
      hint    = 'Those are ' || pg_catalog.array_to_string(c_changeable, ', ') || '.';
  end if;
  begin
    update tracegram.settings as s
    set (
      trace_days, io_days, io_sample_percent, quota_bytes, lost_after, alert_url, alert_secret,
      synthetic_run_cap_microusd, synthetic_day_cap_microusd, synthetic_month_cap_microusd, synthetic_concurrency
    ) = (
      select
        n.trace_days, n.io_days, n.io_sample_percent, n.quota_bytes, n.lost_after, n.alert_url, n.alert_secret,
        n.synthetic_run_cap_microusd, n.synthetic_day_cap_microusd, n.synthetic_month_cap_microusd, n.synthetic_concurrency
      from pg_catalog.jsonb_populate_record(s, p_changes) as n
    );
  exception when data_exception or integrity_constraint_violation then
    get stacked diagnostics v_constraint = constraint_name;
    raise exception sqlstate 'TG020' using
      message = 'a setting has a value that it cannot have: ' || case v_constraint
        when 'io_days_within_trace_days' then 'io_days must not exceed trace_days'
        else sqlerrm
      end,
      hint    = 'Nothing was changed. The comments of tracegram.settings say what each takes.';
  end;
  return public.get_settings();
end;
$$;

comment on function public.change_settings(jsonb) is
$doc$Changes the settings that are named, and leaves the rest.

p_changes  such as {"trace_days": 14, "io_days": 3}: names and values of columns of tracegram.settings. lost_after is an
           interval ("15 minutes"), quota_bytes is bytes, null takes alert_url or alert_secret away.

Returns the settings as get_settings does. Fewer days take effect when retention runs next, within a minute. More days bring none back
that are gone: traces_from and io_from say from when on there is something.

TG020  a name or a value that does not fit  (nothing was changed)$doc$;
revoke all on function public.change_settings(jsonb) from public, anon, authenticated;
grant execute on function public.change_settings(jsonb) to service_role;

create function tracegram.io_sampled(p_trace_id uuid, p_failed boolean, p_settings tracegram.settings)
  returns boolean
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  -- The last 16 of the id's random bits: the same traces for everyone who samples by them, and of a smaller share a part of them.
  select ('x' || pg_catalog.right(p_trace_id::text, 4))::pg_catalog.bit(16)::integer * 100
    -- The owner's share is of the successful, the quota guard's is of all: else errors alone could fill the database.
    < least(case when p_failed then 100 else p_settings.io_sample_percent end, p_settings.guard_io_sample_percent) * 65536;
$$;

comment on function tracegram.io_sampled(uuid, boolean, tracegram.settings) is 'Whether a trace is one of the share whose I/O is stored.';
revoke all on function tracegram.io_sampled(uuid, boolean, tracegram.settings) from public, anon, authenticated, service_role;

-- 10_ingest_keys.sql — who may send traces.
--
-- Written by  public.create_ingest_key, public.rotate_ingest_key, public.revoke_ingest_key,
--             tracegram.purge_usage    (11_ingest_usage.sql; what was counted)
-- Read by     public.ingest_traces     (43_ingest.sql), public.list_ingest_keys (11_ingest_usage.sql)
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
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.sha256(pg_catalog.convert_to(p_key, 'UTF8'));
$$;

comment on function tracegram.hash_key(text) is 'What is stored of a key: its SHA-256. It is random enough to need no salt.';
revoke all on function tracegram.hash_key(text) from public, anon, authenticated, service_role;

create function tracegram.random_key()
  returns text
  language sql
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key constant text := tracegram.random_key();
begin
  if p_name is null or pg_catalog.length(p_name) not between 1 and 64 then
    raise exception sqlstate '23514' using
      message = pg_catalog.format(
        'the name has %s characters', coalesce(pg_catalog.length(p_name)::text, 'no')
      ),
      hint    = 'Give one of 1 to 64 characters, such as support-bot.';
  end if;
  insert into tracegram.ingest_keys (name, key_sha256) values (p_name, tracegram.hash_key(v_key));
  return v_key;
end;
$$;

comment on function public.create_ingest_key(text) is
$doc$Makes a key with which a bot may send traces, and nothing else.

p_name  for people, 1..64 characters, not used by another key, be it revoked.

Returns the key. It is stored only as a hash, so this is the one time it can be read.

23505  there is a key of that name    (rotate that one, or choose another name; a revoked key keeps its name)
23514  the name is null, empty or too long  (choose another)$doc$;
revoke all on function public.create_ingest_key(text) from public, anon, authenticated;
grant execute on function public.create_ingest_key(text) to service_role;

create function tracegram.rotate_ingest_key(p_name text, p_grace interval, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_key constant text := tracegram.random_key();
begin
  if p_grace is null or p_grace not between interval '0' and interval '1 year' then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('the grace is %s', coalesce(p_grace::text, 'null')),
      hint    = 'Give a time from 0 to 1 year, such as 24 hours.';
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
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.rotate_ingest_key(p_name, p_grace, pg_catalog.now());
$$;

comment on function public.rotate_ingest_key(text, interval) is
$doc$Gives a bot a new key in place of its old one, which works on until the grace is over.

p_name   the key's name.
p_grace  how long the old key works on, at most a year: 0 ends it at once. A key that was replaced before ends now, whatever grace it had.

Returns the new key; this is the one time it can be read. The traces of both are one bot's: what was announced with the old key
is completed with the new one.

TG030  there is no valid key of that name             (list the keys; when it is revoked, create another)
22023  the grace is null, negative or beyond a year   (give 0 to 1 year)$doc$;
revoke all on function public.rotate_ingest_key(text, interval) from public, anon, authenticated;
grant execute on function public.rotate_ingest_key(text, interval) to service_role;

create function public.revoke_ingest_key(p_name text)
  returns void
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
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
-- Written by  tracegram.store_traces (42_store_traces.sql), tracegram.mark_lost (49_gaps.sql)
-- Read by     the 5x_*.sql files
-- Dropped by  tracegram.retain, a day at a time (70_retention.sql)
--
-- Partitioned by UTC day of started_at: pipeline_traces_p20260131 holds [2026-01-31, 2026-02-01). The trace id is a UUIDv7 of
-- the same millisecond, so an id alone finds its partition.

create type tracegram.trace_step as (
  name             text,
  parent           smallint,
  status           text,
  offset_ms        integer,
  duration_ms      integer,
  error            text,
  model            text,
  input_tokens     integer,
  cached_tokens    integer,
  output_tokens    integer,
  reasoning_tokens integer,
  cost_microusd    integer,
  first_token_ms   integer
);

comment on type tracegram.trace_step is 'One step of a trace. Attribute names are the wire''s (tracer/wire.ts).';
comment on column tracegram.trace_step.name is 'Low-cardinality name, such as llm.generate.';
comment on column tracegram.trace_step.parent is 'Position of the enclosing step in the array, counted from 1. Null at the top level.';
comment on column tracegram.trace_step.status is 'error, detached (it was still running, as its author wanted, when the trace was sent), or null: ok. Most steps are, and this is eight bytes of each.';
comment on column tracegram.trace_step.offset_ms is 'Milliseconds from the start of the trace.';
comment on column tracegram.trace_step.duration_ms is 'Milliseconds. Of a detached step, as long as it had run by then.';
comment on column tracegram.trace_step.error is 'What went wrong, at most about 2,000 characters.';
comment on column tracegram.trace_step.model is 'LLM calls: the model that answered.';
comment on column tracegram.trace_step.input_tokens is 'LLM calls: tokens of the request. Null when not known.';
comment on column tracegram.trace_step.cached_tokens is 'LLM calls: those of input_tokens that came from a cache.';
comment on column tracegram.trace_step.output_tokens is 'LLM calls: tokens of the response. Null when not known.';
comment on column tracegram.trace_step.reasoning_tokens is 'LLM calls: those of output_tokens that were reasoning.';
comment on column tracegram.trace_step.cost_microusd is 'LLM calls: price in micro-dollars. Null when not known, never 0 for that.';
comment on column tracegram.trace_step.first_token_ms is 'LLM calls that stream: milliseconds from the start of the step to the first token. Null when not known.';

create table tracegram.pipeline_traces (
  started_at    timestamptz(3) not null,
  chat_id       bigint,
  user_id       bigint,
  cost_microusd bigint,
  update_id     integer,
  message_id    integer,
  duration_ms   integer check (duration_ms >= 0),
  key_id        smallint not null,
  trace_id      uuid not null,
  pipeline      text not null,
  status        text not null check (status in ('ok', 'error', 'running', 'lost')),
  error         text,
  release       text,
  steps         tracegram.trace_step[] not null,
  check ((status in ('running', 'lost')) = (duration_ms is null)),
  -- Makes a retried batch idempotent, finds a trace by id, and reads pages newest first without a sort.
  -- Full pages, for entries come at its end.
  primary key (started_at, trace_id) with (fillfactor = 100)
) partition by range (started_at);

create index pipeline_traces_started_at_brin on tracegram.pipeline_traces using brin (started_at);
create index pipeline_traces_error on tracegram.pipeline_traces (started_at, trace_id) where status = 'error';
create index pipeline_traces_unended on tracegram.pipeline_traces (status, started_at, trace_id) where status in ('running', 'lost');
create index pipeline_traces_user on tracegram.pipeline_traces (user_id);
create index pipeline_traces_chat on tracegram.pipeline_traces (chat_id) where chat_id is not null;
create index pipeline_traces_slowest on tracegram.pipeline_traces (duration_ms);
create index pipeline_traces_dearest on tracegram.pipeline_traces (cost_microusd) where cost_microusd > 0;

comment on index tracegram.pipeline_traces_started_at_brin is
  '"What ran between these two times" over many days, without the key: ad-hoc SQL and reports.';
comment on index tracegram.pipeline_traces_error is 'list_traces of errors.';
comment on index tracegram.pipeline_traces_unended is 'list_traces of what has not ended.';
comment on index tracegram.pipeline_traces_user is 'list_traces of a user, and of a private chat, which has its user''s id.';
comment on index tracegram.pipeline_traces_chat is 'list_traces of a chat that is not private.';
comment on index tracegram.pipeline_traces_slowest is 'list_traces, slowest first. Equal durations share an entry, so it is small.';
comment on index tracegram.pipeline_traces_dearest is 'list_traces, dearest first. Of a bot on free models it is empty.';

alter table tracegram.pipeline_traces alter column steps set compression lz4;
alter table tracegram.pipeline_traces enable row level security;

comment on table tracegram.pipeline_traces is 'Pipeline runs with their steps, partitioned by UTC day, kept settings.trace_days.';
comment on column tracegram.pipeline_traces.started_at is 'Start by the bot''s clock, to the millisecond. Partition key.';
comment on column tracegram.pipeline_traces.update_id is 'Telegram update that started the run.';
comment on column tracegram.pipeline_traces.chat_id is
  'Telegram chat. Null: the private chat of user_id, whose id is the user''s; 0: not known, but the user is.';
comment on column tracegram.pipeline_traces.user_id is 'Telegram user.';
comment on column tracegram.pipeline_traces.message_id is 'Telegram message that the bot answered with, or else the one it answered to.';
comment on column tracegram.pipeline_traces.duration_ms is 'Milliseconds. Null while running, and when lost.';
comment on column tracegram.pipeline_traces.cost_microusd is 'Sum of the steps'' known costs in micro-dollars. Null when none is known.';
comment on column tracegram.pipeline_traces.key_id is 'Ingest key that the trace came with.';
comment on column tracegram.pipeline_traces.trace_id is 'UUIDv7 whose time is started_at.';
comment on column tracegram.pipeline_traces.pipeline is 'Which pipeline ran. At most about 100 characters.';
comment on column tracegram.pipeline_traces.status is 'ok, error, running (announced, has not ended yet), or lost (has not ended in time).';
comment on column tracegram.pipeline_traces.error is 'What went wrong, at most about 2,000 characters.';
comment on column tracegram.pipeline_traces.release is 'Version of the bot.';
comment on column tracegram.pipeline_traces.steps is 'Steps in order of their start.';

create view tracegram.trace_steps with (security_invoker = true) as
select t.trace_id, t.started_at as trace_started_at, s.position, s.name, s.parent, coalesce(s.status, 'ok') as status,
  s.offset_ms, s.duration_ms, s.error, s.model, s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens,
  s.cost_microusd, s.first_token_ms
from tracegram.pipeline_traces as t
cross join lateral pg_catalog.unnest(t.steps) with ordinality as s (
  name, parent, status, offset_ms, duration_ms, error, model, input_tokens, cached_tokens, output_tokens, reasoning_tokens,
  cost_microusd, first_token_ms, position
);

comment on view tracegram.trace_steps is 'One row per step, for ad-hoc SQL. Filter on trace_started_at, or every day is read.';

-- 21_trace_io.sql — full prompts and responses of captured steps.
--
-- Written by  tracegram.store_io (42_store_io.sql), nothing else
-- Read by     public.get_trace (which steps have I/O), public.get_trace_io
-- Dropped by  tracegram.retain, a day at a time (70_retention.sql)
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

comment on table tracegram.trace_io is 'Requests and responses of captured steps, partitioned by UTC day, kept settings.io_days.';
comment on column tracegram.trace_io.started_at is 'Start of the trace. Partition key.';
comment on column tracegram.trace_io.trace_id is 'The trace.';
comment on column tracegram.trace_io.step is 'Position of the step in the trace, counted from 1.';
comment on column tracegram.trace_io.request_chars is 'Length of the request in characters before it was cut. Null without a request.';
comment on column tracegram.trace_io.response_chars is 'Length of the response in characters before it was cut. Null without a response.';
comment on column tracegram.trace_io.request is 'What was sent, cut to 65,536 characters.';
comment on column tracegram.trace_io.response is 'What came back, cut to 65,536 characters.';

-- 22_unended.sql — the traces that were announced and have not ended.
--
-- Written by  tracegram.store_traces, tracegram.complete_traces (42_store_traces.sql), tracegram.mark_lost (49_gaps.sql)
-- Read by     whoever counts them: the rollups have what has ended
-- Dropped by  tracegram.purge_gaps (90_jobs.sql)
--
-- They are in pipeline_traces as well. Here they are counted without a look into every day.

create table tracegram.unended (
  started_at timestamptz(3) not null,
  trace_id   uuid not null,
  pipeline   text not null,
  status     text not null check (status in ('running', 'lost')),
  primary key (started_at, trace_id)
);
alter table tracegram.unended enable row level security;

comment on table tracegram.unended is 'Traces that were announced and have not ended: running or lost. As in pipeline_traces, and kept as long.';
comment on column tracegram.unended.started_at is 'Start of the trace.';
comment on column tracegram.unended.trace_id is 'The trace.';
comment on column tracegram.unended.pipeline is 'Its pipeline.';
comment on column tracegram.unended.status is 'running, or lost: not ended in time.';

-- 23_dropped.sql — what senders had to drop, by their own account.
--
-- Written by  tracegram.note_dropped (43_ingest.sql calls it for a WireReport)
-- Read by     public.trace_gaps (49_gaps.sql), tracegram.measure_dropped (81_alert_measures.sql)
-- Dropped by  tracegram.purge_dropped (90_jobs.sql calls it), and tracegram.note_dropped, the oldest senders of a key
--
-- A sender reports totals since it started. The greater of two is the later one, so a report that comes twice changes nothing,
-- nor do two that come in the wrong order.

create table tracegram.dropped (
  -- No foreign key: its lock on the key would make a rotation and an ingest wait for each other.
  key_id          smallint not null,
  sender          uuid not null,
  reason          text not null,
  records         bigint not null,
  first_seen_at   timestamptz(3) not null,
  last_seen_at    timestamptz(3) not null,
  grew_at         timestamptz(3) not null,
  hour_began      bigint not null,
  last_hour_began bigint not null,
  primary key (key_id, sender, reason)
);
alter table tracegram.dropped enable row level security;

comment on table tracegram.dropped is
  'How many records senders have dropped, by reason. Of each key the thousand senders that were heard last, each kept as long as traces.';
comment on column tracegram.dropped.key_id is 'Ingest key that the report came with.';
comment on column tracegram.dropped.sender is 'The sender''s process.';
comment on column tracegram.dropped.reason is 'Why, in the sender''s words, such as queue_full. At most 20 of a sender.';
comment on column tracegram.dropped.records is 'How many, since it started.';
comment on column tracegram.dropped.first_seen_at is 'When that was first reported.';
comment on column tracegram.dropped.last_seen_at is 'When it was last reported, as the same number or a greater one.';
comment on column tracegram.dropped.grew_at is 'When it was last reported as a greater number.';
comment on column tracegram.dropped.hour_began is 'How many it was when the hour of grew_at began (UTC).';
comment on column tracegram.dropped.last_hour_began is 'How many it was when the hour before that began.';

create function tracegram.note_dropped(p_key_id smallint, p_report jsonb, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_reasons constant integer := 20;
  c_senders constant integer := 1000;
  v_hour    constant timestamptz := pg_catalog.date_trunc('hour', p_now, 'UTC');
  v_sender  uuid;
  v_known   text[];
begin
  if not coalesce(pg_catalog.pg_input_is_valid(p_report ->> 'sender', 'uuid'), false)
    or pg_catalog.jsonb_typeof(p_report -> 'dropped') is distinct from 'object'
  then
    return;
  end if;
  v_sender := (p_report ->> 'sender')::uuid;
  v_known := array(select d.reason from tracegram.dropped as d where d.key_id = p_key_id and d.sender = v_sender);

  insert into tracegram.dropped as d (
    key_id, sender, reason, records, first_seen_at, last_seen_at, grew_at, hour_began, last_hour_began
  )
  select p_key_id, v_sender, e.reason, e.records, p_now, p_now, p_now, 0, 0
  from (
    select
      r.key as reason, r.value::bigint as records,
      pg_catalog.row_number() over (partition by r.key = any (v_known) order by r.value desc, r.key) as place
    from (
      select
        j.key,
        case
          when pg_catalog.jsonb_typeof(j.value) = 'number' and j.value::numeric between 1 and 9007199254740991
          then pg_catalog.trunc(j.value::numeric)
        end as value
      from pg_catalog.jsonb_each(p_report -> 'dropped') as j
      where pg_catalog.length(j.key) between 1 and 40
    ) as r
    where r.value is not null
  ) as e
  where e.reason = any (v_known) or e.place <= c_reasons - pg_catalog.cardinality(v_known)
  -- The same order in every report: two of one sender wait for each other and never deadlock.
  order by e.reason
  on conflict (key_id, sender, reason) do update set
    records = greatest(d.records, excluded.records),
    last_seen_at = greatest(d.last_seen_at, p_now),
    grew_at = case when excluded.records > d.records then greatest(d.grew_at, p_now) else d.grew_at end,
    hour_began = case when excluded.records > d.records and v_hour > d.grew_at then d.records else d.hour_began end,
    last_hour_began = case
      when excluded.records <= d.records or v_hour <= d.grew_at then d.last_hour_began
      when v_hour - interval '1 hour' > d.grew_at then d.records
      else d.hour_began
    end;

  if pg_catalog.cardinality(v_known) = 0 then
    -- A sender that we have not heard of. Rows that somebody is at are not waited for: it is not the oldest, or goes next time.
    with oldest as (
      select o.sender
      from tracegram.dropped as o
      where o.key_id = p_key_id
      group by o.sender
      order by max(o.last_seen_at) desc, o.sender = v_sender desc
      offset c_senders
    ),
    free as (
      select f.sender, f.reason
      from tracegram.dropped as f
      where f.key_id = p_key_id and f.sender in (select o.sender from oldest as o)
      for update skip locked
    )
    delete from tracegram.dropped as d
    using free as f
    where d.key_id = p_key_id and d.sender = f.sender and d.reason = f.reason;
  end if;
end;
$$;

comment on function tracegram.note_dropped(smallint, jsonb, timestamptz) is
$doc$Notes what the sender of a batch says it has dropped; p_report is a WireReport of tracer/wire.ts.

What makes no sense is left out, for it must not cost the traces that came with it: all of it when sender is no uuid; a reason of over
40 characters, or a number that is none, below 1 or over 2^53 - 1; and of over 20 reasons those with the least.

Called last in an ingest: only batches of the same sender wait for each other here.$doc$;
revoke all on function tracegram.note_dropped(smallint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.dropped_summary(p_from timestamptz, p_to timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (with losses as (
    select d.* from tracegram.dropped as d where d.grew_at >= p_from and d.grew_at < p_to
  )
  select pg_catalog.jsonb_build_object(
    'records', (select coalesce(sum(l.records), 0) from losses as l),
    'reasons', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r) order by r.records desc, r.reason), '[]')
      from (
        select l.reason, sum(l.records) as records from losses as l group by l.reason order by 2 desc, 1 limit 50
      ) as r
    ),
    'senders', (
      select coalesce(pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'sender', s.sender, 'key', k.name, 'records', s.records, 'reasons', s.reasons,
          'first_seen_at', tracegram.iso(s.first_seen_at), 'last_seen_at', tracegram.iso(s.last_seen_at)
        ) order by s.grew_at desc, s.sender
      ), '[]')
      from (
        select
          l.key_id, l.sender, sum(l.records) as records, pg_catalog.jsonb_object_agg(l.reason, l.records) as reasons,
          min(l.first_seen_at) as first_seen_at, max(l.last_seen_at) as last_seen_at, max(l.grew_at) as grew_at
        from losses as l
        group by l.key_id, l.sender
        order by max(l.grew_at) desc, l.sender
        limit 10
      ) as s
      left join tracegram.ingest_keys as k on k.key_id = s.key_id
    )
  ));
end;
$$;

comment on function tracegram.dropped_summary(timestamptz, timestamptz) is 'The member dropped of trace_gaps.';
revoke all on function tracegram.dropped_summary(timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_dropped(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    select d.key_id, d.sender, d.reason
    from tracegram.dropped as d
    where d.last_seen_at < (tracegram.settings()).traces_from
    for update skip locked
  )
  delete from tracegram.dropped as d
  using gone as g
  where d.key_id = g.key_id and d.sender = g.sender and d.reason = g.reason;
$$;

comment on function tracegram.purge_dropped(timestamptz) is 'Deletes senders that have not been heard for as long as traces are kept.';
revoke all on function tracegram.purge_dropped(timestamptz) from public, anon, authenticated, service_role;

-- 30_partitions.sql — days ahead are made. Days behind are dropped by tracegram.retain (70_retention.sql).
--
-- 90_jobs.sql has pg_partman make them, each hour: seven days ahead always exist, so a bot keeps its place through a week
-- without that. The days behind are made here, all that are kept, so that a fresh database takes older traces too.

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

-- pg_partman's own maintenance, which the owner may run for other tables, keeps away: it makes days of the time zone of the
-- database, with holes between them and ours. It is given no retention either: it would drop days itself, and make every
-- ingest wait for the readers before it.
update partman.part_config
set automatic_maintenance = 'off'
where parent_table in ('tracegram.pipeline_traces', 'tracegram.trace_io');

reset timezone;

create function tracegram.missing_days(p_now timestamptz, p_ahead integer)
  returns table (table_name text, day timestamptz)
  language sql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set datestyle = 'ISO'
as $$
  select t.table_name, d.day
  from (values
    ('pipeline_traces', 'tracegram.pipeline_traces'::regclass), ('trace_io', 'tracegram.trace_io'::regclass)
  ) as t (table_name, parent)
  cross join pg_catalog.generate_series(
    pg_catalog.date_trunc('day', p_now), p_now + p_ahead * interval '1 day', interval '1 day'
  ) as d (day)
  where not exists (
    select from pg_catalog.pg_inherits as i
    join pg_catalog.pg_class as c on c.oid = i.inhrelid
    where i.inhparent = t.parent
      and i.inhrelid = pg_catalog.to_regclass('tracegram.' || t.table_name || pg_catalog.to_char(d.day, '"_p"YYYYMMDD'))
      and pg_catalog.pg_get_expr(c.relpartbound, c.oid)
        = pg_catalog.format('FOR VALUES FROM (%L) TO (%L)', d.day, d.day + interval '1 day')
  )
  order by d.day, t.table_name;
$$;

comment on function tracegram.missing_days(timestamptz, integer) is
  'Days from today to p_ahead days ahead without a partition of their name that takes this UTC day, no more and no less.';
revoke all on function tracegram.missing_days(timestamptz, integer) from public, anon, authenticated, service_role;

create function tracegram.make_partitions(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC' -- pg_partman's names and bounds are of the session's
as $$
begin
  -- A second caller waits for the first, and then finds them made.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.ensure_partitions'));
  -- Only what is needed: pg_partman's maintenance makes each day of a sleep, takes too long and too many locks for it.
  perform partman.create_partition_time('tracegram.' || m.table_name, m.days)
  from (
    select d.table_name, pg_catalog.array_agg(d.day order by d.day) as days
    from tracegram.missing_days(p_now, 7) as d
    group by d.table_name
  ) as m;
  return (select count(*) from tracegram.missing_days(p_now, 7));
end;
$$;

comment on function tracegram.make_partitions(timestamptz) is
$doc$Makes the partitions that are missing of today and the seven days ahead, UTC days in any time zone.

Returns how many are still missing: those whose name is taken by a table that is not their day.$doc$;
revoke all on function tracegram.make_partitions(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ensure_partitions(p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
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
  perform tracegram.make_partitions(p_now);
end;
$$;

comment on function tracegram.ensure_partitions(timestamptz) is
$doc$Makes the partitions of today and the days ahead when there is none of today's name.

pg_cron looks after them hourly. This is for a project that was paused for over a week and gets a trace before pg_cron has run.$doc$;
revoke all on function tracegram.ensure_partitions(timestamptz) from public, anon, authenticated, service_role;

-- 31_days.sql — which days there are, and what has become of those that were.
--
-- Written by  tracegram.retain (70_retention.sql), tracegram.guard_quota (71_quota_guard.sql)
-- Read by     both, and public.trace_storage (56_trace_storage.sql)
-- Dropped by  tracegram.purge (90_jobs.sql), after 90 days

create table tracegram.retention_log (
  entry_id     bigint generated always as identity primary key,
  noted_at     timestamptz(3) not null,
  what         text not null check (what in ('leaving', 'dropped', 'sampling', 'cannot help')),
  why          text not null check (why in ('expired', 'quota')),
  table_name   text,
  day          date,
  bytes        bigint not null,
  row_estimate bigint,
  detail       text
);
alter table tracegram.retention_log enable row level security;

comment on table tracegram.retention_log is 'What retention and the quota guard have done. Kept 90 days.';
comment on column tracegram.retention_log.entry_id is 'In order.';
comment on column tracegram.retention_log.noted_at is 'When.';
comment on column tracegram.retention_log.what is
  'leaving (the day is refused and will be dropped), dropped, sampling (the share of I/O was changed), or cannot help.';
comment on column tracegram.retention_log.why is 'expired (older than the settings keep), or quota.';
comment on column tracegram.retention_log.table_name is 'Of a day: pipeline_traces or trace_io.';
comment on column tracegram.retention_log.day is 'The day, UTC.';
comment on column tracegram.retention_log.bytes is
  'Of a day: its size with indexes. Otherwise the size of the database.';
comment on column tracegram.retention_log.row_estimate is 'Of a day: its rows, as Postgres estimates them.';
comment on column tracegram.retention_log.detail is 'What was changed, for people.';

create type tracegram.day_table as (
  table_name   text,
  name         text,
  day          date,
  state        text,
  bytes        bigint,
  row_estimate bigint,
  leaving      text
);
comment on type tracegram.day_table is
$doc$A day of pipeline_traces or trace_io (table_name), in the table called name.

state is attached, detaching or detached; leaving is why it will be dropped, or null: it stays. A day that somebody has
detached by hand stays, too.$doc$;

create function tracegram.day_tables()
  returns setof tracegram.day_table
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    n.table_name, c.relname, n.day,
    case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'detaching' else 'attached' end,
    -- One that is detaching may be locked for a while.
    coalesce(case when i.inhdetachpending then l.bytes else pg_catalog.pg_total_relation_size(c.oid) end, 0),
    greatest(c.reltuples, 0)::bigint, case when l.what = 'leaving' then l.why end
  from pg_catalog.pg_class as c
  cross join lateral (
    select
      pg_catalog.left(c.relname, -10) as table_name,
      pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD') as day
    offset 0 -- only of names that are a day's
  ) as n
  left join pg_catalog.pg_inherits as i on i.inhrelid = c.oid
  left join (
    select distinct on (table_name, day) *
    from tracegram.retention_log
    where day is not null
    order by table_name, day, entry_id desc
  ) as l on l.table_name = n.table_name and l.day = n.day
  where c.relnamespace = 'tracegram'::regnamespace and c.relkind = 'r'
    and c.relname ~ '^(pipeline_traces|trace_io)_p\d{8}$';
$$;

comment on function tracegram.day_tables() is 'All days of traces and of I/O, with their sizes. Opens none of them.';
revoke all on function tracegram.day_tables() from public, anon, authenticated, service_role;

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

-- 41_judge_traces.sql — a batch is read: what of it will be stored as it came, what is put right first, and what is refused.

create type tracegram.judged_trace as (
  ord           bigint,
  started_at    timestamptz,
  update_id     integer,
  chat_id       bigint,
  user_id       bigint,
  message_id    integer,
  cost_microusd bigint,
  duration_ms   integer,
  trace_id      uuid,
  pipeline      text,
  status        text,
  error         text,
  release       text,
  steps         tracegram.trace_step[],
  has_io        boolean,
  io_only       boolean,
  refusal       text
);
comment on type tracegram.judged_trace is 'A trace of a batch as it will be stored, or why it will not.';

create function tracegram.judge_traces(p_batch jsonb, p_settings tracegram.settings, p_now timestamptz)
  returns tracegram.judged_trace[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select (
      j.ord, j.at, j.update_id,
      -- A private chat has its user's id, and most chats are private.
      case when j.chat_id = j.user_id then null when j.chat_id is null and j.user_id is not null then 0 else j.chat_id end,
      j.user_id, j.message_id, j.cost_microusd, j.duration_ms, j.trace_id,
      case when pg_catalog.length(j.pipeline) > 100 then tracegram.cut(j.pipeline, 100) else j.pipeline end,
      j.status,
      case when pg_catalog.length(j.error) > 2000 then tracegram.cut(j.error, 2000) else j.error end,
      case when pg_catalog.length(j.release) > 300 then tracegram.cut(j.release, 300) else j.release end,
      case when j.as_sent then j.steps else tracegram.tidy_steps(j.steps) end,
      j.io is not null, j.io is not null and pg_catalog.cardinality(j.io) > 0 and pg_catalog.cardinality(j.steps) = 0, j.refusal
    )::tracegram.judged_trace
    from (
      select
        i.ord, t.*, started.at, steps.as_sent, steps.cost_microusd,
        case
          -- A string that Postgres would read as an array is none.
          when pg_catalog.jsonb_typeof(i.item -> 'steps') <> 'array' then 'TG013 steps is not an array of objects'
          when pg_catalog.jsonb_typeof(i.item -> 'io') not in ('array', 'null') then 'TG013 io is not an array of objects'
          -- All that wire_refusal refuses, in one expression: it is asked only for the reason.
          when pg_catalog.btrim(t.pipeline) <> ''
            and (t.status in ('ok', 'error') and t.duration_ms >= 0 or t.status = 'running' and t.duration_ms is null)
            and pg_catalog.uuid_extract_version(t.trace_id) = 7
            and pg_catalog.substring(pg_catalog.uuid_send(t.trace_id), 1, 6)
              = pg_catalog.substring(pg_catalog.int8send((pg_catalog.date_part('epoch', started.at) * 1000)::bigint), 3)
            and started.at between p_settings.traces_from and p_now + interval '1 hour'
            and pg_catalog.cardinality(t.steps) <= 1000 and steps.valid and t.io is null
          then null
          else tracegram.wire_refusal(t, p_settings.traces_from, p_now)
        end as refusal
      from pg_catalog.jsonb_array_elements(p_batch) with ordinality as i (item, ord)
      cross join lateral pg_catalog.jsonb_populate_record(null::tracegram.wire_trace, i.item) as t
      cross join lateral (
        select case pg_catalog.jsonb_typeof(t.started_at)
          when 'number' then pg_catalog.to_timestamp(pg_catalog.floor(t.started_at::numeric)::bigint / 1000.0::double precision)
          else tracegram.wire_time(t.started_at)
        end as at
        offset 0 -- once
      ) as started
      cross join lateral (
        select
          coalesce(pg_catalog.bool_and(
            coalesce(s.name <> '' and s.offset_ms >= 0 and s.duration_ms >= 0, false)
            and (s.status is null or s.status in ('ok', 'error', 'detached'))
            and coalesce(s.cost_microusd between 0 and 1000000000, true)
            and coalesce(greatest(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens) <= 100000000, true)
            and coalesce(least(s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.first_token_ms) >= 0, true)
          ), true) and coalesce(pg_catalog.array_ndims(t.steps), 1) = 1 as valid,
          -- Most are stored as they came; what is too long, or says ok, is put right first.
          coalesce(pg_catalog.bool_and(
            pg_catalog.octet_length(s.name) <= 100 and (s.status is null or s.status <> 'ok')
            and (s.error is null or pg_catalog.octet_length(s.error) <= 2000)
            and (s.model is null or pg_catalog.octet_length(s.model) <= 300)
          ), true) as as_sent,
          pg_catalog.sum(s.cost_microusd) as cost_microusd
        from pg_catalog.unnest(t.steps) as s
      ) as steps
    ) as j
  );
end;
$$;

comment on function tracegram.judge_traces(jsonb, tracegram.settings, timestamptz) is
$doc$Reads a batch.

22xxx, 54xxx  a value does not fit its type$doc$;
revoke all on function tracegram.judge_traces(jsonb, tracegram.settings, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.tidy_steps(p_steps tracegram.trace_step[])
  returns tracegram.trace_step[]
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select array(
    select (
      tracegram.cut(s.name, 100), s.parent, nullif(s.status, 'ok'), s.offset_ms, s.duration_ms, tracegram.cut(s.error, 2000),
      tracegram.cut(s.model, 300), s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.cost_microusd,
      s.first_token_ms
    )::tracegram.trace_step
    from pg_catalog.unnest(p_steps) as s
  );
$$;

comment on function tracegram.tidy_steps(tracegram.trace_step[]) is 'Steps as they are stored: long texts cut, ok left out.';
revoke all on function tracegram.tidy_steps(tracegram.trace_step[]) from public, anon, authenticated, service_role;

-- 42_store_io.sql — the requests and responses of a batch: those of its new traces, and those that come later.

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
  language plpgsql
  set search_path = pg_catalog, pg_temp
  -- Planning over all days costs more than this does.
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_completes constant boolean := exists (select from pg_catalog.unnest(p_items) as i where i.result = 'updated');
  v_stored    jsonb; -- what the duplicates with I/O are of
  v_items     tracegram.item_result[];
  v_completed uuid;
begin
  if exists (select from pg_catalog.unnest(p_items) as i where i.result = 'duplicate') then
    -- A duplicate came with the key of the trace: with another it is refused.
    v_stored := (
      select pg_catalog.jsonb_object_agg(old.trace_id, pg_catalog.to_jsonb(old) - 'trace_id')
      from pg_catalog.unnest(p_items) as i
      cross join lateral (
        select p.trace_id, p.status, pg_catalog.cardinality(p.steps) as steps
        from tracegram.pipeline_traces as p
        where p.started_at = tracegram.trace_time(i.trace_id::uuid) and p.trace_id = i.trace_id::uuid
        offset 0 -- looked up trace by trace
      ) as old
      where i.result = 'duplicate' and p_batch -> (i.ord - 1)::integer ? 'io'
    );
  end if;

  -- Whatever is locked is locked in the order of the traces, so that two senders wait for each other and never deadlock: all in
  -- one insert, or trace by trace where rows go as well.
  for v_items in
    select pg_catalog.array_agg(i)
    from pg_catalog.unnest(p_items) as i
    where i.result <> 'rejected'
    group by case when v_completes then i.trace_id::uuid end
    order by case when v_completes then i.trace_id::uuid end
  loop
    if v_completes then
      -- What came with the announcement, or later, is of its steps, and those of the end may be others.
      v_completed := (select i.trace_id::uuid from pg_catalog.unnest(v_items) as i where i.result = 'updated');
      delete from tracegram.trace_io as old
      where old.started_at = tracegram.trace_time(v_completed) and old.trace_id = v_completed;
    end if;

    insert into tracegram.trace_io (started_at, trace_id, step, request_chars, response_chars, request, response)
    -- Of a step that comes twice in one trace, either will do: both are of one run.
    select distinct on (s.started_at, t.trace_id, io.step)
      s.started_at, t.trace_id, io.step,
      case when io.request is not null then greatest(io.request_chars, pg_catalog.length(io.request)) end,
      case when io.response is not null then greatest(io.response_chars, pg_catalog.length(io.response)) end,
      pg_catalog.left(io.request, 65536), pg_catalog.left(io.response, 65536)
    from pg_catalog.unnest(v_items) as r
    cross join lateral pg_catalog.jsonb_populate_record(
      null::tracegram.wire_trace, (p_batch -> (r.ord - 1)::integer) - 'steps'
    ) as t
    cross join lateral (select tracegram.wire_time(t.started_at) as started_at) as s
    cross join lateral pg_catalog.unnest(t.io) as io
    where (r.result <> 'duplicate' or io.step <= (v_stored -> r.trace_id ->> 'steps')::integer)
      -- A trace so late that the I/O of its day is gone is stored without it.
      and s.started_at >= p_settings.io_from
      -- Where the I/O of its day has no partition, either: nothing of the trace itself is lost for it.
      and (
        select c.relispartition
        from pg_catalog.pg_class as c
        where c.oid = pg_catalog.to_regclass('tracegram.trace_io' || pg_catalog.to_char(s.started_at at time zone 'UTC', '"_p"YYYYMMDD'))
      )
      and tracegram.io_sampled(t.trace_id, coalesce(v_stored -> r.trace_id ->> 'status', t.status) = 'error', p_settings)
    order by s.started_at, t.trace_id, io.step, r.result = 'duplicate'
    on conflict (started_at, trace_id, step) do nothing;
  end loop;
end;
$$;

comment on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings) is
$doc$Stores the requests and responses of a batch, as far as tracegram.io_sampled says.

Those of a trace that was completed replace all that came before. Those of a duplicate are taken for steps that have none yet: a
sender in need sends traces first, and what was said in them later. What names a step that the stored trace does not have is left
out.$doc$;
revoke all on function tracegram.store_io(jsonb, tracegram.item_result[], tracegram.settings)
from public, anon, authenticated, service_role;

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

-- 43_ingest.sql — the write door.
--
-- public.ingest_traces checks the key and the batch, has it stored (42_store_traces.sql), and leaves a note of it for the fold
-- (47_fold.sql). A bad trace is refused with its code and never takes a good one with it.

create table tracegram.batches (
  batch_id    bigint generated always as identity primary key,
  received_at timestamptz(3) not null,
  key_id      smallint not null,
  traces      integer not null,
  rejected    integer not null,
  duration_ms integer not null,
  ended       uuid[] not null,
  failed      uuid[] not null
);
alter table tracegram.batches enable row level security;
-- Random bytes do not compress.
alter table tracegram.batches alter column ended set storage external;
-- Every row is deleted within seconds of its insert. Without the index cleanup, which vacuum leaves out of a few dead rows, a
-- table that a burst has made large would stay so, and whoever reads what waits reads all of it.
alter table tracegram.batches set (
  autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, vacuum_index_cleanup = on
);

comment on table tracegram.batches is
  'Batches that came in and are not in the rollups yet: one row each, inserted by the ingest and deleted by the fold, so that ingests never meet on a row.';
comment on column tracegram.batches.batch_id is 'In order of arrival, about.';
comment on column tracegram.batches.received_at is 'When it came.';
comment on column tracegram.batches.key_id is 'Ingest key that it came with.';
comment on column tracegram.batches.traces is 'Traces in it.';
comment on column tracegram.batches.rejected is 'Those that were refused.';
comment on column tracegram.batches.duration_ms is 'How long the database took to store it, in milliseconds.';
comment on column tracegram.batches.ended is 'Ids of the traces that ended with it.';
comment on column tracegram.batches.failed is 'Those of them that failed.';

create function tracegram.ingest_answer(p_items tracegram.item_result[])
  returns json
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.json_build_object(
      'stored',    count(*) filter (where i.result = 'stored'),
      'updated',   count(*) filter (where i.result = 'updated'),
      'duplicate', count(*) filter (where i.result = 'duplicate'),
      'rejected',  count(*) filter (where i.result = 'rejected'),
      'items', pg_catalog.json_agg(
        case
          -- Of what was stored the id is a uuid, without anything to escape.
          when i.refusal is null then pg_catalog.format('{"trace_id": "%s", "result": "%s"}', i.trace_id, i.result)::json
          else pg_catalog.json_build_object(
            'trace_id', i.trace_id, 'result', i.result,
            'code', pg_catalog.left(i.refusal, 5), 'message', pg_catalog.substr(i.refusal, 7)
          )
        end
        order by i.ord
      )
    )
    from pg_catalog.unnest(p_items) as i
  );
end;
$$;

comment on function tracegram.ingest_answer(tracegram.item_result[]) is 'IngestResult of tracer/wire.ts.';
revoke all on function tracegram.ingest_answer(tracegram.item_result[]) from public, anon, authenticated, service_role;

create function public.ingest_traces(p_key text, p_batch json)
  returns json
  language plpgsql
  security definer -- callers hold no table privileges; this function is the only way in
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_now      constant timestamptz := pg_catalog.now();
  v_began    constant timestamptz := pg_catalog.clock_timestamp();
  v_bytes    constant integer := pg_catalog.octet_length(p_batch::text);
  v_settings tracegram.settings;
  v_key      tracegram.ingest_keys;
  v_batch    jsonb;
  v_report   jsonb;
  v_count    integer;
  v_items    tracegram.item_result[];
begin
  select * into v_settings from tracegram.settings;
  v_key := tracegram.find_key(p_key, v_now);
  if v_key.key_id is null then
    raise exception sqlstate 'TG001' using
      message = 'unknown or revoked ingest key',
      hint    = 'Create one with select public.create_ingest_key(''my bot'').';
  end if;

  if v_bytes <= 1048576 then
    begin
      v_batch := p_batch::jsonb;
    exception when data_exception or program_limit_exceeded then
      -- A trace of it holds what jsonb cannot; the others will be stored one by one.
    end;
  end if;
  if pg_catalog.json_typeof(p_batch) = 'object' then
    v_report := v_batch - 'traces';
    v_batch := v_batch -> 'traces';
    p_batch := p_batch -> 'traces';
  end if;
  if coalesce(pg_catalog.jsonb_typeof(v_batch), pg_catalog.json_typeof(p_batch)) is distinct from 'array' then
    v_count := 0;
  else
    v_count := coalesce(pg_catalog.jsonb_array_length(v_batch), pg_catalog.json_array_length(p_batch));
  end if;
  if v_count = 0 then
    raise exception sqlstate 'TG002' using
      message = 'the batch is neither an array of traces nor a report with one',
      hint    = 'Send a JSON array of at least one trace, or {sender, dropped, traces}.';
  end if;
  if v_count > 500 or v_bytes > 1048576 then
    raise exception sqlstate 'TG003' using
      message = pg_catalog.format('the batch has %s traces in %s bytes', v_count, v_bytes),
      hint    = 'Split it: at most 500 traces and 1048576 bytes.';
  end if;
  perform tracegram.charge_key(v_key.key_id, v_key.traces_per_minute, v_count, v_now);
  perform tracegram.ensure_partitions(v_now);

  if v_batch is not null then
    begin
      v_items := tracegram.store_traces(v_key.key_id, v_batch, v_settings, v_now);
    exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
      -- The batch was not stored: a value of one of its traces does not fit its type, or other senders were first three times.
    end;
  end if;
  if v_items is null then
    v_items := array(
      select s
      from (
        select e.*
        from pg_catalog.json_array_elements(p_batch) with ordinality as e (item, ord)
        cross join lateral tracegram.item_head(e.item) as h
        -- In the order in which a whole batch is stored, for the same reason (42_store_traces.sql); and what comes with no steps
        -- may be the I/O of a trace beside it.
        order by h.trace_id, h.no_steps, e.ord
        offset 0
      ) as i
      cross join lateral tracegram.store_trace(v_key.key_id, i.item, i.ord, v_settings, v_now) as s
    );
  end if;
  insert into tracegram.batches (received_at, key_id, traces, rejected, duration_ms, ended, failed)
  select
    v_now, v_key.key_id, v_count, count(*) filter (where i.result = 'rejected'),
    1000 * pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - v_began),
    coalesce(pg_catalog.array_agg(i.ended) filter (where i.ended is not null), '{}'),
    coalesce(pg_catalog.array_agg(i.ended) filter (where i.ended is not null and i.failed), '{}')
  from pg_catalog.unnest(v_items) as i;
  if v_report is not null then
    perform tracegram.note_dropped(v_key.key_id, v_report, v_now);
  end if;
  return tracegram.ingest_answer(v_items);
end;
$$;

comment on function public.ingest_traces(text, json) is
$doc$Stores one batch of traces for the bot that owns the key. Idempotent: what is stored already is counted, not changed.

p_key    the bot's ingest key, in clear; compared by its SHA-256.
p_batch  1..500 traces in at most 1 MiB of JSON, as an array, or as {sender, dropped, traces} with what the sender has dropped:
         WireReport of tracer/wire.ts, of which only the traces can be refused. Each is a WireTrace: started_at is epoch
         milliseconds or ISO 8601, offset_ms and duration_ms are whole milliseconds, cost_microusd is micro-dollars.

Returns {stored, updated, duplicate, rejected, items}: the counts, and in the order sent an item
{trace_id, result, code?, message?} for each trace. A rejected one has a code (do not retry any of them unchanged):

TG010  a field is missing, of the wrong type, or makes no sense
TG011  trace_id is not a UUIDv7 of the millisecond of started_at
TG012  started_at is over an hour in the future, or its day is not kept any more
TG013  a step or its I/O makes no sense, there are over 1,000 steps, or I/O came without steps and its trace is not stored
TG014  a trace of this id came with another key

The whole batch is refused with
TG001  unknown or revoked key          (do not retry)
TG002  neither traces nor a report     (do not retry)
TG003  too many traces or too large    (split and retry)
TG004  the key's limit is reached      (wait a minute and retry)
40001  a trace of it came in meanwhile (retry): only where transactions are repeatable read or serializable
22P02, 22P05  by PostgREST, of a body that is not JSON, or holds \u0000 or half a surrogate pair  (do not retry)$doc$;
revoke all on function public.ingest_traces(text, json) from public, anon, authenticated;
-- anon: a bot holds no other key, and this function checks the ingest key itself.
grant execute on function public.ingest_traces(text, json) to anon, service_role;

-- 44_histograms.sql — durations as counts per slot, and percentiles of them.
--
-- Up to 10 ms a slot is a millisecond, and from there each ends a tenth later than the one before: whatever a duration in it
-- is, the slot's middle is within 5 % of it.

create type tracegram.histogram as (
  slots  smallint[],
  counts integer[]
);
comment on type tracegram.histogram is 'Durations: how many fell into which slot, see tracegram.slot_ms. Slots without any are left out.';
comment on column tracegram.histogram.slots is 'Slots, ascending.';
comment on column tracegram.histogram.counts is 'Durations in the slot at the same position.';

create function tracegram.slot_ms(p_slot integer)
  returns numeric
  language plpgsql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The whole milliseconds in it.
  v_least constant double precision := pg_catalog.ceil(10 * 1.1 ^ (p_slot - 10.0::double precision) - 1e-9);
  v_most  constant double precision := pg_catalog.ceil(10 * 1.1 ^ (p_slot - 9.0::double precision) - 1e-9) - 1;
begin
  if p_slot <= 10 then
    return p_slot;
  end if;
  -- Between the two, where the ratio to both is the same.
  return pg_catalog.round((2 * v_least * v_most / (v_least + v_most))::numeric, 1);
end;
$$;

comment on function tracegram.slot_ms(integer) is 'Milliseconds that stand for a slot, within 5 % of every duration in it.';
revoke all on function tracegram.slot_ms(integer) from public, anon, authenticated, service_role;

create function tracegram.merge_histograms(p_histograms tracegram.histogram[])
  returns tracegram.histogram
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select (pg_catalog.array_agg(s.slot order by s.slot), pg_catalog.array_agg(s.n order by s.slot))::tracegram.histogram
    from (
      select c.slot, least(pg_catalog.sum(c.n), 2147483647)::integer as n
      from (
        select pg_catalog.unnest(h.slots) as slot, pg_catalog.unnest(h.counts) as n from pg_catalog.unnest(p_histograms) as h
      ) as c
      group by c.slot
    ) as s
  );
end;
$$;

comment on function tracegram.merge_histograms(tracegram.histogram[]) is 'The durations of all of them.';
revoke all on function tracegram.merge_histograms(tracegram.histogram[]) from public, anon, authenticated, service_role;

create function tracegram.percentiles(p_histograms tracegram.histogram[])
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with slots as (
      select
        c.slot,
        pg_catalog.sum(pg_catalog.sum(c.n)) over (order by c.slot) as up_to,
        pg_catalog.sum(pg_catalog.sum(c.n)) over () as of
      from (
        select pg_catalog.unnest(h.slots) as slot, pg_catalog.unnest(h.counts) as n from pg_catalog.unnest(p_histograms) as h
      ) as c
      group by c.slot
    )
    select pg_catalog.jsonb_build_object(
      'p50_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.50 * s.of))),
      'p95_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.95 * s.of))),
      'p99_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.99 * s.of)))
    )
    from slots as s
  );
end;
$$;

comment on function tracegram.percentiles(tracegram.histogram[]) is
  '{p50_ms, p95_ms, p99_ms} of all durations together, each within 5 % of the nearest-rank percentile. Nulls without any.';
revoke all on function tracegram.percentiles(tracegram.histogram[]) from public, anon, authenticated, service_role;

-- 45_rollups.sql — counts, durations, tokens and cost per pipeline and step, by five minutes, hour and day.
--
-- Written by  tracegram.fold_batches (47_fold.sql), nothing else
-- Read by     the 5x_*.sql files and the alerts, through tracegram.rollup_rows (48_read_rollups.sql)
-- Dropped by  tracegram.purge_rollups (90_jobs.sql)
--
-- A trace is counted once, when it has ended: the ingest leaves its id in tracegram.batches, and the fold takes the batch away
-- and adds the trace in one transaction. So ingests share no row, late traces and replays need no thought, and a reader who
-- adds the batches that wait to the rollups sees exactly what has been stored.

create table tracegram.rollups (
  level            text not null check (level in ('5m', '1h', '1d')),
  bucket           timestamptz(0) not null,
  pipeline         text not null,
  step             text not null,
  count            bigint not null,
  errors           bigint not null,
  duration_ms      bigint not null,
  durations        tracegram.histogram not null,
  input_tokens     bigint,
  cached_tokens    bigint,
  output_tokens    bigint,
  reasoning_tokens bigint,
  cost_microusd    bigint,
  unpriced         bigint not null,
  large            bigint not null,
  orphans          bigint not null,
  stepless         bigint not null,
  primary key (level, bucket, pipeline, step)
);
create index rollups_runs on tracegram.rollups (level, bucket) where step = '';
comment on index tracegram.rollups_runs is 'Whole runs: the counts of pages, rates, spend.';
alter table tracegram.rollups enable row level security;

comment on table tracegram.rollups is
  'What has ended, per pipeline and step: by five minutes for 50 hours (whole runs: 31 days), by hour for 62 days, by day for 400 days.';
comment on column tracegram.rollups.level is '5m, 1h or 1d: each trace is counted in one row of each.';
comment on column tracegram.rollups.bucket is 'Start of the five minutes, hour or day, UTC.';
comment on column tracegram.rollups.pipeline is 'Pipeline. Empty: Tracegram itself (step ingest: calls of ingest_traces, their errors: calls with a refused trace).';
comment on column tracegram.rollups.step is 'Step. Empty: whole runs.';
comment on column tracegram.rollups.count is 'Runs or steps that have ended, ok or error.';
comment on column tracegram.rollups.errors is 'Those that failed.';
comment on column tracegram.rollups.duration_ms is 'Sum of their durations in milliseconds, at most 9e18.';
comment on column tracegram.rollups.durations is 'Their durations.';
comment on column tracegram.rollups.input_tokens is 'Tokens of LLM requests. Null when none is known.';
comment on column tracegram.rollups.cached_tokens is 'Those of input_tokens that came from a cache.';
comment on column tracegram.rollups.output_tokens is 'Tokens of LLM responses. Null when none is known.';
comment on column tracegram.rollups.reasoning_tokens is 'Those of output_tokens that were reasoning.';
comment on column tracegram.rollups.cost_microusd is 'Known cost in micro-dollars. Null when none is known.';
comment on column tracegram.rollups.unpriced is 'LLM calls whose cost is not known.';
comment on column tracegram.rollups.large is 'Whole runs: rows over 5 kB.';
comment on column tracegram.rollups.orphans is 'Steps whose parent does not exist; of whole runs, the runs that have one.';
comment on column tracegram.rollups.stepless is 'Whole runs: those without a step.';

create table tracegram.error_rollups (
  level    text not null check (level in ('5m', '1h', '1d')),
  bucket   timestamptz(0) not null,
  pipeline text not null,
  step     text not null,
  kind     text not null,
  count    bigint not null,
  example  uuid not null,
  primary key (level, bucket, pipeline, step, kind)
);
alter table tracegram.error_rollups enable row level security;

comment on table tracegram.error_rollups is 'Failed runs by kind of error, kept as the rollups are.';
comment on column tracegram.error_rollups.level is '5m, 1h or 1d: each failed run is counted in one row of each.';
comment on column tracegram.error_rollups.bucket is 'Start of the five minutes, hour or day, UTC.';
comment on column tracegram.error_rollups.pipeline is 'Pipeline.';
comment on column tracegram.error_rollups.step is 'Innermost step that failed. Empty: none did.';
comment on column tracegram.error_rollups.kind is 'The error without what differs from one to the next, see tracegram.error_kind.';
comment on column tracegram.error_rollups.count is 'Runs.';
comment on column tracegram.error_rollups.example is 'The newest of them.';

create table tracegram.rollup_names (
  pipeline text not null,
  step     text not null,
  seen_on  date not null,
  primary key (pipeline, step)
);
alter table tracegram.rollup_names enable row level security;

comment on table tracegram.rollup_names is
  'Names that rollups are kept of: at most 100 pipelines and 1,000 in all. A bot that puts ids into names fills no disk: the rest is (other).';
comment on column tracegram.rollup_names.pipeline is 'Pipeline.';
comment on column tracegram.rollup_names.step is 'Step. Empty: whole runs.';
comment on column tracegram.rollup_names.seen_on is 'The last day that it was folded. Given up after 30 days.';

create function tracegram.purge_rollups(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.rollups where level = '5m' and step <> '' and bucket < p_now - interval '51 hours';
  -- Whole runs as long as most traces are kept: pages are counted by them.
  delete from tracegram.rollups where level = '5m' and bucket < p_now - interval '32 days';
  delete from tracegram.rollups where level = '1h' and bucket < p_now - interval '63 days';
  delete from tracegram.rollups where level = '1d' and bucket < p_now - interval '400 days';
  delete from tracegram.rollup_names where seen_on < (p_now at time zone 'UTC')::date - 30;
  delete from tracegram.error_rollups where level = '5m' and bucket < p_now - interval '51 hours';
  delete from tracegram.error_rollups where level = '1h' and bucket < p_now - interval '63 days';
  delete from tracegram.error_rollups where level = '1d' and bucket < p_now - interval '400 days';
$$;

comment on function tracegram.purge_rollups(timestamptz) is
  'Deletes rollups that a coarser level replaces: five minutes after 51 hours (whole runs: 32 days), hours after 63 days, and days after 400.';
revoke all on function tracegram.purge_rollups(timestamptz) from public, anon, authenticated, service_role;

-- 46_roll_up.sql — the traces of batches, counted: what a reader adds, and what the fold puts away.

create function tracegram.first_id(p_time timestamptz)
  returns uuid
  language plpgsql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.ceil(1000 * pg_catalog.date_part('epoch', p_time))::bigint), 12, '0')
    || '00000000000000000000')::uuid;
end;
$$;

comment on function tracegram.first_id(timestamptz) is 'Every UUIDv7 of this time or later is greater, and every earlier one is less.';
revoke all on function tracegram.first_id(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.find_traces(
  p_ids uuid[], p_from timestamptz default '2000-01-01 00:00+00', p_to timestamptz default '3000-01-01 00:00+00'
)
  returns setof tracegram.pipeline_traces
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_from constant uuid := tracegram.first_id(p_from);
  v_to   constant uuid := tracegram.first_id(p_to);
begin
  return query
    select t.*
    from pg_catalog.unnest(p_ids) as e (trace_id)
    cross join lateral (
      select *
      from tracegram.pipeline_traces as found
      where found.started_at = pg_catalog.to_timestamp( -- tracegram.trace_time, written out: it is done for each
        ('x0000' || pg_catalog.left(pg_catalog.replace(e.trace_id::text, '-', ''), 12))::pg_catalog.bit(64)::bigint / 1000.0
      ) and found.trace_id = e.trace_id
      offset 0 -- looked up trace by trace: a hash of all days would be made otherwise
    ) as t
    where e.trace_id >= v_from and e.trace_id < v_to;
end;
$$;

comment on function tracegram.find_traces(uuid[], timestamptz, timestamptz) is
  'Those of these traces that started in [p_from, p_to), each looked up by its id.';
revoke all on function tracegram.find_traces(uuid[], timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.error_kind(p_error text)
  returns text
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce(nullif(pg_catalog.btrim(pg_catalog.left(pg_catalog.regexp_replace(
    -- A uuid, or a long word with a digit in it: the id of a request, a hash, a token.
    pg_catalog.regexp_replace(
      pg_catalog.split_part(pg_catalog.left(p_error, 400), E'\n', 1),
      '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\m(?=\w*\d)\w{8,}\M', '#', 'gi'
    ),
    '\d+(?:[.,:]\d+)*', '#', 'g'
  ), 120)), ''), '(no message)');
end;
$$;

comment on function tracegram.error_kind(text) is
  'The first line of an error with # for numbers and ids, cut to 120 characters: what errors of one cause have in common.';
revoke all on function tracegram.error_kind(text) from public, anon, authenticated, service_role;

create function tracegram.failed_step(p_steps tracegram.trace_step[])
  returns text
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select s.name
    from pg_catalog.unnest(p_steps) with ordinality as s
    where s.status = 'error'
    -- Of a chain of steps that failed together, the innermost is where it began.
    order by s.offset_ms::bigint + s.duration_ms, s.ordinality desc
    limit 1
  );
end;
$$;

comment on function tracegram.failed_step(tracegram.trace_step[]) is 'Name of the innermost step that failed first. Null when none did.';
revoke all on function tracegram.failed_step(tracegram.trace_step[]) from public, anon, authenticated, service_role;


create function tracegram.roll_up(p_traces tracegram.pipeline_traces[], p_batches tracegram.batches[])
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    with spans as (
      select
        t.started_at, t.pipeline, '' as step, t.status = 'error' as failed, t.duration_ms, s.input_tokens, s.cached_tokens,
        s.output_tokens, s.reasoning_tokens, t.cost_microusd, s.unpriced,
        pg_catalog.pg_column_size(t.steps) + coalesce(pg_catalog.octet_length(t.error), 0) + 100 > 5000 as large,
        s.orphans > 0 as orphan, pg_catalog.cardinality(t.steps) = 0 as stepless
      from pg_catalog.unnest(p_traces) as t
      cross join lateral (
        select
          pg_catalog.sum(s.input_tokens) as input_tokens, pg_catalog.sum(s.cached_tokens) as cached_tokens,
          pg_catalog.sum(s.output_tokens) as output_tokens, pg_catalog.sum(s.reasoning_tokens) as reasoning_tokens,
          count(*) filter (where s.model is not null and s.cost_microusd is null) as unpriced,
          count(*) filter (where s.parent not between 1 and s.ordinality - 1) as orphans
        from pg_catalog.unnest(t.steps) with ordinality as s
      ) as s
      union all
      select
        t.started_at, t.pipeline, s.name, s.status = 'error', s.duration_ms, s.input_tokens, s.cached_tokens,
        s.output_tokens, s.reasoning_tokens, s.cost_microusd, (s.model is not null and s.cost_microusd is null)::integer,
        false, coalesce(s.parent not between 1 and s.ordinality - 1, false), false
      from pg_catalog.unnest(p_traces) as t
      cross join lateral pg_catalog.unnest(t.steps) with ordinality as s
      union all
      select b.received_at, '', 'ingest', b.rejected > 0, b.duration_ms, null, null, null, null, null, 0, false, false, false
      from pg_catalog.unnest(p_batches) as b
    ),
    slots as (
      select
        pg_catalog.date_bin('5 minutes', s.started_at, '2000-01-01 00:00+00') as bucket, s.pipeline, s.step,
        (case
          when s.duration_ms < 10 then s.duration_ms
          else 10 + pg_catalog.floor(pg_catalog.ln(s.duration_ms / 10.0::double precision) / pg_catalog.ln(1.1::double precision))
        end)::smallint as slot,
        count(*) as count, count(*) filter (where s.failed) as errors, pg_catalog.sum(s.duration_ms) as duration_ms,
        pg_catalog.sum(s.input_tokens) as input_tokens, pg_catalog.sum(s.cached_tokens) as cached_tokens,
        pg_catalog.sum(s.output_tokens) as output_tokens, pg_catalog.sum(s.reasoning_tokens) as reasoning_tokens,
        pg_catalog.sum(s.cost_microusd) as cost_microusd, pg_catalog.sum(s.unpriced) as unpriced,
        count(*) filter (where s.large) as large, count(*) filter (where s.orphan) as orphans,
        count(*) filter (where s.stepless) as stepless
      from spans as s
      group by 1, 2, 3, 4
    )
    select
      '5m', s.bucket::timestamptz(0), s.pipeline, s.step, pg_catalog.sum(s.count)::bigint, pg_catalog.sum(s.errors)::bigint,
      least(pg_catalog.sum(s.duration_ms), 9000000000000000000)::bigint,
      (pg_catalog.array_agg(s.slot order by s.slot), pg_catalog.array_agg(s.count::integer order by s.slot))::tracegram.histogram,
      pg_catalog.sum(s.input_tokens)::bigint, pg_catalog.sum(s.cached_tokens)::bigint, pg_catalog.sum(s.output_tokens)::bigint,
      pg_catalog.sum(s.reasoning_tokens)::bigint, pg_catalog.sum(s.cost_microusd)::bigint, pg_catalog.sum(s.unpriced)::bigint,
      pg_catalog.sum(s.large)::bigint, pg_catalog.sum(s.orphans)::bigint, pg_catalog.sum(s.stepless)::bigint
    from slots as s
    group by s.bucket, s.pipeline, s.step;
end;
$$;

comment on function tracegram.roll_up(tracegram.pipeline_traces[], tracegram.batches[]) is
  'The 5m rows of traces that have ended, and of the calls that brought batches.';
revoke all on function tracegram.roll_up(tracegram.pipeline_traces[], tracegram.batches[])
from public, anon, authenticated, service_role;

create function tracegram.roll_up_errors(p_traces tracegram.pipeline_traces[])
  returns setof tracegram.error_rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    select
      '5m', pg_catalog.date_bin('5 minutes', t.started_at, '2000-01-01 00:00+00')::timestamptz(0), t.pipeline,
      coalesce(tracegram.failed_step(t.steps), ''), tracegram.error_kind(t.error),
      count(*), (pg_catalog.array_agg(t.trace_id order by t.trace_id desc))[1]
    from pg_catalog.unnest(p_traces) as t
    where t.status = 'error'
    group by 2, 3, 4, 5;
end;
$$;

comment on function tracegram.roll_up_errors(tracegram.pipeline_traces[]) is 'The 5m rows of traces that have failed.';
revoke all on function tracegram.roll_up_errors(tracegram.pipeline_traces[]) from public, anon, authenticated, service_role;

-- 47_fold.sql — batches that wait become rollups.

create function tracegram.admit_names(p_rows tracegram.rollups[])
  returns tracegram.rollups[]
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
begin
  insert into tracegram.rollup_names as n (pipeline, step, seen_on)
  select r.pipeline, r.step, current_date
  from (
    select
      m.pipeline, m.step, n.pipeline is not null as known,
      pg_catalog.row_number() over (partition by n.pipeline is null, m.step = '' order by m.pipeline, m.step) as place
    from (select distinct p.pipeline, p.step from pg_catalog.unnest(p_rows) as p) as m
    left join tracegram.rollup_names as n on n.pipeline = m.pipeline and n.step = m.step
  ) as r
  where r.known or r.place <= case
    when r.step = '' then 100 - (select count(*) from tracegram.rollup_names as c where c.step = '')
    else 900 - (select count(*) from tracegram.rollup_names as c where c.step <> '')
  end
  on conflict (pipeline, step) do update set seen_on = excluded.seen_on where n.seen_on < excluded.seen_on;

  return array(
    select (
      r.level, r.bucket, case when run.step is null then '(other)' else r.pipeline end,
      case when r.step = '' then '' when run.step is null or span.step is null then '(other)' else r.step end,
      r.count, r.errors, r.duration_ms, r.durations, r.input_tokens, r.cached_tokens, r.output_tokens, r.reasoning_tokens,
      r.cost_microusd, r.unpriced, r.large, r.orphans, r.stepless
    )::tracegram.rollups
    from pg_catalog.unnest(p_rows) as r
    left join tracegram.rollup_names as run on run.pipeline = r.pipeline and (run.step = '' or r.pipeline = '' and run.step = r.step)
    left join tracegram.rollup_names as span on span.pipeline = r.pipeline and span.step = r.step
  );
end;
$$;

comment on function tracegram.admit_names(tracegram.rollups[]) is 'The rows with (other) for names that there is no room for in tracegram.rollup_names.';
revoke all on function tracegram.admit_names(tracegram.rollups[]) from public, anon, authenticated, service_role;

create function tracegram.fold_batches()
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_batches tracegram.batches[];
  v_traces  tracegram.pipeline_traces[];
  v_last    bigint := 0;
  v_folded  integer := 0;
begin
  -- One fold at a time: a second one would only wait for the rows that the first has taken away.
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.fold_batches')) then
    return 0;
  end if;
  loop
    with gone as (
      delete from tracegram.batches as b
      where b.batch_id in (
        select w.batch_id from tracegram.batches as w where w.batch_id > v_last order by w.batch_id limit 100
      )
      returning b
    )
    select pg_catalog.array_agg(g.b), max((g.b).batch_id) into v_batches, v_last from gone as g;
    exit when v_batches is null;
    v_folded := v_folded + pg_catalog.cardinality(v_batches);
    v_traces := array(
      select t
      from tracegram.find_traces(array(select pg_catalog.unnest(b.ended) from pg_catalog.unnest(v_batches) as b)) as t
    );

    insert into tracegram.rollups as r
    select
      l.level, pg_catalog.date_trunc(l.unit, f.bucket), f.pipeline, f.step, pg_catalog.sum(f.count), pg_catalog.sum(f.errors),
      -- A day of the longest steps that a sender can send is more than a bigint holds.
      least(pg_catalog.sum(f.duration_ms), 9000000000000000000), tracegram.merge_histograms(pg_catalog.array_agg(f.durations)),
      pg_catalog.sum(f.input_tokens), pg_catalog.sum(f.cached_tokens), pg_catalog.sum(f.output_tokens),
      pg_catalog.sum(f.reasoning_tokens), pg_catalog.sum(f.cost_microusd), pg_catalog.sum(f.unpriced),
      pg_catalog.sum(f.large), pg_catalog.sum(f.orphans), pg_catalog.sum(f.stepless)
    from pg_catalog.unnest(tracegram.admit_names(array(select r from tracegram.roll_up(v_traces, v_batches) as r))) as f
    cross join (values ('5m', 'minute'), ('1h', 'hour'), ('1d', 'day')) as l (level, unit)
    group by 1, 2, 3, 4
    on conflict (level, bucket, pipeline, step) do update set
      count = r.count + excluded.count,
      errors = r.errors + excluded.errors,
      duration_ms = least(r.duration_ms::numeric + excluded.duration_ms, 9000000000000000000),
      durations = tracegram.merge_histograms(array[r.durations, excluded.durations]),
      -- Null is unknown, and what is known of the rest is still known.
      input_tokens = coalesce(r.input_tokens + excluded.input_tokens, r.input_tokens, excluded.input_tokens),
      cached_tokens = coalesce(r.cached_tokens + excluded.cached_tokens, r.cached_tokens, excluded.cached_tokens),
      output_tokens = coalesce(r.output_tokens + excluded.output_tokens, r.output_tokens, excluded.output_tokens),
      reasoning_tokens = coalesce(r.reasoning_tokens + excluded.reasoning_tokens, r.reasoning_tokens, excluded.reasoning_tokens),
      cost_microusd = coalesce(r.cost_microusd + excluded.cost_microusd, r.cost_microusd, excluded.cost_microusd),
      unpriced = r.unpriced + excluded.unpriced,
      large = r.large + excluded.large,
      orphans = r.orphans + excluded.orphans,
      stepless = r.stepless + excluded.stepless;

    insert into tracegram.error_rollups as r
    select
      k.level, k.bucket, k.pipeline, case when k.kept then k.step else '' end, case when k.kept then k.kind else '(other)' end,
      pg_catalog.sum(k.count), (pg_catalog.array_agg(k.example order by k.example desc))[1]
    from (
      select
        f.*,
        -- Errors that are all different do not make a row of each: ten of a pipeline and bucket, fifty of a day, and the rest is (other).
        known.kind is not null or (
          select count(*)
          from tracegram.error_rollups as e
          where e.level = f.level and e.bucket = f.bucket and e.pipeline = f.pipeline
        ) + pg_catalog.row_number() over (
          partition by f.level, f.bucket, f.pipeline, known.kind is null order by f.count desc, f.kind, f.step
        ) <= case f.level when '1d' then 50 else 10 end as kept
      from (
        select
          l.level, pg_catalog.date_trunc(l.unit, e.bucket) as bucket,
          case when n.step is null then '(other)' else e.pipeline end as pipeline, e.step, e.kind,
          pg_catalog.sum(e.count) as count, (pg_catalog.array_agg(e.example order by e.example desc))[1] as example
        from tracegram.roll_up_errors(v_traces) as e
        left join tracegram.rollup_names as n on n.pipeline = e.pipeline and n.step = ''
        cross join (values ('5m', 'minute'), ('1h', 'hour'), ('1d', 'day')) as l (level, unit)
        group by 1, 2, 3, 4, 5
      ) as f
      left join tracegram.error_rollups as known
        on known.level = f.level and known.bucket = f.bucket and known.pipeline = f.pipeline and known.step = f.step
        and known.kind = f.kind
    ) as k
    group by 1, 2, 3, 4, 5
    on conflict (level, bucket, pipeline, step, kind) do update set
      count = r.count + excluded.count, example = greatest(r.example, excluded.example);

    perform tracegram.note_gaps(v_traces);
  end loop;
  return v_folded;
end;
$$;

comment on function tracegram.fold_batches() is
$doc$Adds the batches that wait to the rollups, and takes them away.

Returns how many there were; 0 as well while another fold is at work.$doc$;
revoke all on function tracegram.fold_batches() from public, anon, authenticated, service_role;

-- 48_read_rollups.sql — the fewest rows that hold a window, with what waits to be folded.

create type tracegram.rollup_range as (
  level  text,
  starts timestamptz,
  ends   timestamptz
);
comment on type tracegram.rollup_range is 'Buckets of one level from one time up to another.';

create function tracegram.rollup_ranges(p_from timestamptz, p_to timestamptz, p_runs_only boolean, p_now timestamptz)
  returns setof tracegram.rollup_range
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  -- What the finer levels still have.
  c_5m  constant timestamptz := case
    when p_runs_only then pg_catalog.date_trunc('day', p_now) - interval '31 days'
    else pg_catalog.date_trunc('hour', p_now) - interval '49 hours'
  end;
  c_1h  constant timestamptz := pg_catalog.date_trunc('day', p_now) - interval '61 days';
  v_from timestamptz := case
    when p_from >= c_5m then pg_catalog.date_bin('5 minutes', p_from, '2000-01-01 00:00+00')
    when p_from >= c_1h then pg_catalog.date_trunc('hour', p_from)
    else pg_catalog.date_trunc('day', p_from)
  end;
  -- A microsecond before the next bucket is in this one; so is nothing of a bucket that starts at p_to.
  v_end  constant timestamptz := p_to - interval '1 microsecond';
  v_to   constant timestamptz := case
    when p_to >= c_5m then pg_catalog.date_bin('5 minutes', v_end, '2000-01-01 00:00+00') + interval '5 minutes'
    when p_to >= c_1h then pg_catalog.date_trunc('hour', v_end) + interval '1 hour'
    else pg_catalog.date_trunc('day', v_end) + interval '1 day'
  end;
  v_hour timestamptz := pg_catalog.date_trunc('hour', v_from + interval '1 hour' - interval '1 microsecond');
  v_day  timestamptz := pg_catalog.date_trunc('day', v_from + interval '1 day' - interval '1 microsecond');
  v_last_hour timestamptz := pg_catalog.date_trunc('hour', v_to);
  v_last_day  timestamptz := pg_catalog.date_trunc('day', v_to);
begin
  -- Without a whole day, or hour, inside there is but one range of what is finer.
  if v_hour >= v_last_hour then
    v_hour := v_to;
    v_last_hour := v_to;
  end if;
  if v_day >= v_last_day then
    v_day := v_last_hour;
    v_last_day := v_last_hour;
  end if;
  return query
    select r.*
    from (values
      ('5m', v_from, v_hour), ('1h', v_hour, v_day), ('1d', v_day, v_last_day), ('1h', v_last_day, v_last_hour),
      ('5m', v_last_hour, v_to)
    ) as r (level, starts, ends)
    where r.starts < r.ends;
end;
$$;

comment on function tracegram.rollup_ranges(timestamptz, timestamptz, boolean, timestamptz) is
$doc$The fewest buckets that cover [p_from, p_to): days, and where no whole day fits hours, and then five minutes.

Of times over 49 hours ago the bounds are widened to the hour (of whole runs 31 days), over 61 days ago to the day. Five minutes
are the least.$doc$;
revoke all on function tracegram.rollup_ranges(timestamptz, timestamptz, boolean, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.rollup_rows(
  p_from timestamptz, p_to timestamptz, p_runs_only boolean default false, p_now timestamptz default now()
)
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges  constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, p_runs_only, p_now) as g);
  v_from    constant timestamptz := (v_ranges[1]).starts;
  v_to      constant timestamptz := (v_ranges[pg_catalog.cardinality(v_ranges)]).ends;
  v_batches tracegram.batches[];
  v_traces  tracegram.pipeline_traces[];
begin
  if p_runs_only then
    return query
      select r.*
      from pg_catalog.unnest(v_ranges) as g
      cross join lateral (
        select * from tracegram.rollups as l
        where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = ''
        offset 0
      ) as r;
  else
    return query
      select r.*
      from pg_catalog.unnest(v_ranges) as g
      cross join lateral (
        select * from tracegram.rollups as l
        where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
        offset 0 -- range by range: a hash of everything would be made otherwise
      ) as r;
  end if;
  v_traces := array(
    select t
    from tracegram.find_traces(array(select pg_catalog.unnest(b.ended) from tracegram.batches as b), v_from, v_to) as t
  );
  v_batches := array(select b from tracegram.batches as b where b.received_at >= v_from and b.received_at < v_to);
  if pg_catalog.cardinality(v_traces) + pg_catalog.cardinality(v_batches) > 0 then
    return query
      select * from tracegram.roll_up(v_traces, v_batches) as r where r.step = '' or not p_runs_only;
  end if;
end;
$$;

comment on function tracegram.rollup_rows(timestamptz, timestamptz, boolean, timestamptz) is
$doc$The fewest rows that together hold all that is stored and has ended in [p_from, p_to), and each trace once.

Rows are of several levels, and of batches that were not folded yet. The bounds are widened as tracegram.rollup_ranges says.
p_runs_only leaves the steps out.$doc$;
revoke all on function tracegram.rollup_rows(timestamptz, timestamptz, boolean, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.error_rows(p_from timestamptz, p_to timestamptz, p_now timestamptz default now())
  returns setof tracegram.error_rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges  constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, false, p_now) as g);
  v_from    constant timestamptz := (v_ranges[1]).starts;
  v_to      constant timestamptz := (v_ranges[pg_catalog.cardinality(v_ranges)]).ends;
begin
  return query
    select r.*
    from pg_catalog.unnest(v_ranges) as g
    cross join lateral (
      select * from tracegram.error_rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r;
  return query
    select *
    from tracegram.roll_up_errors(array(
      select t
      from tracegram.find_traces(array(select pg_catalog.unnest(b.failed) from tracegram.batches as b), v_from, v_to) as t
    ));
end;
$$;

comment on function tracegram.error_rows(timestamptz, timestamptz, timestamptz) is
  'The same of errors: the fewest rows that hold all runs that failed in [p_from, p_to).';
revoke all on function tracegram.error_rows(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

-- 49_gaps.sql — what is missing: announced traces that never ended, steps without their parent, steps nobody has named, and
-- what senders have dropped.
--
-- Written by  public.define_steps, tracegram.note_gaps (the fold, 47_fold.sql), tracegram.mark_lost (90_jobs.sql)
-- Read by     public.trace_gaps
-- Dropped by  tracegram.purge_gaps (90_jobs.sql)

create table tracegram.step_names (
  name  text primary key check (pg_catalog.length(name) between 1 and 100),
  label text
);
alter table tracegram.step_names enable row level security;

comment on table tracegram.step_names is 'The bot''s table of steps. Empty: not known, and then no step is unknown.';
comment on column tracegram.step_names.name is 'Name, such as llm.generate.';
comment on column tracegram.step_names.label is 'What users read while it runs.';

create function public.define_steps(p_steps jsonb)
  returns integer
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  if pg_catalog.jsonb_typeof(p_steps) is distinct from 'object'
    or exists (
      select from pg_catalog.jsonb_each(p_steps) as s
      where pg_catalog.length(s.key) not between 1 and 100 or pg_catalog.jsonb_typeof(s.value) not in ('string', 'null')
    )
  then
    raise exception sqlstate 'TG021' using
      message = 'the steps are not an object of names and labels',
      hint    = 'Such as {"llm.generate": "Writing the answer…", "db.orders": null}.';
  end if;
  delete from tracegram.step_names where not p_steps ? name;
  insert into tracegram.step_names as s (name, label)
  select d.key, d.value from pg_catalog.jsonb_each_text(p_steps) as d
  order by d.key
  on conflict (name) do update set label = excluded.label;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

comment on function public.define_steps(jsonb) is
$doc$Says which steps the bot has, so that trace_gaps can tell the ones it has not. Replaces what was said before.

p_steps  {name: label}, the bot's table of steps as the tracer's defineSteps takes it. {} forgets it.

Returns how many there are.

TG021  not an object of names and labels  (nothing was changed)$doc$;
revoke all on function public.define_steps(jsonb) from public, anon, authenticated;
grant execute on function public.define_steps(jsonb) to service_role;

create table tracegram.gaps (
  gap_id     bigint generated always as identity primary key,
  gap        text not null check (gap in ('orphan_step', 'no_steps', 'lost')),
  trace_id   uuid not null,
  started_at timestamptz(3) not null,
  pipeline   text not null,
  detail     text not null
);
create index gaps_newest on tracegram.gaps (gap, started_at);
comment on index tracegram.gaps_newest is 'trace_gaps: the newest of each kind.';
alter table tracegram.gaps enable row level security;

comment on table tracegram.gaps is 'Traces that are not whole, a few of each kind as examples; the rollups have the counts. Kept as long as traces.';
comment on column tracegram.gaps.gap_id is 'In order of their finding.';
comment on column tracegram.gaps.gap is 'orphan_step (its parent does not exist), no_steps, or lost (announced, not ended in time).';
comment on column tracegram.gaps.trace_id is 'The trace.';
comment on column tracegram.gaps.started_at is 'Its start.';
comment on column tracegram.gaps.pipeline is 'Its pipeline.';
comment on column tracegram.gaps.detail is 'Which step, or how long it has been missing.';

create function tracegram.note_gaps(p_traces tracegram.pipeline_traces[])
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  insert into tracegram.gaps (gap, trace_id, started_at, pipeline, detail)
  (
    select distinct on (t.trace_id)
      'orphan_step', t.trace_id, t.started_at, t.pipeline,
      pg_catalog.format('step %s, %s: there is no step %s before it', s.ordinality, s.name, s.parent)
    from pg_catalog.unnest(p_traces) as t
    cross join lateral pg_catalog.unnest(t.steps) with ordinality as s
    where s.parent not between 1 and s.ordinality - 1
    order by t.trace_id desc, s.ordinality
    limit 10
  )
  union all
  (
    select 'no_steps', t.trace_id, t.started_at, t.pipeline, 'it has no steps'
    from pg_catalog.unnest(p_traces) as t
    where pg_catalog.cardinality(t.steps) = 0
    order by t.trace_id desc
    limit 10
  );
$$;

comment on function tracegram.note_gaps(tracegram.pipeline_traces[]) is 'Notes ten traces of each kind that are not whole.';
revoke all on function tracegram.note_gaps(tracegram.pipeline_traces[]) from public, anon, authenticated, service_role;

create function tracegram.mark_lost(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_lost     integer;
begin
  with late as (
    select u.started_at, u.trace_id
    from tracegram.unended as u
    where u.status = 'running'
      and u.started_at >= v_settings.traces_from and u.started_at < p_now - v_settings.lost_after
    -- One whose end is coming in just now is not lost.
    for update skip locked
  ),
  marked as (
    update tracegram.unended as u
    set status = 'lost'
    from late as l
    where u.started_at = l.started_at and u.trace_id = l.trace_id
  ),
  lost as (
    update tracegram.pipeline_traces as t
    set status = 'lost'
    from late as l
    where t.started_at = l.started_at and t.trace_id = l.trace_id
    returning t.trace_id, t.started_at, t.pipeline
  ),
  noted as (
    insert into tracegram.gaps (gap, trace_id, started_at, pipeline, detail)
    select 'lost', l.trace_id, l.started_at, l.pipeline,
      pg_catalog.format('announced, and not ended within %s', v_settings.lost_after)
    from lost as l
    order by l.trace_id desc
    limit 100
  )
  select count(*) into v_lost from lost;
  return v_lost;
end;
$$;

comment on function tracegram.mark_lost(timestamptz) is
$doc$Marks announced traces as lost that have not ended within settings.lost_after of their start. Returns how many.

A trace that ends after all is completed as any other.$doc$;
revoke all on function tracegram.mark_lost(timestamptz) from public, anon, authenticated, service_role;

create function public.trace_gaps(p_from timestamptz default null, p_to timestamptz default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_from constant timestamptz := coalesce(p_from, pg_catalog.now() - interval '24 hours');
  v_to   constant timestamptz := coalesce(p_to, pg_catalog.now() + interval '1 hour');
  v_rows constant tracegram.rollups[] := array(select r from tracegram.rollup_rows(v_from, v_to) as r);
begin
  return (
    select pg_catalog.jsonb_build_object(
      'from', tracegram.iso(v_from),
      'to', tracegram.iso(v_to),
      'orphan_steps', coalesce(pg_catalog.sum(r.orphans) filter (where r.step <> ''), 0),
      'no_steps', coalesce(pg_catalog.sum(r.stepless), 0)
    )
    from pg_catalog.unnest(v_rows) as r
  ) || (
    select pg_catalog.jsonb_build_object(
      'lost', count(*) filter (where t.status = 'lost'),
      'running', count(*) filter (where t.status = 'running')
    )
    from tracegram.unended as t
    where t.started_at >= v_from and t.started_at < v_to
  ) || pg_catalog.jsonb_build_object(
    'dropped', tracegram.dropped_summary(v_from, v_to),
    'unknown_steps', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(u) order by u.count desc, u.pipeline, u.step), '[]')
      from (
        select r.pipeline, r.step, pg_catalog.sum(r.count) as count
        from pg_catalog.unnest(v_rows) as r
        where r.step <> '' and r.pipeline <> '' and exists (select from tracegram.step_names)
          and not exists (select from tracegram.step_names as n where n.name = r.step)
          -- Those that the tracer names itself: calls to Telegram, HTTP, Supabase, and what the LLM clients do.
          and r.step !~ '^(tg|http|db|storage|fn)\.|^auth$|^llm\.(chat|responses|embeddings|retry)$'
        group by r.pipeline, r.step
        order by 3 desc, 1, 2
        limit 50
      ) as u
    ),
    'examples', (
      select coalesce(pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'gap', e.gap, 'trace_id', e.trace_id, 'started_at', tracegram.iso(e.started_at), 'pipeline', e.pipeline, 'detail', e.detail
        ) order by e.started_at desc, e.gap_id desc
      ), '[]')
      from (
        select g.*, pg_catalog.row_number() over (partition by g.gap order by g.started_at desc, g.gap_id desc) as place
        from tracegram.gaps as g
        where g.started_at >= v_from and g.started_at < v_to
      ) as e
      -- One that has ended after all is lost no longer.
      where e.place <= 10 and case e.gap
        when 'lost' then (
          select t.status = 'lost'
          from tracegram.pipeline_traces as t
          where t.started_at = e.started_at and t.trace_id = e.trace_id
        )
        else true
      end
    )
  );
end;
$$;

comment on function public.trace_gaps(timestamptz, timestamptz) is
$doc$What is missing in a window: one call serves one screen.

p_from, p_to  started_at is in [p_from, p_to); null: the last 24 hours. Counts of what has ended are by whole five minutes, or
              hours beyond 25 hours ago.

Returns {from, to, orphan_steps, no_steps, lost, running, unknown_steps: [{pipeline, step, count}], dropped: {records, reasons:
[{reason, records}], senders: [{sender, key, records, reasons, first_seen_at, last_seen_at}]}, examples: [{gap, trace_id,
started_at, pipeline, detail}]}:

the counts are exact. Steps that the tracer names itself (tg.*, http.*, db.*, llm.retry …) are never unknown.
dropped   what senders say they could not send, of those that reported more of it in the window: all since they started. The ten
          senders are those of the newest such reports.
examples  the newest ten of orphan_step, no_steps and lost, less those that were completed since.$doc$;
revoke all on function public.trace_gaps(timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.trace_gaps(timestamptz, timestamptz) to service_role;

create function tracegram.purge_gaps(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.gaps where started_at < (tracegram.settings()).traces_from;
  delete from tracegram.unended where started_at < (tracegram.settings()).traces_from;
  -- They are examples: of each kind the newest thousand.
  delete from tracegram.gaps as g
  using (select gap_id, pg_catalog.row_number() over (partition by gap order by started_at desc) as place from tracegram.gaps) as p
  where p.gap_id = g.gap_id and p.place > 1000;
$$;

comment on function tracegram.purge_gaps(timestamptz) is 'Deletes gaps of traces that are gone, and all but the newest thousand of each kind.';
revoke all on function tracegram.purge_gaps(timestamptz) from public, anon, authenticated, service_role;

-- 50_trace_summary.sql — a trace as one row of a page.

create function tracegram.iso(p_time timestamptz)
  returns text
  language plpgsql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
begin
  return pg_catalog.to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"');
end;
$$;

comment on function tracegram.iso(timestamptz) is 'ISO 8601 with milliseconds, in UTC.';
revoke all on function tracegram.iso(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.trace_summary(p_trace tracegram.pipeline_traces)
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select pg_catalog.jsonb_build_object(
      'trace_id', p_trace.trace_id,
      -- tracegram.iso, written out: ten calls of it cost as much as the rest.
      'started_at', pg_catalog.to_char(p_trace.started_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
      'pipeline', p_trace.pipeline,
      'status', p_trace.status,
      'duration_ms', p_trace.duration_ms,
      'error', p_trace.error,
      'error_step', case when p_trace.status = 'error' then tracegram.failed_step(p_trace.steps) end,
      'chat_id', nullif(coalesce(p_trace.chat_id, p_trace.user_id), 0),
      'user_id', p_trace.user_id,
      'step_count', pg_catalog.cardinality(p_trace.steps),
      'input_tokens', sum(s.input_tokens),
      'output_tokens', sum(s.output_tokens),
      'cost_microusd', p_trace.cost_microusd,
      'cost_complete', count(*) filter (where s.model is not null and s.cost_microusd is null) = 0
    )
    from pg_catalog.unnest(p_trace.steps) as s
  );
end;
$$;

comment on function tracegram.trace_summary(tracegram.pipeline_traces) is 'TraceSummary of functions/_shared/db.ts: a trace as one row of a page.';
revoke all on function tracegram.trace_summary(tracegram.pipeline_traces) from public, anon, authenticated, service_role;

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

-- 52_count_traces.sql — how many traces a list has, and how many come before a page.

create function tracegram.count_by_rollups(p_ranges tracegram.rollup_range[], p_unended boolean, p_filter tracegram.trace_filter)
  returns bigint
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_starts constant timestamptz := (p_ranges[1]).starts;
  v_ends   constant timestamptz := (p_ranges[pg_catalog.cardinality(p_ranges)]).ends;
  v_from   constant uuid := tracegram.first_id(v_starts);
  v_to     constant uuid := tracegram.first_id(v_ends);
  v_count  bigint := 0;
begin
  if p_filter.status is null or p_filter.status in ('ok', 'error') then
    select coalesce(pg_catalog.sum(case p_filter.status when 'ok' then r.count - r.errors when 'error' then r.errors else r.count end), 0)
    into v_count
    from pg_catalog.unnest(p_ranges) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = '' and l.pipeline <> ''
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r
    where p_filter.pipeline is null or r.pipeline = p_filter.pipeline;

    -- What waits to be folded: its ids tell when, and the batch how they ended.
    if p_filter.pipeline is null then
      v_count := v_count + (
        select coalesce(pg_catalog.sum(w.counts), 0)
        from (
          select pg_catalog.unnest(b.ended) as trace_id, 1 as counts
          from tracegram.batches as b
          where p_filter.status is distinct from 'error'
          union all
          select pg_catalog.unnest(b.failed), case p_filter.status when 'ok' then -1 else 1 end
          from tracegram.batches as b
          where p_filter.status is not null
        ) as w
        where w.trace_id >= v_from and w.trace_id < v_to
      );
    else
      v_count := v_count + (
        select count(*)
        from tracegram.find_traces(array(select pg_catalog.unnest(b.ended) from tracegram.batches as b), v_starts, v_ends) as t
        where t.pipeline = p_filter.pipeline and (p_filter.status is null or t.status = p_filter.status)
      );
    end if;
  end if;
  if p_unended and (p_filter.status is null or p_filter.status in ('running', 'lost')) then
    v_count := v_count + (
      select count(*)
      from tracegram.unended as t
      where t.started_at >= v_starts and t.started_at < v_ends
        and (p_filter.status is null or t.status = p_filter.status)
        and (p_filter.pipeline is null or t.pipeline = p_filter.pipeline)
    );
  end if;
  return v_count;
end;
$$;

comment on function tracegram.count_by_rollups(tracegram.rollup_range[], boolean, tracegram.trace_filter) is
$doc$How many traces started in these buckets, of the filter's status and pipeline.

p_unended  whether those that have not ended are counted.$doc$;
revoke all on function tracegram.count_by_rollups(tracegram.rollup_range[], boolean, tracegram.trace_filter)
from public, anon, authenticated, service_role;

create type tracegram.bounded_count as (
  n     bigint,
  exact boolean
);
comment on type tracegram.bounded_count is 'A count, or where it is not exact a lower bound: counting stopped there.';

create function tracegram.covered(p_filter tracegram.trace_filter)
  returns boolean
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (p_filter.user_id, p_filter.chat_id, p_filter.duration_ms, p_filter.release, p_filter.error) is null
    -- Of more pipelines than there is room for, the rollups do not tell which trace is whose.
    and (p_filter.pipeline is null or not exists (select from tracegram.rollups as r where r.level = '1d' and r.pipeline = '(other)'));
end;
$$;

comment on function tracegram.covered(tracegram.trace_filter) is 'Whether rollups can count what matches: they know status and pipeline.';
revoke all on function tracegram.covered(tracegram.trace_filter) from public, anon, authenticated, service_role;

create function tracegram.count_stretch(
  p_order text, p_ascending boolean, p_key tracegram.trace_key, p_filter tracegram.trace_filter
)
  returns tracegram.bounded_count
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most    constant integer := 500;
  v_stretch constant tracegram.trace_stretch := tracegram.list_stretch(
    p_order, p_ascending, case when p_ascending then '>' else '<' end, p_key, p_filter, c_most + 1, true
  );
begin
  return (least(v_stretch.n, c_most), v_stretch.n <= c_most and (v_stretch.searched_to).trace_id is null);
end;
$$;

comment on function tracegram.count_stretch(text, boolean, tracegram.trace_key, tracegram.trace_filter) is
  'How many traces of a list come after a key, or before it. Counting stops at 500.';
revoke all on function tracegram.count_stretch(text, boolean, tracegram.trace_key, tracegram.trace_filter)
from public, anon, authenticated, service_role;

create function tracegram.count_window(p_order text, p_filter tracegram.trace_filter)
  returns bigint
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_ranges tracegram.rollup_range[] := array(
    select g from tracegram.rollup_ranges(p_filter.starts, p_filter.ends, true, pg_catalog.now()) as g
  );
  v_starts timestamptz; -- of the whole buckets in the window …
  v_ends   timestamptz;
  v_edge   tracegram.trace_filter := p_filter;
  v_count  bigint := 0;
begin
  if (v_ranges[1]).starts = p_filter.starts and (v_ranges[pg_catalog.cardinality(v_ranges)]).ends = p_filter.ends then
    return tracegram.count_by_rollups(v_ranges, p_order = 'newest', p_filter);
  end if;
  select case when g.starts = p_filter.starts then g.starts else g.ends end into v_starts
  from tracegram.rollup_ranges(p_filter.starts, p_filter.starts + interval '1 microsecond', true, pg_catalog.now()) as g;
  select case when g.ends = p_filter.ends then g.ends else g.starts end into v_ends
  from tracegram.rollup_ranges(p_filter.ends - interval '1 microsecond', p_filter.ends, true, pg_catalog.now()) as g;
  if v_starts >= v_ends then
    return (tracegram.list_stretch(p_order, false, null, null, p_filter, 2147483647, true)).n;
  end if;
  -- … and what is left of it on either side, trace by trace.
  if p_filter.starts < v_starts then
    v_edge.ends := v_starts;
    v_count := (tracegram.list_stretch(p_order, false, null, null, v_edge, 2147483647, true)).n;
  end if;
  if v_ends < p_filter.ends then
    v_edge.starts := v_ends;
    v_edge.ends := p_filter.ends;
    v_count := v_count
      + (tracegram.list_stretch(p_order, false, null, null, v_edge, 2147483647, true)).n;
  end if;
  v_ranges := array(select g from tracegram.rollup_ranges(v_starts, v_ends, true, pg_catalog.now()) as g);
  return v_count + tracegram.count_by_rollups(v_ranges, p_order = 'newest', p_filter);
end;
$$;

comment on function tracegram.count_window(text, tracegram.trace_filter) is
  'How many traces a list has, newest or slowest first, whose filter the rollups cover. Exact.';
revoke all on function tracegram.count_window(text, tracegram.trace_filter) from public, anon, authenticated, service_role;

create function tracegram.count_before(p_order text, p_key tracegram.trace_key, p_filter tracegram.trace_filter)
  returns tracegram.bounded_count
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_bucket tracegram.trace_filter := p_filter;
  v_rest   tracegram.trace_filter := p_filter;
  v_count  bigint;
begin
  if p_order <> 'newest' or not tracegram.covered(p_filter) then
    return tracegram.count_stretch(p_order, true, p_key, p_filter);
  end if;
  -- The key's own bucket trace by trace, and what is newer by rollups.
  select least(g.ends, p_filter.ends) into v_bucket.ends
  from tracegram.rollup_ranges(p_key.started_at, p_key.started_at + interval '1 microsecond', true, pg_catalog.now()) as g;
  v_rest.starts := v_bucket.ends;
  v_count := (tracegram.list_stretch('newest', true, '>', p_key, v_bucket, 2147483647, true)).n;
  if v_rest.starts < v_rest.ends then
    v_count := v_count + tracegram.count_window('newest', v_rest);
  end if;
  return (v_count, true);
end;
$$;

comment on function tracegram.count_before(text, tracegram.trace_key, tracegram.trace_filter) is 'How many traces of a list come before a key.';
revoke all on function tracegram.count_before(text, tracegram.trace_key, tracegram.trace_filter)
from public, anon, authenticated, service_role;

-- 53_list_traces.sql — pages of traces, and which page of how many each is.

create function public.list_traces(
  p_cursor          uuid        default null,
  p_direction       text        default 'older',
  p_limit           integer     default 10,
  p_from            timestamptz default null,
  p_to              timestamptz default null,
  p_order           text        default 'newest',
  p_status          text        default null,
  p_pipeline        text        default null,
  p_user_id         bigint      default null,
  p_chat_id         bigint      default null,
  p_min_duration_ms integer     default null,
  p_release         text        default null,
  p_error           text        default null
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_limit   constant integer := least(greatest(coalesce(p_limit, 10), 1), 100);
  v_oldest  constant timestamptz := (select s.traces_from from tracegram.settings as s);
  v_filter  constant tracegram.trace_filter := (
    greatest(coalesce(p_from, v_oldest), v_oldest),
    -- At most up to the end of a bucket, which the rollups count without a look at the traces.
    least(
      p_to + interval '1 microsecond',
      pg_catalog.date_bin('5 minutes', pg_catalog.now() + interval '65 minutes', '2000-01-01 00:00+00')
    ),
    p_status, p_pipeline, p_user_id, p_chat_id, p_min_duration_ms, p_release, nullif(p_error, '')
  );
  v_key     tracegram.trace_key;
  v_page    tracegram.trace_stretch := ('{}', 0, null);
  v_traces  tracegram.pipeline_traces[];
  v_shown   integer;
  v_last    tracegram.trace_key;
  v_before  tracegram.bounded_count := (0, true);
  v_after   tracegram.bounded_count;
  v_total   tracegram.bounded_count;
begin
  if p_direction is null or p_direction not in ('older', 'newer', 'from') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown direction %L', p_direction), hint = 'Use older, newer or from.';
  end if;
  if p_order is null or p_order not in ('newest', 'slowest', 'dearest') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown order %L', p_order), hint = 'Use newest, slowest or dearest.';
  end if;
  if p_status not in ('ok', 'error', 'running', 'lost') then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('unknown status %L', p_status), hint = 'Use ok, error, running or lost.';
  end if;

  if p_cursor is not null then
    v_key := (tracegram.trace_time(p_cursor), p_cursor, null);
    if p_order <> 'newest' then
      select case p_order when 'slowest' then t.duration_ms else t.cost_microusd end into v_key.value
      from tracegram.pipeline_traces as t
      where t.started_at = v_key.started_at and t.trace_id = v_key.trace_id;
    end if;
  end if;

  if v_key.value is null and p_order <> 'newest' then
    v_key := null; -- it is gone, or has no place in this order: the list starts at its top
  elsif p_direction = 'newer' then
    v_page := tracegram.list_stretch(p_order, true, '>', v_key, v_filter, 2 * v_limit);
    -- Pages are numbered from the top, which moves on. So near the top, "the page before" is the top itself. It is not near
    -- where the search stopped on its way up.
    v_traces := case when v_page.n = 2 * v_limit or v_page.n > 0 and (v_page.searched_to).trace_id is not null then array(
      select v_page.traces[i] from pg_catalog.generate_series(least(v_limit, v_page.n), 1, -1) as i
    ) end;
    v_page := (coalesce(v_traces, '{}'), coalesce(pg_catalog.cardinality(v_traces), 0), null);
  elsif p_cursor is not null then
    v_page := tracegram.list_stretch(
      p_order, false, case p_direction when 'from' then '<=' else '<' end, v_key, v_filter, v_limit + 1
    );
  end if;
  -- Without a cursor, near the top, or when the day that the cursor led to is gone: the top.
  if v_key.trace_id is null or v_page.n = 0 and (p_direction = 'newer' or v_key.started_at < v_filter.starts) then
    v_key := null;
    v_page := tracegram.list_stretch(p_order, false, null, null, v_filter, v_limit + 1);
  end if;

  v_traces := v_page.traces[:v_limit];
  v_shown := pg_catalog.cardinality(v_traces);
  -- Where the next page goes on: after the last trace, or after what has been looked at in vain.
  v_last := case
    when (v_page.searched_to).trace_id is not null then v_page.searched_to else tracegram.key_of(v_traces[v_shown], p_order)
  end;
  if v_key.trace_id is not null then
    v_before := tracegram.count_before(
      p_order, case when v_shown > 0 then tracegram.key_of(v_traces[1], p_order) else v_key end, v_filter
    );
  end if;
  if p_order <> 'dearest' and tracegram.covered(v_filter) then
    v_total := (case when v_filter.starts < v_filter.ends then tracegram.count_window(p_order, v_filter) else 0 end, true);
  elsif v_last.trace_id is null then
    v_total := v_before;
  else
    v_after := tracegram.count_stretch(p_order, false, v_last, v_filter);
    v_total := (v_before.n + v_shown + v_after.n, v_before.exact and v_after.exact and (v_page.searched_to).trace_id is null);
  end if;

  return pg_catalog.jsonb_build_object(
    'from', tracegram.iso(v_filter.starts),
    'to', tracegram.iso(coalesce(p_to, v_filter.ends)),
    'page', v_before.n / v_limit + 1,
    'page_exact', v_before.exact,
    'pages', greatest(1, pg_catalog.ceil(v_total.n::numeric / v_limit), v_before.n / v_limit + 1),
    'total', v_total.n,
    'total_exact', v_total.exact,
    'has_newer', v_before.n > 0,
    'has_older', (v_page.searched_to).trace_id is not null or v_page.n > v_limit
      or v_key.trace_id is not null and p_direction = 'newer',
    'older_cursor', v_last.trace_id,
    'searched_to', tracegram.iso((v_page.searched_to).started_at),
    'traces', coalesce((
      select pg_catalog.jsonb_agg(tracegram.trace_summary(v_traces[i]) order by i)
      from pg_catalog.generate_series(1, v_shown) as i
    ), '[]')
  );
end;
$$;

comment on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) is
$doc$One page of traces with all that a screen says about it: one call serves one screen.

p_cursor           trace id that the page is relative to; null: the first page.
p_direction        older (the page after p_cursor), newer (the page before it), or from (at p_cursor). Where there is no full
                   page before p_cursor, newer is the first page.
p_limit            traces a page, 1..100; other values are brought into that range.
p_from, p_to       started_at is within both; null: all that is kept.
p_order            newest, slowest (those that have ended) or dearest (those that are known to cost something) first.
p_status           ok, error, running or lost; p_pipeline, p_user_id, p_chat_id, p_release: exactly that.
p_min_duration_ms  at least so long.
p_error            failed with this in the error's text, in any case of letters. null: no condition, in all of them.

Returns TracePage of functions/_shared/db.ts. total and pages are exact for status and pipeline, newest or slowest first, for
rollups know them. Otherwise counting stops at 500 on either side of the page: then total_exact (or page_exact) is false, and
the number is a lower bound. Where no index knows what matches, 20,000 traces of a stretch of days are looked at; a page that they did not fill has
searched_to, how far back they went, and its older_cursor goes on from there. Money is micro-dollars, durations are
milliseconds, times are ISO 8601.

22023  p_direction, p_order or p_status is none of those  (do not retry)$doc$;
revoke all on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) from public, anon, authenticated;
grant execute on function public.list_traces(
  uuid, text, integer, timestamptz, timestamptz, text, text, text, bigint, bigint, integer, text, text
) to service_role;

-- 54_get_trace.sql — one trace, and its requests and responses.
--
-- Each function keeps one generic plan a connection (planning over all partitions costs more than the query). The id's own
-- time names the one partition that is opened when it runs.

create function public.get_trace(p_trace_id uuid)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
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
  set search_path = pg_catalog, pg_temp
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

-- 55_trace_stats.sql — how the bot did in a window, against the window before. From rollups alone.

create type tracegram.span_stats as (
  pipeline         text,
  step             text,
  count            bigint,
  errors           bigint,
  duration_ms      numeric,
  durations        tracegram.histogram,
  input_tokens     bigint,
  cached_tokens    bigint,
  output_tokens    bigint,
  reasoning_tokens bigint,
  cost_microusd    bigint,
  unpriced         bigint
);
comment on type tracegram.span_stats is
  'The rollups of a window, added up per pipeline and step. durations is null of steps that are not among the five slowest.';

create function tracegram.span_stats(p_from timestamptz, p_to timestamptz, p_runs_only boolean, p_now timestamptz)
  returns tracegram.span_stats[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    with buckets as materialized (
      select * from tracegram.rollup_rows(p_from, p_to, p_runs_only, p_now) as r where r.pipeline <> ''
    ),
    sums as (
      select
        b.pipeline, b.step, pg_catalog.sum(b.count) as count, pg_catalog.sum(b.errors) as errors,
        pg_catalog.sum(b.duration_ms) as duration_ms, pg_catalog.sum(b.input_tokens) as input_tokens,
        pg_catalog.sum(b.cached_tokens) as cached_tokens, pg_catalog.sum(b.output_tokens) as output_tokens,
        pg_catalog.sum(b.reasoning_tokens) as reasoning_tokens, pg_catalog.sum(b.cost_microusd) as cost_microusd,
        pg_catalog.sum(b.unpriced) as unpriced,
        pg_catalog.row_number() over (
          -- As trace_stats orders them, or one that it shows would be without its durations.
          partition by b.step = ''
          order by pg_catalog.round(pg_catalog.sum(b.duration_ms) / pg_catalog.sum(b.count), 1) desc, b.pipeline, b.step
        ) as slowest
      from buckets as b
      group by b.pipeline, b.step
    ),
    merged as (
      -- Most of the work: not for steps that are not shown.
      select b.pipeline, b.step, tracegram.merge_histograms(pg_catalog.array_agg(b.durations)) as durations
      from buckets as b
      where b.step = '' or (b.pipeline, b.step) in (select s.pipeline, s.step from sums as s where s.step <> '' and s.slowest <= 5)
      group by b.pipeline, b.step
    )
    select (
      s.pipeline, s.step, s.count, s.errors, s.duration_ms, m.durations,
      s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens, s.cost_microusd, s.unpriced
    )::tracegram.span_stats
    from sums as s
    left join merged as m on m.pipeline = s.pipeline and m.step = s.step
  );
end;
$$;

comment on function tracegram.span_stats(timestamptz, timestamptz, boolean, timestamptz) is 'Each pipeline and step of a window, or only whole runs.';
revoke all on function tracegram.span_stats(timestamptz, timestamptz, boolean, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.run_stats(p_from timestamptz, p_to timestamptz, p_spans tracegram.span_stats[], p_now timestamptz)
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Of a window that has not passed yet, what has passed of it.
  v_hours constant numeric := pg_catalog.date_part('epoch', least(p_to, greatest(p_now, p_from + interval '5 minutes')) - p_from) / 3600;
begin
  return (
    select pg_catalog.jsonb_build_object(
      'from', tracegram.iso(p_from),
      'to', tracegram.iso(p_to),
      'count', coalesce(pg_catalog.sum(r.count), 0),
      'errors', coalesce(pg_catalog.sum(r.errors), 0),
      'error_rate', pg_catalog.round(pg_catalog.sum(r.errors) / nullif(pg_catalog.sum(r.count), 0), 4),
      'per_hour', pg_catalog.round(coalesce(pg_catalog.sum(r.count), 0) / v_hours, 2),
      'input_tokens', pg_catalog.sum(r.input_tokens),
      'cached_tokens', pg_catalog.sum(r.cached_tokens),
      'output_tokens', pg_catalog.sum(r.output_tokens),
      'reasoning_tokens', pg_catalog.sum(r.reasoning_tokens),
      'cost_microusd', pg_catalog.sum(r.cost_microusd),
      'unpriced_calls', coalesce(pg_catalog.sum(r.unpriced), 0)
    ) || tracegram.percentiles(pg_catalog.array_agg(r.durations))
    from pg_catalog.unnest(p_spans) as r
    where r.step = ''
  );
end;
$$;

comment on function tracegram.run_stats(timestamptz, timestamptz, tracegram.span_stats[], timestamptz) is
  'RunStats of functions/_shared/db.ts: all runs of a window.';
revoke all on function tracegram.run_stats(timestamptz, timestamptz, tracegram.span_stats[], timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.trace_stats(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_length constant interval := p_to - p_from;
  -- As fine as rollups are at the start of the window before, so that both windows have the same length.
  v_grain  constant text := case
    when p_from - v_length >= pg_catalog.date_trunc('hour', p_now) - interval '49 hours' then '5 minutes'
    when p_from - v_length >= pg_catalog.date_trunc('day', p_now) - interval '61 days' then '1 hour'
    else '1 day'
  end;
  v_from   constant timestamptz := pg_catalog.date_bin(v_grain::interval, p_from, '2000-01-01 00:00+00');
  v_to     constant timestamptz := pg_catalog.date_bin(v_grain::interval, p_to - interval '1 microsecond', '2000-01-01 00:00+00')
    + v_grain::interval;
  v_before constant timestamptz := v_from - (v_to - v_from);
  v_spans  constant tracegram.span_stats[] := tracegram.span_stats(v_from, v_to, false, p_now);
begin
  return pg_catalog.jsonb_build_object(
    'window', tracegram.run_stats(v_from, v_to, v_spans, p_now),
    'before', tracegram.run_stats(v_before, v_from, tracegram.span_stats(v_before, v_from, true, p_now), p_now)
  ) || (
    select pg_catalog.jsonb_build_object(
      'running', count(*) filter (where t.status = 'running'), 'lost', count(*) filter (where t.status = 'lost')
    )
    from tracegram.unended as t
    where t.started_at >= v_from and t.started_at < v_to
  ) || (
    with spans as (
      select p.pipeline, p.step, p.count, p.errors, p.cost_microusd, p.durations,
        pg_catalog.round(p.duration_ms / p.count, 1) as mean_ms
      from pg_catalog.unnest(v_spans) as p
    )
    select pg_catalog.jsonb_build_object(
      'pipelines', (
        select coalesce(pg_catalog.jsonb_agg(
          pg_catalog.to_jsonb(s) - 'durations' - 'step' || tracegram.percentiles(array[s.durations]) order by s.count desc, s.pipeline
        ), '[]')
        from (select * from spans as p where p.step = '' order by p.count desc, p.pipeline limit 10) as s
      ),
      'slowest_steps', (
        select coalesce(pg_catalog.jsonb_agg(
          pg_catalog.to_jsonb(s) - 'durations' || tracegram.percentiles(array[s.durations]) order by s.mean_ms desc, s.pipeline, s.step
        ), '[]')
        from (select * from spans as p where p.step <> '' order by p.mean_ms desc, p.pipeline, p.step limit 5) as s
      )
    )
  ) || pg_catalog.jsonb_build_object('top_errors', (
    with top as (
      select
        r.pipeline, r.step, r.kind, pg_catalog.sum(r.count) as count,
        (pg_catalog.array_agg(r.example order by r.example desc))[1] as example
      from tracegram.error_rows(v_from, v_to, p_now) as r
      group by r.pipeline, r.step, r.kind
      order by 4 desc, r.kind, r.pipeline, r.step
      limit 10
    ),
    earlier as materialized (
      select b.pipeline, b.step, b.kind, pg_catalog.sum(b.count) as count
      from tracegram.error_rows(v_before, v_from, p_now) as b
      group by b.pipeline, b.step, b.kind
    )
    select coalesce(pg_catalog.jsonb_agg(
      pg_catalog.to_jsonb(t) || pg_catalog.jsonb_build_object('before', coalesce(e.count, 0))
      order by t.count desc, t.kind, t.pipeline, t.step
    ), '[]')
    from top as t
    left join earlier as e on e.pipeline = t.pipeline and e.step = t.step and e.kind = t.kind
  ));
end;
$$;

comment on function tracegram.trace_stats(timestamptz, timestamptz, timestamptz) is 'See public.trace_stats; p_now is the time of the call.';
revoke all on function tracegram.trace_stats(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function public.trace_stats(p_from timestamptz default null, p_to timestamptz default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_to   constant timestamptz := coalesce(p_to, pg_catalog.now());
  v_from constant timestamptz := coalesce(p_from, v_to - interval '24 hours');
begin
  if v_from >= v_to or v_to - v_from > interval '200 days' then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('a window from %s to %s', v_from, v_to),
      hint    = 'p_from must be before p_to, by 200 days at most.';
  end if;
  return tracegram.trace_stats(v_from, v_to, pg_catalog.now());
end;
$$;

comment on function public.trace_stats(timestamptz, timestamptz) is
$doc$How the bot did in a window, and in the window of the same length before it: one call serves one screen.

p_from, p_to  the window; null: the last 24 hours, up to now. Widened to whole five minutes, or hours where the window before
              starts over 49 hours ago, or days over 61 days ago.

Returns TraceStats of functions/_shared/db.ts: window and before {from, to, count, errors, error_rate 0..1, per_hour, p50_ms,
p95_ms, p99_ms (each within 5 %), tokens by class, cost_microusd, unpriced_calls}, running and lost of the window, the ten
pipelines with most runs, the five steps of the highest mean duration, and the ten most frequent errors, each with its newest
trace as an example and its count before. Runs count when they have ended. Unknown is null.

22023  the window is empty or over 200 days  (do not retry)$doc$;
revoke all on function public.trace_stats(timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.trace_stats(timestamptz, timestamptz) to service_role;

-- 56_trace_storage.sql — what the traces cost: bytes, growth, days until the quota is full, money.
--
-- Reads sizes from the catalogue and counts from the rollups; opens no trace.

create type tracegram.day_size as (
  day         date,
  trace_bytes bigint,
  io_bytes    bigint,
  traces      bigint
);
comment on type tracegram.day_size is 'Bytes of a day of traces and of I/O, with indexes, and how many traces have ended in it.';

create function tracegram.full_days(p_days tracegram.day_size[], p_today date)
  returns setof tracegram.day_size
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select d.*
    from pg_catalog.unnest(p_days) as d
    -- A bot that came three days ago has grown for three days.
    where d.day between p_today - 7 and p_today - 1
      and d.day >= (select min(f.day) from pg_catalog.unnest(p_days) as f where f.traces > 0);
end;
$$;

comment on function tracegram.full_days(tracegram.day_size[], date) is 'The last seven days that are over, from the first with traces on.';
revoke all on function tracegram.full_days(tracegram.day_size[], date) from public, anon, authenticated, service_role;

create function tracegram.days_until_full(
  p_size bigint, p_days tracegram.day_size[], p_settings tracegram.settings, p_today date
)
  returns integer
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_full record; -- means of the last seven days that are over
begin
  if p_size >= p_settings.quota_bytes then
    return 0;
  end if;
  select pg_catalog.avg(d.trace_bytes) as trace_bytes, pg_catalog.avg(d.io_bytes) as io_bytes into v_full
  from tracegram.full_days(p_days, p_today) as d;
  -- Day by day: what comes in, less the days that expire. After trace_days all has been replaced, and nothing grows any more.
  return (
    select min(k)
    from pg_catalog.generate_series(1, p_settings.trace_days + 1) as k
    cross join lateral (
      select
        coalesce(pg_catalog.sum(d.trace_bytes) filter (where d.day < p_today + k - p_settings.trace_days), 0)
          + coalesce(pg_catalog.sum(d.io_bytes) filter (where d.day < p_today + k - p_settings.io_days), 0)
          + greatest(0, k - p_settings.io_days - 1) * v_full.io_bytes as bytes
      from pg_catalog.unnest(p_days) as d
    ) as expired
    where p_size + k * (v_full.trace_bytes + v_full.io_bytes) - expired.bytes > p_settings.quota_bytes
  );
end;
$$;

comment on function tracegram.days_until_full(bigint, tracegram.day_size[], tracegram.settings, date) is
  'Days until a database of p_size bytes reaches its quota, as the last days went. Null: never, or not known yet.';
revoke all on function tracegram.days_until_full(bigint, tracegram.day_size[], tracegram.settings, date)
from public, anon, authenticated, service_role;

create function tracegram.trace_storage(p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_size     constant bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_today    constant date := p_now::date;
  v_tables   constant tracegram.day_table[] := array(select d from tracegram.day_tables() as d where d.state = 'attached');
  v_days     tracegram.day_size[];
  v_full     record; -- of the last seven days that are over: sums and means
  v_rollups  constant bigint :=
    pg_catalog.pg_total_relation_size('tracegram.rollups') + pg_catalog.pg_total_relation_size('tracegram.error_rollups');
begin
  v_days := array(
    select (
      t.day,
      coalesce(pg_catalog.sum(t.bytes) filter (where t.table_name = 'pipeline_traces'), 0),
      coalesce(pg_catalog.sum(t.bytes) filter (where t.table_name = 'trace_io'), 0),
      (
        select coalesce(pg_catalog.sum(r.count), 0)
        from tracegram.rollups as r
        where r.level = '1d' and r.bucket = t.day::timestamptz and r.step = '' and r.pipeline <> ''
      )
    )::tracegram.day_size
    from pg_catalog.unnest(v_tables) as t
    where t.day <= v_today
    group by t.day
    order by t.day desc
  );

  select
    pg_catalog.sum(d.trace_bytes) / nullif(pg_catalog.sum(d.traces), 0) as bytes_per_trace,
    pg_catalog.sum(d.io_bytes) / nullif(pg_catalog.sum(d.traces), 0) as io_bytes_per_trace,
    pg_catalog.avg(d.trace_bytes) as trace_bytes, pg_catalog.avg(d.io_bytes) as io_bytes
  into v_full
  from tracegram.full_days(v_days, v_today) as d;

  return pg_catalog.jsonb_build_object(
    'database_bytes', v_size,
    'quota_bytes', v_settings.quota_bytes,
    'quota_share', pg_catalog.round(v_size::numeric / v_settings.quota_bytes, 4),
    'tables', (
      select pg_catalog.jsonb_agg(pg_catalog.to_jsonb(t) order by t.table desc)
      from (
        select
          d.table_name as table, pg_catalog.sum(d.bytes) as bytes, pg_catalog.sum(d.row_estimate) as rows_estimate,
          min(d.day) as oldest_day, count(*) filter (where d.day <= v_today) as days
        from pg_catalog.unnest(v_tables) as d
        group by d.table_name
      ) as t
    ),
    'rollup_bytes', v_rollups,
    'days', pg_catalog.to_jsonb(v_days),
    'bytes_per_trace', pg_catalog.round(v_full.bytes_per_trace),
    'io_bytes_per_trace', pg_catalog.round(v_full.io_bytes_per_trace),
    'growth_bytes_per_day', pg_catalog.round(v_full.trace_bytes + v_full.io_bytes),
    'steady_bytes', pg_catalog.round(
      (v_settings.trace_days + 1) * v_full.trace_bytes + (v_settings.io_days + 1) * v_full.io_bytes + v_rollups
    ),
    'days_until_full', tracegram.days_until_full(v_size, v_days, v_settings, v_today)
  ) || (
    select pg_catalog.jsonb_build_object(
      'large_traces', coalesce(pg_catalog.sum(r.large), 0),
      'cost_microusd_per_1000_traces', pg_catalog.round(1000 * pg_catalog.sum(r.cost_microusd) / pg_catalog.sum(r.count))
    )
    from tracegram.rollups as r
    where r.level = '1d' and r.bucket >= (v_today - 7)::timestamptz and r.step = '' and r.pipeline <> ''
  ) || (
    select pg_catalog.jsonb_build_object(
      'ingest_p95_ms', tracegram.percentiles(pg_catalog.array_agg(r.durations)) -> 'p95_ms'
    )
    from tracegram.rollups as r
    where r.level = '1h' and r.bucket > p_now - interval '24 hours' and r.pipeline = '' and r.step = 'ingest'
  ) || pg_catalog.jsonb_build_object('gaps', (
    select pg_catalog.jsonb_build_object(
      'orphan_steps', coalesce(pg_catalog.sum(r.orphans) filter (where r.step <> ''), 0),
      'no_steps', coalesce(pg_catalog.sum(r.stepless), 0)
    )
    from tracegram.rollup_ranges(p_now - interval '24 hours', p_now, false, p_now) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r
  ) || (
    select pg_catalog.jsonb_build_object(
      'lost', count(*) filter (where t.status = 'lost'), 'running', count(*) filter (where t.status = 'running')
    )
    from tracegram.unended as t
    where t.started_at >= p_now - interval '24 hours'
  ) || pg_catalog.jsonb_build_object(
    'dropped', tracegram.dropped_summary(p_now - interval '24 hours', p_now + interval '1 hour') - 'senders'
  )) || pg_catalog.jsonb_build_object(
    'settings', pg_catalog.jsonb_build_object(
      'trace_days', v_settings.trace_days,
      'io_days', v_settings.io_days,
      'io_sample_percent', least(v_settings.io_sample_percent, v_settings.guard_io_sample_percent),
      'traces_from', tracegram.iso(v_settings.traces_from),
      'io_from', tracegram.iso(v_settings.io_from)
    ),
    'guard', pg_catalog.jsonb_build_object(
      'io_sample_percent', v_settings.guard_io_sample_percent,
      'steps', (
        select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
          'noted_at', tracegram.iso(l.noted_at), 'what', l.what, 'table', l.table_name, 'day', l.day, 'bytes', l.bytes,
          'detail', l.detail
        )) order by l.entry_id desc), '[]')
        from (select * from tracegram.retention_log where why = 'quota' order by entry_id desc limit 5) as l
      )
    )
  );
end;
$$;

comment on function tracegram.trace_storage(timestamptz) is
  'See public.trace_storage; p_now is the time of the report.';
revoke all on function tracegram.trace_storage(timestamptz) from public, anon, authenticated, service_role;

create function public.trace_storage()
  returns jsonb
  language sql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.trace_storage(pg_catalog.now());
$$;

comment on function public.trace_storage() is
$doc$What is stored, what it costs, and how long it will fit: one call serves one screen.

Returns
database_bytes, quota_bytes, quota_share   the whole database, the plan's limit, and the one as a share of the other
tables        [{table, bytes, rows_estimate, oldest_day, days}] of pipeline_traces and trace_io; days are up to today
rollup_bytes  of the rollups
days          [{day, trace_bytes, io_bytes, traces}], newest first; traces: those that have ended, exact but for some seconds
bytes_per_trace, io_bytes_per_trace   with indexes, over the last seven days that are over; null without traces
growth_bytes_per_day   what a day brings, over the same days; null before a day is over
steady_bytes           what traces and I/O will hold when each day brings that and an expired one goes, and the rollups of today
days_until_full        at that rate, with the days that expire until then; null: never, or not known yet
large_traces           rows over 5 kB of the last seven days and today
cost_microusd_per_1000_traces   of the same days; traces without a known cost count as free, and null: no cost is known
ingest_p95_ms          of the calls of the last 24 hours; null without
settings      what is in force: {trace_days, io_days, io_sample_percent, traces_from, io_from}
guard         {io_sample_percent (null: as the owner has set), steps: the quota guard's last five, newest first}
gaps          of the last 24 hours: {orphan_steps, no_steps, lost, running, dropped: {records, reasons}} as trace_gaps has them$doc$;
revoke all on function public.trace_storage() from public, anon, authenticated;
grant execute on function public.trace_storage() to service_role;

-- 57_trace_series.sql — how the bot did over a window, in equal stretches of time: what charts are drawn of. From rollups alone.

create function tracegram.waiting_runs(p_from timestamptz, p_to timestamptz)
  returns tracegram.rollups[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ids constant uuid[] := array(select pg_catalog.unnest(b.ended) from tracegram.batches as b);
begin
  -- Mostly nothing waits, and then no day is opened.
  if pg_catalog.cardinality(v_ids) = 0 then
    return array[]::tracegram.rollups[];
  end if;
  return array(
    select r
    from tracegram.roll_up(array(select t from tracegram.find_traces(v_ids, p_from, p_to) as t), array[]::tracegram.batches[]) as r
    where r.step = ''
  );
end;
$$;

comment on function tracegram.waiting_runs(timestamptz, timestamptz) is
  'The 5m rows of whole runs that started in [p_from, p_to) and wait to be folded.';
revoke all on function tracegram.waiting_runs(timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.series_bucket(p_from timestamptz, p_to timestamptz, p_points integer, p_now timestamptz)
  returns interval
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wanted constant numeric := pg_catalog.date_part('epoch', p_to - p_from) / 60 / p_points;
  -- As fine as rollups of whole runs are at its start.
  v_least  constant integer := case
    when p_from >= pg_catalog.date_trunc('day', p_now, 'UTC') - interval '31 days' then 5
    when p_from >= pg_catalog.date_trunc('day', p_now, 'UTC') - interval '61 days' then 60
    else 1440
  end;
begin
  return pg_catalog.make_interval(mins => coalesce(
    -- Those that a day is made of, so that hours start on the hour and days at midnight.
    (
      select min(m.minutes)
      from pg_catalog.unnest(array[5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440]) as m (minutes)
      where m.minutes >= greatest(v_wanted, v_least)
    ),
    1440 * pg_catalog.ceil(v_wanted / 1440)::integer
  ));
end;
$$;

comment on function tracegram.series_bucket(timestamptz, timestamptz, integer, timestamptz) is
  'The shortest stretch that a window is shown in by so many points at most.';
revoke all on function tracegram.series_bucket(timestamptz, timestamptz, integer, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.trace_series(
  p_from timestamptz, p_to timestamptz, p_points integer, p_waiting tracegram.rollups[], p_now timestamptz
)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  c_origin constant timestamptz := timestamptz '2000-01-01 00:00+00';
  v_bucket constant interval := tracegram.series_bucket(p_from, p_to, p_points, p_now);
  v_level  constant text := case when v_bucket < interval '1 hour' then '5m' when v_bucket < interval '1 day' then '1h' else '1d' end;
  v_to     constant timestamptz := pg_catalog.date_bin(v_bucket, p_to - interval '1 microsecond', c_origin) + v_bucket;
  v_points constant integer :=
    pg_catalog.ceil(pg_catalog.date_part('epoch', p_to - p_from) / pg_catalog.date_part('epoch', v_bucket));
  v_from   constant timestamptz := v_to - v_points * v_bucket;
begin
  return pg_catalog.jsonb_build_object(
    'from', tracegram.iso(v_from),
    'to', tracegram.iso(v_to),
    'bucket_s', pg_catalog.date_part('epoch', v_bucket),
    'points', (
      with runs as (
        select r.bucket, r.count, r.errors, r.durations, r.cost_microusd
        from tracegram.rollups as r
        where r.level = v_level and r.bucket >= v_from and r.bucket < v_to and r.step = '' and r.pipeline <> ''
        union all
        select w.bucket, w.count, w.errors, w.durations, w.cost_microusd
        from pg_catalog.unnest(p_waiting) as w
        where w.bucket >= v_from and w.bucket < v_to
      ),
      points as (
        select
          pg_catalog.date_bin(v_bucket, r.bucket, c_origin) as at, pg_catalog.sum(r.count) as count,
          pg_catalog.sum(r.errors) as errors, tracegram.percentiles(pg_catalog.array_agg(r.durations)) as durations,
          pg_catalog.sum(r.cost_microusd) as cost_microusd
        from runs as r
        group by 1
      )
      select pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'at', tracegram.iso(b.at),
          'count', coalesce(p.count, 0),
          'errors', coalesce(p.errors, 0),
          'p50_ms', p.durations -> 'p50_ms',
          'p95_ms', p.durations -> 'p95_ms',
          'cost_microusd', p.cost_microusd
        ) order by b.at
      )
      from pg_catalog.generate_series(v_from, v_to - v_bucket, v_bucket) as b (at)
      left join points as p on p.at = b.at
    )
  );
end;
$$;

comment on function tracegram.trace_series(timestamptz, timestamptz, integer, tracegram.rollups[], timestamptz) is
  'See public.trace_series; p_waiting are the rows of what waits to be folded, p_now is the time of the call.';
revoke all on function tracegram.trace_series(timestamptz, timestamptz, integer, tracegram.rollups[], timestamptz)
from public, anon, authenticated, service_role;

create function public.trace_series(
  p_from   timestamptz default null,
  p_to     timestamptz default null,
  p_points integer     default 24
)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_to     constant timestamptz := coalesce(p_to, pg_catalog.now());
  v_from   constant timestamptz := coalesce(p_from, v_to - interval '24 hours');
  v_points constant integer := least(greatest(coalesce(p_points, 24), 1), 168);
begin
  if v_from >= v_to or v_to - v_from > interval '400 days' then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('a window from %s to %s', v_from, v_to),
      hint    = 'p_from must be before p_to, by 400 days at most.';
  end if;
  return tracegram.trace_series(
    v_from, v_to, v_points,
    -- Widened by the longest that the window can be moved.
    tracegram.waiting_runs(v_from - (v_to - v_from), v_to + (v_to - v_from) + interval '1 day'), pg_catalog.now()
  );
end;
$$;

comment on function public.trace_series(timestamptz, timestamptz, integer) is
$doc$How the bot did over a window, in equal stretches of time, none left out: one call serves one chart.

p_from, p_to  the window; null: the last 24 hours, up to now.
p_points      stretches at most, 1..168; other values are brought into that range.

Returns Series of functions/_shared/db.ts: {from, to, bucket_s, points: [{at, count, errors, p50_ms, p95_ms (each within 5 %),
cost_microusd}]}, oldest first. A stretch is 5, 10, 15, 20 or 30 minutes, 1, 2, 3, 4, 6, 8 or 12 hours, or whole days, at least an
hour where the window starts over 31 days ago and a day over 61 days ago. The last one has p_to in it, so of a window up to now
it is not over yet. Runs count when they have ended, where they started. Unknown is null.

22023  the window is empty or over 400 days  (do not retry)$doc$;
revoke all on function public.trace_series(timestamptz, timestamptz, integer) from public, anon, authenticated;
grant execute on function public.trace_series(timestamptz, timestamptz, integer) to service_role;

-- 58_error_groups.sql — failed runs by kind of error. From rollups alone.

create function tracegram.error_groups(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_before constant timestamptz := p_from - (p_to - p_from);
  -- As fine as rollups are at the start of the window before, so that both windows have the same length.
  v_grain  constant interval := case
    when v_before >= pg_catalog.date_trunc('hour', p_now) - interval '49 hours' then interval '5 minutes'
    when v_before >= pg_catalog.date_trunc('day', p_now) - interval '61 days' then interval '1 hour'
    else interval '1 day'
  end;
  v_from   constant timestamptz := pg_catalog.date_bin(v_grain, p_from, '2000-01-01 00:00+00');
  v_to     constant timestamptz := pg_catalog.date_bin(v_grain, p_to - interval '1 microsecond', '2000-01-01 00:00+00') + v_grain;
begin
  return (
    with now as materialized (
      select
        r.pipeline, r.step, r.kind, pg_catalog.sum(r.count) as count,
        (pg_catalog.array_agg(r.example order by r.example desc))[1] as example, min(r.bucket) as first_at
      from tracegram.error_rows(v_from, v_to, p_now) as r
      group by r.pipeline, r.step, r.kind
    ),
    earlier as materialized (
      select b.pipeline, b.step, b.kind, pg_catalog.sum(b.count) as count
      from tracegram.error_rows(v_from - (v_to - v_from), v_from, p_now) as b
      group by b.pipeline, b.step, b.kind
    )
    select pg_catalog.jsonb_build_object(
      'from', tracegram.iso(v_from),
      'to', tracegram.iso(v_to),
      'errors', (select coalesce(pg_catalog.sum(n.count), 0) from now as n),
      'errors_before', (select coalesce(pg_catalog.sum(e.count), 0) from earlier as e),
      'count', (
        select coalesce(pg_catalog.sum(r.count), 0)
        from tracegram.rollup_rows(v_from, v_to, true, p_now) as r
        where r.pipeline <> ''
      ),
      'kinds', (select count(*) from now),
      'groups', (
        select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'pipeline', g.pipeline, 'step', g.step, 'kind', g.kind, 'count', g.count, 'before', coalesce(e.count, 0),
          'example', g.example, 'first_at', tracegram.iso(g.first_at)
        ) order by g.count desc, g.kind, g.pipeline, g.step), '[]')
        from (select * from now as n order by n.count desc, n.kind, n.pipeline, n.step limit 10) as g
        left join earlier as e on e.pipeline = g.pipeline and e.step = g.step and e.kind = g.kind
      )
    )
  );
end;
$$;

comment on function tracegram.error_groups(timestamptz, timestamptz, timestamptz) is 'See public.error_groups; p_now is the time of the call.';
revoke all on function tracegram.error_groups(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function public.error_groups(p_from timestamptz default null, p_to timestamptz default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_to   constant timestamptz := coalesce(p_to, pg_catalog.now());
  v_from constant timestamptz := coalesce(p_from, v_to - interval '24 hours');
begin
  if v_from >= v_to or v_to - v_from > interval '200 days' then
    raise exception sqlstate '22023' using
      message = pg_catalog.format('a window from %s to %s', v_from, v_to),
      hint    = 'p_from must be before p_to, by 200 days at most.';
  end if;
  return tracegram.error_groups(v_from, v_to, pg_catalog.now());
end;
$$;

comment on function public.error_groups(timestamptz, timestamptz) is
$doc$Failed runs of a window by kind of error, against the window of the same length before it: one call serves one screen.

p_from, p_to  the window; null: the last 24 hours, up to now. Widened as trace_stats widens it.

Returns ErrorGroups of functions/_shared/db.ts: {from, to, errors, errors_before, count, kinds, groups: [{pipeline, step, kind, count,
before, example, first_at}]}. groups are the ten most frequent of kinds; kind is the error with # for numbers and ids, example the
newest trace of it, first_at the start of the five minutes (of longer windows the hour or day) in which the window's first was.

22023  the window is empty or over 200 days  (do not retry)$doc$;
revoke all on function public.error_groups(timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.error_groups(timestamptz, timestamptz) to service_role;

-- 58_overview.sql — how things stand, at a glance. From rollups and small tables; sizes from the catalogue. Opens no trace.

create function tracegram.stored_runs(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, true, p_now) as g);
begin
  return query
    select r.*
    from pg_catalog.unnest(v_ranges) as g
    cross join lateral (
      select * from tracegram.rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = '' and l.pipeline <> ''
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r;
end;
$$;

comment on function tracegram.stored_runs(timestamptz, timestamptz, timestamptz) is
  'The fewest rows of whole runs that hold a window, without those that wait to be folded.';
revoke all on function tracegram.stored_runs(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.days_by_catalogue(p_from date, p_today date)
  returns tracegram.day_size[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
begin
  return array(
    with tables as (
      select c.oid, c.relname, c.relpages, c.reltoastrelid, i.inhparent
      from pg_catalog.pg_inherits as i
      join pg_catalog.pg_class as c on c.oid = i.inhrelid
      where i.inhparent in ('tracegram.pipeline_traces'::regclass, 'tracegram.trace_io'::regclass)
    ),
    files as (
      select t.oid, t.relpages from tables as t
      union all
      select t.oid, c.relpages from tables as t join pg_catalog.pg_class as c on c.oid = t.reltoastrelid
      union all
      select t.oid, c.relpages
      from tables as t
      join pg_catalog.pg_index as x on x.indrelid = t.oid
      join pg_catalog.pg_class as c on c.oid = x.indexrelid
    ),
    sizes as (select f.oid, pg_catalog.sum(f.relpages) as pages from files as f group by f.oid),
    days as (
      select
        pg_catalog.to_date(pg_catalog.right(t.relname, 8), 'YYYYMMDD') as day,
        8192 * coalesce(pg_catalog.sum(s.pages) filter (where t.inhparent = 'tracegram.pipeline_traces'::regclass), 0) as trace_bytes,
        8192 * coalesce(pg_catalog.sum(s.pages) filter (where t.inhparent = 'tracegram.trace_io'::regclass), 0) as io_bytes
      from tables as t
      join sizes as s on s.oid = t.oid
      where t.relname ~ '_p\d{8}$'
      group by 1
    )
    select (d.day, d.trace_bytes, d.io_bytes, coalesce(r.traces, 0))::tracegram.day_size
    from days as d
    left join (
      select l.bucket::date as day, pg_catalog.sum(l.count) as traces
      from tracegram.rollups as l
      where l.level = '1d' and l.bucket >= p_from::timestamptz and l.step = '' and l.pipeline <> ''
      group by 1
    ) as r on r.day = d.day
    where d.day <= p_today
  );
end;
$$;

comment on function tracegram.days_by_catalogue(date, date) is
  'Sizes of the days as they were when vacuum last looked, which costs nothing to ask. Good enough for a forecast.';
revoke all on function tracegram.days_by_catalogue(date, date) from public, anon, authenticated, service_role;

create function tracegram.overview(p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = force_generic_plan
as $$
declare
  -- The five minutes that it is now are in it.
  v_to      constant timestamptz := pg_catalog.date_bin('5 minutes', p_now, '2000-01-01 00:00+00') + interval '5 minutes';
  v_from    constant timestamptz := v_to - interval '24 hours';
  v_before  constant timestamptz := v_from - interval '24 hours';
  v_today   constant timestamptz := pg_catalog.date_trunc('day', p_now);
  v_month   constant timestamptz := pg_catalog.date_trunc('month', p_now);
  v_waiting constant tracegram.rollups[] := tracegram.waiting_runs(least(v_month, v_before), v_to + interval '1 hour');
  v_settings constant tracegram.settings := tracegram.settings();
  v_size    constant bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_runs    jsonb;
begin
  select pg_catalog.jsonb_object_agg(w.name, tracegram.run_stats(w.starts, w.ends, array(
    select (
      r.pipeline, r.step, r.count, r.errors, r.duration_ms, r.durations, r.input_tokens, r.cached_tokens, r.output_tokens,
      r.reasoning_tokens, r.cost_microusd, r.unpriced
    )::tracegram.span_stats
    from (
      select * from tracegram.stored_runs(w.starts, w.ends, p_now)
      union all
      select * from pg_catalog.unnest(v_waiting) as n where n.bucket >= w.starts and n.bucket < w.ends
    ) as r
  ), p_now)) into v_runs
  from (values ('window', v_from, v_to), ('before', v_before, v_from)) as w (name, starts, ends);

  v_runs := v_runs || (
    select pg_catalog.jsonb_object_agg(s.name, pg_catalog.jsonb_build_object(
      'from', tracegram.iso(s.starts), 'count', s.count, 'cost_microusd', s.cost_microusd, 'unpriced_calls', s.unpriced
    ))
    from (
      select
        w.name, w.starts, coalesce(pg_catalog.sum(r.count), 0) as count, pg_catalog.sum(r.cost_microusd) as cost_microusd,
        coalesce(pg_catalog.sum(r.unpriced), 0) as unpriced
      from (values ('today', v_today), ('month', v_month)) as w (name, starts)
      left join (
        select l.bucket, l.count, l.cost_microusd, l.unpriced
        from tracegram.rollups as l
        -- Days are whole: today's has what there is of it.
        where l.level = '1d' and l.bucket >= v_month and l.bucket < v_to and l.step = '' and l.pipeline <> ''
        union all
        select n.bucket, n.count, n.cost_microusd, n.unpriced from pg_catalog.unnest(v_waiting) as n
      ) as r on r.bucket >= w.starts
      group by w.name, w.starts
    ) as s
  );

  return v_runs || pg_catalog.jsonb_build_object(
    'series', tracegram.trace_series(p_now - interval '24 hours', p_now, 24, v_waiting, p_now),
    'storage', pg_catalog.jsonb_build_object(
      'database_bytes', v_size,
      'quota_bytes', v_settings.quota_bytes,
      'quota_share', pg_catalog.round(v_size::numeric / v_settings.quota_bytes, 4),
      'days_until_full', tracegram.days_until_full(
        v_size, tracegram.days_by_catalogue(v_today::date - v_settings.trace_days, v_today::date), v_settings, v_today::date
      )
    ),
    'alerts', pg_catalog.jsonb_build_object(
      'open', (select count(*) from tracegram.alerts as a where a.resolved_at is null),
      'newest', (
        select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
          'alert_id', n.alert_id, 'rule', n.rule, 'summary', r.summary, 'unit', r.unit, 'threshold', n.threshold,
          'value', coalesce(n.last_value, n.value), 'opened_at', tracegram.iso(n.opened_at)
        ) order by n.alert_id desc), '[]')
        from (select * from tracegram.alerts as a where a.resolved_at is null order by a.alert_id desc limit 3) as n
        join tracegram.alert_rules as r on r.rule = n.rule
      )
    ),
    'dropped', (select coalesce(pg_catalog.sum(d.records), 0) from tracegram.dropped as d where d.grew_at >= p_now - interval '24 hours'),
    'keys', (select count(*) from tracegram.ingest_keys as k where k.revoked_at is null),
    'last_batch_at', tracegram.iso(greatest(
      (select max(u.minute) from tracegram.ingest_usage as u), (select max(k.purged_minute) from tracegram.ingest_keys as k)
    ))
  ) || (
    select pg_catalog.jsonb_build_object(
      'running', count(*) filter (where t.status = 'running'), 'lost', count(*) filter (where t.status = 'lost')
    )
    from tracegram.unended as t
    where t.started_at >= v_from
  );
end;
$$;

comment on function tracegram.overview(timestamptz) is 'See public.overview; p_now is the time of the call.';
revoke all on function tracegram.overview(timestamptz) from public, anon, authenticated, service_role;

create function public.overview()
  returns jsonb
  language sql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.overview(pg_catalog.now());
$$;

comment on function public.overview() is
$doc$How things stand, at a glance: one call serves one screen.

Returns Overview of functions/_shared/db.ts:
window, before   the last 24 hours (up to the end of these five minutes) and those before, as trace_stats has them
today, month     {from, count, cost_microusd, unpriced_calls} since midnight and since the first of the month, UTC
series           the last 24 hours of the clock, as trace_series has them
running, lost    announced in the last 24 hours and not ended; lost: no longer expected to
storage          {database_bytes, quota_bytes, quota_share, days_until_full} as trace_storage has them, but that
                 the forecast is made from sizes that vacuum has noted
alerts           {open, newest: [{alert_id, rule, summary, unit, threshold, value, opened_at}]}: how many, and the newest three
dropped          what those senders have dropped since they started that reported more of it in the last 24 hours
keys             ingest keys that are valid
last_batch_at    the minute in which the last batch came; null: none ever$doc$;
revoke all on function public.overview() from public, anon, authenticated;
grant execute on function public.overview() to service_role;

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

-- 59_list_view.sql — a list as a screen shows it: its filter is kept under a short id, for a button has room for no more.
--
-- Written by  public.list_view
-- Read by     public.list_view
-- Dropped by  tracegram.purge_filters (90_jobs.sql calls it), 90 days after its last use

create table tracegram.list_filters (
  filter_id text primary key check (filter_id ~ '^[A-Za-z0-9_-]{8}$'),
  filter    jsonb not null,
  used_at   timestamptz(0) not null
);
alter table tracegram.list_filters enable row level security;

comment on table tracegram.list_filters is 'Filters of lists that buttons lead to. Kept 90 days after their last use.';
comment on column tracegram.list_filters.filter_id is
  'Of equal filters the same: the first six bytes of the SHA-256 of the filter''s text, as base64url.';
comment on column tracegram.list_filters.filter is 'ListFilter of functions/_shared/db.ts, without what is no condition.';
comment on column tracegram.list_filters.used_at is 'When it was last used, to the day: reading a list seldom writes.';

create function tracegram.check_filter(p_filter jsonb, p_nulls boolean)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if pg_catalog.jsonb_typeof(p_filter) is distinct from 'object' then
    raise exception sqlstate 'TG055' using
      message = 'the filter is not an object', hint = 'Such as {"status": "error", "hours": 24}.';
  end if;
  select pg_catalog.format('%s: %s', pg_catalog.left(f.key, 40), pg_catalog.left(f.value::text, 80)) into v_wrong
  from (select e.key, e.value, pg_catalog.jsonb_typeof(e.value) as kind, e.value #>> '{}' as word from pg_catalog.jsonb_each(p_filter) as e) as f
  where not (f.kind = 'null' and p_nulls) and not coalesce(case f.key
    when 'order' then f.kind = 'string' and f.word in ('newest', 'slowest', 'dearest')
    when 'status' then f.kind = 'string' and f.word in ('ok', 'error', 'running', 'lost')
    when 'pipeline' then f.kind = 'string' and pg_catalog.length(f.word) between 1 and 200
    when 'release' then f.kind = 'string' and pg_catalog.length(f.word) between 1 and 200
    when 'error' then f.kind = 'string' and pg_catalog.length(f.word) between 1 and 200
    else case f.kind when 'number' then f.word::numeric = pg_catalog.trunc(f.word::numeric) and case f.key
      when 'user_id' then f.word::numeric between -9007199254740991 and 9007199254740991
      when 'chat_id' then f.word::numeric between -9007199254740991 and 9007199254740991
      when 'min_duration_ms' then f.word::numeric between 1 and 2147483647
      when 'hours' then f.word::numeric between 1 and 9600
    end end
  end, false)
  limit 1;
  if v_wrong is not null then
    raise exception sqlstate 'TG055' using
      message = 'a filter cannot have ' || v_wrong,
      hint    = 'It may have order (newest, slowest, dearest), status (ok, error, running, lost), pipeline, release, error (1 to '
        || '200 characters), user_id, chat_id, min_duration_ms and hours (1 to 9600), the last four whole numbers.';
  end if;
end;
$$;

comment on function tracegram.check_filter(jsonb, boolean) is
$doc$Refuses what is no filter.

p_nulls  whether null may take the place of a value.

TG055  it is none$doc$;
revoke all on function tracegram.check_filter(jsonb, boolean) from public, anon, authenticated, service_role;

create function tracegram.keep_filter(p_filter jsonb, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The text of jsonb is the same for equal values.
  v_id constant text := pg_catalog.translate(pg_catalog.encode(
    pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(p_filter::text, 'UTF8')), 1, 6), 'base64'
  ), '+/', '-_');
begin
  if p_filter = '{}' then
    return null;
  end if;
  -- A conflict would lock the row, and write that, each time that a list is read.
  if not exists (
    select from tracegram.list_filters as f where f.filter_id = v_id and f.used_at >= p_now - interval '1 day'
  ) then
    insert into tracegram.list_filters (filter_id, filter, used_at)
    values (v_id, p_filter, p_now)
    on conflict (filter_id) do update set used_at = excluded.used_at;
  end if;
  return v_id;
end;
$$;

comment on function tracegram.keep_filter(jsonb, timestamptz) is
  'Notes that a filter is used. Returns its id; null of the filter that lets everything through.';
revoke all on function tracegram.keep_filter(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_filters(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.list_filters where used_at < p_now - interval '90 days';
$$;

comment on function tracegram.purge_filters(timestamptz) is 'Deletes filters that have not been used for 90 days.';
revoke all on function tracegram.purge_filters(timestamptz) from public, anon, authenticated, service_role;

create function public.list_view(
  p_filter    jsonb   default null,
  p_filter_id text    default null,
  p_change    jsonb   default null,
  p_cursor    uuid    default null,
  p_direction text    default 'older',
  p_limit     integer default 10
)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_now    constant timestamptz := pg_catalog.now();
  v_filter jsonb := p_filter;
  v_id     text;
  v_page   jsonb;
begin
  if p_filter is not null then
    perform tracegram.check_filter(p_filter, true);
  elsif p_filter_id is not null then
    select f.filter into v_filter from tracegram.list_filters as f where f.filter_id = p_filter_id;
  end if;
  if p_change is not null then
    perform tracegram.check_filter(p_change, true);
    v_filter := case when p_change = '{}' then '{}' else coalesce(v_filter, '{}') || p_change end;
  end if;
  -- What is no condition is not kept, so that equal lists have one filter.
  v_filter := pg_catalog.jsonb_strip_nulls(coalesce(v_filter, '{}'));
  if v_filter ->> 'order' = 'newest' then
    v_filter := v_filter - 'order';
  end if;
  v_id := tracegram.keep_filter(v_filter, v_now);

  v_page := public.list_traces(
    p_cursor => p_cursor,
    p_direction => p_direction,
    p_limit => p_limit,
    -- From the start of a bucket, which the rollups count without a look at the traces.
    p_from => pg_catalog.date_bin(
      '5 minutes', v_now - pg_catalog.make_interval(hours => (v_filter ->> 'hours')::integer), '2000-01-01 00:00+00'
    ),
    p_order => coalesce(v_filter ->> 'order', 'newest'),
    p_status => v_filter ->> 'status',
    p_pipeline => v_filter ->> 'pipeline',
    p_user_id => (v_filter ->> 'user_id')::bigint,
    p_chat_id => (v_filter ->> 'chat_id')::bigint,
    p_min_duration_ms => (v_filter ->> 'min_duration_ms')::integer,
    p_release => v_filter ->> 'release',
    p_error => v_filter ->> 'error'
  );
  return v_page || pg_catalog.jsonb_build_object(
    'filter_id', v_id,
    'filter', v_filter,
    'filter_lost', p_filter is null and p_filter_id is not null
      and not exists (select from tracegram.list_filters as f where f.filter_id = p_filter_id)
  );
end;
$$;

comment on function public.list_view(jsonb, text, jsonb, uuid, text, integer) is
$doc$A page of a list under a filter that is kept, so that its id is all that a button must hold: one call serves one screen.

p_filter     ListFilter of functions/_shared/db.ts: {order, status, pipeline, user_id, chat_id, min_duration_ms, release, error,
             hours}; what is left out or null is no condition. hours: the last so many, from whole five minutes.
p_filter_id  without p_filter: the id of one that was used before.
p_change     laid over the filter: its members take the place of the filter's, and null takes one away. {}: takes all away.
p_cursor, p_direction, p_limit   as list_traces has them.

Returns ListView of functions/_shared/db.ts: the page as list_traces returns it, with filter_id (null of the list of all traces),
filter, and filter_lost: p_filter_id is not known, or has not been used for 90 days, and the filter is that of no condition.

TG055  p_filter or p_change is none  (do not retry)
22023  p_direction is none           (do not retry)$doc$;
revoke all on function public.list_view(jsonb, text, jsonb, uuid, text, integer) from public, anon, authenticated;
grant execute on function public.list_view(jsonb, text, jsonb, uuid, text, integer) to service_role;

-- 60_updates.sql — each Telegram update of an admin is handled once, and the edits of one chat come one after the other.
--
-- Written by  public.claim_update, public.take_lane, public.release_lane, public.finish_update (the telegram function)
-- Dropped by  tracegram.purge (90_jobs.sql)
--
-- A claim is a lease: when an isolate dies in the middle of an update, the redelivery is handled after the lease has run out.
-- A chat has one lane, and whoever holds it may edit; it ends with the claim of the update that holds it, however that ends.

create table tracegram.seen_updates (
  update_id  bigint primary key,
  claimed_at timestamptz(3) not null,
  handled_at timestamptz(3),
  chat_id    bigint not null,
  message_id bigint,
  lane_at    timestamptz(3),
  file_at    timestamptz(3)
);
create index seen_updates_chat on tracegram.seen_updates (chat_id, claimed_at);
comment on index tracegram.seen_updates_chat is 'The updates of a chat whose lease may not have run out: tracegram.lane_of.';
alter table tracegram.seen_updates enable row level security;

comment on table tracegram.seen_updates is 'Telegram updates of admins that were claimed or handled, kept 2 days.';
comment on column tracegram.seen_updates.update_id is 'Telegram''s id of the update.';
comment on column tracegram.seen_updates.claimed_at is 'Start of the last lease.';
comment on column tracegram.seen_updates.handled_at is 'Null until the update was handled.';
comment on column tracegram.seen_updates.chat_id is 'Chat that it is answered in.';
comment on column tracegram.seen_updates.message_id is 'Message whose button was pressed. Null: it is answered with a new message.';
comment on column tracegram.seen_updates.lane_at is 'When it took the lane of its chat. Null: it has not, or has given it back.';
comment on column tracegram.seen_updates.file_at is 'When it gave the lane back, to send a file. Null: it did not.';

create function tracegram.lane_of(p_update_id bigint, p_settled boolean, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_lease constant timestamptz := p_now - interval '60 seconds';
  v_mine  tracegram.seen_updates;
begin
  select * into v_mine from tracegram.seen_updates where update_id = p_update_id;
  if v_mine.handled_at is not null or v_mine.update_id is null then
    return 'superseded';
  end if;
  -- By Telegram's order, not by that of arrival: two isolates must not each wait for the other's page.
  if exists (
    select from tracegram.seen_updates as u
    where u.update_id > p_update_id and u.chat_id = v_mine.chat_id and u.message_id = v_mine.message_id
  ) then
    return 'superseded';
  end if;
  if exists (
    select from tracegram.seen_updates as u
    where u.chat_id = v_mine.chat_id and u.claimed_at > c_lease and u.update_id <> p_update_id
      and u.handled_at is null and u.lane_at is not null
  ) then
    return 'wait';
  end if;
  -- A finger that presses again and again is likely to press once more: it gets its first page at once, and its last.
  -- And Telegram may have held the next press back until the first one was answered.
  if not p_settled and exists (
    select from tracegram.seen_updates as u
    where u.chat_id = v_mine.chat_id and u.claimed_at > c_lease and u.update_id <> p_update_id
      and u.message_id = v_mine.message_id
      and greatest(u.claimed_at, u.handled_at) > p_now - interval '0.5 seconds'
  ) then
    return 'wait';
  end if;
  update tracegram.seen_updates set lane_at = p_now where update_id = p_update_id;
  return 'yours';
end;
$$;

comment on function tracegram.lane_of(bigint, boolean, timestamptz) is
$doc$Takes the lane of its chat for a claimed update, if it may: see public.take_lane. Only with the chat's lock
(tracegram.lock_chat) held.

p_settled  it has waited a moment already for a newer press of the same message$doc$;
revoke all on function tracegram.lane_of(bigint, boolean, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.lock_chat(p_chat_id bigint)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.lane'), pg_catalog.hashint8(p_chat_id));
$$;

comment on function tracegram.lock_chat(bigint) is 'Until the end of the transaction nobody else decides about the lane of this chat.';
revoke all on function tracegram.lock_chat(bigint) from public, anon, authenticated, service_role;

create function tracegram.claim_update(
  p_update_id bigint, p_user_id bigint, p_chat_id bigint, p_chat_type text, p_message_id bigint, p_bootstrap boolean,
  p_allows boolean, p_refusals jsonb, p_now timestamptz
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_role constant text := tracegram.admit(p_user_id, p_bootstrap, p_now);
begin
  perform tracegram.count_refusals(p_refusals, p_now);
  if v_role is null then
    perform tracegram.count_refusals('{"stranger": 1}', p_now);
    return '{"claim": "refused"}'::jsonb;
  end if;
  if p_chat_type is distinct from 'private' and not (p_allows and v_role = 'owner')
    and not exists (select from tracegram.admin_chats as c where c.chat_id = p_chat_id)
  then
    perform tracegram.count_refusals('{"group": 1}', p_now);
    return '{"claim": "refused"}'::jsonb;
  end if;

  if p_message_id is not null then
    perform tracegram.lock_chat(p_chat_id);
  end if;
  insert into tracegram.seen_updates as u (update_id, claimed_at, chat_id, message_id)
  values (p_update_id, p_now, p_chat_id, p_message_id)
  on conflict (update_id) do update set claimed_at = excluded.claimed_at, lane_at = null
    where u.handled_at is null and u.claimed_at <= p_now - interval '60 seconds';
  if not found then
    return pg_catalog.jsonb_build_object('claim', case
      when exists (select from tracegram.seen_updates as u where u.update_id = p_update_id and u.handled_at is not null) then 'done'
      else 'busy'
    end);
  end if;
  return pg_catalog.jsonb_build_object(
    'claim', 'claimed', 'role', v_role,
    -- A new message runs over nothing.
    'lane', case when p_message_id is null then 'yours' else tracegram.lane_of(p_update_id, false, p_now) end,
    'rich', tracegram.takes_rich(p_chat_id, p_now)
  );
end;
$$;

comment on function tracegram.claim_update(bigint, bigint, bigint, text, bigint, boolean, boolean, jsonb, timestamptz) is
  'See public.claim_update; p_now is the time of the claim.';
revoke all on function tracegram.claim_update(bigint, bigint, bigint, text, bigint, boolean, boolean, jsonb, timestamptz)
  from public, anon, authenticated, service_role;

create function public.claim_update(
  p_update_id bigint, p_user_id bigint, p_chat_id bigint, p_chat_type text, p_message_id bigint default null,
  p_bootstrap boolean default false, p_allows boolean default false, p_refusals jsonb default '{}'
)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
  set statement_timeout = '2.5s' -- who asks waits 3 s (functions/_shared/db.ts): what it was not told of is not claimed
as $$
  select tracegram.claim_update(
    p_update_id, p_user_id, p_chat_id, p_chat_type, p_message_id, p_bootstrap, p_allows, p_refusals, pg_catalog.now()
  );
$$;

comment on function public.claim_update(bigint, bigint, bigint, text, bigint, boolean, boolean, jsonb) is
$doc$Claims a Telegram update for handling, for 60 seconds, if its sender may be answered in its chat, and takes the lane of the
chat if that is free.

p_user_id     the sender
p_chat_type   as Telegram has it: private, group, supergroup …
p_message_id  the message whose button was pressed, which will be edited; null for an update that is answered with a new one
p_bootstrap   the secret TELEGRAM_ADMIN_IDS names the sender, who is an owner by that
p_allows      the update asks to allow this group: an owner may ask that in any
p_refusals    what was refused meanwhile, as count_refusals takes it

Returns {claim, role, lane, rich}. claim: claimed (handle it, then call finish_update), done (it was handled before), busy (another
isolate has it: answer 503, and Telegram delivers it again), or refused (a stranger, or a group that is not allowed; it is counted, and
not answered). The rest comes with claimed: the role of the sender (viewer, operator, owner); yours, wait or superseded, as take_lane has
it; and whether the chat may be sent rich messages.$doc$;
revoke all on function public.claim_update(bigint, bigint, bigint, text, bigint, boolean, boolean, jsonb) from public, anon, authenticated;
grant execute on function public.claim_update(bigint, bigint, bigint, text, bigint, boolean, boolean, jsonb) to service_role;

create function public.take_lane(p_update_id bigint)
  returns text
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tracegram.lock_chat((select u.chat_id from tracegram.seen_updates as u where u.update_id = p_update_id));
  return tracegram.lane_of(p_update_id, true, pg_catalog.now());
end;
$$;

comment on function public.take_lane(bigint) is
$doc$Takes the lane of its chat for an update that claim_update has told to wait.

Returns yours (edit, then call finish_update, which gives the lane back), wait (somebody edits in this chat: ask again soon), or
superseded (a newer press of the same message was claimed, and will be shown instead).$doc$;
revoke all on function public.take_lane(bigint) from public, anon, authenticated;
grant execute on function public.take_lane(bigint) to service_role;

create function public.release_lane(p_update_id bigint)
  returns text
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_mine tracegram.seen_updates;
begin
  perform tracegram.lock_chat((select u.chat_id from tracegram.seen_updates as u where u.update_id = p_update_id));
  update tracegram.seen_updates set lane_at = null where update_id = p_update_id and handled_at is null
  returning * into v_mine;
  if v_mine.update_id is null or exists (
    select from tracegram.seen_updates as u
    where u.update_id > p_update_id and u.chat_id = v_mine.chat_id and u.message_id = v_mine.message_id
  ) then
    return 'superseded';
  end if;
  if exists (
    select from tracegram.seen_updates as u
    where u.chat_id = v_mine.chat_id and u.message_id = v_mine.message_id
      and u.claimed_at > pg_catalog.now() - interval '60 seconds' and u.file_at > pg_catalog.now() - interval '1 second'
  ) then
    return 'wait';
  end if;
  update tracegram.seen_updates set file_at = pg_catalog.now() where update_id = p_update_id;
  return 'yours';
end;
$$;

comment on function public.release_lane(bigint) is
$doc$Gives the lane of its chat back before the update has ended, to send a file, which edits nothing and takes its time.

Returns yours (send it), wait (another file was asked for under the same message within the last second: ask again soon), or superseded
(a newer press of the same message was claimed: send nothing).$doc$;
revoke all on function public.release_lane(bigint) from public, anon, authenticated;
grant execute on function public.release_lane(bigint) to service_role;

create function public.finish_update(
  p_update_id bigint, p_handled boolean, p_responses jsonb default '[]', p_rich_refused boolean default false
)
  returns void
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_rich_refused then
    insert into tracegram.admin_chat_state as s (chat_id, rich_refused_at)
    select u.chat_id, pg_catalog.now() from tracegram.seen_updates as u where u.update_id = p_update_id
    on conflict (chat_id) do update set rich_refused_at = excluded.rich_refused_at;
  end if;
  if p_handled then
    update tracegram.seen_updates set handled_at = pg_catalog.now() where update_id = p_update_id;
  else
    delete from tracegram.seen_updates where update_id = p_update_id and handled_at is null;
  end if;
  perform tracegram.record_responses(p_responses, pg_catalog.now());
end;
$$;

comment on function public.finish_update(bigint, boolean, jsonb, boolean) is
$doc$Ends a claim, gives the lane of the chat back, and records what was answered meanwhile.

p_handled       true: the update was handled and never will be again. false: it was not, and its redelivery may be claimed at once.
p_responses     an array of {screen, characters, query_ms, retry_after}: the screen's name, the visible length of the message in
                UTF-16 units, how long its query took in milliseconds (null without one), and the longest wait in seconds that
                Telegram asked for with a 429 (left out without one). What makes no sense is left out.
p_rich_refused  Telegram did not know what a rich message is: the chat is sent none for 30 days.$doc$;
revoke all on function public.finish_update(bigint, boolean, jsonb, boolean) from public, anon, authenticated;
grant execute on function public.finish_update(bigint, boolean, jsonb, boolean) to service_role;

-- 61_responses.sql — what the admin bot answered: how long each message was, how long its query took, what Telegram held up.
--
-- Written by  public.finish_update (60_updates.sql), so that it costs the bot no call of its own
-- Read by     the alerts
-- Dropped by  tracegram.purge_responses (90_jobs.sql)

create table tracegram.admin_responses (
  response_id bigint generated always as identity primary key,
  at          timestamptz(3) not null,
  screen      text not null,
  characters  integer not null,
  query_ms    integer,
  retry_after integer
);
create index admin_responses_at on tracegram.admin_responses (at);
comment on index tracegram.admin_responses_at is 'The responses of a window, for alerts, and the purge.';
alter table tracegram.admin_responses enable row level security;

comment on table tracegram.admin_responses is 'Responses of the admin bot, append only. Kept 30 days.';
comment on column tracegram.admin_responses.response_id is 'In order of their end, about.';
comment on column tracegram.admin_responses.at is 'When the update that it answers was ended.';
comment on column tracegram.admin_responses.screen is
  'Name of the screen, such as traces, with .rich when it was a rich message. answer: none was shown, but ending the spinner of a button met a 429.';
comment on column tracegram.admin_responses.characters is 'Visible length of the message in UTF-16 units, Telegram''s measure.';
comment on column tracegram.admin_responses.query_ms is 'Milliseconds that its RPC took, network included. Null: it needed none.';
comment on column tracegram.admin_responses.retry_after is 'Longest wait in seconds that Telegram asked for with a 429. Null: it did not.';

create function tracegram.whole_number(p_value jsonb)
  returns integer
  language sql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
  select case
    when pg_catalog.jsonb_typeof(p_value) <> 'number' then null
    when p_value::numeric between 0 and 2147483647 then pg_catalog.floor(p_value::numeric)::integer
  end;
$$;

comment on function tracegram.whole_number(jsonb) is 'A number of 0 or more as an integer, cut. Null for any other JSON.';
revoke all on function tracegram.whole_number(jsonb) from public, anon, authenticated, service_role;

create function tracegram.record_responses(p_responses jsonb, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  insert into tracegram.admin_responses (at, screen, characters, query_ms, retry_after)
  select
    p_now, pg_catalog.left(r ->> 'screen', 64), tracegram.whole_number(r -> 'characters'),
    tracegram.whole_number(r -> 'query_ms'), tracegram.whole_number(r -> 'retry_after')
  from pg_catalog.jsonb_path_query(p_responses, '$[*]') as r
  where pg_catalog.jsonb_typeof(r -> 'screen') = 'string' and tracegram.whole_number(r -> 'characters') is not null;
$$;

comment on function tracegram.record_responses(jsonb, timestamptz) is
  'Records those of the responses that make sense. Never fails because of the rest: what is recorded matters less than the claim that ends with it.';
revoke all on function tracegram.record_responses(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_responses(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.admin_responses where at < p_now - interval '30 days';
$$;

comment on function tracegram.purge_responses(timestamptz) is 'Deletes responses of over 30 days ago.';
revoke all on function tracegram.purge_responses(timestamptz) from public, anon, authenticated, service_role;

-- 62_admins.sql — who the admin bot answers, in which chats, and whom it does not.
--
-- Written by  public.claim_update (60_updates.sql), public.set_admin, public.allow_chat, public.count_refusals
-- Read by     public.claim_update, tracegram.require_role (63_audit.sql), public.list_admins, public.claim_alert_messages (88_alert_messages.sql)
-- Dropped by  tracegram.purge_admins (90_jobs.sql): counts of refusals; the rest stays

create table tracegram.admins (
  user_id     bigint primary key,
  role        text check (role in ('viewer', 'operator', 'owner')),
  from_secret boolean not null default false,
  added_by    bigint,
  added_at    timestamptz(3) not null default now(),
  check (role is not null or from_secret)
);
alter table tracegram.admins enable row level security;

comment on table tracegram.admins is 'Who may use the admin bot. Each role may do what those before it may: viewer, operator, owner.';
comment on column tracegram.admins.user_id is 'Telegram''s id of the user.';
comment on column tracegram.admins.role is 'Role that an owner gave. Null: none did.';
comment on column tracegram.admins.from_secret is 'TELEGRAM_ADMIN_IDS named the user when they were last heard: an owner, whatever the role.';
comment on column tracegram.admins.added_by is 'Owner who gave the role. Null: nobody did.';
comment on column tracegram.admins.added_at is 'When the user was first an admin, or was last given a role.';

create table tracegram.admin_chats (
  chat_id  bigint primary key,
  added_by bigint not null,
  added_at timestamptz(3) not null default now()
);
alter table tracegram.admin_chats enable row level security;

comment on table tracegram.admin_chats is 'Groups in which admins are answered. In private chats they always are.';
comment on column tracegram.admin_chats.chat_id is 'Telegram''s id of the group.';
comment on column tracegram.admin_chats.added_by is 'Owner who allowed it.';
comment on column tracegram.admin_chats.added_at is 'When.';

create table tracegram.admin_chat_state (
  chat_id         bigint primary key,
  rich_refused_at timestamptz(3) not null
);
alter table tracegram.admin_chat_state enable row level security;

comment on table tracegram.admin_chat_state is 'What was learned about a chat.';
comment on column tracegram.admin_chat_state.chat_id is 'Telegram''s id of the chat.';
comment on column tracegram.admin_chat_state.rich_refused_at is 'When Telegram last did not know what a rich message is.';

create table tracegram.admin_refusals (
  day    date not null,
  reason text not null check (reason in ('stranger', 'group', 'wrong_secret', 'not_an_update', 'forged_data', 'forbidden')),
  count  bigint not null check (count > 0),
  primary key (day, reason)
);
alter table tracegram.admin_refusals enable row level security;

comment on table tracegram.admin_refusals is 'What the admin bot did not do, counted by day. Kept 400 days.';
comment on column tracegram.admin_refusals.day is 'UTC.';
comment on column tracegram.admin_refusals.reason is
  'stranger: not an admin. group: an admin in a group that is not allowed. wrong_secret, not_an_update: not from Telegram. forged_data: a button that the bot did not make. forbidden: an admin without the role.';
comment on column tracegram.admin_refusals.count is 'How often. A lower bound: an isolate that ends takes with it what it has not handed over.';

create function tracegram.count_refusals(p_counts jsonb, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  insert into tracegram.admin_refusals as r (day, reason, count)
  select (p_now at time zone 'UTC')::date, c.key, tracegram.whole_number(c.value)
  from pg_catalog.jsonb_each(case pg_catalog.jsonb_typeof(p_counts) when 'object' then p_counts else '{}' end) as c
  where c.key in ('stranger', 'group', 'wrong_secret', 'not_an_update', 'forged_data', 'forbidden')
    and tracegram.whole_number(c.value) > 0
  -- One order, so that two isolates do not wait for each other.
  order by c.key
  on conflict (day, reason) do update set count = r.count + excluded.count;
$$;

comment on function tracegram.count_refusals(jsonb, timestamptz) is 'See public.count_refusals; p_now says the day.';
revoke all on function tracegram.count_refusals(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.count_refusals(p_counts jsonb)
  returns void
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.count_refusals(p_counts, pg_catalog.now());
$$;

comment on function public.count_refusals(jsonb) is
$doc$Counts what the admin bot has refused, all that an isolate has gathered in one call.

p_counts  such as {"wrong_secret": 12}: reasons of tracegram.admin_refusals and how often. What makes no sense is left out.$doc$;
revoke all on function public.count_refusals(jsonb) from public, anon, authenticated;
grant execute on function public.count_refusals(jsonb) to service_role;

create function tracegram.role_of(p_user_id bigint)
  returns text
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select case when a.from_secret then 'owner' else a.role end from tracegram.admins as a where a.user_id = p_user_id;
$$;

comment on function tracegram.role_of(bigint) is 'What a user may do: viewer, operator, owner. Null: nothing.';
revoke all on function tracegram.role_of(bigint) from public, anon, authenticated, service_role;

create function tracegram.admit(p_user_id bigint, p_bootstrap boolean, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  if p_bootstrap then
    -- Nearly always there is nothing to write.
    if not exists (select from tracegram.admins as a where a.user_id = p_user_id and a.from_secret) then
      insert into tracegram.admins (user_id, from_secret, added_at) values (p_user_id, true, p_now)
      on conflict (user_id) do update set from_secret = true;
    end if;
  else
    -- Taken out of the secret, a user is what an owner made of them.
    delete from tracegram.admins as a where a.user_id = p_user_id and a.from_secret and a.role is null;
    update tracegram.admins as a set from_secret = false where a.user_id = p_user_id and a.from_secret;
  end if;
  return tracegram.role_of(p_user_id);
end;
$$;

comment on function tracegram.admit(bigint, boolean, timestamptz) is
  'What a user may do who was just heard; p_bootstrap: the secret names them, which is remembered. Null: nothing.';
revoke all on function tracegram.admit(bigint, boolean, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.takes_rich(p_chat_id bigint, p_now timestamptz)
  returns boolean
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select not exists (
    select from tracegram.admin_chat_state as s where s.chat_id = p_chat_id and s.rich_refused_at > p_now - interval '30 days'
  );
$$;

comment on function tracegram.takes_rich(bigint, timestamptz) is
  'Whether a chat is sent rich messages: always, but for 30 days after Telegram did not know them.';
revoke all on function tracegram.takes_rich(bigint, timestamptz) from public, anon, authenticated, service_role;

create function public.list_admins()
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'admins', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'user_id', a.user_id, 'role', tracegram.role_of(a.user_id), 'from_secret', a.from_secret,
        'added_by', a.added_by, 'added_at', tracegram.iso(a.added_at)
      ) order by a.added_at, a.user_id), '[]')
      from tracegram.admins as a
    ),
    'chats', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'chat_id', c.chat_id, 'added_by', c.added_by, 'added_at', tracegram.iso(c.added_at)
      ) order by c.added_at, c.chat_id), '[]')
      from tracegram.admin_chats as c
    ),
    'refusals', (
      select coalesce(pg_catalog.jsonb_object_agg(r.reason, r.count), '{}')
      from (
        select reason, pg_catalog.sum(count) as count from tracegram.admin_refusals
        where day > (pg_catalog.now() at time zone 'UTC')::date - 7
        group by reason
      ) as r
    )
  );
$$;

comment on function public.list_admins() is
$doc$Who may use the admin bot, and where, oldest first.

Returns {admins: [{user_id, role, from_secret, added_by, added_at}], chats: [{chat_id, added_by, added_at}], refusals}. from_secret: the
user is an owner because TELEGRAM_ADMIN_IDS said so when they last wrote. added_by is null where nobody was. refusals: how often what was
refused in the last 7 days, by reason.$doc$;
revoke all on function public.list_admins() from public, anon, authenticated;
grant execute on function public.list_admins() to service_role;

create function public.set_admin(p_actor bigint, p_user_id bigint, p_role text, p_from_secret boolean default false)
  returns jsonb
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_was       text;
  v_unchanged text;
begin
  if p_role is not null and p_role not in ('viewer', 'operator', 'owner') then
    raise exception sqlstate 'TG050' using
      message = pg_catalog.format('%L is not a role', p_role), hint = 'Those are viewer, operator and owner.';
  end if;
  -- Two owners who remove each other at the same moment would leave none.
  lock table tracegram.admins in share row exclusive mode;
  v_was := tracegram.role_of(p_user_id);
  v_unchanged := case
    when p_role = 'owner' then null
    when p_from_secret then 'from_secret'
    when v_was = 'owner' and not exists (
      select from tracegram.admins as a where a.user_id <> p_user_id and tracegram.role_of(a.user_id) = 'owner'
    ) then 'last_owner'
  end;
  -- Noted with what will come of it, and before: an owner who removes themself is one still.
  if not tracegram.require_role(
    p_actor, 'owner', 'set_admin',
    pg_catalog.jsonb_build_object('user_id', p_user_id, 'was', v_was, 'role', p_role)
      || case when v_unchanged is null then '{}' else pg_catalog.jsonb_build_object('unchanged', v_unchanged) end
  ) then
    return '{"refused": "owner"}'::jsonb;
  end if;
  if v_unchanged is not null then
    return pg_catalog.jsonb_build_object('unchanged', v_unchanged);
  end if;
  if p_role is null then
    delete from tracegram.admins where user_id = p_user_id;
  else
    insert into tracegram.admins as a (user_id, role, added_by) values (p_user_id, p_role, p_actor)
    on conflict (user_id) do update
      set role = excluded.role, from_secret = p_from_secret, added_by = excluded.added_by, added_at = excluded.added_at;
  end if;
  return pg_catalog.jsonb_build_object('was', v_was, 'role', tracegram.role_of(p_user_id));
end;
$$;

comment on function public.set_admin(bigint, bigint, text, boolean) is
$doc$Gives a user a role in the admin bot, or takes it away. Only owners may; it is in the audit, as {user_id, was, role} and, where
nothing came of it, unchanged.

p_actor        who asks
p_user_id      whose role it is
p_role         viewer, operator or owner; null: none any more
p_from_secret  the secret TELEGRAM_ADMIN_IDS names the user

Returns {was, role}, the roles before and after, null for none; {"refused": "owner"} when the actor is no owner; or {"unchanged": why}
with from_secret (an owner for as long as the secret names them) or last_owner (there must be one).

TG050  no such role  (nothing was changed)$doc$;
revoke all on function public.set_admin(bigint, bigint, text, boolean) from public, anon, authenticated;
grant execute on function public.set_admin(bigint, bigint, text, boolean) to service_role;

create function public.allow_chat(p_actor bigint, p_chat_id bigint, p_allowed boolean)
  returns jsonb
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_was constant boolean := exists (select from tracegram.admin_chats as c where c.chat_id = p_chat_id);
begin
  if not tracegram.require_role(
    p_actor, 'owner', 'allow_chat',
    pg_catalog.jsonb_build_object('chat_id', p_chat_id, 'was', v_was, 'allowed', p_allowed)
  ) then
    return '{"refused": "owner"}'::jsonb;
  end if;
  if p_allowed then
    insert into tracegram.admin_chats (chat_id, added_by) values (p_chat_id, p_actor) on conflict do nothing;
  else
    delete from tracegram.admin_chats where chat_id = p_chat_id;
  end if;
  return pg_catalog.jsonb_build_object('allowed', p_allowed);
end;
$$;

comment on function public.allow_chat(bigint, bigint, boolean) is
$doc$Lets admins be answered in a group, or no longer. Only owners may; it is in the audit, as {chat_id, was, allowed}.

Returns {"allowed": p_allowed}, or {"refused": "owner"} when the actor is no owner.$doc$;
revoke all on function public.allow_chat(bigint, bigint, boolean) from public, anon, authenticated;
grant execute on function public.allow_chat(bigint, bigint, boolean) to service_role;

-- 63_audit.sql — which admin did what, or tried to.
--
-- Written by  tracegram.require_role, in every function that spends money, changes settings or reads prompts
-- Read by     public.list_audit
-- Dropped by  tracegram.purge_admins (90_jobs.sql)

create table tracegram.admin_audit (
  audit_id bigint generated always as identity primary key,
  at       timestamptz(3) not null,
  user_id  bigint not null,
  role     text,
  action   text not null check (length(action) between 1 and 64),
  detail   jsonb not null,
  allowed  boolean not null
);
create index admin_audit_at on tracegram.admin_audit (at);
comment on index tracegram.admin_audit_at is 'The purge.';
alter table tracegram.admin_audit enable row level security;

comment on table tracegram.admin_audit is 'What admins did that spends money, changes something or reads prompts. Append only, kept 400 days.';
comment on column tracegram.admin_audit.audit_id is 'In order of their time, about.';
comment on column tracegram.admin_audit.at is 'When.';
comment on column tracegram.admin_audit.user_id is 'Telegram''s id of the admin.';
comment on column tracegram.admin_audit.role is 'What the admin was then. Null: not one any more.';
comment on column tracegram.admin_audit.action is 'What, such as read_io.';
comment on column tracegram.admin_audit.detail is 'To what, such as {"trace_id": …}. Never what was read.';
comment on column tracegram.admin_audit.allowed is 'False: it needed another role, and was not done.';

create function tracegram.require_role(
  p_actor bigint, p_role text, p_action text, p_detail jsonb, p_now timestamptz default now()
)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_roles   constant text[] := array['viewer', 'operator', 'owner'];
  v_has     constant text := tracegram.role_of(p_actor);
  v_allowed constant boolean := coalesce(
    pg_catalog.array_position(c_roles, v_has) >= pg_catalog.array_position(c_roles, p_role), false
  );
begin
  insert into tracegram.admin_audit (at, user_id, role, action, detail, allowed)
  values (
    p_now, coalesce(p_actor, 0), v_has, pg_catalog.left(p_action, 64),
    -- What a caller passes on from outside must not fill the table.
    case
      when pg_catalog.length(p_detail::text) <= 2000 then p_detail
      else pg_catalog.jsonb_build_object('cut', pg_catalog.left(p_detail::text, 1000))
    end,
    v_allowed
  );
  if not v_allowed then
    perform tracegram.count_refusals('{"forbidden": 1}', p_now);
  end if;
  return v_allowed;
end;
$$;

comment on function tracegram.require_role(bigint, text, text, jsonb, timestamptz) is
$doc$Whether an admin has a role, or one that may do more. Either way it is in the audit, so a caller that gets false must return and
not raise, which would take that back: {"refused": p_role}.

p_actor   the admin
p_role    viewer, operator or owner
p_action  what needs it, such as read_io; 1..64 characters
p_detail  what it is done to$doc$;
revoke all on function tracegram.require_role(bigint, text, text, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.refuse_action(p_actor bigint, p_role text, p_action text, p_detail jsonb)
  returns boolean
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.require_role(p_actor, p_role, p_action, p_detail);
$$;

comment on function public.refuse_action(bigint, text, text, jsonb) is
$doc$Notes in the audit that an admin asked for something that needs a role that the admin does not have.

Returns whether the admin has it by now.$doc$;
revoke all on function public.refuse_action(bigint, text, text, jsonb) from public, anon, authenticated;
grant execute on function public.refuse_action(bigint, text, text, jsonb) to service_role;

create function public.list_audit(p_actor bigint, p_before bigint default null, p_limit integer default 20)
  returns jsonb
  language plpgsql stable
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  if tracegram.role_of(p_actor) is distinct from 'owner' then
    return '{"refused": "owner"}'::jsonb;
  end if;
  return pg_catalog.jsonb_build_object('entries', (
    select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
      'audit_id', e.audit_id, 'at', tracegram.iso(e.at), 'user_id', e.user_id, 'role', e.role, 'action', e.action,
      'detail', e.detail, 'allowed', e.allowed
    ) order by e.audit_id desc), '[]')
    from (
      select * from tracegram.admin_audit as a
      where p_before is null or a.audit_id < p_before
      order by a.audit_id desc
      limit least(greatest(p_limit, 1), 100)
    ) as e
  ));
end;
$$;

comment on function public.list_audit(bigint, bigint, integer) is
$doc$What admins did, newest first. For owners.

p_actor   who asks
p_before  only what is older than this audit_id
p_limit   1..100

Returns {entries: [{audit_id, at, user_id, role, action, detail, allowed}]}, or {"refused": "owner"} when the actor is no owner.$doc$;
revoke all on function public.list_audit(bigint, bigint, integer) from public, anon, authenticated;
grant execute on function public.list_audit(bigint, bigint, integer) to service_role;

create function tracegram.purge_admins(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.admin_audit where at < p_now - interval '400 days';
  delete from tracegram.admin_refusals where day < (p_now at time zone 'UTC')::date - 400;
  delete from tracegram.admin_chat_state where rich_refused_at < p_now - interval '30 days';
$$;

comment on function tracegram.purge_admins(timestamptz) is
  'Deletes what admins did, and what was refused, of over 400 days ago, and what was learned about chats over 30 days ago.';
revoke all on function tracegram.purge_admins(timestamptz) from public, anon, authenticated, service_role;

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

-- 66_synthetic_runs.sql — synthetic tests: what can be run, what was asked for, and what came of it.
--
-- Written by  public.register_scenarios; public.ask_synthetic_run, public.confirm_synthetic_run, public.stop_synthetic_run
--             (67_ask_run.sql, 67_confirm_run.sql); workers (the other files of 67 and 68)
-- Read by     those, public.get_synthetic_run, public.synthetic_overview (69_synthetic_report.sql)
-- Dropped by  tracegram.purge_synthetic (69_synthetic_jobs.sql)
--
-- Whoever changes a run locks tracegram.synthetic_ledger, if money moves, then the run, then the rest: so two of them wait for each
-- other and never deadlock.

create table tracegram.synthetic_scenarios (
  name          text primary key check (length(name) between 1 and 64),
  title         text not null,
  smoke         boolean not null,
  hash          text not null,
  priced        jsonb not null,
  registered_at timestamptz(3) not null
);
alter table tracegram.synthetic_scenarios enable row level security;

comment on table tracegram.synthetic_scenarios is 'The scenarios that the synthetic function had when it last said so.';
comment on column tracegram.synthetic_scenarios.name is 'Name of its file.';
comment on column tracegram.synthetic_scenarios.title is 'What it shows, in a sentence.';
comment on column tracegram.synthetic_scenarios.smoke is 'Whether it is one of the smoke tests.';
comment on column tracegram.synthetic_scenarios.hash is 'Of its file: tells whether two results are of the same scenario.';
comment on column tracegram.synthetic_scenarios.priced is
  'What its recorded tokens cost by the price table: {smoke, release}, each {expected_microusd, worst_microusd} or null.';
comment on column tracegram.synthetic_scenarios.registered_at is 'When it was last different from before.';

create table tracegram.synthetic_runs (
  run_id               uuid primary key default gen_random_uuid(),
  state                text not null default 'asked'
    check (state in ('asked', 'running', 'passed', 'failed', 'stopped', 'out_of_budget', 'abandoned', 'cancelled')),
  tier                 text not null check (tier in ('smoke', 'release')),
  mode                 text not null check (mode in ('live', 'replay', 'missing')),
  scenarios            text[] not null,
  repeat               smallint not null check (repeat between 1 and 100),
  seed                 integer not null check (seed >= 0),
  concurrency          smallint not null check (concurrency between 1 and 16),
  asked_by             bigint,
  asked_at             timestamptz(3) not null,
  confirm_until        timestamptz(3) not null,
  worst_microusd       bigint not null,
  unknown              integer not null,
  chat_id              bigint,
  runner_url           text check (runner_url ~ '^https?://[^\s]+$'),
  token                text,
  started_at           timestamptz(3),
  seen_at              timestamptz(3),
  ended_at             timestamptz(3),
  stopped_by           bigint,
  crossed              text check (crossed in ('cap_run', 'cap_day', 'cap_month')),
  ceiling_microusd     bigint not null default 0 check (ceiling_microusd >= 0),
  spent_microusd       bigint not null default 0 check (spent_microusd >= 0),
  reserved_microusd    bigint not null default 0 check (reserved_microusd >= 0),
  unconfirmed_microusd bigint not null default 0 check (unconfirmed_microusd between 0 and spent_microusd),
  excess_microusd      bigint not null default 0 check (excess_microusd >= 0),
  version              integer not null default 0,
  message_id           bigint,
  message_version      integer not null default 0,
  message_until        timestamptz(3),
  constraint ceiling_holds check (spent_microusd + reserved_microusd <= ceiling_microusd + excess_microusd),
  check ((token is null) = (started_at is null))
);
create index synthetic_runs_started_at on tracegram.synthetic_runs (started_at);
create index synthetic_runs_running on tracegram.synthetic_runs (asked_by) where state = 'running';
comment on index tracegram.synthetic_runs_started_at is 'synthetic_overview, newest first.';
comment on index tracegram.synthetic_runs_running is 'Whether an admin has a run that is going on; all that are, each minute.';
alter table tracegram.synthetic_runs enable row level security;

comment on table tracegram.synthetic_runs is 'Runs of synthetic tests. One that was not confirmed is kept a day, others 400 days.';
comment on column tracegram.synthetic_runs.run_id is 'Its id.';
comment on column tracegram.synthetic_runs.state is
  'asked (waits for its confirmation), cancelled (was not given it), running, or how it ended. abandoned: nobody went on with it.';
comment on column tracegram.synthetic_runs.tier is 'smoke: cheap models. release: the bot''s own.';
comment on column tracegram.synthetic_runs.mode is 'live: paid calls. replay: recordings alone. missing: paid calls where there is no recording.';
comment on column tracegram.synthetic_runs.scenarios is 'Names of what is run.';
comment on column tracegram.synthetic_runs.repeat is 'How often each is.';
comment on column tracegram.synthetic_runs.seed is 'Of their order.';
comment on column tracegram.synthetic_runs.concurrency is 'How many are run at once, by all workers together.';
comment on column tracegram.synthetic_runs.asked_by is 'Telegram''s id of the admin. Null: a terminal, which has the service key.';
comment on column tracegram.synthetic_runs.asked_at is 'When it was asked for.';
comment on column tracegram.synthetic_runs.confirm_until is 'Until when it can be confirmed.';
comment on column tracegram.synthetic_runs.worst_microusd is 'What it would cost at worst, of what is known.';
comment on column tracegram.synthetic_runs.unknown is 'How many scenarios have no estimate.';
comment on column tracegram.synthetic_runs.chat_id is 'Telegram''s id of the chat that is told of it. Null: none.';
comment on column tracegram.synthetic_runs.runner_url is 'Address of the function that runs it. Null: a terminal does.';
comment on column tracegram.synthetic_runs.token is 'Lets a worker work on it. In clear, for it is sent to runner_url. Null: it is not confirmed.';
comment on column tracegram.synthetic_runs.started_at is 'When it was confirmed.';
comment on column tracegram.synthetic_runs.seen_at is 'When a worker was last heard, to about 5 seconds.';
comment on column tracegram.synthetic_runs.ended_at is 'When it ended. Null: it has not.';
comment on column tracegram.synthetic_runs.stopped_by is 'Admin who stopped it.';
comment on column tracegram.synthetic_runs.crossed is 'out_of_budget: the cap that the next call would have crossed.';
comment on column tracegram.synthetic_runs.ceiling_microusd is 'Most that it may spend, as it was confirmed.';
comment on column tracegram.synthetic_runs.spent_microusd is 'What its calls have cost, with what is unconfirmed.';
comment on column tracegram.synthetic_runs.reserved_microusd is 'What is set aside for calls that are under way.';
comment on column tracegram.synthetic_runs.unconfirmed_microusd is
  'Part of what was spent: reserved by calls of which nobody knows what they cost.';
comment on column tracegram.synthetic_runs.excess_microusd is
  'What calls have cost above what was reserved for them: 0, unless the provider billed more than its prices allow.';
comment on column tracegram.synthetic_runs.version is 'Counts up with each change that a report shows.';
comment on column tracegram.synthetic_runs.message_id is 'Telegram''s id of the message about it. Null: none was sent.';
comment on column tracegram.synthetic_runs.message_version is 'The version that the message shows. 0: none.';
comment on column tracegram.synthetic_runs.message_until is 'Until when somebody sends or edits it. Null: nobody.';

create table tracegram.synthetic_results (
  run_id               uuid not null references tracegram.synthetic_runs on delete cascade,
  position             integer not null,
  scenario             text not null,
  repeat               smallint not null,
  state                text not null default 'pending' check (state in ('pending', 'running', 'passed', 'failed', 'stopped')),
  attempts             smallint not null default 0,
  worker               text,
  leased_until         timestamptz(3),
  began_at             timestamptz(3),
  ended_at             timestamptz(3),
  hash                 text,
  failures             jsonb not null default '[]',
  duration_ms          integer,
  calls                integer not null default 0,
  input_tokens         integer not null default 0,
  output_tokens        integer not null default 0,
  cost_microusd        bigint,
  saved_microusd       bigint not null default 0,
  spent_microusd       bigint not null default 0,
  unconfirmed_microusd bigint not null default 0,
  largest_microusd     bigint not null default 0,
  trace_ids            uuid[] not null default '{}',
  drift                jsonb not null default '[]',
  judged               jsonb not null default '[]',
  primary key (run_id, position),
  check ((state = 'running') = (leased_until is not null)),
  check ((state in ('passed', 'failed', 'stopped')) = (ended_at is not null))
);
create index synthetic_results_scenario on tracegram.synthetic_results (scenario, ended_at) where state in ('passed', 'failed');
create index synthetic_results_leased on tracegram.synthetic_results (leased_until) where state = 'running';
comment on index tracegram.synthetic_results_scenario is 'The last results of a scenario: estimates, and what a new one is compared with.';
comment on index tracegram.synthetic_results_leased is 'Leases that have run out, each minute.';
alter table tracegram.synthetic_results enable row level security;

comment on table tracegram.synthetic_results is 'One row for each scenario and repeat of a run, from its confirmation on. Its result is written once.';
comment on column tracegram.synthetic_results.run_id is 'The run.';
comment on column tracegram.synthetic_results.position is 'Place in the order of the run, counted from 1.';
comment on column tracegram.synthetic_results.scenario is 'Name.';
comment on column tracegram.synthetic_results.repeat is 'Which time, counted from 1.';
comment on column tracegram.synthetic_results.state is 'pending: nobody runs it. stopped: it was broken off, and says nothing about the bot.';
comment on column tracegram.synthetic_results.attempts is 'How often it was taken. Only the last to take it can finish it.';
comment on column tracegram.synthetic_results.worker is 'Who has it.';
comment on column tracegram.synthetic_results.leased_until is 'Until when, unless they say that they go on.';
comment on column tracegram.synthetic_results.began_at is 'When it was last taken.';
comment on column tracegram.synthetic_results.ended_at is 'When it had its result.';
comment on column tracegram.synthetic_results.hash is 'Of the scenario''s file. Null: no worker got to an end with it.';
comment on column tracegram.synthetic_results.failures is 'Expectations that are not met: Failure[] of functions/_shared/synthetic_work.ts.';
comment on column tracegram.synthetic_results.duration_ms is 'Milliseconds. Of a replay, as it was recorded.';
comment on column tracegram.synthetic_results.calls is 'LLM calls.';
comment on column tracegram.synthetic_results.input_tokens is 'Tokens of their requests.';
comment on column tracegram.synthetic_results.output_tokens is 'Tokens of their answers.';
comment on column tracegram.synthetic_results.cost_microusd is 'What its calls cost, now or when they were recorded. Null: of one it is not known.';
comment on column tracegram.synthetic_results.saved_microusd is 'What the cache has saved.';
comment on column tracegram.synthetic_results.spent_microusd is 'What was spent on it, over all attempts.';
comment on column tracegram.synthetic_results.unconfirmed_microusd is 'Part of that: calls of which nobody knows what they cost.';
comment on column tracegram.synthetic_results.largest_microusd is 'Most that was reserved for one of its calls, of those whose worst was known.';
comment on column tracegram.synthetic_results.trace_ids is 'Its traces.';
comment on column tracegram.synthetic_results.drift is 'What is different now from what was recorded, a line each.';
comment on column tracegram.synthetic_results.judged is 'Score and reason of each judge.';

create function tracegram.wish_number(p_of jsonb, p_name text)
  returns integer
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_value constant jsonb := p_of -> p_name;
begin
  if coalesce(pg_catalog.jsonb_typeof(v_value), 'null') = 'null' then
    return null;
  end if;
  if pg_catalog.jsonb_typeof(v_value) = 'number' and v_value::numeric between 0 and 2147483647
    and pg_catalog.trunc(v_value::numeric) = v_value::numeric
  then
    return v_value::numeric::integer;
  end if;
  raise exception sqlstate 'TG060' using message = pg_catalog.format(
    '%s is %s, and not a whole number from 0 to 2147483647', p_name, tracegram.cut(v_value::text, 40)
  );
end;
$$;

comment on function tracegram.wish_number(jsonb, text) is
$doc$A whole number of an object; null where it is null or missing.

TG060  it is something else$doc$;
revoke all on function tracegram.wish_number(jsonb, text) from public, anon, authenticated, service_role;

create function tracegram.entry_is_fine(p_entry jsonb)
  returns boolean
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    pg_catalog.jsonb_typeof(p_entry) = 'object'
    and pg_catalog.jsonb_typeof(p_entry -> 'name') = 'string' and pg_catalog.length(p_entry ->> 'name') between 1 and 64
    and pg_catalog.jsonb_typeof(p_entry -> 'title') = 'string'
    and pg_catalog.jsonb_typeof(p_entry -> 'smoke') = 'boolean'
    and pg_catalog.jsonb_typeof(p_entry -> 'hash') = 'string' and pg_catalog.length(p_entry ->> 'hash') between 1 and 64
    and pg_catalog.jsonb_typeof(p_entry -> 'priced') = 'object'
    and (
      select pg_catalog.bool_and(
        coalesce(pg_catalog.jsonb_typeof(p.price), 'null') = 'null'
        or tracegram.whole_number(p.price -> 'expected_microusd') is not null
        and tracegram.whole_number(p.price -> 'worst_microusd') is not null
      )
      from (values (p_entry -> 'priced' -> 'smoke'), (p_entry -> 'priced' -> 'release')) as p (price)
    ),
    false
  );
$$;

comment on function tracegram.entry_is_fine(jsonb) is 'Whether it is a ScenarioEntry of functions/_shared/synthetic_answers.ts.';
revoke all on function tracegram.entry_is_fine(jsonb) from public, anon, authenticated, service_role;

create function tracegram.require_entries(p_entries jsonb)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong jsonb;
begin
  if pg_catalog.jsonb_typeof(p_entries) is distinct from 'array' then
    raise exception sqlstate 'TG060' using message = 'the scenarios are not an array';
  end if;
  select e into v_wrong from pg_catalog.jsonb_array_elements(p_entries) as e where not tracegram.entry_is_fine(e) limit 1;
  if found then
    raise exception sqlstate 'TG060' using
      message = 'this is no scenario: ' || tracegram.cut(v_wrong::text, 100),
      hint    = 'It has a name, a title, smoke, a hash and priced, as ScenarioEntry in synthetic_answers.ts.';
  end if;
end;
$$;

comment on function tracegram.require_entries(jsonb) is
$doc$Nothing, for an array of ScenarioEntry.

TG060  it is none$doc$;
revoke all on function tracegram.require_entries(jsonb) from public, anon, authenticated, service_role;

create function public.register_scenarios(p_scenarios jsonb)
  returns void
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tracegram.require_entries(p_scenarios);
  -- Two isolates that begin at the same moment say the same.
  lock table tracegram.synthetic_scenarios in share row exclusive mode;
  delete from tracegram.synthetic_scenarios as s
  where not exists (select from pg_catalog.jsonb_array_elements(p_scenarios) as e where e ->> 'name' = s.name);
  insert into tracegram.synthetic_scenarios as s (name, title, smoke, hash, priced, registered_at)
  select distinct on (e ->> 'name')
    e ->> 'name', tracegram.cut(e ->> 'title', 200), (e ->> 'smoke')::boolean, e ->> 'hash', e -> 'priced', pg_catalog.now()
  from pg_catalog.jsonb_array_elements(p_scenarios) as e
  order by e ->> 'name'
  on conflict (name) do update
    set title = excluded.title, smoke = excluded.smoke, hash = excluded.hash, priced = excluded.priced,
      registered_at = excluded.registered_at
    where (s.title, s.smoke, s.hash, s.priced) is distinct from (excluded.title, excluded.smoke, excluded.hash, excluded.priced);
end;
$$;

comment on function public.register_scenarios(jsonb) is
$doc$Says which scenarios the function has. Takes the place of all that was said before.

p_scenarios  an array of ScenarioEntry of functions/_shared/synthetic_answers.ts.

TG060  one of them is none  (nothing was changed)$doc$;
revoke all on function public.register_scenarios(jsonb) from public, anon, authenticated;
grant execute on function public.register_scenarios(jsonb) to service_role;

-- 66_synthetic_spend.sql — the ledger of synthetic tests: what was spent and is reserved, by call, run and day; caps; estimates.
--
-- Written by  tracegram.begin_llm_call (68_llm_calls.sql), tracegram.book_call (68_book_calls.sql)
-- Read by     those, tracegram.spend_view
-- Dropped by  tracegram.purge_synthetic (69_synthetic_jobs.sql)
--
-- Of each run, each UTC day and each UTC month: spent + reserved never passes the cap. A day's and a month's are sums over all runs,
-- so whoever reserves locks the one row of the ledger first, and sees what all before have done.

create table tracegram.synthetic_ledger (
  only_row          boolean primary key default true check (only_row),
  reserved_microusd bigint not null default 0 check (reserved_microusd >= 0)
);
alter table tracegram.synthetic_ledger enable row level security;
insert into tracegram.synthetic_ledger default values;

comment on table tracegram.synthetic_ledger is 'One row, which whoever reserves money or gives it back has locked.';
comment on column tracegram.synthetic_ledger.only_row is 'True: there is one row.';
comment on column tracegram.synthetic_ledger.reserved_microusd is 'Set aside for calls that are under way, of all runs.';

create table tracegram.synthetic_days (
  day               date primary key,
  spent_microusd    bigint not null default 0 check (spent_microusd >= 0),
  reserved_microusd bigint not null default 0 check (reserved_microusd >= 0)
);
alter table tracegram.synthetic_days enable row level security;

comment on table tracegram.synthetic_days is 'What synthetic tests have cost, by UTC day of the call''s begin. Kept 400 days.';
comment on column tracegram.synthetic_days.day is 'UTC.';
comment on column tracegram.synthetic_days.spent_microusd is 'With what is unconfirmed.';
comment on column tracegram.synthetic_days.reserved_microusd is 'Set aside for calls that are under way.';

create table tracegram.synthetic_calls (
  call_id           bigint generated always as identity primary key,
  run_id            uuid not null,
  position          integer not null,
  attempt           smallint not null,
  key               text not null,
  nth               integer not null,
  model             text not null,
  begin_id          text,
  day               date not null,
  begun_at          timestamptz(3) not null,
  reserved_microusd bigint not null check (reserved_microusd >= 0),
  booked_microusd   bigint check (booked_microusd >= 0),
  confirmed         boolean not null default false,
  settled_at        timestamptz(3),
  status            smallint,
  duration_ms       integer,
  input_tokens      integer,
  output_tokens     integer,
  recorded          jsonb,
  foreign key (run_id, position) references tracegram.synthetic_results on delete cascade,
  check (booked_microusd is not null or not confirmed)
);
create index synthetic_calls_key on tracegram.synthetic_calls (run_id, position, key);
comment on index tracegram.synthetic_calls_key is
  'Answers of a scenario that is taken again, or to equal requests of the run''s others; its calls that are under way; its recordings.';
alter table tracegram.synthetic_calls enable row level security;

comment on table tracegram.synthetic_calls is 'The journal of paid LLM calls of synthetic tests. Kept as long as requests and responses are, settings.io_days.';
comment on column tracegram.synthetic_calls.call_id is 'In the order of their begin.';
comment on column tracegram.synthetic_calls.run_id is 'The run.';
comment on column tracegram.synthetic_calls.position is 'The scenario of it.';
comment on column tracegram.synthetic_calls.attempt is 'The attempt at that which made the call.';
comment on column tracegram.synthetic_calls.key is 'SHA-256 of the normalised request, in hex.';
comment on column tracegram.synthetic_calls.nth is 'Which one of the equal requests of the scenario that were answered, counted from 0.';
comment on column tracegram.synthetic_calls.model is 'The model that was asked.';
comment on column tracegram.synthetic_calls.begin_id is 'Of the request that began it: one that is told again begins no other. Null: it has none.';
comment on column tracegram.synthetic_calls.day is 'UTC day of the begin. It is paid for by that day''s cap, and that month''s.';
comment on column tracegram.synthetic_calls.begun_at is 'When the money for it was set aside.';
comment on column tracegram.synthetic_calls.reserved_microusd is 'How much that was.';
comment on column tracegram.synthetic_calls.booked_microusd is 'What counts as spent for it. Null: it is under way.';
comment on column tracegram.synthetic_calls.confirmed is 'Whether that is what it has cost. Otherwise it is what was reserved.';
comment on column tracegram.synthetic_calls.settled_at is 'When it was booked, the last time.';
comment on column tracegram.synthetic_calls.status is 'HTTP status. 0: none came.';
comment on column tracegram.synthetic_calls.duration_ms is 'Milliseconds.';
comment on column tracegram.synthetic_calls.input_tokens is 'Tokens of the request. Null: not known.';
comment on column tracegram.synthetic_calls.output_tokens is 'Tokens of the answer. Null: not known.';
comment on column tracegram.synthetic_calls.recorded is
  'What was answered, whole and masked: Recorded of functions/_shared/synthetic_work.ts. Null: it was not answered whole.';

create type tracegram.test_spend as (
  today_spent    bigint,
  today_reserved bigint,
  month_spent    bigint,
  month_reserved bigint
);
comment on type tracegram.test_spend is 'What synthetic tests have spent and reserved on a UTC day, and in its month, in micro-dollars.';

create function tracegram.test_spend(p_now timestamptz)
  returns tracegram.test_spend
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select (
    coalesce(pg_catalog.sum(d.spent_microusd) filter (where d.day = t.today), 0)::bigint,
    coalesce(pg_catalog.sum(d.reserved_microusd) filter (where d.day = t.today), 0)::bigint,
    coalesce(pg_catalog.sum(d.spent_microusd), 0)::bigint,
    coalesce(pg_catalog.sum(d.reserved_microusd), 0)::bigint
  )::tracegram.test_spend
  from (select (p_now at time zone 'UTC')::date as today) as t
  left join tracegram.synthetic_days as d
    on d.day >= pg_catalog.date_trunc('month', t.today::timestamp)::date
    and d.day < (pg_catalog.date_trunc('month', t.today::timestamp) + interval '1 month')::date;
$$;

comment on function tracegram.test_spend(timestamptz) is 'What was spent and is reserved on p_now''s day, and in its month, UTC.';
revoke all on function tracegram.test_spend(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.left_of_caps(p_now timestamptz)
  returns bigint
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select greatest(0, least(
    s.synthetic_run_cap_microusd,
    s.synthetic_day_cap_microusd - t.today_spent - t.today_reserved,
    s.synthetic_month_cap_microusd - t.month_spent - t.month_reserved
  ))
  from tracegram.settings as s, tracegram.test_spend(p_now) as t;
$$;

comment on function tracegram.left_of_caps(timestamptz) is 'Most that a new run may spend, in micro-dollars.';
revoke all on function tracegram.left_of_caps(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.spend_view(p_now timestamptz)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'today_microusd', t.today_spent,
    'month_microusd', t.month_spent,
    'reserved_microusd', l.reserved_microusd,
    'run_cap_microusd', s.synthetic_run_cap_microusd,
    'day_cap_microusd', s.synthetic_day_cap_microusd,
    'month_cap_microusd', s.synthetic_month_cap_microusd
  )
  from tracegram.settings as s, tracegram.synthetic_ledger as l, tracegram.test_spend(p_now) as t;
$$;

comment on function tracegram.spend_view(timestamptz) is 'TestSpend of functions/_shared/synthetic_answers.ts.';
revoke all on function tracegram.spend_view(timestamptz) from public, anon, authenticated, service_role;

create type tracegram.scenario_estimate as (
  name              text,
  expected_microusd bigint,
  worst_microusd    bigint,
  room_microusd     bigint,
  source            text
);
comment on type tracegram.scenario_estimate is
  'What a scenario costs once: null where that is not known. room is the most that one of its calls had reserved; source is history or prices.';

create function tracegram.estimate_scenario(p_entry jsonb, p_tier text)
  returns tracegram.scenario_estimate
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select case when h.n > 0
    then (p_entry ->> 'name', h.expected, h.worst, h.room, 'history')::tracegram.scenario_estimate
    else (
      p_entry ->> 'name', (s.price ->> 'expected_microusd')::numeric::bigint, (s.price ->> 'worst_microusd')::numeric::bigint, 0,
      case when s.price is not null then 'prices' end
    )::tracegram.scenario_estimate
  end
  from (
    select
      count(*) as n,
      pg_catalog.percentile_disc(0.5) within group (order by l.cost_microusd) as expected,
      pg_catalog.percentile_disc(0.95) within group (order by l.cost_microusd) as worst,
      coalesce(pg_catalog.max(l.largest_microusd), 0) as room
    from (
      select r.cost_microusd, r.largest_microusd
      from tracegram.synthetic_results as r
      join tracegram.synthetic_runs as u using (run_id)
      where r.scenario = p_entry ->> 'name' and r.hash = p_entry ->> 'hash' and r.cost_microusd is not null
        and u.tier = p_tier and u.mode = 'live'
        -- One that has failed may have paid for less than it makes: the provider was away.
        and (r.state = 'passed' or r.state = 'failed' and r.cost_microusd > 0)
      order by r.state = 'passed' desc, r.ended_at desc
      limit 20
    ) as l
  ) as h
  cross join (select nullif(p_entry -> 'priced' -> p_tier, 'null') as price) as s;
$$;

comment on function tracegram.estimate_scenario(jsonb, text) is
$doc$What a ScenarioEntry costs once in a tier: the median and the 95th percentile of its last 20 live results, those of the same file and models
that have passed before those that have failed; where there is none, its recorded tokens by the price table.$doc$;
revoke all on function tracegram.estimate_scenario(jsonb, text) from public, anon, authenticated, service_role;

-- 67_ask_run.sql — a run is asked for, which says what it would cost, and starts nothing.

create function tracegram.may_run_tests(p_actor bigint)
  returns boolean
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- A terminal has the service key, which may do anything.
  select p_actor is null or coalesce(tracegram.role_of(p_actor) in ('operator', 'owner'), false);
$$;

comment on function tracegram.may_run_tests(bigint) is 'Whether an admin may run tests: operators and owners. Null is a terminal.';
revoke all on function tracegram.may_run_tests(bigint) from public, anon, authenticated, service_role;

create function tracegram.note_tests(p_actor bigint, p_detail jsonb, p_now timestamptz)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Not an admin's doing. The run itself says that it was a terminal's.
  return p_actor is null or tracegram.require_role(p_actor, 'operator', 'run_tests', p_detail, p_now);
end;
$$;

comment on function tracegram.note_tests(bigint, jsonb, timestamptz) is
  'Whether an admin may run tests. Either way it is in the audit as run_tests, as tracegram.require_role has it.';
revoke all on function tracegram.note_tests(bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.wished_scenarios(p_wish jsonb)
  returns text[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wished constant jsonb := nullif(p_wish -> 'scenarios', 'null');
begin
  if p_wish ? 'entries' then
    perform tracegram.require_entries(p_wish -> 'entries');
    return array(select distinct e ->> 'name' from pg_catalog.jsonb_array_elements(p_wish -> 'entries') as e order by 1);
  end if;
  if v_wished is null then
    return array(
      select s.name from tracegram.synthetic_scenarios as s where s.smoke or p_wish ->> 'tier' = 'release' order by s.name
    );
  end if;
  if pg_catalog.jsonb_typeof(v_wished) <> 'array' then
    raise exception sqlstate 'TG060' using message = 'scenarios is not an array of names';
  end if;
  if exists (
    select from pg_catalog.jsonb_array_elements_text(v_wished) as w
    where not exists (select from tracegram.synthetic_scenarios as s where s.name = w)
  ) then
    return array[]::text[];
  end if;
  return array(select distinct w from pg_catalog.jsonb_array_elements_text(v_wished) as w order by w);
end;
$$;

comment on function tracegram.wished_scenarios(jsonb) is
$doc$Names of the scenarios that are asked for: those that come with the wish; of the function's those that are named, or all of the tier.
Empty when one that is named is not there.

TG060  they are no scenarios$doc$;
revoke all on function tracegram.wished_scenarios(jsonb) from public, anon, authenticated, service_role;

create function tracegram.wished_run(p_actor bigint, p_wish jsonb, p_now timestamptz)
  returns tracegram.synthetic_runs
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  if pg_catalog.jsonb_typeof(p_wish) is distinct from 'object'
    or coalesce(p_wish ->> 'tier' not in ('smoke', 'release'), true)
    or coalesce(p_wish ->> 'mode' not in ('live', 'replay', 'missing'), true)
    or coalesce(p_wish ->> 'runner_url' !~ '^https?://[^\s]+$', false)
    or coalesce(pg_catalog.jsonb_typeof(p_wish -> 'chat_id'), 'null') not in ('number', 'null')
  then
    raise exception sqlstate 'TG060' using
      message = 'that is no run that can be asked for: ' || tracegram.cut(coalesce(p_wish::text, 'null'), 200),
      hint    = 'tier is smoke or release; mode is live, replay or missing; runner_url is an address.';
  end if;
  v_run.run_id := pg_catalog.gen_random_uuid();
  v_run.state := 'asked';
  v_run.tier := p_wish ->> 'tier';
  v_run.mode := p_wish ->> 'mode';
  v_run.repeat := least(coalesce(tracegram.wish_number(p_wish, 'repeat'), 1), 32767);
  v_run.seed := coalesce(tracegram.wish_number(p_wish, 'seed'), pg_catalog.floor(pg_catalog.random() * 2147483648)::integer);
  v_run.concurrency := least(
    coalesce(tracegram.wish_number(p_wish, 'concurrency'), (tracegram.settings()).synthetic_concurrency), 32767
  );
  v_run.asked_by := p_actor;
  v_run.asked_at := p_now;
  v_run.confirm_until := p_now + interval '5 minutes';
  v_run.chat_id := (p_wish ->> 'chat_id')::numeric::bigint;
  v_run.runner_url := p_wish ->> 'runner_url';
  v_run.scenarios := tracegram.wished_scenarios(p_wish);
  if v_run.repeat not between 1 and 100 or v_run.concurrency not between 1 and 16
    or v_run.repeat * pg_catalog.cardinality(v_run.scenarios) > 1000
  then
    raise exception sqlstate 'TG060' using
      message = 'that is more than a run may have',
      hint    = 'repeat is 1 to 100, concurrency 1 to 16, and scenarios times repeat at most 1000.';
  end if;
  return v_run;
end;
$$;

comment on function tracegram.wished_run(bigint, jsonb, timestamptz) is
$doc$A run as it is asked for, without what it would cost.

TG060  it makes no sense$doc$;
revoke all on function tracegram.wished_run(bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ask_synthetic_run(p_actor bigint, p_wish jsonb, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run       tracegram.synthetic_runs;
  v_estimates tracegram.scenario_estimate[];
  v_expected  bigint;
  v_left      bigint;
  v_going     uuid;
begin
  if not tracegram.may_run_tests(p_actor) then
    perform tracegram.note_tests(p_actor, pg_catalog.jsonb_build_object('wish', p_wish), p_now);
    return '{"refused": "operator"}'::jsonb;
  end if;
  v_run := tracegram.wished_run(p_actor, p_wish, p_now);
  -- Of two asks of one admin, the second sees the first; and what is left stands still for a moment.
  perform from tracegram.synthetic_ledger for update;
  select r.run_id into v_going from tracegram.synthetic_runs as r where r.state = 'running' and r.asked_by = p_actor limit 1;
  if found then
    return pg_catalog.jsonb_build_object('no', 'running', 'run_id', v_going);
  end if;
  v_left := tracegram.left_of_caps(p_now);
  if pg_catalog.cardinality(v_run.scenarios) = 0 or v_left = 0 and v_run.mode <> 'replay' then
    return pg_catalog.jsonb_build_object(
      'no', case pg_catalog.cardinality(v_run.scenarios) when 0 then 'none' else 'cap' end, 'spend', tracegram.spend_view(p_now)
    );
  end if;

  v_estimates := array(
    select case
      when v_run.mode = 'replay' then (n, 0, 0, 0, 'prices')::tracegram.scenario_estimate
      else tracegram.estimate_scenario(
        coalesce(
          (select e from pg_catalog.jsonb_array_elements(p_wish -> 'entries') as e where e ->> 'name' = n limit 1),
          (select pg_catalog.to_jsonb(s) from tracegram.synthetic_scenarios as s where s.name = n)
        ),
        v_run.tier
      )
    end
    from pg_catalog.unnest(v_run.scenarios) with ordinality as w (n, i)
    order by w.i
  );
  select
    v_run.repeat * coalesce(pg_catalog.sum(e.expected_microusd), 0),
    -- What a call may cost at worst is set aside before it is made, and that is more than it will cost. So much must be left for
    -- the last ones, or the run would end before them; and as much once more, for those of a worker that is killed.
    v_run.repeat * coalesce(pg_catalog.sum(e.worst_microusd), 0)
      + 2 * v_run.concurrency * coalesce(pg_catalog.max(e.room_microusd), 0),
    count(*) filter (where e.source is null)
  into v_expected, v_run.worst_microusd, v_run.unknown
  from pg_catalog.unnest(v_estimates) as e;

  -- One that is confirmed later would be a second one of the same admin.
  update tracegram.synthetic_runs set state = 'cancelled', ended_at = p_now where state = 'asked' and asked_by = p_actor;
  insert into tracegram.synthetic_runs (
    run_id, tier, mode, scenarios, repeat, seed, concurrency, asked_by, asked_at, confirm_until, worst_microusd, unknown, chat_id,
    runner_url
  )
  values (
    v_run.run_id, v_run.tier, v_run.mode, v_run.scenarios, v_run.repeat, v_run.seed, v_run.concurrency, p_actor, p_now,
    v_run.confirm_until, v_run.worst_microusd, v_run.unknown, v_run.chat_id, v_run.runner_url
  );
  return pg_catalog.jsonb_build_object(
    'run_id', v_run.run_id,
    'tier', v_run.tier,
    'mode', v_run.mode,
    'scenarios', (
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'name', e.name,
        'estimate', case when e.source is not null then pg_catalog.jsonb_build_object(
          'expected_microusd', e.expected_microusd, 'worst_microusd', e.worst_microusd, 'from', e.source
        ) end
      ) order by e.name)
      from pg_catalog.unnest(v_estimates) as e
    ),
    'repeat', v_run.repeat,
    'expected_microusd', v_expected,
    'worst_microusd', v_run.worst_microusd,
    'unknown', v_run.unknown,
    'left_microusd', v_left,
    'spend', tracegram.spend_view(p_now),
    'confirm_until', tracegram.iso(v_run.confirm_until)
  );
end;
$$;

comment on function tracegram.ask_synthetic_run(bigint, jsonb, timestamptz) is 'See public.ask_synthetic_run; p_now is when it is asked.';
revoke all on function tracegram.ask_synthetic_run(bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.ask_synthetic_run(p_actor bigint, p_wish jsonb)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.ask_synthetic_run(p_actor, p_wish, pg_catalog.now());
$$;

comment on function public.ask_synthetic_run(bigint, jsonb) is
$doc$Says what a run of synthetic tests would cost, and lets it be confirmed for five minutes. Nothing runs yet.

p_actor  Telegram's id of the admin, an operator; null: a terminal, which has the service key.
p_wish   RunWish of functions/_shared/synthetic_answers.ts.

Returns AskAnswer: RunAsk, {"refused": "operator"}, or {"no": why} with none (no such scenarios), cap (nothing is left of one) or
running (one of the same admin goes on). What the same admin has asked for before and not confirmed is cancelled.

A scenario's estimate is the median and the 95th percentile of its last 20 live results in that tier, of the same file and models, or what its
recorded tokens cost. The
worst of the run has, besides their sum, room for the largest calls that may be under way at its end, and when a worker is killed.

TG060  the wish makes no sense  (nothing was changed)$doc$;
revoke all on function public.ask_synthetic_run(bigint, jsonb) from public, anon, authenticated;
grant execute on function public.ask_synthetic_run(bigint, jsonb) to service_role;

-- 67_confirm_run.sql — a run that was asked for is confirmed, which starts it, and stopped.
--
-- Nothing else starts a run: public.confirm_synthetic_run is called by people alone, and by no function or job of the database.

create function tracegram.confirm_synthetic_run(p_actor bigint, p_run_id uuid, p_ceiling_microusd bigint, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run     tracegram.synthetic_runs;
  v_ceiling bigint;
  v_no      text;
begin
  if p_ceiling_microusd < 0 then
    raise exception sqlstate 'TG060' using message = 'the ceiling is less than nothing';
  end if;
  perform from tracegram.synthetic_ledger for update;
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id for update;
  if not tracegram.note_tests(p_actor, pg_catalog.jsonb_build_object(
    'run_id', p_run_id, 'tier', v_run.tier, 'mode', v_run.mode, 'ceiling_microusd', p_ceiling_microusd
  ), p_now) then
    return '{"refused": "operator"}'::jsonb;
  end if;
  -- A replay pays for nothing.
  v_ceiling := case v_run.mode when 'replay' then 0 else coalesce(p_ceiling_microusd, v_run.worst_microusd) end;
  v_no := case
    when v_run.run_id is null or v_run.state = 'cancelled' then 'gone'
    when v_run.asked_by is distinct from p_actor then 'not_yours'
    when v_run.state <> 'asked' then 'used'
    when v_run.confirm_until <= p_now then 'expired'
    when v_run.unknown > 0 and p_ceiling_microusd is null then 'no_ceiling'
    when v_ceiling > tracegram.left_of_caps(p_now) then 'over_cap'
  end;
  if v_no is not null then
    return pg_catalog.jsonb_build_object('no', v_no);
  end if;

  update tracegram.synthetic_runs as r
  set
    state = 'running', token = tracegram.random_token(), ceiling_microusd = v_ceiling, started_at = p_now, seen_at = p_now,
    version = 1
  where r.run_id = p_run_id
  returning r.* into v_run;
  insert into tracegram.synthetic_results (run_id, position, scenario, repeat)
  select
    p_run_id,
    -- The same order for the same seed, another one in each repeat.
    pg_catalog.row_number() over (
      order by i, pg_catalog.md5(pg_catalog.format('%s:%s:%s', v_run.seed, i, s)), s
    ),
    s, i
  from pg_catalog.generate_series(1, v_run.repeat) as i
  cross join pg_catalog.unnest(v_run.scenarios) as s;
  return pg_catalog.jsonb_build_object(
    'run_id', v_run.run_id, 'token', v_run.token, 'ceiling_microusd', v_ceiling, 'runner_url', v_run.runner_url
  );
end;
$$;

comment on function tracegram.confirm_synthetic_run(bigint, uuid, bigint, timestamptz) is
  'See public.confirm_synthetic_run; p_now is when it is confirmed.';
revoke all on function tracegram.confirm_synthetic_run(bigint, uuid, bigint, timestamptz)
from public, anon, authenticated, service_role;

create function public.confirm_synthetic_run(p_actor bigint, p_run_id uuid, p_ceiling_microusd bigint default null)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.confirm_synthetic_run(p_actor, p_run_id, p_ceiling_microusd, pg_catalog.now());
$$;

comment on function public.confirm_synthetic_run(bigint, uuid, bigint) is
$doc$Starts a run that was asked for: once, by who has asked, within five minutes. Audited as run_tests.

p_actor             as it was asked with.
p_ceiling_microusd  most that it may spend; null: the worst of the estimate, where all of it is known.

Returns {run_id, token, ceiling_microusd, runner_url}: POST {run_id, token} to runner_url, or work on it. {"refused": "operator"}, or
{"no": why} with expired, used, not_yours, over_cap (less than that is left), no_ceiling (a scenario has no estimate) or gone.

TG060  the ceiling is less than nothing  (nothing was changed)$doc$;
revoke all on function public.confirm_synthetic_run(bigint, uuid, bigint) from public, anon, authenticated;
grant execute on function public.confirm_synthetic_run(bigint, uuid, bigint) to service_role;

create function tracegram.stop_synthetic_run(p_actor bigint, p_run_id uuid, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id for update;
  if not tracegram.note_tests(p_actor, pg_catalog.jsonb_build_object(
    'run_id', p_run_id, 'tier', v_run.tier, 'mode', v_run.mode, 'act', 'stop'
  ), p_now) then
    return '{"refused": "operator"}'::jsonb;
  end if;
  if v_run.run_id is null then
    return '{"no": "gone"}'::jsonb;
  elsif v_run.state = 'asked' and p_actor is not null and v_run.asked_by is distinct from p_actor then
    return '{"no": "not_yours"}'::jsonb;
  elsif v_run.state = 'asked' then
    update tracegram.synthetic_runs set state = 'cancelled', ended_at = p_now where run_id = p_run_id;
  elsif v_run.state = 'running' then
    update tracegram.synthetic_runs set stopped_by = p_actor where run_id = p_run_id;
    perform tracegram.close_run(p_run_id, 'stopped', p_now);
  end if;
  return (select pg_catalog.jsonb_build_object('state', r.state) from tracegram.synthetic_runs as r where r.run_id = p_run_id);
end;
$$;

comment on function tracegram.stop_synthetic_run(bigint, uuid, timestamptz) is 'See public.stop_synthetic_run; p_now is when it is stopped.';
revoke all on function tracegram.stop_synthetic_run(bigint, uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.stop_synthetic_run(p_actor bigint, p_run_id uuid)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.stop_synthetic_run(p_actor, p_run_id, pg_catalog.now());
$$;

comment on function public.stop_synthetic_run(bigint, uuid) is
$doc$Stops a run at once, or takes back what was not confirmed. For operators, and audited as run_tests.

From then on no call begins. What is under way is broken off when its worker hears of it, within about a second, and is booked.

p_actor  Telegram's id of the admin; null: a terminal.

Returns {"state": …} as it is then: of a run that had ended, how; {"refused": "operator"}; {"no": "gone"}; {"no": "not_yours"}, somebody else has asked for it,
and it is not confirmed.$doc$;
revoke all on function public.stop_synthetic_run(bigint, uuid) from public, anon, authenticated;
grant execute on function public.stop_synthetic_run(bigint, uuid) to service_role;

-- 67_finish_scenario.sql — the result of a scenario, written once.

create function tracegram.check_outcome(p_outcome jsonb)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  if pg_catalog.jsonb_typeof(p_outcome) is distinct from 'object'
    or coalesce(p_outcome ->> 'state' not in ('passed', 'failed', 'stopped'), true)
    or coalesce(pg_catalog.length(p_outcome ->> 'hash') not between 1 and 64, true)
    or coalesce(pg_catalog.length(p_outcome::text) > 1048576, true)
  then
    raise exception sqlstate 'TG060' using
      message = 'that is no outcome: ' || tracegram.cut(coalesce(p_outcome::text, 'null'), 200),
      hint    = 'Outcome of synthetic_work.ts says what one has.';
  end if;
  foreach v_name in array array['failures', 'drift', 'judged', 'trace_ids'] loop
    if pg_catalog.jsonb_typeof(p_outcome -> v_name) is distinct from 'array' then
      raise exception sqlstate 'TG060' using message = pg_catalog.format('%s of an outcome is not an array', v_name);
    end if;
  end loop;
  if exists (
    select from pg_catalog.jsonb_array_elements_text(p_outcome -> 'trace_ids') as t
    where not coalesce(pg_catalog.pg_input_is_valid(t, 'uuid'), false)
  ) then
    raise exception sqlstate 'TG060' using message = 'a trace id of an outcome is none';
  end if;
end;
$$;

comment on function tracegram.check_outcome(jsonb) is
$doc$Whether it is an Outcome of functions/_shared/synthetic_work.ts.

TG060  it is not$doc$;
revoke all on function tracegram.check_outcome(jsonb) from public, anon, authenticated, service_role;

create function tracegram.finish_scenario(
  p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_outcome jsonb, p_now timestamptz
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_it tracegram.synthetic_results;
begin
  perform tracegram.check_outcome(p_outcome);
  perform from tracegram.synthetic_ledger for update;
  perform tracegram.lock_run(p_run_id, p_token, p_now);
  select r.* into v_it from tracegram.synthetic_results as r where r.run_id = p_run_id and r.position = p_position;
  if v_it.attempts is distinct from p_attempt or v_it.state <> 'running' then
    -- It may be that one's answer was lost, and it is told again: who has finished it has a hash.
    return pg_catalog.jsonb_build_object('kept', coalesce(v_it.attempts = p_attempt and v_it.hash is not null, false));
  end if;
  -- Of calls that it does not tell the end of any more, nobody knows what they cost. It may tell still.
  perform tracegram.book_open_calls(p_run_id, p_position, p_now);
  update tracegram.synthetic_results
  set
    state = p_outcome ->> 'state', ended_at = p_now, leased_until = null, worker = null,
    hash = p_outcome ->> 'hash',
    failures = p_outcome -> 'failures',
    duration_ms = coalesce(tracegram.wish_number(p_outcome, 'duration_ms'), 0),
    calls = coalesce(tracegram.wish_number(p_outcome, 'calls'), 0),
    input_tokens = coalesce(tracegram.wish_number(p_outcome, 'input_tokens'), 0),
    output_tokens = coalesce(tracegram.wish_number(p_outcome, 'output_tokens'), 0),
    cost_microusd = tracegram.wish_number(p_outcome, 'cost_microusd'),
    saved_microusd = coalesce(tracegram.wish_number(p_outcome, 'saved_microusd'), 0),
    trace_ids = array(select t::uuid from pg_catalog.jsonb_array_elements_text(p_outcome -> 'trace_ids') as t),
    drift = p_outcome -> 'drift',
    judged = p_outcome -> 'judged'
  where run_id = p_run_id and position = p_position;
  update tracegram.synthetic_runs set version = version + 1 where run_id = p_run_id;
  perform tracegram.close_if_done(p_run_id, p_now);
  return '{"kept": true}'::jsonb;
end;
$$;

comment on function tracegram.finish_scenario(uuid, text, integer, integer, jsonb, timestamptz) is
  'See public.finish_scenario; p_now is when.';
revoke all on function tracegram.finish_scenario(uuid, text, integer, integer, jsonb, timestamptz)
from public, anon, authenticated, service_role;

create function public.finish_scenario(p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_outcome jsonb)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.finish_scenario(p_run_id, p_token, p_position, p_attempt, p_outcome, pg_catalog.now());
$$;

comment on function public.finish_scenario(uuid, text, integer, integer, jsonb) is
$doc$Writes the result of a scenario, once. The last one ends the run.

p_position, p_attempt  as take_scenario gave them.
p_outcome              Outcome of functions/_shared/synthetic_work.ts. Settle its calls before: those that are open count as spent
                       with what was reserved for them, until they are settled.

Returns {"kept"}: false when somebody else has the scenario by now, or it was given up. Told again, it is kept, and changes nothing.

TG060  no such run, the wrong token, or no outcome  (nothing was changed)$doc$;
revoke all on function public.finish_scenario(uuid, text, integer, integer, jsonb) from public, anon, authenticated;
grant execute on function public.finish_scenario(uuid, text, integer, integer, jsonb) to service_role;

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

-- 67_synthetic_work.sql — what workers do with a run: enter it, take scenarios, and keep them until they finish them.
--
-- Any number of workers may be at a run, and any may end at any point. A scenario that is taken is leased for 30 seconds; when
-- that runs out, its money is booked or given back, and it can be taken again. (position, attempt) fences off who had it before.

create function tracegram.random_token()
  returns text
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.replace(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', '');
$$;

comment on function tracegram.random_token() is 'A new token of a run: 64 hexadecimal digits.';
revoke all on function tracegram.random_token() from public, anon, authenticated, service_role;

create function tracegram.lock_run(p_run_id uuid, p_token text, p_now timestamptz)
  returns tracegram.synthetic_runs
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id for update;
  if v_run.token = p_token then
    -- Not with each beat.
    update tracegram.synthetic_runs set seen_at = p_now
    where run_id = p_run_id and state = 'running' and seen_at < p_now - interval '5 seconds';
    return v_run;
  end if;
  raise exception sqlstate 'TG060' using
    message = 'there is no such run, or the token is not its own',
    hint    = 'confirm_synthetic_run gives the token.';
end;
$$;

comment on function tracegram.lock_run(uuid, text, timestamptz) is
$doc$The run, locked, for a worker who has its token, and is noted as seen.

TG060  no such run, or the wrong token$doc$;
revoke all on function tracegram.lock_run(uuid, text, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.close_run(p_run_id uuid, p_state text, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  update tracegram.synthetic_runs
  set state = p_state, ended_at = p_now, version = version + 1
  where run_id = p_run_id and state = 'running';
  -- What somebody has is theirs until they finish it or their lease runs out.
  update tracegram.synthetic_results set state = 'stopped', ended_at = p_now where run_id = p_run_id and state = 'pending';
$$;

comment on function tracegram.close_run(uuid, text, timestamptz) is 'Ends a run: nothing more is taken, and no call begins.';
revoke all on function tracegram.close_run(uuid, text, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.close_if_done(p_run_id uuid, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
begin
  select case
    when pg_catalog.bool_or(r.state in ('pending', 'running')) then null
    when pg_catalog.bool_or(r.state = 'failed') then 'failed'
    when pg_catalog.bool_or(r.state = 'stopped') then 'stopped'
    else 'passed'
  end into v_state
  from tracegram.synthetic_results as r
  where r.run_id = p_run_id;
  if v_state is not null then
    perform tracegram.close_run(p_run_id, v_state, p_now);
  end if;
end;
$$;

comment on function tracegram.close_if_done(uuid, timestamptz) is 'Ends a run whose scenarios have all ended.';
revoke all on function tracegram.close_if_done(uuid, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.expire_leases(p_run_id uuid, p_now timestamptz)
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most_attempts constant integer := 10; -- it may be the scenario that ends its workers
  v_run   tracegram.synthetic_runs;
  v_held  tracegram.synthetic_results;
  v_count integer := 0;
begin
  perform from tracegram.synthetic_ledger for update;
  for v_run in
    select u.*
    from tracegram.synthetic_runs as u
    where (p_run_id is null or u.run_id = p_run_id) and exists (
      select from tracegram.synthetic_results as r where r.run_id = u.run_id and r.state = 'running' and r.leased_until <= p_now
    )
    order by u.run_id
    for update
  loop
    for v_held in
      select r.*
      from tracegram.synthetic_results as r
      where r.run_id = v_run.run_id and r.state = 'running' and r.leased_until <= p_now
      for update
    loop
      -- The provider may have billed them.
      perform tracegram.book_open_calls(v_held.run_id, v_held.position, p_now);
      update tracegram.synthetic_results as r
      set
        leased_until = null, worker = null,
        state = case
          when v_run.state <> 'running' then 'stopped' when v_held.attempts >= c_most_attempts then 'failed' else 'pending'
        end,
        ended_at = case when v_run.state <> 'running' or v_held.attempts >= c_most_attempts then p_now end,
        failures = case when v_run.state = 'running' and v_held.attempts >= c_most_attempts then pg_catalog.jsonb_build_array(
          pg_catalog.jsonb_build_object(
            'turn', 0, 'expectation', 'bot',
            'message', pg_catalog.format('Whoever ran it ended before it did, %s times.', v_held.attempts)
          )
        ) else r.failures end
      where r.run_id = v_held.run_id and r.position = v_held.position;
      v_count := v_count + 1;
    end loop;
    update tracegram.synthetic_runs set version = version + 1 where run_id = v_run.run_id;
    perform tracegram.close_if_done(v_run.run_id, p_now);
  end loop;
  return v_count;
end;
$$;

comment on function tracegram.expire_leases(uuid, timestamptz) is
$doc$Gives back what workers had who are not heard of any more: of a run, or of all when that is null. Returns how many scenarios.

Calls that were under way count as spent with what was reserved for them, unconfirmed. A scenario that was taken ten times and never
finished has failed.$doc$;
revoke all on function tracegram.expire_leases(uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.enter_synthetic_run(p_run_id uuid, p_token text)
  returns jsonb
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  update tracegram.synthetic_runs as r
  set seen_at = pg_catalog.now()
  where r.run_id = p_run_id and r.token = p_token and r.state = 'running'
  returning pg_catalog.jsonb_build_object(
    'run_id', r.run_id, 'tier', r.tier, 'mode', r.mode, 'seed', r.seed, 'concurrency', r.concurrency, 'state', r.state,
    'runner_url', r.runner_url
  );
$$;

comment on function public.enter_synthetic_run(uuid, text) is
$doc$What a worker has to know of a run that it goes to work on.

Returns EnteredRun of functions/_shared/synthetic_work.ts; null when the token is wrong or the run is over.$doc$;
revoke all on function public.enter_synthetic_run(uuid, text) from public, anon, authenticated;
grant execute on function public.enter_synthetic_run(uuid, text) to service_role;

create function tracegram.take_scenario(p_run_id uuid, p_token text, p_worker text, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run  tracegram.synthetic_runs;
  v_held integer;
  v_it   tracegram.synthetic_results;
begin
  if coalesce(pg_catalog.length(p_worker) not between 1 and 100, true) then
    raise exception sqlstate 'TG060' using message = 'the worker has no name, or one of over 100 characters';
  end if;
  perform from tracegram.synthetic_ledger for update;
  perform tracegram.lock_run(p_run_id, p_token, p_now);
  perform tracegram.expire_leases(p_run_id, p_now);
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id;
  if v_run.state <> 'running' then
    return '{"kind": "done"}'::jsonb;
  end if;
  select count(*) into v_held from tracegram.synthetic_results as r where r.run_id = p_run_id and r.state = 'running';
  if v_held >= v_run.concurrency then
    return '{"kind": "wait"}'::jsonb;
  end if;
  update tracegram.synthetic_results as r
  set state = 'running', attempts = r.attempts + 1, worker = p_worker, leased_until = p_now + interval '30 seconds', began_at = p_now
  where r.run_id = p_run_id and r.position = (
    select pg_catalog.min(f.position) from tracegram.synthetic_results as f where f.run_id = p_run_id and f.state = 'pending'
  )
  returning r.* into v_it;
  if not found then
    return '{"kind": "wait"}'::jsonb; -- others have the rest
  end if;
  update tracegram.synthetic_runs set version = version + 1 where run_id = p_run_id;
  return pg_catalog.jsonb_build_object(
    'kind', 'taken', 'position', v_it.position, 'scenario', v_it.scenario, 'repeat', v_it.repeat, 'attempt', v_it.attempts
  );
end;
$$;

comment on function tracegram.take_scenario(uuid, text, text, timestamptz) is 'See public.take_scenario; p_now is when.';
revoke all on function tracegram.take_scenario(uuid, text, text, timestamptz) from public, anon, authenticated, service_role;

create function public.take_scenario(p_run_id uuid, p_token text, p_worker text)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.take_scenario(p_run_id, p_token, p_worker, pg_catalog.now());
$$;

comment on function public.take_scenario(uuid, text, text) is
$doc$Takes the next scenario of a run for 30 seconds, which beat_synthetic_run prolongs.

p_worker  any name that no other worker has.

Returns {"kind": "taken", position, scenario, repeat, attempt}; {"kind": "wait"} while others have the rest, or as many are under way as
the run allows; {"kind": "done"} when all have ended, or the run was stopped.

TG060  no such run, the wrong token, or no worker$doc$;
revoke all on function public.take_scenario(uuid, text, text) from public, anon, authenticated;
grant execute on function public.take_scenario(uuid, text, text) to service_role;

create function tracegram.beat_synthetic_run(p_run_id uuid, p_token text, p_worker text, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run constant tracegram.synthetic_runs := tracegram.lock_run(p_run_id, p_token, p_now);
begin
  -- What ran out meanwhile and nobody has noticed is still the worker's.
  update tracegram.synthetic_results
  set leased_until = p_now + interval '30 seconds'
  where run_id = p_run_id and state = 'running' and worker = p_worker and leased_until < p_now + interval '27 seconds';
  return pg_catalog.jsonb_build_object('stopped', v_run.state <> 'running');
end;
$$;

comment on function tracegram.beat_synthetic_run(uuid, text, text, timestamptz) is 'See public.beat_synthetic_run; p_now is when.';
revoke all on function tracegram.beat_synthetic_run(uuid, text, text, timestamptz) from public, anon, authenticated, service_role;

create function public.beat_synthetic_run(p_run_id uuid, p_token text, p_worker text)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.beat_synthetic_run(p_run_id, p_token, p_worker, pg_catalog.now());
$$;

comment on function public.beat_synthetic_run(uuid, text, text) is
$doc$Keeps what a worker has taken for another 30 seconds. To be called each second.

Returns {"stopped"}: whether the run is over, so that what is under way is to be broken off at once.

TG060  no such run, or the wrong token$doc$;
revoke all on function public.beat_synthetic_run(uuid, text, text) from public, anon, authenticated;
grant execute on function public.beat_synthetic_run(uuid, text, text) to service_role;

-- 68_book_calls.sql — a paid call is settled with what it has cost, or with what was set aside for it where nobody knows.

create function tracegram.book_call(p_call_id bigint, p_cost_microusd bigint, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_call        tracegram.synthetic_calls;
  v_booked      bigint;
  v_spent       bigint; -- by how much each of these grows
  v_reserved    bigint;
  v_unconfirmed bigint;
  v_excess      bigint;
begin
  select c.* into v_call from tracegram.synthetic_calls as c where c.call_id = p_call_id for update;
  if v_call.call_id is null or v_call.confirmed or v_call.booked_microusd is not null and p_cost_microusd is null then
    return; -- nothing new
  end if;
  v_booked := coalesce(p_cost_microusd, v_call.reserved_microusd);
  v_reserved := case when v_call.booked_microusd is null then -v_call.reserved_microusd else 0 end;
  v_spent := v_booked - coalesce(v_call.booked_microusd, 0);
  v_unconfirmed := case when p_cost_microusd is null then v_booked else 0 end - coalesce(v_call.booked_microusd, 0);
  v_excess := greatest(v_booked - v_call.reserved_microusd, 0);

  update tracegram.synthetic_calls
  set booked_microusd = v_booked, confirmed = p_cost_microusd is not null, settled_at = p_now
  where call_id = p_call_id;
  update tracegram.synthetic_ledger set reserved_microusd = reserved_microusd + v_reserved;
  update tracegram.synthetic_runs
  set
    spent_microusd = spent_microusd + v_spent, reserved_microusd = reserved_microusd + v_reserved,
    unconfirmed_microusd = unconfirmed_microusd + v_unconfirmed, excess_microusd = excess_microusd + v_excess,
    version = version + 1
  where run_id = v_call.run_id;
  update tracegram.synthetic_results
  set spent_microusd = spent_microusd + v_spent, unconfirmed_microusd = unconfirmed_microusd + v_unconfirmed
  where run_id = v_call.run_id and position = v_call.position;
  update tracegram.synthetic_days
  set spent_microusd = spent_microusd + v_spent, reserved_microusd = reserved_microusd + v_reserved
  where day = v_call.day;
end;
$$;

comment on function tracegram.book_call(bigint, bigint, timestamptz) is
$doc$Gives back what was set aside for a call, and books what it has cost. The caller has locked the ledger and the run.

p_cost_microusd  null: not known. Then what was set aside counts as spent, until the cost is known after all.

What is booked is what was paid, be it more than was set aside: then the run says so as excess.$doc$;
revoke all on function tracegram.book_call(bigint, bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.book_open_calls(p_run_id uuid, p_position integer, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.book_call(c.call_id, null, p_now)
  from tracegram.synthetic_calls as c
  where c.run_id = p_run_id and c.position = p_position and c.booked_microusd is null;
$$;

comment on function tracegram.book_open_calls(uuid, integer, timestamptz) is
  'Books the calls of a scenario that are under way, of which nobody will say what they have cost, or only later.';
revoke all on function tracegram.book_open_calls(uuid, integer, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.settle_llm_call(p_run_id uuid, p_token text, p_call_id bigint, p_end jsonb, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most_characters constant integer := 4194304; -- what is longer is paid for again when its scenario is taken again
  v_cost integer;
begin
  if pg_catalog.jsonb_typeof(p_end) is distinct from 'object' then
    raise exception sqlstate 'TG060' using message = 'that is no end of a call';
  end if;
  v_cost := tracegram.wish_number(p_end, 'cost_microusd');
  perform from tracegram.synthetic_ledger for update;
  perform tracegram.lock_run(p_run_id, p_token, p_now);
  -- Told again, it stays as it was told.
  update tracegram.synthetic_calls as c
  set
    status = coalesce(c.status, least(tracegram.wish_number(p_end, 'status'), 999)),
    duration_ms = coalesce(c.duration_ms, tracegram.wish_number(p_end, 'duration_ms')),
    input_tokens = coalesce(c.input_tokens, tracegram.wish_number(p_end, 'input_tokens')),
    output_tokens = coalesce(c.output_tokens, tracegram.wish_number(p_end, 'output_tokens')),
    recorded = coalesce(c.recorded, case
      when pg_catalog.jsonb_typeof(p_end -> 'recorded') = 'object'
        and pg_catalog.length(p_end ->> 'recorded') <= c_most_characters
      then p_end -> 'recorded'
    end)
  where c.call_id = p_call_id and c.run_id = p_run_id and not c.confirmed;
  if found then
    perform tracegram.book_call(p_call_id, v_cost, p_now);
  elsif not exists (select from tracegram.synthetic_calls as c where c.call_id = p_call_id and c.run_id = p_run_id) then
    raise exception sqlstate 'TG060' using message = pg_catalog.format('the run has no call %s', p_call_id);
  end if;
end;
$$;

comment on function tracegram.settle_llm_call(uuid, text, bigint, jsonb, timestamptz) is 'See public.settle_llm_call; p_now is when.';
revoke all on function tracegram.settle_llm_call(uuid, text, bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.settle_llm_call(p_run_id uuid, p_token text, p_call_id bigint, p_end jsonb)
  returns void
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.settle_llm_call(p_run_id, p_token, p_call_id, p_end, pg_catalog.now());
$$;

comment on function public.settle_llm_call(uuid, text, bigint, jsonb) is
$doc$To be called after each paid request: books what it has cost in place of what was set aside.

p_call_id  as begin_llm_call gave it. Its scenario may be somebody else's by now, and the run may be over: it is booked all the same.
p_end      CallEnd of functions/_shared/synthetic_work.ts. A cost of null is not known: what was set aside counts as spent, and is
           called unconfirmed until it is told. What is told again changes nothing.

TG060  no such run, the wrong token, no such call, or no end  (nothing was changed)$doc$;
revoke all on function public.settle_llm_call(uuid, text, bigint, jsonb) from public, anon, authenticated;
grant execute on function public.settle_llm_call(uuid, text, bigint, jsonb) to service_role;

-- 68_llm_calls.sql — a paid call begins: the most that it can cost is set aside, or it is not made.
--
-- One call of begin_llm_call decides and reserves, behind the lock of tracegram.synthetic_ledger: nobody else reserves in between.

create function tracegram.check_call(p_call jsonb)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_catalog.jsonb_typeof(p_call) is distinct from 'object'
    or coalesce(pg_catalog.length(p_call ->> 'key') not between 1 and 128, true)
    or coalesce(pg_catalog.length(p_call ->> 'model') not between 1 and 300, true)
    or coalesce(pg_catalog.jsonb_typeof(p_call -> 'cache'), 'boolean') <> 'boolean'
    or coalesce(pg_catalog.length(p_call ->> 'id') not between 1 and 64, false)
    or tracegram.wish_number(p_call, 'nth') is null
  then
    raise exception sqlstate 'TG060' using
      message = 'that is no call: ' || tracegram.cut(coalesce(p_call::text, 'null'), 200),
      hint    = 'CallStart of synthetic_work.ts says what one has.';
  end if;
end;
$$;

comment on function tracegram.check_call(jsonb) is
$doc$Whether it is a CallStart of functions/_shared/synthetic_work.ts.

TG060  it is not$doc$;
revoke all on function tracegram.check_call(jsonb) from public, anon, authenticated, service_role;

create function tracegram.known_answer(p_it tracegram.synthetic_results, p_call jsonb)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object('kind', 'answer', 'from', a.source, 'recorded', a.recorded)
  from (
    (
      select 'resumed' as source, c.recorded
      from tracegram.synthetic_calls as c
      where c.run_id = p_it.run_id and c.position = p_it.position and c.key = p_call ->> 'key'
        and c.nth = (p_call ->> 'nth')::numeric::integer and c.recorded is not null
      order by c.call_id
      limit 1
    )
    union all
    (
      select 'cached', c.recorded
      from tracegram.synthetic_calls as c
      join tracegram.synthetic_results as r using (run_id, position)
      where (p_call ->> 'cache')::boolean and c.run_id = p_it.run_id and c.key = p_call ->> 'key' and c.recorded is not null
        -- A repeat is to show whether the scenario is flaky.
        and r.scenario <> p_it.scenario
      order by c.call_id
      limit 1
    )
  ) as a
  order by a.source desc
  limit 1;
$$;

comment on function tracegram.known_answer(tracegram.synthetic_results, jsonb) is
$doc$What a call of a scenario was answered with before: by this scenario before it was interrupted, or, where the call says that this will
do, by another scenario of the run. Null: nothing.$doc$;
revoke all on function tracegram.known_answer(tracegram.synthetic_results, jsonb) from public, anon, authenticated, service_role;

create type tracegram.room as (
  microusd bigint,
  crossed  text,
  waits    boolean
);
comment on type tracegram.room is
$doc$Whether a call fits: microusd is what it reserves. Otherwise crossed names the cap in its way, and waits says whether it is so only because
of what others have reserved.$doc$;

create function tracegram.find_room(p_run tracegram.synthetic_runs, p_worst_microusd bigint, p_now timestamptz)
  returns tracegram.room
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select (w.microusd, c.crossed, c.waits)::tracegram.room
  from tracegram.settings as s
  cross join tracegram.test_spend(p_now) as t
  cross join lateral (select least(p_run.ceiling_microusd, s.synthetic_run_cap_microusd) as most) as m
  cross join lateral (
    -- Nobody knows what it costs: all that is left of the run.
    select coalesce(p_worst_microusd, greatest(m.most - p_run.spent_microusd - p_run.reserved_microusd, 0)) as microusd
  ) as w
  left join lateral (
    select l.crossed, l.used + w.microusd - l.reserved <= l.cap and (w.microusd > 0 or l.used - l.reserved < l.cap) as waits
    from (values
      ('cap_run', m.most, p_run.spent_microusd + p_run.reserved_microusd, p_run.reserved_microusd),
      ('cap_day', s.synthetic_day_cap_microusd, t.today_spent + t.today_reserved, t.today_reserved),
      ('cap_month', s.synthetic_month_cap_microusd, t.month_spent + t.month_reserved, t.month_reserved)
    ) as l (crossed, cap, used, reserved)
    where l.used + w.microusd > l.cap
      -- A call of unknown cost is not made with nothing.
      or p_worst_microusd is null and l.used >= l.cap
    -- One that is in the way for good comes first.
    order by 2, l.crossed desc
    limit 1
  ) as c on true;
$$;

comment on function tracegram.find_room(tracegram.synthetic_runs, bigint, timestamptz) is
  'Whether a call that costs at most so much fits under the caps of the run, the day and the month. Null: all that is left of the run.';
revoke all on function tracegram.find_room(tracegram.synthetic_runs, bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.reserve_call(
  p_it tracegram.synthetic_results, p_call jsonb, p_microusd bigint, p_now timestamptz
)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_day     constant date := (p_now at time zone 'UTC')::date;
  v_spend   tracegram.test_spend;
  v_call_id bigint;
begin
  insert into tracegram.synthetic_calls (
    run_id, position, attempt, key, nth, model, begin_id, day, begun_at, reserved_microusd
  )
  values (
    p_it.run_id, p_it.position, p_it.attempts, p_call ->> 'key', tracegram.wish_number(p_call, 'nth'), p_call ->> 'model',
    p_call ->> 'id', v_day, p_now, p_microusd
  )
  returning call_id into v_call_id;
  update tracegram.synthetic_ledger set reserved_microusd = reserved_microusd + p_microusd;
  update tracegram.synthetic_runs set reserved_microusd = reserved_microusd + p_microusd where run_id = p_it.run_id;
  insert into tracegram.synthetic_days as d (day, reserved_microusd) values (v_day, p_microusd)
  on conflict (day) do update set reserved_microusd = d.reserved_microusd + excluded.reserved_microusd;
  update tracegram.synthetic_results
  set
    largest_microusd = greatest(largest_microusd, tracegram.wish_number(p_call, 'worst_microusd')),
    -- Who begins a call is alive.
    leased_until = greatest(leased_until, p_now + interval '30 seconds')
  where run_id = p_it.run_id and position = p_it.position;

  -- It cannot be, and were it so, nothing of this would be kept. The run's ceiling is a constraint of its table.
  v_spend := tracegram.test_spend(p_now);
  assert (
    select v_spend.today_spent + v_spend.today_reserved <= s.synthetic_day_cap_microusd
      and v_spend.month_spent + v_spend.month_reserved <= s.synthetic_month_cap_microusd
    from tracegram.settings as s
  ), 'a cap of synthetic tests would be crossed';
  return v_call_id;
end;
$$;

comment on function tracegram.reserve_call(tracegram.synthetic_results, jsonb, bigint, timestamptz) is
  'Sets the most that a call can cost aside. The caller has locked the ledger and the run. Returns the id of the call.';
revoke all on function tracegram.reserve_call(tracegram.synthetic_results, jsonb, bigint, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.begin_llm_call(
  p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_call jsonb, p_now timestamptz
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run    tracegram.synthetic_runs;
  v_it     tracegram.synthetic_results;
  v_room   tracegram.room;
  v_answer jsonb;
  v_begun  bigint;
  v_why    text;
begin
  perform tracegram.check_call(p_call);
  perform from tracegram.synthetic_ledger for update;
  v_run := tracegram.lock_run(p_run_id, p_token, p_now);
  if v_run.mode = 'replay' then
    raise exception sqlstate 'TG060' using message = 'a replay pays for no calls';
  end if;
  select r.* into v_it from tracegram.synthetic_results as r where r.run_id = p_run_id and r.position = p_position;
  -- It was let through before, and nobody has heard of it.
  select c.call_id into v_begun
  from tracegram.synthetic_calls as c
  where c.run_id = p_run_id and c.position = p_position and c.key = p_call ->> 'key' and c.begin_id = p_call ->> 'id'
    and not c.confirmed;
  v_why := case
    when v_run.state <> 'running' then coalesce(v_run.crossed, 'stopped')
    when v_it.attempts is distinct from p_attempt or v_it.state <> 'running' then 'taken_over'
  end;
  if v_why is not null then
    perform tracegram.book_call(v_begun, 0, p_now); -- it was not made, and will not be
    return pg_catalog.jsonb_build_object('kind', 'refused', 'why', v_why);
  elsif v_begun is not null then
    return pg_catalog.jsonb_build_object('kind', 'go', 'call_id', v_begun);
  end if;
  v_answer := tracegram.known_answer(v_it, p_call);
  if v_answer is not null then
    return v_answer;
  end if;

  v_room := tracegram.find_room(v_run, tracegram.wish_number(p_call, 'worst_microusd'), p_now);
  if v_room.crossed is not null and v_room.waits then
    update tracegram.synthetic_results
    set leased_until = greatest(leased_until, p_now + interval '30 seconds')
    where run_id = p_run_id and position = p_position;
    -- It may be that who has reserved it is gone.
    perform tracegram.expire_leases(null, p_now);
    return '{"kind": "wait"}'::jsonb;
  elsif v_room.crossed is not null then
    update tracegram.synthetic_runs set crossed = v_room.crossed where run_id = p_run_id;
    perform tracegram.close_run(p_run_id, 'out_of_budget', p_now);
    return pg_catalog.jsonb_build_object('kind', 'refused', 'why', v_room.crossed);
  end if;
  return pg_catalog.jsonb_build_object(
    'kind', 'go', 'call_id', tracegram.reserve_call(v_it, p_call, v_room.microusd, p_now)
  );
end;
$$;

comment on function tracegram.begin_llm_call(uuid, text, integer, integer, jsonb, timestamptz) is
  'See public.begin_llm_call; p_now is when.';
revoke all on function tracegram.begin_llm_call(uuid, text, integer, integer, jsonb, timestamptz)
from public, anon, authenticated, service_role;

create function public.begin_llm_call(p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_call jsonb)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.begin_llm_call(p_run_id, p_token, p_position, p_attempt, p_call, pg_catalog.now());
$$;

comment on function public.begin_llm_call(uuid, text, integer, integer, jsonb) is
$doc$To be called before each paid request: sets aside the most that it can cost, or says why it must not be made.

p_position, p_attempt  as take_scenario gave them.
p_call                 CallStart of functions/_shared/synthetic_work.ts.

Returns Begun: {"kind": "go", call_id}, make the call and settle it; {"kind": "answer", from, recorded}, it was made before;
{"kind": "wait"}, others have reserved what is left: ask again in 200 ms; {"kind": "refused", why}, make no call: stopped, taken_over
(somebody else has the scenario), or the cap that it would cross, cap_run, cap_day or cap_month. That ends the run. Told again under the
same id, it is the same call.

TG060  no such run, the wrong token, a replay, or no call  (nothing was changed)$doc$;
revoke all on function public.begin_llm_call(uuid, text, integer, integer, jsonb) from public, anon, authenticated;
grant execute on function public.begin_llm_call(uuid, text, integer, integer, jsonb) to service_role;

-- 69_run_message.sql — the one message that tells of a run, in the chat that asked for it.
--
-- Who sends or edits it holds it for 30 seconds, so that two isolates do not; when one dies in between, the next news does it.

create function tracegram.claim_run_message(p_run_id uuid, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  update tracegram.synthetic_runs as r
  set message_until = p_now + interval '30 seconds'
  where r.run_id = p_run_id and r.chat_id is not null and r.message_version < r.version
    and coalesce(r.message_until <= p_now, true)
  returning r.* into v_run;
  if not found then
    return null;
  end if;
  return pg_catalog.jsonb_build_object(
    'chat_id', v_run.chat_id, 'message_id', v_run.message_id, 'run', tracegram.run_view(p_run_id, p_now)
  );
end;
$$;

comment on function tracegram.claim_run_message(uuid, timestamptz) is 'See public.claim_run_message; p_now is when.';
revoke all on function tracegram.claim_run_message(uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.claim_run_message(p_run_id uuid)
  returns jsonb
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.claim_run_message(p_run_id, pg_catalog.now());
$$;

comment on function public.claim_run_message(uuid) is
$doc$Claims the message about a run for 30 seconds: send it, or edit it where message_id is not null, and call finish_run_message.

Returns {chat_id, message_id, run}, run as get_synthetic_run gives it; null when somebody has it, it shows the run as it is, nobody asked
for one, or the run was not confirmed.$doc$;
revoke all on function public.claim_run_message(uuid) from public, anon, authenticated;
grant execute on function public.claim_run_message(uuid) to service_role;

create function public.finish_run_message(p_run_id uuid, p_message_id bigint, p_version integer)
  returns void
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  update tracegram.synthetic_runs as r
  set
    message_until = null,
    message_id = coalesce(p_message_id, r.message_id),
    message_version = case when p_message_id is null then r.message_version else greatest(r.message_version, p_version) end
  where r.run_id = p_run_id;
$$;

comment on function public.finish_run_message(uuid, bigint, integer) is
$doc$Ends a claim of claim_run_message.

p_message_id  of the message that was sent or edited; null: it could not be, and whoever claims it next tries again.
p_version     the run's as it was shown.$doc$;
revoke all on function public.finish_run_message(uuid, bigint, integer) from public, anon, authenticated;
grant execute on function public.finish_run_message(uuid, bigint, integer) to service_role;

-- 69_synthetic_jobs.sql — each minute, runs that people have confirmed are gone on with or given up; each hour, old ones are deleted.
--
-- Nothing here starts a run: only public.confirm_synthetic_run gives one a token, and what is posted is that of a run that a person has
-- confirmed, which goes on within its ceiling.

create function tracegram.post_run(p_run tracegram.synthetic_runs)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform net.http_post(
    url     => p_run.runner_url,
    headers => '{"Content-Type": "application/json"}'::jsonb,
    body    => pg_catalog.jsonb_build_object('run_id', p_run.run_id, 'token', p_run.token),
    timeout_milliseconds => 25000
  );
  return true;
exception when others then
  return false; -- an address that is none. The run is given up when nobody works on it.
end;
$$;

comment on function tracegram.post_run(tracegram.synthetic_runs) is
  'Has pg_net tell the function of a run to go on with it. Returns whether it could be queued.';
revoke all on function tracegram.post_run(tracegram.synthetic_runs) from public, anon, authenticated, service_role;

create function tracegram.tend_synthetic_runs(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run   tracegram.synthetic_runs;
  v_count integer := 0;
begin
  perform tracegram.expire_leases(null, p_now);
  for v_run in
    select r.* from tracegram.synthetic_runs as r where r.state = 'running' order by r.run_id for update
  loop
    if exists (
      select from tracegram.synthetic_results as i where i.run_id = v_run.run_id and i.state = 'running'
    ) then
      continue; -- somebody is at it
    elsif v_run.seen_at <= p_now - interval '15 minutes' then
      perform tracegram.close_run(v_run.run_id, 'abandoned', p_now);
    elsif v_run.runner_url is not null and v_run.seen_at <= p_now - interval '30 seconds'
      and pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is not null
    then
      v_count := v_count + tracegram.post_run(v_run)::integer;
    end if;
  end loop;
  return v_count;
end;
$$;

comment on function tracegram.tend_synthetic_runs(timestamptz) is
$doc$Looks after runs that are going on. Returns how many it has posted.

What workers had who are not heard of any more is given back. A run that a function runs, of which something is left, and of which nobody
was heard for 30 seconds, is posted to it, {run_id, token}. One of which nobody was heard for 15 minutes is abandoned.$doc$;
revoke all on function tracegram.tend_synthetic_runs(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_synthetic(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.synthetic_runs
  where state in ('asked', 'cancelled') and asked_at < p_now - interval '1 day' or ended_at < p_now - interval '400 days';
  -- They are requests and responses.
  delete from tracegram.synthetic_calls as c
  using tracegram.synthetic_runs as r, tracegram.settings as s
  where r.run_id = c.run_id and r.ended_at < p_now - s.io_days * interval '1 day' and c.booked_microusd is not null;
  delete from tracegram.synthetic_days where day < (p_now at time zone 'UTC')::date - 400;
$$;

comment on function tracegram.purge_synthetic(timestamptz) is
$doc$Deletes runs that were not confirmed after a day, the journal of calls as requests and responses are, after settings.io_days, and runs and
days of over 400 days ago.$doc$;
revoke all on function tracegram.purge_synthetic(timestamptz) from public, anon, authenticated, service_role;

-- 69_synthetic_report.sql — how a run stands, what there is to run, and what live calls were answered with.

create function tracegram.run_line(p_run tracegram.synthetic_runs)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'run_id', p_run.run_id,
    'state', p_run.state,
    'tier', p_run.tier,
    'mode', p_run.mode,
    'at', tracegram.iso(coalesce(p_run.started_at, p_run.asked_at)),
    'scenarios', pg_catalog.cardinality(p_run.scenarios) * p_run.repeat,
    'passed', count(*) filter (where r.state = 'passed'),
    'failed', count(*) filter (where r.state = 'failed'),
    'spent_microusd', p_run.spent_microusd
  )
  from tracegram.synthetic_results as r
  where r.run_id = p_run.run_id;
$$;

comment on function tracegram.run_line(tracegram.synthetic_runs) is 'RunLine of functions/_shared/synthetic_answers.ts.';
revoke all on function tracegram.run_line(tracegram.synthetic_runs) from public, anon, authenticated, service_role;

create function tracegram.earlier_results(p_run tracegram.synthetic_runs, p_scenario text)
  returns setof tracegram.synthetic_results
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from tracegram.synthetic_results as r
  join tracegram.synthetic_runs as u using (run_id)
  where r.scenario = p_scenario and r.state in ('passed', 'failed') and r.hash is not null
    and u.tier = p_run.tier and u.mode = p_run.mode
    and u.run_id <> p_run.run_id and r.ended_at <= coalesce(p_run.started_at, p_run.asked_at)
  order by r.ended_at desc, r.run_id, r.position desc
  limit 10;
$$;

comment on function tracegram.earlier_results(tracegram.synthetic_runs, text) is
  'The last ten results of a scenario before a run, in its tier and mode, newest first.';
revoke all on function tracegram.earlier_results(tracegram.synthetic_runs, text) from public, anon, authenticated, service_role;

create function tracegram.result_view(p_run tracegram.synthetic_runs, p_it tracegram.synthetic_results)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash    constant text := coalesce(
    p_it.hash, (select s.hash from tracegram.synthetic_scenarios as s where s.name = p_it.scenario)
  );
  v_earlier constant tracegram.synthetic_results[] := array(
    select e from tracegram.earlier_results(p_run, p_it.scenario) as e
  );
begin
  return pg_catalog.to_jsonb(p_it) - array['run_id', 'worker', 'leased_until', 'began_at', 'ended_at', 'largest_microusd']
    || pg_catalog.jsonb_build_object(
      'last', case when pg_catalog.cardinality(v_earlier) > 0 then pg_catalog.jsonb_build_object(
        'state', v_earlier[1].state, 'duration_ms', v_earlier[1].duration_ms, 'cost_microusd', v_earlier[1].cost_microusd,
        'same_hash', coalesce(v_earlier[1].hash = v_hash, false)
      ) end,
      'median', (
        select pg_catalog.jsonb_build_object(
          'runs', count(*),
          'duration_ms', pg_catalog.percentile_disc(0.5) within group (order by e.duration_ms),
          'cost_microusd', pg_catalog.percentile_disc(0.5) within group (order by e.cost_microusd)
        )
        from pg_catalog.unnest(v_earlier) as e
        where e.hash = v_hash
        having count(*) > 0
      )
    );
end;
$$;

comment on function tracegram.result_view(tracegram.synthetic_runs, tracegram.synthetic_results) is
$doc$RunResult of functions/_shared/synthetic_answers.ts. The median is of those of the last ten results that are of the same scenario, by its
hash.$doc$;
revoke all on function tracegram.result_view(tracegram.synthetic_runs, tracegram.synthetic_results)
from public, anon, authenticated, service_role;

create function tracegram.run_eta(p_run tracegram.synthetic_runs, p_results jsonb, p_now timestamptz)
  returns integer
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_run.state = 'running' and p_run.mode <> 'replay' and count(*) = count(v.duration_ms) then pg_catalog.ceil(greatest(
      -- The rest is shared among as many as run at once, and takes as long as its longest.
      pg_catalog.sum(v.duration_ms) / least(p_run.concurrency, greatest(count(*), 1)), pg_catalog.max(v.duration_ms), 0
    ))::integer
  end
  from pg_catalog.jsonb_array_elements(p_results) as r
  join tracegram.synthetic_results as i on i.run_id = p_run.run_id and i.position = (r ->> 'position')::integer
  cross join lateral (
    select greatest(
      -- Of a scenario that was changed, as long as it took before.
      coalesce(r -> 'median' ->> 'duration_ms', r -> 'last' ->> 'duration_ms')::numeric
        - case i.state when 'running' then 1000 * pg_catalog.date_part('epoch', p_now - i.began_at)::numeric else 0 end,
      case when coalesce(r -> 'median' ->> 'duration_ms', r -> 'last' ->> 'duration_ms') is not null then 0 end
    ) as duration_ms
  ) as v
  where i.state in ('pending', 'running');
$$;

comment on function tracegram.run_eta(tracegram.synthetic_runs, jsonb, timestamptz) is
  'Milliseconds until a run ends, by how long what is left of it took before. Null: not known, or it is not running.';
revoke all on function tracegram.run_eta(tracegram.synthetic_runs, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.run_view(p_run_id uuid, p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run     tracegram.synthetic_runs;
  v_results jsonb;
begin
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id;
  if not found then
    return null;
  end if;
  select coalesce(pg_catalog.jsonb_agg(tracegram.result_view(v_run, i) order by i.position), '[]'::jsonb) into v_results
  from tracegram.synthetic_results as i
  where i.run_id = p_run_id;
  return tracegram.run_line(v_run) || pg_catalog.jsonb_build_object(
    'repeat', v_run.repeat,
    'seed', v_run.seed,
    'concurrency', v_run.concurrency,
    'asked_by', v_run.asked_by,
    'ceiling_microusd', v_run.ceiling_microusd,
    'reserved_microusd', v_run.reserved_microusd,
    'unconfirmed_microusd', v_run.unconfirmed_microusd,
    'excess_microusd', v_run.excess_microusd,
    'saved_microusd', (
      select coalesce(pg_catalog.sum(i.saved_microusd), 0) from tracegram.synthetic_results as i where i.run_id = p_run_id
    ),
    'started_at', tracegram.iso(v_run.started_at),
    'ended_at', tracegram.iso(v_run.ended_at),
    'stopped_by', v_run.stopped_by,
    'crossed', v_run.crossed,
    'eta_ms', tracegram.run_eta(v_run, v_results, p_now),
    'results', v_results,
    'spend', tracegram.spend_view(p_now),
    'version', v_run.version
  );
end;
$$;

comment on function tracegram.run_view(uuid, timestamptz) is 'SyntheticRun of functions/_shared/synthetic_answers.ts; null when there is none.';
revoke all on function tracegram.run_view(uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.get_synthetic_run(p_run_id uuid)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.run_view(p_run_id, pg_catalog.now());
$$;

comment on function public.get_synthetic_run(uuid) is
$doc$How a run of synthetic tests stands, or ended, with all its results in their order.

Returns SyntheticRun of functions/_shared/synthetic_answers.ts; null when there is none, or no longer. A result's last is the newest of
its scenario, tier and mode before the run, and its median that of those of the last ten whose scenario was the same. eta_ms is by them
too.$doc$;
revoke all on function public.get_synthetic_run(uuid) from public, anon, authenticated;
grant execute on function public.get_synthetic_run(uuid) to service_role;

create function public.synthetic_overview()
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'scenarios', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'name', s.name, 'title', s.title, 'smoke', s.smoke, 'hash', s.hash,
        'last', (
          select pg_catalog.jsonb_build_object(
            'run_id', r.run_id, 'state', r.state, 'at', tracegram.iso(r.ended_at), 'cost_microusd', r.cost_microusd
          )
          from tracegram.synthetic_results as r
          where r.scenario = s.name and r.state in ('passed', 'failed')
          order by r.ended_at desc
          limit 1
        )
      ) order by s.name), '[]')
      from tracegram.synthetic_scenarios as s
    ),
    'runs', (
      select coalesce(pg_catalog.jsonb_agg(tracegram.run_line(r) order by r.started_at desc, r.run_id), '[]')
      from (
        select u.* from tracegram.synthetic_runs as u where u.started_at is not null order by u.started_at desc, u.run_id limit 5
      ) as r
    ),
    'spend', tracegram.spend_view(pg_catalog.now())
  );
$$;

comment on function public.synthetic_overview() is
$doc$Which scenarios there are, how each went last, the last five runs, and what was spent.

Returns SyntheticOverview of functions/_shared/synthetic_answers.ts.$doc$;
revoke all on function public.synthetic_overview() from public, anon, authenticated;
grant execute on function public.synthetic_overview() to service_role;

create function public.synthetic_recordings(p_run_id uuid, p_after bigint default 0)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  with page as (
    select c.call_id, r.scenario, c.recorded, pg_catalog.row_number() over (order by c.call_id) as n
    from tracegram.synthetic_calls as c
    join tracegram.synthetic_results as r using (run_id, position)
    where c.run_id = p_run_id and c.call_id > coalesce(p_after, 0) and c.recorded is not null
    order by c.call_id
    limit 21
  )
  select pg_catalog.jsonb_build_object(
    'recordings', coalesce(pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object('call_id', p.call_id, 'scenario', p.scenario, 'recorded', p.recorded) order by p.call_id
    ) filter (where p.n <= 20), '[]'),
    'more', count(*) > 20
  )
  from page as p;
$$;

comment on function public.synthetic_recordings(uuid, bigint) is
$doc$What live calls of a run were answered with, masked: 20 at a time, in the order of their begin.

p_after  call_id of the last one that was read; 0 at first.

Returns {"recordings": [{call_id, scenario, recorded}], "more"}; recorded is Recorded of functions/_shared/synthetic_work.ts. They are kept as
long as requests and responses are, settings.io_days.$doc$;
revoke all on function public.synthetic_recordings(uuid, bigint) from public, anon, authenticated;
grant execute on function public.synthetic_recordings(uuid, bigint) to service_role;

-- 70_retention.sql — days behind are dropped, and no ingest waits for it.
--
-- To drop an attached partition is to lock its whole table against everyone: the drop would wait behind one long reader, and
-- every ingest behind the drop. So a day goes in steps, and the catalogue tells how far it has come:
--
--   leaving     traces_from or io_from moves past it: ingest refuses it, readers look no further back. The log has it.
--   detaching   `detach partition … concurrently` waits for those who use the table, and nobody waits for it. It cannot run
--               inside a function, so pg_cron is given the bare command. Not while the fold has traces of that day to count.
--   detached    a table of its own, and dropped.
--
-- docs/decisions/06-days-are-detached.md has what was measured.

create function tracegram.expel_days(p_table text, p_from date, p_why text, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
  update tracegram.settings as s
  set
    traces_from = case p_table when 'pipeline_traces' then p_from else s.traces_from end,
    io_from = case p_table when 'trace_io' then p_from else s.io_from end
  where p_from > case p_table when 'pipeline_traces' then s.traces_from else s.io_from end;

  insert into tracegram.retention_log (noted_at, what, why, table_name, day, bytes, row_estimate)
  select p_now, 'leaving', p_why, d.table_name, d.day, d.bytes, d.row_estimate
  from tracegram.day_tables() as d
  where d.table_name = p_table and d.state = 'attached' and d.leaving is null and d.day < p_from
  order by d.day;
$$;

comment on function tracegram.expel_days(text, date, text, timestamptz) is
  'Sends the days of a table before p_from away: they are refused from now on, and retention drops them.';
revoke all on function tracegram.expel_days(text, date, text, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.drop_day(p_day tracegram.day_table, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  -- Somebody may be reading it by its own name: then the next run drops it.
  set lock_timeout = '100ms'
as $$
begin
  execute pg_catalog.format('drop table tracegram.%I', p_day.name);
  insert into tracegram.retention_log (noted_at, what, why, table_name, day, bytes, row_estimate)
  values (p_now, 'dropped', p_day.leaving, p_day.table_name, p_day.day, p_day.bytes, p_day.row_estimate);
exception when lock_not_available then
  null;
end;
$$;

comment on function tracegram.drop_day(tracegram.day_table, timestamptz) is 'Drops a day that is detached.';
revoke all on function tracegram.drop_day(tracegram.day_table, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.detach_day(p_table text, p_day tracegram.day_table)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- pg_cron knows no "once": it runs in seven seconds, and retention is back in ten and takes it away before it repeats.
  c_soon    constant text := '7 seconds';
  c_never   constant text := '0 0 30 2 *';
  v_name    constant text := 'tracegram-detach-' || p_table;
  v_prefix  constant text := pg_catalog.format('alter table tracegram.%I detach partition', p_table);
  v_command constant text := v_prefix || ' tracegram.' || pg_catalog.quote_ident(p_day.name)
    || case p_day.state when 'detaching' then ' finalize' else ' concurrently' end;
  v_job     bigint := (select j.jobid from cron.job as j where j.jobname = v_name);
begin
  if exists (
    select from pg_catalog.pg_stat_activity as a
    where a.state = 'active' and a.pid <> pg_catalog.pg_backend_pid() and pg_catalog.starts_with(a.query, v_prefix)
  ) then
    -- It waits for somebody. To unschedule it would be to stop it.
    perform cron.alter_job(v_job, schedule => c_never) where v_job is not null;
    return;
  end if;
  if exists (select from cron.job as j where j.jobid = v_job and j.command = v_command and j.schedule = c_soon) then
    return; -- it has not run yet, or has failed and is tried again
  end if;
  -- A new job, for its seven seconds count from now.
  perform cron.unschedule(v_job) where v_job is not null;
  perform cron.schedule(v_name, c_soon, v_command) where p_day.name is not null;
end;
$$;

comment on function tracegram.detach_day(text, tracegram.day_table) is
  'Has pg_cron detach this day of a table, or end a detach that was interrupted. Null: there is nothing to detach.';
revoke all on function tracegram.detach_day(text, tracegram.day_table) from public, anon, authenticated, service_role;

create function tracegram.retain(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_today    constant date := p_now::date;
  v_settings constant tracegram.settings := tracegram.settings();
  v_days     tracegram.day_table[];
  v_day      tracegram.day_table;
  v_table    text;
  v_left     integer;
begin
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.retain')) then
    return null;
  end if;
  -- The newest must not go before the next are there: pg_partman makes days after a day.
  perform tracegram.ensure_partitions(p_now);

  v_days := array(select d from tracegram.day_tables() as d where d.leaving is not null order by d.day);
  foreach v_table in array array['pipeline_traces', 'trace_io'] loop
    for v_day in
      select d.* from pg_catalog.unnest(v_days) as d where d.table_name = v_table and d.state = 'detached'
    loop
      perform tracegram.drop_day(v_day, p_now);
    end loop;
    -- One at a time: a table has at most one partition that is detaching.
    select d.* into v_day
    from pg_catalog.unnest(v_days) as d
    where d.table_name = v_table and d.state <> 'detached'
    order by d.state = 'detaching' desc, d.day
    limit 1;
    -- What waits for the fold is counted from its traces.
    if v_table = 'pipeline_traces' and v_day.state = 'attached' and exists (
      select
      from tracegram.batches as b
      cross join lateral pg_catalog.unnest(b.ended) as e (trace_id)
      where e.trace_id >= tracegram.first_id(v_day.day) and e.trace_id < tracegram.first_id(v_day.day + 1)
    ) then
      v_day := null;
    end if;
    perform tracegram.detach_day(v_table, v_day);
  end loop;

  -- What leaves now is detached by the next run: until then, what still came in is counted by the fold.
  perform tracegram.expel_days(k.table_name, coalesce(d.oldest, k.day), 'expired', p_now)
  from (values
    ('pipeline_traces', v_today - v_settings.trace_days), ('trace_io', v_today - v_settings.io_days)
  ) as k (table_name, day)
  cross join lateral (
    select min(t.day) as oldest
    from tracegram.day_tables() as t
    where t.table_name = k.table_name and t.state = 'attached' and t.day >= k.day
  ) as d;

  select count(*) into v_left from tracegram.day_tables() as d where d.leaving is not null;
  perform cron.alter_job(j.jobid, schedule => s.schedule)
  from cron.job as j
  cross join (select case v_left when 0 then '* * * * *' else '10 seconds' end as schedule) as s
  where j.jobname = 'tracegram-retention' and j.schedule <> s.schedule;
  return v_left;
end;
$$;

comment on function tracegram.retain(timestamptz) is
$doc$Takes the days that are older than the settings keep, and those that the quota guard has sent away, a step further.

Runs each minute, and every ten seconds while there are such days: each takes about that long.

Returns how many are left; null while another call is at work.$doc$;
revoke all on function tracegram.retain(timestamptz) from public, anon, authenticated, service_role;

-- 71_quota_guard.sql — a database that nears its quota gives up what is worth least, a little at a time.
--
-- Written by  tracegram.guard_quota (90_jobs.sql, every ten minutes): settings.guard_io_sample_percent, and days through
--             tracegram.expel_days (70_retention.sql)
-- Read by     ingest (the share), public.trace_storage
--
-- A full database refuses every write, the owner's own as well. A database grows smaller only by dropping whole days, so:
--
--   from 80 %   less comes in: the share of traces whose I/O is stored, errors among them, is halved at each run, down to none.
--               Below 65 % it is doubled at each run, back to what the owner has set. In between it stays as it is.
--   from 90 %   as many of the oldest days of I/O go as bring it below that, today's never.
--   from 95 %   and with no I/O left but today's: as many of the oldest days of traces. Yesterday's and today's never.
--
-- A day that is already leaving counts as gone, so that a slow drop is not answered by another. And days go only for a purpose:
-- I/O when all of it that may go brings the database below 90 %, or together with the traces below 95 % when it is over that.
-- Where the owner's own tables fill the database, nothing is dropped in vain, and the log says so, once a day. The share is
-- lowered all the same: that destroys nothing.

create function tracegram.guard_sampling(p_size bigint, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_percent  constant smallint := least(v_settings.io_sample_percent, v_settings.guard_io_sample_percent);
  v_new      smallint := v_settings.guard_io_sample_percent;
begin
  if p_size >= 0.80 * v_settings.quota_bytes and v_new is distinct from 0 then
    v_new := v_percent / 2;
  elsif p_size < 0.65 * v_settings.quota_bytes and v_new is not null then
    v_new := nullif(least(greatest(2 * v_new, 1), v_settings.io_sample_percent), v_settings.io_sample_percent);
  end if;
  if v_new is distinct from v_settings.guard_io_sample_percent then
    update tracegram.settings set guard_io_sample_percent = v_new;
    insert into tracegram.retention_log (noted_at, what, why, bytes, detail)
    values (p_now, 'sampling', 'quota', p_size, case
      when v_new is null then pg_catalog.format(
        'I/O of %s %% of the successful traces and of all errors, as the owner has set', v_settings.io_sample_percent
      )
      else pg_catalog.format('I/O of %s %% of the traces, errors among them, instead of %s %%', v_new, v_percent)
    end);
  end if;
end;
$$;

comment on function tracegram.guard_sampling(bigint, timestamptz) is
  'Lowers the share of I/O that is stored, or raises it again, by one step. p_size is the size of the database.';
revoke all on function tracegram.guard_sampling(bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.guard_quota(p_now timestamptz default now())
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_quota  constant numeric := (tracegram.settings()).quota_bytes;
  v_today  constant date := p_now::date;
  v_days   constant tracegram.day_table[] := array(select d from tracegram.day_tables() as d);
  v_may_go constant tracegram.day_table[] := array(
    select d
    from pg_catalog.unnest(v_days) as d
    where d.state = 'attached' and d.leaving is null
      and d.day < v_today - case d.table_name when 'trace_io' then 0 else 1 end
  );
  v_size   bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_io     bigint; -- bytes that may go
  v_traces bigint;
  v_table  text;
  v_below  numeric;
  v_last   date;
begin
  perform tracegram.guard_sampling(v_size, p_now);

  v_size := v_size - (
    select coalesce(pg_catalog.sum(d.bytes), 0) from pg_catalog.unnest(v_days) as d where d.leaving is not null
  );
  select
    coalesce(pg_catalog.sum(d.bytes) filter (where d.table_name = 'trace_io'), 0),
    coalesce(pg_catalog.sum(d.bytes) filter (where d.table_name = 'pipeline_traces'), 0),
    -- Traces only when there is no I/O to go.
    max(d.table_name)
  into v_io, v_traces, v_table
  from pg_catalog.unnest(v_may_go) as d;
  v_below := case v_table when 'trace_io' then 0.90 else 0.95 end * v_quota;

  if v_size < 0.90 * v_quota then
    return;
  end if;
  if v_size - v_io < 0.90 * v_quota
    or v_size >= 0.95 * v_quota and v_size - v_io - v_traces < 0.95 * v_quota
  then
    -- The day with which it is enough; when it is never, all.
    select coalesce(min(d.day) filter (where v_size - d.bytes < v_below), max(d.day)) into v_last
    from (
      select m.day, pg_catalog.sum(m.bytes) over (order by m.day) as bytes
      from pg_catalog.unnest(v_may_go) as m
      where m.table_name = v_table
    ) as d;
    perform tracegram.expel_days(v_table, v_last + 1, 'quota', p_now);
  elsif v_size - v_io - v_traces >= 0.90 * v_quota and not exists (
    select from tracegram.retention_log as l where l.what = 'cannot help' and l.noted_at > p_now - interval '1 day'
  ) then
    insert into tracegram.retention_log (noted_at, what, why, bytes, detail)
    values (p_now, 'cannot help', 'quota', v_size, pg_catalog.format(
      'Of %s the quota is %s, and the days that may go have %s. What else is in this database?',
      pg_catalog.pg_size_pretty(v_size), pg_catalog.pg_size_pretty(v_quota), pg_catalog.pg_size_pretty(v_io + v_traces)
    ));
  end if;
end;
$$;

comment on function tracegram.guard_quota(timestamptz) is
  'Takes the next step against a full database, if one is needed. See the head of 71_quota_guard.sql.';
revoke all on function tracegram.guard_quota(timestamptz) from public, anon, authenticated, service_role;

-- 80_alerts.sql — what is watched, and what was found.
--
-- Written by  tracegram.evaluate_alerts (83_evaluate_alerts.sql), public.change_alert_rule (85_list_alerts.sql),
--             public.alert_act (89_admin_acts.sql)
-- Read by     public.list_alerts (85_list_alerts.sql), tracegram.deliver_alerts (84_deliver_alerts.sql)
-- Dropped by  tracegram.purge (90_jobs.sql): resolved alerts with their events after 90 days

create table tracegram.alert_rules (
  rule           text primary key,
  summary        text not null,
  threshold      numeric not null check (threshold >= 0 and threshold < 'infinity'),
  unit           text not null,
  enabled        boolean not null default true,
  opens_after    smallint not null check (opens_after > 0),
  resolves_after smallint not null check (resolves_after > 0),
  resolve_below  numeric not null default 1 check (resolve_below > 0 and resolve_below <= 1),
  muted_until    timestamptz(3),
  muted_by       bigint
);
alter table tracegram.alert_rules enable row level security;

comment on table tracegram.alert_rules is 'What is watched, each minute. Each rule has a function that measures it, measure_ and its name.';
comment on column tracegram.alert_rules.rule is 'Name of the rule.';
comment on column tracegram.alert_rules.summary is 'What is wrong when it is in breach, for people.';
comment on column tracegram.alert_rules.threshold is
  'In breach above this, in the rule''s unit. The owner may change it.';
comment on column tracegram.alert_rules.unit is
  'Of the threshold and of each value: percent, ms, microusd, or what is counted.';
comment on column tracegram.alert_rules.enabled is 'Whether it is evaluated. The owner may change it.';
comment on column tracegram.alert_rules.opens_after is
  'Evaluations in a row that must be in breach before an alert opens.';
comment on column tracegram.alert_rules.resolves_after is 'Evaluations in a row that must be good before it resolves.';
comment on column tracegram.alert_rules.resolve_below is
  'Good is a value of at most this share of the threshold. One between the two neither opens an alert nor resolves it.';

comment on column tracegram.alert_rules.muted_until is
  'Until when its new alerts are not told; those that are still open then, are. Null: it was never muted.';
comment on column tracegram.alert_rules.muted_by is 'Telegram''s id of the admin who muted it.';

insert into tracegram.alert_rules (rule, summary, threshold, unit, opens_after, resolves_after, resolve_below)
values
  ('error_rate',         'Many runs fail',                                   10,       'percent',  2, 5, 0.9),
  ('p95',                'Runs are slow',                                    30000,    'ms',       2, 5, 0.9),
  ('daily_spend',        'LLM calls cost more than planned today',           10000000, 'microusd', 1, 1, 1),
  ('large_trace',        'Traces are stored in rows over 5 kB',              0,        'traces',   1, 5, 1),
  ('ingest_p95',         'Storing traces is slow',                           200,      'ms',       2, 5, 0.9),
  ('long_message',       'A message to an admin was over 3,500 characters',  0,        'messages', 1, 5, 1),
  ('telegram_429',       'Telegram told the admin bot to wait',              5,        'answers',  1, 5, 1),
  ('orphans',            'Traces were lost, or have steps without a parent', 0,        'gaps',     1, 5, 1),
  ('dropped',            'Senders dropped traces',                           0,        'records',  1, 5, 1),
  ('missing_partitions', 'Days ahead have no partition',                     0,        'days',     2, 2, 1),
  ('cron_failed',        'A scheduled job failed or did not run',            0,        'jobs',     2, 2, 1),
  ('quota',              'The database is nearly full',                      80,       'percent',  2, 5, 0.95),
  ('slow_screen',        'A screen of the admin bot is slow',                500,      'ms',       2, 5, 0.9),
  ('plan',               'A screen''s query reads more than it should',      0,        'queries',  1, 1, 1)
on conflict (rule) do update set
  summary = excluded.summary, unit = excluded.unit, opens_after = excluded.opens_after,
  resolves_after = excluded.resolves_after, resolve_below = excluded.resolve_below;

create table tracegram.alert_state (
  rule         text primary key references tracegram.alert_rules,
  bad_streak   integer not null default 0,
  good_streak  integer not null default 0,
  value        numeric,
  detail       text,
  error        text,
  silent_since timestamptz(3),
  evaluated_at timestamptz(3) not null
);
alter table tracegram.alert_state enable row level security;

comment on table tracegram.alert_state is 'How each rule stood when it was last evaluated.';
comment on column tracegram.alert_state.rule is 'The rule.';
comment on column tracegram.alert_state.bad_streak is
  'Evaluations in a row, up to the last, that were in breach. Those with too little to measure are passed over.';
comment on column tracegram.alert_state.good_streak is
  'Evaluations in a row, up to the last, that were good. Those with too little to measure are passed over.';
comment on column tracegram.alert_state.value is
  'The last value. Null: there was too little to measure, which is neither good nor in breach.';
comment on column tracegram.alert_state.detail is 'What was measured, in a sentence with numbers.';
comment on column tracegram.alert_state.error is
  'Why the rule could not be evaluated, which leaves all but evaluated_at as it was. Null when it could.';
comment on column tracegram.alert_state.silent_since is
  'Since when there has been too little to measure. Null: there was enough. After an hour an open alert resolves.';
comment on column tracegram.alert_state.evaluated_at is 'When.';

create table tracegram.alerts (
  alert_id        bigint generated always as identity primary key,
  rule            text not null references tracegram.alert_rules,
  opened_at       timestamptz(3) not null,
  resolved_at     timestamptz(3) check (resolved_at >= opened_at),
  threshold       numeric not null,
  value           numeric not null,
  worst           numeric not null,
  last_value      numeric,
  detail          text not null,
  acknowledged_at timestamptz(3),
  acknowledged_by bigint,
  revision        integer not null default 1
);
create unique index alerts_open on tracegram.alerts (rule) where resolved_at is null;
alter table tracegram.alerts enable row level security;

comment on index tracegram.alerts_open is 'evaluate_alerts: the open alert of a rule, of which there is at most one.';
comment on table tracegram.alerts is 'Rules that were in breach for a while. Resolved ones are kept 90 days.';
comment on column tracegram.alerts.alert_id is 'In the order in which they opened.';
comment on column tracegram.alerts.rule is 'The rule.';
comment on column tracegram.alerts.opened_at is 'When it opened.';
comment on column tracegram.alerts.resolved_at is 'When it resolved. Null while it is open.';
comment on column tracegram.alerts.threshold is 'The rule''s threshold when it opened.';
comment on column tracegram.alerts.value is 'The value that it opened with.';
comment on column tracegram.alerts.worst is 'The highest value while it was open.';
comment on column tracegram.alerts.last_value is
  'The last value while it was open. Null when there was too little to measure.';
comment on column tracegram.alerts.detail is 'What was measured when it was worst.';
comment on column tracegram.alerts.acknowledged_at is 'When an admin first said that they have seen it. Null: none has.';
comment on column tracegram.alerts.acknowledged_by is 'Telegram''s id of that admin.';
comment on column tracegram.alerts.revision is
  'Grows with all that its messages tell: that it resolved, was acknowledged, was muted.';

create table tracegram.alert_events (
  event_id        bigint generated always as identity primary key,
  alert_id        bigint not null references tracegram.alerts on delete cascade,
  kind            text not null check (kind in ('opened', 'resolved', 'changed')),
  value           numeric,
  detail          text,
  created_at      timestamptz(3) not null,
  next_attempt_at timestamptz(3) not null,
  request_id      bigint,
  attempts        smallint not null default 0,
  delivered_at    timestamptz(3),
  last_error      text,
  unique (alert_id, kind)
);
create index alert_events_pending on tracegram.alert_events (event_id) where delivered_at is null;
alter table tracegram.alert_events enable row level security;

comment on index tracegram.alert_events_pending is 'deliver_alerts: what is to be delivered.';
comment on table tracegram.alert_events is 'What the owner is told of alerts, and whether it has arrived.';
comment on column tracegram.alert_events.event_id is 'The receiver''s key to know an event that comes twice.';
comment on column tracegram.alert_events.alert_id is 'The alert.';
comment on column tracegram.alert_events.kind is
  'opened, resolved, or changed: an admin acknowledged or muted it. Of several changes, the last is told.';
comment on column tracegram.alert_events.value is 'The value at that time.';
comment on column tracegram.alert_events.detail is 'What was measured at that time.';
comment on column tracegram.alert_events.created_at is
  'When it happened. A day later, or a day after the mute of its open alert, it is not worth telling any more.';
comment on column tracegram.alert_events.next_attempt_at is
  'Not sent before. While a request is under way: how long its answer is waited for.';
comment on column tracegram.alert_events.request_id is
  'pg_net''s id of the request that is under way. Null when none is.';
comment on column tracegram.alert_events.attempts is 'How often it was sent.';
comment on column tracegram.alert_events.delivered_at is 'When the answer that took it was seen. Null until then.';
comment on column tracegram.alert_events.last_error is 'What became of the last attempt that failed.';

-- 81_alert_measures.sql — how each rule of the traces stands: one function a rule, named after it.
--
-- Each returns a value in the rule's unit, null when there is too little to say, and a sentence with what it has found.
-- What comes from the rollups is by whole five minutes.

create type tracegram.measurement as (
  value  numeric,
  detail text
);
comment on type tracegram.measurement is 'How a rule stands.';
comment on column tracegram.measurement.value is 'In the unit of the rule. Null: too little to say.';
comment on column tracegram.measurement.detail is 'What was found, in a sentence with numbers.';

create function tracegram.spelled(p_number numeric)
  returns text
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.to_char(pg_catalog.round(p_number), 'FM999,999,999,999,999,990');
$$;

comment on function tracegram.spelled(numeric) is 'A whole number for people: 12,345.';
revoke all on function tracegram.spelled(numeric) from public, anon, authenticated, service_role;

create function tracegram.measure_error_rate(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select r.pipeline, sum(r.count) as count, sum(r.errors) as errors
    from tracegram.rollup_rows(p_now - interval '15 minutes', p_now, true, p_now) as r
    group by r.pipeline
  )
  select
    case when sum(a.count) >= 20 then pg_catalog.round(100 * sum(a.errors) / sum(a.count), 2) end,
    pg_catalog.concat(
      pg_catalog.format('%s of %s runs failed in 15 minutes', coalesce(sum(a.errors), 0), coalesce(sum(a.count), 0)), (
        select pg_catalog.format(', most of them in %s: %s of %s', w.pipeline, w.errors, w.count)
        from runs as w
        where w.errors > 0
        order by w.errors desc, w.pipeline
        limit 1
      )
    )
  from runs as a;
$$;

comment on function tracegram.measure_error_rate(timestamptz) is
  'Failed runs in percent, of at least 20 that started in 15 minutes.';
revoke all on function tracegram.measure_error_rate(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_p95(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select
      r.pipeline, sum(r.count) as count,
      (tracegram.percentiles(pg_catalog.array_agg(r.durations)) ->> 'p95_ms')::numeric as p95_ms
    from tracegram.rollup_rows(p_now - interval '15 minutes', p_now, true, p_now) as r
    group by grouping sets ((r.pipeline), ())
  )
  select
    case when a.count >= 20 then a.p95_ms end,
    case
      when a.count is null then 'no runs in 15 minutes'
      else pg_catalog.format(
        '95 %% of %s runs in 15 minutes took at most %s ms', a.count, tracegram.spelled(a.p95_ms)
      ) || (
        select pg_catalog.format('; slowest is %s with %s ms', w.pipeline, tracegram.spelled(w.p95_ms))
        from runs as w
        where w.pipeline is not null
        order by w.p95_ms desc, w.pipeline
        limit 1
      )
    end
  from runs as a
  where a.pipeline is null;
$$;

comment on function tracegram.measure_p95(timestamptz) is
  'The 95th percentile of how long runs took, of at least 20 that started in 15 minutes, in ms.';
revoke all on function tracegram.measure_p95(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_daily_spend(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select
      r.pipeline, sum(r.count) as count, sum(r.unpriced) as unpriced,
      coalesce(sum(r.cost_microusd), 0) as cost_microusd,
      pg_catalog.to_char(coalesce(sum(r.cost_microusd), 0) / 1000000, 'FM$999,999,990.00') as dollars
    from tracegram.rollup_rows(pg_catalog.date_trunc('day', p_now, 'UTC'), p_now, true, p_now) as r
    group by grouping sets ((r.pipeline), ())
  )
  select
    a.cost_microusd,
    pg_catalog.concat(
      pg_catalog.format('%s since midnight UTC in %s runs', a.dollars, tracegram.spelled(coalesce(a.count, 0))), (
        select pg_catalog.format(', most of it in %s: %s', w.pipeline, w.dollars)
        from runs as w
        where w.pipeline is not null and w.cost_microusd > 0
        order by w.cost_microusd desc, w.pipeline
        limit 1
      ),
      case when a.unpriced > 0 then pg_catalog.format('; %s calls have no price', tracegram.spelled(a.unpriced)) end
    )
  from runs as a
  where a.pipeline is null;
$$;

comment on function tracegram.measure_daily_spend(timestamptz) is
  'What LLM calls have cost since midnight UTC, in micro-dollars. A call without a price adds nothing.';
revoke all on function tracegram.measure_daily_spend(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_large_trace(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select r.pipeline, sum(r.count) as count, sum(r.large) as large
    from tracegram.rollup_rows(p_now - interval '1 hour', p_now, true, p_now) as r
    group by r.pipeline
  )
  select
    coalesce(sum(a.large), 0),
    pg_catalog.concat(
      pg_catalog.format(
        '%s of %s traces of an hour take over 5 kB', coalesce(sum(a.large), 0), coalesce(sum(a.count), 0)
      ), (
        select pg_catalog.format(', most of them in %s: %s', w.pipeline, w.large)
        from runs as w
        where w.large > 0
        order by w.large desc, w.pipeline
        limit 1
      )
    )
  from runs as a;
$$;

comment on function tracegram.measure_large_trace(timestamptz) is 'Traces of an hour whose row is over 5 kB.';
revoke all on function tracegram.measure_large_trace(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_orphans(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select coalesce(sum(r.orphans), 0) as orphans, (
      pg_catalog.array_agg(r.pipeline order by r.orphans desc, r.pipeline) filter (where r.orphans > 0)
    )[1] as worst
    from tracegram.rollup_rows(p_now - interval '1 hour', p_now, true, p_now) as r
  ),
  lost as (
    select count(*) as lost, pg_catalog.max(t.pipeline) as pipeline
    from tracegram.unended as t
    where t.status = 'lost'
      -- Those that were due to end within the hour.
      and t.started_at > p_now - (tracegram.settings()).lost_after - interval '1 hour' and t.started_at <= p_now
  )
  select
    r.orphans + l.lost,
    pg_catalog.concat(
      pg_catalog.format('%s traces of an hour have a step without its parent', r.orphans), ', such as in ' || r.worst,
      pg_catalog.format('; %s did not end in time', l.lost), ', such as in ' || l.pipeline
    )
  from runs as r
  cross join lost as l;
$$;

comment on function tracegram.measure_orphans(timestamptz) is
  'Traces of an hour with a step whose parent does not exist, and those that should have ended within it and are lost.';
revoke all on function tracegram.measure_orphans(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_dropped(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with losses as (
    select
      d.reason, d.sender,
      d.records - case
        when d.grew_at >= pg_catalog.date_trunc('hour', p_now, 'UTC') then d.last_hour_began else d.hour_began
      end as records
    from tracegram.dropped as d
    where d.grew_at > p_now - interval '1 hour' and d.grew_at <= p_now
  )
  select
    coalesce(sum(l.records), 0),
    pg_catalog.concat(
      pg_catalog.format(
        '%s records were dropped by %s senders within an hour', tracegram.spelled(coalesce(sum(l.records), 0)),
        count(distinct l.sender)
      ), (
        select pg_catalog.format(', most of them for %s: %s', w.reason, tracegram.spelled(sum(w.records)))
        from losses as w
        group by w.reason
        order by sum(w.records) desc, w.reason
        limit 1
      )
    )
  from losses as l;
$$;

comment on function tracegram.measure_dropped(timestamptz) is
  'What senders dropped that reported more drops within an hour: as much as they did in the hour of the clock, and the one before it.';
revoke all on function tracegram.measure_dropped(timestamptz) from public, anon, authenticated, service_role;

-- 82_health_measures.sql — how each rule of Tracegram itself stands. See 81_alert_measures.sql.

create function tracegram.measure_ingest_p95(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    case when c.count >= 20 then c.p95_ms end,
    case
      when c.count is null then 'no calls of ingest_traces in 15 minutes'
      else pg_catalog.format(
        '95 %% of %s calls of ingest_traces in 15 minutes took at most %s ms', c.count, tracegram.spelled(c.p95_ms)
      )
    end
  from (
    select
      sum(r.count) as count,
      (tracegram.percentiles(pg_catalog.array_agg(r.durations)) ->> 'p95_ms')::numeric as p95_ms
    from tracegram.rollup_rows(p_now - interval '15 minutes', p_now, false, p_now) as r
    where r.pipeline = '' and r.step = 'ingest'
  ) as c;
$$;

comment on function tracegram.measure_ingest_p95(timestamptz) is
  'The 95th percentile of how long the database took for ingest_traces, of at least 20 calls in 15 minutes, in ms.';
revoke all on function tracegram.measure_ingest_p95(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_long_message(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    count(*),
    pg_catalog.concat(
      pg_catalog.format('%s messages to admins were over 3,500 characters in an hour', count(*)),
      ', the longest of ' || (
        (pg_catalog.array_agg(
          pg_catalog.format('screen %s: %s', r.screen, tracegram.spelled(r.characters)) order by r.characters desc
        ))[1]
      )
    )
  from tracegram.admin_responses as r
  where r.at > p_now - interval '1 hour' and r.at <= p_now and r.characters > 3500
    -- Those may have 32,768, and the bot keeps to that by itself.
    and r.screen not like '%.rich';
$$;

comment on function tracegram.measure_long_message(timestamptz) is
  'Messages to admins of an hour that are over 3,500 characters; Telegram takes 4,096. Rich messages are left out.';
revoke all on function tracegram.measure_long_message(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_telegram_429(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    count(*),
    pg_catalog.concat(
      pg_catalog.format('Telegram told the bot %s times in an hour to wait', count(*)),
      ', for up to ' || pg_catalog.max(r.retry_after) || ' s'
    )
  from tracegram.admin_responses as r
  where r.at > p_now - interval '1 hour' and r.at <= p_now and r.retry_after is not null;
$$;

comment on function tracegram.measure_telegram_429(timestamptz) is
  'Times in an hour that Telegram refused an answer of the admin bot as too many.';
revoke all on function tracegram.measure_telegram_429(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_slow_screen(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with screens as (
    select
      -- A rich message is made of the same query.
      pg_catalog.split_part(r.screen, '.', 1) as screen, count(*) as count,
      pg_catalog.percentile_disc(0.95) within group (order by r.query_ms) as p95_ms
    from tracegram.admin_responses as r
    where r.at > p_now - interval '1 hour' and r.at <= p_now and r.query_ms is not null
      -- A file takes as many queries as it is long.
      and not pg_catalog.starts_with(r.screen, 'export_')
    group by 1
    having count(*) >= 5
  )
  select
    pg_catalog.max(s.p95_ms),
    coalesce(
      (pg_catalog.array_agg(
        pg_catalog.format(
          '95 %% of %s queries of screen %s took at most %s ms', s.count, s.screen, tracegram.spelled(s.p95_ms)
        ) order by s.p95_ms desc, s.screen
      ))[1],
      'no screen was asked for five times in an hour'
    )
  from screens as s;
$$;

comment on function tracegram.measure_slow_screen(timestamptz) is
  'The 95th percentile of the query time of the slowest screen, of at least 5 answers of an hour, in ms. Exports are left out.';
revoke all on function tracegram.measure_slow_screen(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_missing_partitions(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    count(*),
    coalesce(
      'missing: ' || pg_catalog.string_agg(d.name, ', ' order by d.name),
      'today and the next three days have their partitions'
    )
  from (
    select m.table_name || pg_catalog.to_char(m.day at time zone 'UTC', '"_p"YYYYMMDD') as name
    from tracegram.missing_days(p_now, 3) as m
  ) as d;
$$;

comment on function tracegram.measure_missing_partitions(timestamptz) is
  'Days of today and the next three, of both tables, that have no partition, or one that is not that day.';
revoke all on function tracegram.measure_missing_partitions(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_quota(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    pg_catalog.round(100.0 * s.bytes / s.quota, 2),
    pg_catalog.format('%s of %s MB', tracegram.spelled(s.bytes / 1000000.0), tracegram.spelled(s.quota / 1000000.0))
  from (
    select
      pg_catalog.pg_database_size(pg_catalog.current_database()) as bytes,
      (tracegram.settings()).quota_bytes as quota
  ) as s;
$$;

comment on function tracegram.measure_quota(timestamptz) is
  'Size of the database in percent of settings.quota_bytes, as it is now.';
revoke all on function tracegram.measure_quota(timestamptz) from public, anon, authenticated, service_role;

-- 83_evaluate_alerts.sql — each minute every rule is measured; alerts open and resolve.
--
-- A rule in breach for some evaluations in a row opens an alert; good for some in a row, it resolves it.
-- Good is a share of the threshold or less, so that a value that swings around it neither opens twice nor resolves.
-- Too little to measure is neither: in an outage users leave. After an hour of it the rule starts afresh, and its alert
-- resolves.

create function tracegram.resolve_alert(p_rule text, p_detail text, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  with resolved as (
    update tracegram.alerts
    set resolved_at = greatest(p_now, opened_at), revision = revision + 1
    where rule = p_rule and resolved_at is null
    returning alert_id, last_value
  )
  insert into tracegram.alert_events (alert_id, kind, value, detail, created_at, next_attempt_at)
  select r.alert_id, 'resolved', r.last_value, p_detail, p_now, p_now
  from resolved as r;
$$;

comment on function tracegram.resolve_alert(text, text, timestamptz) is
  'Resolves the open alert of a rule, if it has one.';
revoke all on function tracegram.resolve_alert(text, text, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.note_measurement(
  p_rule tracegram.alert_rules, p_found tracegram.measurement, p_now timestamptz
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_bad   constant boolean := coalesce(p_found.value > p_rule.threshold, false);
  v_good  constant boolean := coalesce(p_found.value <= p_rule.threshold * p_rule.resolve_below, false);
  v_known constant boolean := p_found.value is not null;
  v_gone  boolean; -- there was too little to measure for an hour
  v_state tracegram.alert_state;
begin
  insert into tracegram.alert_state as s (rule, bad_streak, good_streak, value, detail, silent_since, evaluated_at)
  values (
    p_rule.rule, v_bad::integer, v_good::integer, p_found.value, p_found.detail,
    case when not v_known then p_now end, p_now
  )
  on conflict (rule) do update set
    bad_streak   = case when v_bad then s.bad_streak + 1 when v_known then 0 else s.bad_streak end,
    good_streak  = case when v_good then s.good_streak + 1 when v_known then 0 else s.good_streak end,
    silent_since = case when not v_known then coalesce(s.silent_since, p_now) end,
    value        = excluded.value,
    detail       = excluded.detail,
    error        = null,
    evaluated_at = excluded.evaluated_at
  returning * into v_state;
  v_gone := coalesce(v_state.silent_since <= p_now - interval '1 hour', false);
  if v_gone then
    update tracegram.alert_state set bad_streak = 0, good_streak = 0 where rule = p_rule.rule;
  end if;

  update tracegram.alerts as a
  set
    last_value = p_found.value,
    worst      = greatest(a.worst, p_found.value),
    detail     = case when p_found.value > a.worst then p_found.detail else a.detail end
  where a.rule = p_rule.rule and a.resolved_at is null;
  if found then
    if v_gone or v_known and v_state.good_streak >= p_rule.resolves_after then
      perform tracegram.resolve_alert(p_rule.rule, p_found.detail, p_now);
    end if;
  elsif v_bad and v_state.bad_streak >= p_rule.opens_after then
    with opened as (
      insert into tracegram.alerts (rule, opened_at, threshold, value, worst, last_value, detail)
      values (p_rule.rule, p_now, p_rule.threshold, p_found.value, p_found.value, p_found.value, p_found.detail)
      returning alert_id
    )
    insert into tracegram.alert_events (alert_id, kind, value, detail, created_at, next_attempt_at)
    select o.alert_id, 'opened', p_found.value, p_found.detail, p_now, p_now
    from opened as o;
  end if;
end;
$$;

comment on function tracegram.note_measurement(tracegram.alert_rules, tracegram.measurement, timestamptz) is
  'Counts what was found for a rule, and opens or resolves its alert.';
revoke all on function tracegram.note_measurement(tracegram.alert_rules, tracegram.measurement, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.evaluate_alerts(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '1s' -- a table that is being changed is the matter of one rule and one minute
as $$
declare
  v_rule   tracegram.alert_rules;
  v_value  numeric;
  v_detail text;
  v_count  integer := 0;
begin
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.alerts')) then
    return 0; -- somebody is at it
  end if;
  for v_rule in
    select r.*
    from tracegram.alert_rules as r
    left join tracegram.alert_state as s using (rule)
    where r.enabled and (s.rule is null or s.evaluated_at < pg_catalog.date_trunc('minute', p_now))
    order by r.rule
  loop
    begin
      execute pg_catalog.format('select m.value, m.detail from tracegram.%I($1) as m', 'measure_' || v_rule.rule)
      into v_value, v_detail
      using p_now;
      perform tracegram.note_measurement(v_rule, (v_value, v_detail)::tracegram.measurement, p_now);
    exception when others then
      insert into tracegram.alert_state (rule, error, evaluated_at)
      values (v_rule.rule, sqlerrm, p_now)
      on conflict (rule) do update set error = excluded.error, evaluated_at = excluded.evaluated_at;
    end;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

comment on function tracegram.evaluate_alerts(timestamptz) is
$doc$Evaluates the enabled rules that were not yet evaluated in the minute of p_now. Returns how many.

A rule that cannot be measured keeps its alert as it is, says why in alert_state.error, and stops no other. Of two calls
at the same time, one does nothing.$doc$;
revoke all on function tracegram.evaluate_alerts(timestamptz) from public, anon, authenticated, service_role;

-- 84_deliver_alerts.sql — each event of an alert is posted to settings.alert_url until the receiver has it.
--
-- pg_net sends a request when this transaction has committed, and keeps the answer; the next run, a minute later, looks
-- at it. So a receiver may get an event twice, and knows it by its event_id.

create function tracegram.retry_at(p_attempts integer, p_headers jsonb, p_now timestamptz)
  returns timestamptz
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select greatest(
    p_now + least(60, 2 ^ least(p_attempts - 1, 6)) * interval '1 minute', (
      -- Names of headers are as the receiver wrote them. The value is seconds or a date.
      select case
        when h.value ~ '^\d{1,8}$' then p_now + h.value::integer * interval '1 second'
        when pg_catalog.pg_input_is_valid(h.value, 'timestamptz') then h.value::timestamptz
      end
      from pg_catalog.jsonb_each_text(p_headers) as h
      where pg_catalog.lower(h.key) = 'retry-after'
      limit 1
    )
  );
$$;

comment on function tracegram.retry_at(integer, jsonb, timestamptz) is
  'When to try again after p_attempts attempts: in 1, 2, 4 … 60 minutes, and not before the Retry-After of the answer.';
revoke all on function tracegram.retry_at(integer, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.read_answers(p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tracegram.alert_events as e
  set
    request_id      = null,
    delivered_at    = case when f.status_code between 200 and 299 then p_now end,
    last_error      = case when f.status_code between 200 and 299 then null else f.error end,
    next_attempt_at = tracegram.retry_at(e.attempts, f.headers, p_now)
  from (
    select
      p.event_id, r.status_code, r.headers,
      case
        when r.id is null then 'no answer within a minute'
        when r.status_code is null then coalesce(r.error_msg, 'no answer')
        else pg_catalog.format('HTTP %s: %s', r.status_code, tracegram.cut(r.content, 200))
      end as error
    from tracegram.alert_events as p
    left join net._http_response as r on r.id = p.request_id
    where p.delivered_at is null and p.request_id is not null and (r.id is not null or p.next_attempt_at <= p_now)
  ) as f
  where e.event_id = f.event_id;
end;
$$;

comment on function tracegram.read_answers(timestamptz) is
  'Takes note of what became of the requests that are under way.';
revoke all on function tracegram.read_answers(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.post_event(p_event tracegram.alert_events, p_settings tracegram.settings)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  return net.http_post(
    url     => p_settings.alert_url,
    headers => pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
      'Content-Type', 'application/json', 'x-tracegram-secret', p_settings.alert_secret
    )),
    body    => (
      select pg_catalog.jsonb_build_object(
        'event_id', p_event.event_id,
        'kind', p_event.kind,
        'rule', a.rule,
        'summary', r.summary,
        'value', p_event.value,
        'threshold', a.threshold,
        'unit', r.unit,
        'detail', p_event.detail,
        'opened_at', tracegram.iso(a.opened_at),
        'resolved_at', case when p_event.kind = 'resolved' then tracegram.iso(a.resolved_at) end
      )
      from tracegram.alerts as a
      join tracegram.alert_rules as r using (rule)
      where a.alert_id = p_event.alert_id
    ),
    -- The telegram function tells every chat before it answers, and waits for Telegram's rate limit.
    timeout_milliseconds => 25000
  );
end;
$$;

comment on function tracegram.post_event(tracegram.alert_events, tracegram.settings) is
  'Queues the request that tells of an event. Returns pg_net''s id of it; fails as net.http_post does.';
revoke all on function tracegram.post_event(tracegram.alert_events, tracegram.settings)
from public, anon, authenticated, service_role;

create function tracegram.send_event(
  p_event tracegram.alert_events, p_settings tracegram.settings, p_now timestamptz
)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tracegram.alert_events
  set attempts = attempts + 1, next_attempt_at = p_now + interval '1 minute',
    request_id = tracegram.post_event(p_event, p_settings)
  where event_id = p_event.event_id;
  return true;
exception when others then
  update tracegram.alert_events
  set attempts = attempts + 1, last_error = sqlerrm,
    next_attempt_at = tracegram.retry_at(p_event.attempts + 1, null, p_now)
  where event_id = p_event.event_id;
  return false;
end;
$$;

comment on function tracegram.send_event(tracegram.alert_events, tracegram.settings, timestamptz) is
  'Posts an event. Returns whether it could be queued; when not, the event says why, and is due again later.';
revoke all on function tracegram.send_event(tracegram.alert_events, tracegram.settings, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.news_since(p_event tracegram.alert_events)
  returns timestamptz
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- What resolved while its rule was muted is not news when it no longer is.
  select greatest(p_event.created_at, case when a.resolved_at is null then r.muted_until end)
  from tracegram.alerts as a
  join tracegram.alert_rules as r using (rule)
  where a.alert_id = p_event.alert_id;
$$;

comment on function tracegram.news_since(tracegram.alert_events) is
  'Since when an event could be told: when it happened, or when the mute of its open alert ended, or will.';
revoke all on function tracegram.news_since(tracegram.alert_events) from public, anon, authenticated, service_role;

create function tracegram.deliver_alerts(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_event    tracegram.alert_events;
  v_sent     integer := 0;
begin
  if v_settings.alert_url is null
    or pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is null
    or not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.alerts'))
  then
    return 0;
  end if;
  perform tracegram.read_answers(p_now);
  for v_event in
    select e.*
    from tracegram.alert_events as e
    join tracegram.alerts as a using (alert_id)
    join tracegram.alert_rules as r using (rule)
    where e.delivered_at is null and e.request_id is null
      and e.next_attempt_at <= p_now and tracegram.news_since(e) > p_now - interval '24 hours'
      -- One that opens while its rule is muted waits until it is not.
      and not (e.kind = 'opened' and e.attempts = 0 and coalesce(r.muted_until > p_now, false))
      -- That it resolved is not news to whom was not told that it opened.
      and not exists (
        select from tracegram.alert_events as before
        where e.kind = 'resolved' and before.kind = 'opened' and before.alert_id = e.alert_id
          and before.delivered_at is null and tracegram.news_since(before) > p_now - interval '24 hours'
      )
    order by e.event_id
    limit 20
  loop
    v_sent := v_sent + tracegram.send_event(v_event, v_settings, p_now)::integer;
  end loop;
  return v_sent;
end;
$$;

comment on function tracegram.deliver_alerts(timestamptz) is
$doc$Reads the answers to what was posted, and posts what is due. Returns how many events it has posted.

Where there is no alert_url, or no pg_net, events wait. Whatever is not answered with 2xx is posted again after 1, 2, 4
… 60 minutes, or when the receiver's Retry-After allows it, until the event is a day old; for an alert that is
still open, the day counts from the end of a mute. Of one alert, resolved is not
posted before opened has arrived or is given up. What opens while its rule is muted is posted when it no longer is. The
body is {event_id, kind, rule, summary, value, threshold, unit, detail, opened_at, resolved_at}, the header
x-tracegram-secret is settings.alert_secret. kind is opened, resolved, or changed: an admin acknowledged or muted it.$doc$;
revoke all on function tracegram.deliver_alerts(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.watch(p_now timestamptz default now())
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Times of events are rounded to milliseconds: what opens now would otherwise be due a moment later, and told in a minute.
  v_now constant timestamptz := pg_catalog.date_trunc('milliseconds', p_now);
begin
  begin
    -- Otherwise each rule would add up for itself what waits.
    perform tracegram.fold_batches();
  exception when others then
    null; -- the fold's own job says why
  end;
  perform tracegram.evaluate_alerts(v_now);
  begin
    perform tracegram.deliver_alerts(v_now);
  exception when others then
    -- What was found stays, whatever keeps it from being told.
    update tracegram.alert_events as e
    set last_error = sqlerrm
    where e.delivered_at is null and tracegram.news_since(e) > p_now - interval '24 hours';
  end;
end;
$$;

comment on function tracegram.watch(timestamptz) is
  'The minute''s work: folds the batches that wait, evaluates the rules, delivers what there is to tell.';
revoke all on function tracegram.watch(timestamptz) from public, anon, authenticated, service_role;

-- 85_list_alerts.sql — what the alerts screen shows, and what the owner changes there.

create function tracegram.rule_state(p_rule tracegram.alert_rules)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'rule', p_rule.rule,
    'summary', p_rule.summary,
    'threshold', p_rule.threshold,
    'unit', p_rule.unit,
    'enabled', p_rule.enabled,
    'opens_after', p_rule.opens_after,
    'resolves_after', p_rule.resolves_after,
    'value', s.value,
    'detail', s.detail,
    'error', s.error,
    'evaluated_at', tracegram.iso(s.evaluated_at),
    'muted_until', case when p_rule.muted_until > pg_catalog.now() then tracegram.iso(p_rule.muted_until) end,
    'open_alert_id', (select a.alert_id from tracegram.alerts as a where a.rule = p_rule.rule and a.resolved_at is null)
  )
  from (select) as one
  left join tracegram.alert_state as s on s.rule = p_rule.rule;
$$;

comment on function tracegram.rule_state(tracegram.alert_rules) is 'A rule and how it stands, as list_alerts gives it.';
revoke all on function tracegram.rule_state(tracegram.alert_rules) from public, anon, authenticated, service_role;

create function tracegram.alert_view(p_alert tracegram.alerts)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'alert_id', p_alert.alert_id,
    'rule', p_alert.rule,
    'summary', r.summary,
    'unit', r.unit,
    'opened_at', tracegram.iso(p_alert.opened_at),
    'resolved_at', tracegram.iso(p_alert.resolved_at),
    'threshold', p_alert.threshold,
    'value', p_alert.value,
    'worst', p_alert.worst,
    'last_value', p_alert.last_value,
    'detail', p_alert.detail,
    'acknowledged_at', tracegram.iso(p_alert.acknowledged_at),
    'acknowledged_by', p_alert.acknowledged_by,
    'muted_until', case when r.muted_until > pg_catalog.now() then tracegram.iso(r.muted_until) end,
    'muted_by', case when r.muted_until > pg_catalog.now() then r.muted_by end,
    'revision', p_alert.revision,
    'resolved_before_at', (
      select tracegram.iso(pg_catalog.max(b.resolved_at))
      from tracegram.alerts as b
      where b.rule = p_alert.rule and b.alert_id < p_alert.alert_id
        and b.resolved_at > p_alert.opened_at - interval '1 hour'
    ),
    'events', (
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'kind', e.kind,
        'attempts', e.attempts,
        'delivered_at', tracegram.iso(e.delivered_at),
        'last_error', e.last_error
      ) order by e.event_id)
      from tracegram.alert_events as e
      where e.alert_id = p_alert.alert_id
    )
  )
  from tracegram.alert_rules as r
  where r.rule = p_alert.rule;
$$;

comment on function tracegram.alert_view(tracegram.alerts) is 'An alert, as list_alerts gives it.';
revoke all on function tracegram.alert_view(tracegram.alerts) from public, anon, authenticated, service_role;

create function public.get_alert(p_alert_id bigint)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.alert_view(a) from tracegram.alerts as a where a.alert_id = p_alert_id;
$$;

comment on function public.get_alert(bigint) is 'An alert, as list_alerts gives it; null when there is none, or no longer.';
revoke all on function public.get_alert(bigint) from public, anon, authenticated;
grant execute on function public.get_alert(bigint) to service_role;

create function public.list_alerts(
  p_open_only boolean default true,
  p_limit     integer default 20,
  p_before    bigint  default null
)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  with page as (
    select a
    from tracegram.alerts as a
    where (a.resolved_at is null or p_open_only is not true) and (a.alert_id < p_before or p_before is null)
    order by a.alert_id desc
    limit least(greatest(p_limit, 1), 100)
  )
  select pg_catalog.jsonb_build_object(
    'rules', (select pg_catalog.jsonb_agg(tracegram.rule_state(r) order by r.rule) from tracegram.alert_rules as r),
    'open', (select count(*) from tracegram.alerts as a where a.resolved_at is null),
    'alerts', (
      select coalesce(pg_catalog.jsonb_agg(tracegram.alert_view(p.a) order by (p.a).alert_id desc), '[]')
      from page as p
    ),
    'has_older', exists (
      select from tracegram.alerts as a
      where (a.resolved_at is null or p_open_only is not true)
        and a.alert_id < (select pg_catalog.min((p.a).alert_id) from page as p)
    )
  );
$$;

comment on function public.list_alerts(boolean, integer, bigint) is
$doc$Rules with how they stand, and alerts, newest first: one call serves the screen.

p_open_only  only alerts that are not resolved.
p_limit      alerts, 1..100; other values are brought into that range.
p_before     alert_id of the last alert of the page before; null: the newest.

Returns {rules: [{rule, summary, threshold, unit, enabled, opens_after, resolves_after, value, detail, error,
evaluated_at, muted_until, open_alert_id}], open, alerts: [{alert_id, rule, summary, unit, opened_at, resolved_at,
threshold, value, worst, last_value, detail, acknowledged_at, acknowledged_by, muted_until, muted_by, revision, resolved_before_at,
events: [{kind, attempts, delivered_at, last_error}]}], has_older}. open counts them all. muted_until is of the rule, null
where it is not muted now; revision grows with each change that its messages show; ids are Telegram's of admins. resolved_before_at is when the rule's alert before it resolved, if
that was within the hour before it opened. Values are in the rule's unit; a rule's value is null where there was too little to measure. evaluated_at is a minute
old at most; when it is not, pg_cron stands still.$doc$;
revoke all on function public.list_alerts(boolean, integer, bigint) from public, anon, authenticated;
grant execute on function public.list_alerts(boolean, integer, bigint) to service_role;

create function public.change_alert_rule(p_rule text, p_changes jsonb)
  returns jsonb
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule      tracegram.alert_rules;
  v_threshold numeric;
begin
  if pg_catalog.jsonb_typeof(p_changes) is distinct from 'object' or exists (
    select from pg_catalog.jsonb_each(p_changes) as c
    where (c.key, pg_catalog.jsonb_typeof(c.value)) not in (('threshold', 'number'), ('enabled', 'boolean'))
      or (c.key = 'threshold' and c.value < '0')
  ) then
    raise exception sqlstate 'TG040' using
      message = 'an alert rule cannot be changed to that',
      hint    = 'Send {"threshold": 5}, {"enabled": false} or both. A threshold is 0 or more.';
  end if;
  v_threshold := (p_changes ->> 'threshold')::numeric;
  select r.* into v_rule from tracegram.alert_rules as r where r.rule = p_rule;
  -- Above 100 percent nothing is ever in breach; and nothing takes no time.
  if v_rule.unit = 'percent' and v_threshold > 100 or v_rule.unit = 'ms' and v_threshold <= 0 then
    raise exception sqlstate 'TG040' using
      message = pg_catalog.format('%s cannot have a threshold of %s %s', p_rule, v_threshold, v_rule.unit),
      hint    = case v_rule.unit when 'ms' then 'It is above 0 ms.' else 'It is 0 to 100 percent.' end;
  end if;
  -- Who is evaluating now has read the rule as it was, and may be about to open its alert.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.alerts'));
  update tracegram.alert_rules
  set
    threshold = coalesce(v_threshold, threshold),
    enabled   = coalesce((p_changes ->> 'enabled')::boolean, enabled)
  where rule = p_rule
  returning * into v_rule;
  if v_rule.rule is null then
    raise exception sqlstate 'TG040' using
      message = pg_catalog.format('there is no alert rule %L', p_rule),
      hint    = 'list_alerts names them.';
  end if;
  if not v_rule.enabled then
    perform tracegram.resolve_alert(p_rule, 'the rule was switched off', pg_catalog.now());
    delete from tracegram.alert_state where rule = p_rule;
  end if;
  return tracegram.rule_state(v_rule);
end;
$$;

comment on function public.change_alert_rule(text, jsonb) is
$doc$Changes when a rule is in breach, or whether it is watched. One that is switched off has its open alert resolved.

p_rule     name of the rule.
p_changes  {"threshold": number, "enabled": boolean}, either or both. The threshold is in the rule's unit: 0 to 100
           for percent, above 0 for ms, 0 or more for all else.

Returns the rule as list_alerts does.

TG040  no such rule, or a change that makes no sense  (nothing was changed)$doc$;
revoke all on function public.change_alert_rule(text, jsonb) from public, anon, authenticated;
grant execute on function public.change_alert_rule(text, jsonb) to service_role;

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

-- 87_check_plans.sql — each night, the plan of every screen's query is looked at.
--
-- Written by  tracegram.check_plans (90_jobs.sql, nightly)
-- Read by     tracegram.measure_plan (the alert)
-- Dropped by  tracegram.purge (90_jobs.sql), after 30 days

create table tracegram.plan_checks (
  checked_at timestamptz(3) not null,
  query      text not null,
  partitions integer,
  allowed    integer,
  outside    text[] not null default '{}',
  seq_scans  text[] not null default '{}',
  error      text,
  ok         boolean not null generated always as (error is null and outside = '{}' and seq_scans = '{}') stored,
  primary key (checked_at, query)
);
alter table tracegram.plan_checks enable row level security;

comment on table tracegram.plan_checks is 'What the plans of the screens'' queries would scan, kept 30 days.';
comment on column tracegram.plan_checks.checked_at is 'When.';
comment on column tracegram.plan_checks.query is 'Name of the query.';
comment on column tracegram.plan_checks.partitions is 'Partitions in its plan.';
comment on column tracegram.plan_checks.allowed is 'Partitions that there are within its window, in both tables.';
comment on column tracegram.plan_checks.outside is 'Partitions in its plan that are outside of its window.';
comment on column tracegram.plan_checks.seq_scans is
  'Partitions of over 1,000 pages that it would read from end to end, and should not.';
comment on column tracegram.plan_checks.error is 'Why it could not be planned.';
comment on column tracegram.plan_checks.ok is 'Whether nothing is wrong with it.';

create function tracegram.plan_scans(p_plan jsonb, p_looks_at integer)
  returns table (name text, day date, whole boolean)
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    c.relname, pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD'),
    c.relpages > 1000 and c.reltuples > 10 * p_looks_at and case n.node ->> 'Node Type'
      when 'Seq Scan' then true
      -- Within a day, an index of block ranges on its time finds all blocks.
      when 'Bitmap Heap Scan' then (
        select pg_catalog.bool_and(a.amname = 'brin')
        from pg_catalog.jsonb_path_query(n.node, 'strict $.** ? (exists (@."Index Name"))."Index Name"') as i (name)
        join pg_catalog.pg_class as x on x.relname = i.name #>> '{}' and x.relnamespace = c.relnamespace
        join pg_catalog.pg_am as a on a.oid = x.relam
      )
      else false
    end
  from pg_catalog.jsonb_path_query(p_plan, 'strict $.** ? (exists (@."Relation Name"))') as n (node)
  join pg_catalog.pg_class as c on c.relname = n.node ->> 'Relation Name'
  where c.relnamespace = 'tracegram'::regnamespace and c.relispartition and c.relname ~ '_p\d{8}$';
$$;

comment on function tracegram.plan_scans(jsonb, integer) is
  'The partitions that a plan scans, with their days. whole: from end to end, though it is of over 1,000 pages.';
revoke all on function tracegram.plan_scans(jsonb, integer) from public, anon, authenticated, service_role;

create function tracegram.check_plan(p_query tracegram.screen_query, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = auto -- changed below, and back at the end
as $$
declare
  v_from constant date := p_query.starts;
  v_to   constant date := p_query.ends;
  v_plan json;
begin
  if exists (select from pg_catalog.pg_prepared_statements as s where s.name = 'tracegram_check_plan') then
    deallocate tracegram_check_plan;
  end if;
  perform pg_catalog.set_config('plan_cache_mode', p_query.plan_mode, true);
  execute pg_catalog.format('prepare tracegram_check_plan (%s) as %s', p_query.types, p_query.sql);
  execute pg_catalog.format('explain (format json) execute tracegram_check_plan (%s)', p_query.arguments) into v_plan;
  deallocate tracegram_check_plan;

  insert into tracegram.plan_checks (checked_at, query, partitions, allowed, outside, seq_scans)
  select
    p_now, p_query.query, count(distinct s.name), (
      select count(*)
      from (
        select c.relname
        from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid = i.inhrelid
        where i.inhparent in ('tracegram.pipeline_traces'::regclass, 'tracegram.trace_io'::regclass)
          and c.relname ~ '_p\d{8}$'
        offset 0 -- or each name in pg_class may be taken for a day's
      ) as d
      where pg_catalog.to_date(pg_catalog.right(d.relname, 8), 'YYYYMMDD') between v_from and v_to
    ),
    coalesce(pg_catalog.array_agg(distinct s.name) filter (where s.day not between v_from and v_to), '{}'),
    coalesce(pg_catalog.array_agg(distinct s.name) filter (where s.whole), '{}')
  from tracegram.plan_scans(v_plan::jsonb, p_query.looks_at) as s;
end;
$$;

comment on function tracegram.check_plan(tracegram.screen_query, timestamptz) is
  'Plans a query without running it, as a screen''s function does, and notes what it would scan. Fails as it does.';
revoke all on function tracegram.check_plan(tracegram.screen_query, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.check_plans(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_at    constant timestamptz(3) := p_now; -- as it is stored
  v_query tracegram.screen_query;
begin
  delete from tracegram.plan_checks where checked_at = v_at;
  for v_query in select * from tracegram.screen_queries(v_at) loop
    begin
      perform tracegram.check_plan(v_query, v_at);
    exception when others then
      insert into tracegram.plan_checks (checked_at, query, error) values (v_at, v_query.query, sqlerrm);
    end;
  end loop;
  return (select count(*) from tracegram.plan_checks where checked_at = v_at and not ok);
end;
$$;

comment on function tracegram.check_plans(timestamptz) is
  'Plans each query of each screen without running it, and notes what it would scan. Returns how many are not ok.';
revoke all on function tracegram.check_plans(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_plan(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with checked as (
    select c.*, pg_catalog.row_number() over (partition by c.ok order by c.query) as nth
    from tracegram.plan_checks as c
    where c.checked_at = (
      select pg_catalog.max(l.checked_at) from tracegram.plan_checks as l where l.checked_at <= p_now
    )
  )
  select
    case when count(*) > 0 then count(*) filter (where not c.ok) end,
    coalesce(
      -- It goes to the screen and to the owner's phone: plan_checks has them all.
      pg_catalog.string_agg(
        pg_catalog.concat_ws(', ',
          c.query || ': ' || pg_catalog.left(pg_catalog.split_part(c.error, E'\n', 1), 200),
          c.query || ': scans ' || nullif(pg_catalog.cardinality(c.outside), 0)
            || ' partitions outside of its window, such as ' || c.outside[1],
          c.query || ': reads all of ' || c.seq_scans[1]
            || coalesce(' and ' || nullif(pg_catalog.cardinality(c.seq_scans) - 1, 0) || ' more', '')
        ), '; ' order by c.query
      ) filter (where not c.ok and c.nth <= 3)
        || coalesce(' and ' || nullif(greatest(count(*) filter (where not c.ok) - 3, 0), 0) || ' more', ''),
      pg_catalog.format('%s plans are as they should be', count(*))
    )
  from checked as c;
$$;

comment on function tracegram.measure_plan(timestamptz) is
  'Queries that the last plan check has found something wrong with. Names the first three.';
revoke all on function tracegram.measure_plan(timestamptz) from public, anon, authenticated, service_role;

-- 88_alert_messages.sql — the messages that tell admins of alerts: one for each open alert in each chat.
--
-- Written by  public.claim_alert_messages, public.finish_alert_message (the telegram function, when an event is posted to it)
-- Dropped by  tracegram.purge (90_jobs.sql), with their alerts
--
-- A message shows a revision of its alert. An event of any kind has each chat's message brought up to the newest one, so an
-- event that comes twice, or late, finds nothing to do. Who sends or edits a message holds it for a minute: when an isolate
-- dies in between, the next delivery does it. Had Telegram taken the message already, it is there twice, once for each such
-- death: Telegram knows no key to tell by.

create table tracegram.alert_messages (
  alert_id     bigint not null references tracegram.alerts on delete cascade,
  chat_id      bigint not null,
  message_id   bigint,
  shown        integer not null default 0,
  leased_until timestamptz(3),
  ended_at     timestamptz(3),
  error        text,
  primary key (alert_id, chat_id)
);
alter table tracegram.alert_messages enable row level security;

comment on table tracegram.alert_messages is 'Which message in which chat tells of an alert, and how much of it.';
comment on column tracegram.alert_messages.alert_id is 'The alert.';
comment on column tracegram.alert_messages.chat_id is 'Telegram''s id of the chat.';
comment on column tracegram.alert_messages.message_id is 'Telegram''s id of the message. Null: none was sent yet.';
comment on column tracegram.alert_messages.shown is 'The alert''s revision that the message shows. 0: none.';
comment on column tracegram.alert_messages.leased_until is 'Until when somebody is at it. Null: nobody.';
comment on column tracegram.alert_messages.ended_at is
  'Since when it is not looked after any more: the rule''s next alert has taken the message over, or the chat cannot be written to.';
comment on column tracegram.alert_messages.error is 'Why the chat could not be written to when that was last tried.';

create function tracegram.alert_chats(p_owners bigint[])
  returns setof bigint
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- A private chat has the id of its user. Who is an owner by the secret alone, p_owners knows.
  select a.user_id from tracegram.admins as a where a.role is not null
  union
  select c.chat_id from tracegram.admin_chats as c
  union
  select pg_catalog.unnest(p_owners);
$$;

comment on function tracegram.alert_chats(bigint[]) is
  'The chats that are told of alerts: the private ones of all admins, and the groups that are allowed.';
revoke all on function tracegram.alert_chats(bigint[]) from public, anon, authenticated, service_role;

create function tracegram.take_over_messages(p_alert tracegram.alerts, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  with before as (
    update tracegram.alert_messages as m
    set ended_at = p_now
    from tracegram.alerts as a
    where a.alert_id = m.alert_id and a.rule = p_alert.rule and a.alert_id < p_alert.alert_id
      and a.resolved_at > p_alert.opened_at - interval '1 hour'
      and m.ended_at is null and m.message_id is not null and coalesce(m.leased_until <= p_now, true)
      and not exists (
        select from tracegram.alert_messages as o where o.alert_id = p_alert.alert_id and o.chat_id = m.chat_id
      )
    returning m.chat_id, m.message_id
  )
  insert into tracegram.alert_messages (alert_id, chat_id, message_id)
  select p_alert.alert_id, b.chat_id, pg_catalog.max(b.message_id)
  from before as b
  group by b.chat_id;
$$;

comment on function tracegram.take_over_messages(tracegram.alerts, timestamptz) is
  'Gives an alert the messages of its rule''s alert that resolved within the hour before it opened.';
revoke all on function tracegram.take_over_messages(tracegram.alerts, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.claim_alert_messages(p_event_id bigint, p_owners bigint[], p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_alert  tracegram.alerts;
  v_new    boolean; -- whether chats that have no message of the alert get one
  v_claims jsonb;
begin
  -- Of two who claim at the same moment, the second sees what the first has taken.
  select a.* into v_alert
  from tracegram.alert_events as e
  join tracegram.alerts as a using (alert_id)
  where e.event_id = p_event_id
  for update of a;
  if not found then
    return null;
  end if;
  perform tracegram.take_over_messages(v_alert, p_now);
  select
    -- What came and went while the rule was muted is not told, nor what is muted now.
    coalesce(r.muted_until <= least(p_now, v_alert.resolved_at), true)
    -- The rule's next alert is told instead.
    and not exists (
      select from tracegram.alerts as n
      where n.rule = v_alert.rule and n.alert_id > v_alert.alert_id
        and n.opened_at < v_alert.resolved_at + interval '1 hour'
    )
  into v_new
  from tracegram.alert_rules as r
  where r.rule = v_alert.rule;

  if v_new then
    insert into tracegram.alert_messages (alert_id, chat_id)
    select v_alert.alert_id, c from tracegram.alert_chats(p_owners) as c
    on conflict (alert_id, chat_id) do nothing;
  end if;
  with claimed as (
    update tracegram.alert_messages as m
    set leased_until = p_now + interval '60 seconds'
    where m.alert_id = v_alert.alert_id and m.ended_at is null and m.shown < v_alert.revision
      and coalesce(m.leased_until <= p_now, true) and (v_new or m.message_id is not null)
      and m.chat_id in (select c from tracegram.alert_chats(p_owners) as c)
    returning m.chat_id, m.message_id
  )
  select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c) order by c.chat_id), '[]') into v_claims from claimed as c;
  return pg_catalog.jsonb_build_object(
    'alert', tracegram.alert_view(v_alert),
    'revision', v_alert.revision,
    'claims', v_claims,
    -- One's own are among them.
    'held', (
      select count(*)
      from tracegram.alert_messages as m
      where m.alert_id = v_alert.alert_id and m.ended_at is null and m.shown < v_alert.revision and m.leased_until > p_now
    ) - pg_catalog.jsonb_array_length(v_claims)
  );
end;
$$;

comment on function tracegram.claim_alert_messages(bigint, bigint[], timestamptz) is
  'See public.claim_alert_messages; p_now is the time of the claim.';
revoke all on function tracegram.claim_alert_messages(bigint, bigint[], timestamptz)
from public, anon, authenticated, service_role;

create function public.claim_alert_messages(p_event_id bigint, p_owners bigint[] default '{}')
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.claim_alert_messages(p_event_id, p_owners, pg_catalog.now());
$$;

comment on function public.claim_alert_messages(bigint, bigint[]) is
$doc$Claims, for 60 seconds, the messages that do not show their alert as it is now.

p_event_id  of the event that was posted; its alert is what counts.
p_owners    Telegram's ids of those whom TELEGRAM_ADMIN_IDS names.

Returns {alert (as list_alerts gives it), revision, claims: [{chat_id, message_id}], held}; null when there is no such event, or no
longer. Edit each message of claims, or send one where message_id is null, and call finish_alert_message for each. held counts those
that somebody else has claimed: answer 503, and the event comes again.

A chat gets no new message of an alert while its rule is muted, nor of one that had resolved by then. An alert that opens within
an hour after its rule's last one has resolved gets that one's messages.$doc$;
revoke all on function public.claim_alert_messages(bigint, bigint[]) from public, anon, authenticated;
grant execute on function public.claim_alert_messages(bigint, bigint[]) to service_role;

create function public.finish_alert_message(
  p_alert_id    bigint,
  p_chat_id     bigint,
  p_outcome     text,
  p_revision    integer default null,
  p_message_id  bigint  default null,
  p_error       text    default null,
  p_characters  integer default 0,
  p_retry_after integer default null
)
  returns void
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tracegram.alert_messages as m
  set
    leased_until = null,
    message_id   = coalesce(p_message_id, m.message_id),
    shown        = case p_outcome when 'shown' then greatest(m.shown, p_revision) else m.shown end,
    ended_at     = case p_outcome when 'unreachable' then pg_catalog.now() else m.ended_at end,
    error        = case p_outcome when 'shown' then null else tracegram.cut(p_error, 200) end
  where m.alert_id = p_alert_id and m.chat_id = p_chat_id;
  perform tracegram.record_responses(pg_catalog.jsonb_build_array(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
    'screen', 'alert_message', 'characters', p_characters, 'retry_after', p_retry_after
  ))), pg_catalog.now());
end;
$$;

comment on function public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer) is
$doc$Ends a claim of claim_alert_messages, and records the message as a response of the admin bot.

p_outcome      shown; later: the next delivery tries again; unreachable: the chat cannot be written to, and the alert is not
               told there.
p_revision     that the message shows.
p_message_id   of the message that was sent or edited.
p_error        what Telegram said, when it was not shown.
p_characters   visible length of the message in UTF-16 units.
p_retry_after  longest wait in seconds that Telegram asked for with a 429.$doc$;
revoke all on function public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer)
from public, anon, authenticated;
grant execute on function public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer)
to service_role;

create function public.alert_of_message(p_alert_id bigint, p_chat_id bigint)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.alert_view(a)
  from tracegram.alerts as a
  where a.alert_id = coalesce(
    (
      select pg_catalog.max(n.alert_id)
      from tracegram.alert_messages as m
      join tracegram.alert_messages as n using (chat_id, message_id)
      join tracegram.alerts as o on o.alert_id = m.alert_id
      join tracegram.alerts as a on a.alert_id = n.alert_id and a.rule = o.rule
      where m.alert_id = p_alert_id and m.chat_id = p_chat_id
    ),
    p_alert_id
  );
$$;

comment on function public.alert_of_message(bigint, bigint) is
$doc$The alert that a message tells of now: the one that was told there, or the rule's next one that has taken the message over.

p_alert_id  the alert that was told.
p_chat_id   Telegram's id of the chat.

Returns the alert as list_alerts gives it; null when it is gone.$doc$;
revoke all on function public.alert_of_message(bigint, bigint) from public, anon, authenticated;
grant execute on function public.alert_of_message(bigint, bigint) to service_role;

-- 89_admin_acts.sql — what admins do from inside Telegram: acknowledge, mute, change settings and rules.
--
-- Who may is asked of tracegram.require_role (62_admins.sql), which audits it; who may not gets {"refused": role}, for an
-- error would take the audit back.

create function tracegram.tell_change(p_alert_id bigint, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_event    tracegram.alert_events;
begin
  update tracegram.alerts set revision = revision + 1 where alert_id = p_alert_id;
  delete from tracegram.alert_events where alert_id = p_alert_id and kind = 'changed';
  insert into tracegram.alert_events (alert_id, kind, value, detail, created_at, next_attempt_at)
  select a.alert_id, 'changed', a.last_value, a.detail, p_now, p_now
  from tracegram.alerts as a
  where a.alert_id = p_alert_id
  returning * into v_event;
  -- At once, not in the next minute. Nobody else sees the event yet.
  if v_settings.alert_url is not null
    and pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is not null
  then
    perform tracegram.send_event(v_event, v_settings, p_now);
  end if;
end;
$$;

comment on function tracegram.tell_change(bigint, timestamptz) is
  'Has the messages of an alert show what an admin did, in all chats.';
revoke all on function tracegram.tell_change(bigint, timestamptz) from public, anon, authenticated, service_role;

create function public.alert_act(p_actor bigint, p_alert_id bigint, p_act text)
  returns jsonb
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Rounded up, an unmute would lie ahead of the answer.
  v_now   constant timestamptz := pg_catalog.date_trunc('milliseconds', pg_catalog.now());
  v_alert tracegram.alerts;
begin
  if p_act is null or p_act not in ('acknowledge', 'mute_1h', 'mute_24h', 'unmute') then
    raise exception sqlstate 'TG041' using message = pg_catalog.format('there is no act %L', p_act);
  end if;
  select a.* into v_alert from tracegram.alerts as a where a.alert_id = p_alert_id for update;
  if not found then
    return null;
  end if;
  if not tracegram.require_role(p_actor, 'operator', 'alert_' || p_act, pg_catalog.jsonb_build_object(
    'alert_id', p_alert_id, 'rule', v_alert.rule
  )) then
    return pg_catalog.jsonb_build_object('refused', 'operator');
  end if;
  if p_act = 'acknowledge' then
    update tracegram.alerts
    set acknowledged_at = v_now, acknowledged_by = p_actor
    where alert_id = p_alert_id and acknowledged_at is null and resolved_at is null;
  else
    update tracegram.alert_rules
    set
      -- When it ended stays known: what opened meanwhile is news from then on.
      muted_until = v_now + case p_act
        when 'mute_1h' then interval '1 hour' when 'mute_24h' then interval '24 hours' else interval '0'
      end,
      muted_by    = case when p_act <> 'unmute' then p_actor end
    where rule = v_alert.rule and (p_act <> 'unmute' or muted_until > v_now);
  end if;
  if found then
    -- To mute is about the rule, whichever of its alerts was at hand.
    perform tracegram.tell_change(a.alert_id, v_now)
    from tracegram.alerts as a
    where a.alert_id = p_alert_id or (p_act <> 'acknowledge' and a.rule = v_alert.rule and a.resolved_at is null);
  end if;
  return public.get_alert(p_alert_id);
end;
$$;

comment on function public.alert_act(bigint, bigint, text) is
$doc$Acknowledges an alert, or mutes its rule. For operators, and audited.

p_actor     Telegram's id of the admin.
p_alert_id  the alert.
p_act       acknowledge (the first to do so counts; nothing when it has resolved), mute_1h, mute_24h (from now on, whatever was
            before), unmute.

Returns the alert as get_alert does, null when there is none, or {"refused": role}: who lacks the role. Its messages in all chats
are edited at once.

TG041  no such act$doc$;
revoke all on function public.alert_act(bigint, bigint, text) from public, anon, authenticated;
grant execute on function public.alert_act(bigint, bigint, text) to service_role;

create function tracegram.days_to_drop(p_changes jsonb, p_now timestamptz)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
  select pg_catalog.jsonb_build_object(
    'trace_days', count(*) filter (where d.table_name = 'pipeline_traces'),
    'io_days', count(*) filter (where d.table_name = 'trace_io'),
    'bytes', coalesce(sum(d.bytes), 0)
  )
  from tracegram.day_tables() as d
  where d.state = 'attached' and d.leaving is null
    and d.day < p_now::date - case d.table_name
      when 'pipeline_traces' then (p_changes ->> 'trace_days')::integer
      else (p_changes ->> 'io_days')::integer
    end
  -- Nothing to confirm where nothing goes.
  having count(*) > 0;
$$;

comment on function tracegram.days_to_drop(jsonb, timestamptz) is
  'What would be dropped were the settings changed so: {trace_days, io_days, bytes}. Null: nothing.';
revoke all on function tracegram.days_to_drop(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.admin_change_settings(p_actor bigint, p_changes jsonb, p_confirmed_days integer default 0)
  returns jsonb
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Where alerts go is not for a chat to say; and to lower the quota has the guard drop days, nobody knows how many.
  c_changeable constant text[] := array[
    'trace_days', 'io_days', 'io_sample_percent', 'lost_after',
    'synthetic_run_cap_microusd', 'synthetic_day_cap_microusd', 'synthetic_month_cap_microusd', 'synthetic_concurrency'
  ];
  v_drops      jsonb;
begin
  if pg_catalog.jsonb_typeof(p_changes) is distinct from 'object' or exists (
    select from pg_catalog.jsonb_object_keys(p_changes) as k where k <> all (c_changeable)
  ) or exists (
    select from pg_catalog.jsonb_each(p_changes) as c
    where c.key in ('trace_days', 'io_days') and c.value::text !~ '^[0-9]{1,3}$'
  ) then
    raise exception sqlstate 'TG020' using
      message = 'that is not a change of settings that an admin can make',
      hint    = 'Those are ' || pg_catalog.array_to_string(c_changeable, ', ') || '.';
  end if;
  v_drops := tracegram.days_to_drop(p_changes, pg_catalog.now());
  -- What was confirmed days ago may by now be about more of them.
  if (v_drops ->> 'trace_days')::integer + (v_drops ->> 'io_days')::integer <= p_confirmed_days then
    v_drops := null;
  end if;
  if not tracegram.require_role(
    p_actor, 'owner', case when v_drops is null then 'change_settings' else 'ask_change_settings' end,
    pg_catalog.jsonb_build_object('after', p_changes, 'before', (
      select pg_catalog.jsonb_object_agg(b.key, b.value)
      from pg_catalog.jsonb_each(public.get_settings()) as b
      where p_changes ? b.key
    ))
  ) then
    return pg_catalog.jsonb_build_object('refused', 'owner');
  end if;
  if v_drops is not null then
    return pg_catalog.jsonb_build_object('settings', public.get_settings(), 'drops', v_drops);
  end if;
  return pg_catalog.jsonb_build_object('settings', public.change_settings(p_changes));
end;
$$;

comment on function public.admin_change_settings(bigint, jsonb, integer) is
$doc$Changes settings as change_settings does. For owners, and audited with what they were before.

p_actor           Telegram's id of the admin.
p_changes         such as {"trace_days": 14}; not quota_bytes, alert_url and alert_secret.
p_confirmed_days  how many days, of traces and of requests and responses together, may be dropped for it.

Returns {settings}, as get_settings gives them. When more days would be dropped than is confirmed, nothing was changed, and the
answer has drops: {trace_days, io_days, bytes}, how many days of each and what they take. {"refused": role}: who lacks the role.

TG020  a name or a value that does not fit  (nothing was changed)$doc$;
revoke all on function public.admin_change_settings(bigint, jsonb, integer) from public, anon, authenticated;
grant execute on function public.admin_change_settings(bigint, jsonb, integer) to service_role;

create function public.admin_change_rule(p_actor bigint, p_rule text, p_changes jsonb)
  returns jsonb
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not tracegram.require_role(p_actor, 'owner', 'change_rule', pg_catalog.jsonb_build_object(
    'rule', p_rule, 'after', p_changes, 'before', (
      select pg_catalog.jsonb_build_object('threshold', r.threshold, 'enabled', r.enabled)
      from tracegram.alert_rules as r
      where r.rule = p_rule
    )
  )) then
    return pg_catalog.jsonb_build_object('refused', 'owner');
  end if;
  return public.change_alert_rule(p_rule, p_changes);
end;
$$;

comment on function public.admin_change_rule(bigint, text, jsonb) is
$doc$Changes an alert rule as change_alert_rule does. For owners, and audited with what it was before.

p_actor    Telegram's id of the admin.
p_rule     name of the rule.
p_changes  {"threshold": number, "enabled": boolean}, either or both.

Returns the rule as list_alerts does, or {"refused": role}: who lacks the role.

TG040  no such rule, or a change that makes no sense  (nothing was changed)$doc$;
revoke all on function public.admin_change_rule(bigint, text, jsonb) from public, anon, authenticated;
grant execute on function public.admin_change_rule(bigint, text, jsonb) to service_role;

-- 90_jobs.sql — what pg_cron does, and when (UTC).
--
-- Scheduling a job of an existing name replaces it.

create table tracegram.jobs (
  job          text primary key check (job ~ '^tracegram-[a-z]+$'),
  schedule     text not null,
  period       interval not null,
  command      text not null,
  scheduled_at timestamptz(3) not null default now()
);
alter table tracegram.jobs enable row level security;

comment on table tracegram.jobs is 'What pg_cron should be doing, so that an alert tells when it is not (91_job_measure.sql).';
comment on column tracegram.jobs.job is 'Name of the job.';
comment on column tracegram.jobs.schedule is 'When, as pg_cron takes it.';
comment on column tracegram.jobs.period is 'How far apart that is. A job that has not succeeded for twice as long is late.';
comment on column tracegram.jobs.command is 'What.';
comment on column tracegram.jobs.scheduled_at is 'Since when.';

create function tracegram.purge(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.seen_updates where claimed_at < p_now - interval '2 days';
  select tracegram.purge_usage(p_now);
  -- pg_cron never does this itself.
  delete from cron.job_run_details where end_time < p_now - interval '7 days';
  -- Of jobs that run all the time, what went well is of no interest a few hours later.
  delete from cron.job_run_details as d
  using cron.job as c, tracegram.jobs as j
  where c.jobid = d.jobid and j.job = c.jobname and d.status = 'succeeded'
    and d.end_time < p_now - greatest(3 * j.period, interval '3 hours');
  select tracegram.purge_rollups(p_now);
  select tracegram.purge_gaps(p_now);
  select tracegram.purge_dropped(p_now);
  select tracegram.purge_responses(p_now);
  select tracegram.purge_admins(p_now);
  select tracegram.purge_filters(p_now);
  select tracegram.purge_synthetic(p_now);
  delete from tracegram.retention_log where noted_at < p_now - interval '90 days';
  delete from tracegram.alerts where resolved_at < p_now - interval '90 days';
  delete from tracegram.plan_checks where checked_at < p_now - interval '30 days';
$$;

comment on function tracegram.purge(timestamptz) is
$doc$Deletes what small tables no longer need: update ids and usage after 2 days, pg_cron's run history after 7, responses
of the admin bot and plan checks after 30, resolved alerts and unused filters of lists after 90, what admins did and runs of
synthetic tests after 400.

Telegram redelivers an update for at most 24 hours.$doc$;
revoke all on function tracegram.purge(timestamptz) from public, anon, authenticated, service_role;

insert into tracegram.jobs (job, schedule, period, command)
values
  -- Hourly, so that a missed run costs nothing: partitions are made seven days ahead.
  ('tracegram-partitions', '7 * * * *',    '1 hour',     'select tracegram.make_partitions()'),
  ('tracegram-purge',      '37 * * * *',   '1 hour',     'select tracegram.purge()'),
  -- Readers add what waits to what is folded, so this only keeps that small.
  ('tracegram-fold',       '5 seconds',    '5 seconds',  'select tracegram.fold_batches()'),
  ('tracegram-lost',       '* * * * *',    '1 minute',   'select tracegram.mark_lost()'),
  -- It comes back sooner by itself while a day is leaving, and schedules tracegram-detach-… for that.
  ('tracegram-retention',  '* * * * *',    '1 minute',   'select tracegram.retain()'),
  ('tracegram-quota',      '*/10 * * * *', '10 minutes', 'select tracegram.guard_quota()'),
  ('tracegram-alerts',     '* * * * *',    '1 minute',   'select tracegram.watch()'),
  ('tracegram-synthetic',  '* * * * *',    '1 minute',   'select tracegram.tend_synthetic_runs()'),
  ('tracegram-plans',      '17 3 * * *',   '1 day',      'select tracegram.check_plans()');

select cron.schedule(job, schedule, command) from tracegram.jobs;

-- 91_job_measure.sql — how the rule of the scheduled jobs stands. See 81_alert_measures.sql.

create function tracegram.measure_cron_failed(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with jobs as (
    select
      coalesce(j.job, c.jobname) as job,
      case
        when c.jobid is null then 'is not scheduled'
        when not c.active then 'is inactive'
        when last.status = 'failed' then
          'failed: ' || pg_catalog.left(pg_catalog.split_part(last.return_message, E'\n', 1), 200)
        -- What was not due yet since the job was made, or since the server was away, is not late.
        when greatest(j.scheduled_at, pg_catalog.pg_postmaster_start_time(), (
          select pg_catalog.max(d.end_time)
          from cron.job_run_details as d
          where d.jobid = c.jobid and d.status = 'succeeded'
        )) < p_now - 2 * j.period - interval '5 minutes' then
          'has not succeeded for over ' || 2 * j.period + interval '5 minutes'
        when j.job = 'tracegram-retention' then (
          select 'has not got rid of ' || pg_catalog.min(d.name) || ' for over 6 hours: an old transaction may use it'
          from tracegram.day_tables() as d
          where d.leaving is not null and not exists (
            -- How long it has been leaving is in its last entry.
            select from tracegram.retention_log as l
            where l.table_name = d.table_name and l.day = d.day and l.what = 'leaving'
              and l.noted_at > p_now - interval '6 hours'
          )
        )
      end as why
    from tracegram.jobs as j
    full join (select * from cron.job where jobname like 'tracegram-%') as c on c.jobname = j.job
    left join lateral (
      select d.status, d.return_message
      from cron.job_run_details as d
      where d.jobid = c.jobid and d.status in ('succeeded', 'failed')
      order by d.runid desc
      limit 1
    ) as last on true
  )
  select
    count(j.why),
    coalesce(
      pg_catalog.string_agg(j.job || ' ' || j.why, '; ' order by j.job) filter (where j.why is not null),
      pg_catalog.format('all %s jobs run', count(*))
    )
  from jobs as j;
$$;

comment on function tracegram.measure_cron_failed(timestamptz) is
$doc$Jobs of tracegram.jobs that are not scheduled or late, and those and all others of ours that are inactive or failed when
they last ran; and retention, when a day has been leaving for over 6 hours.

Late is a job that has not succeeded for twice its period and five minutes. When pg_cron itself stands still, nobody
evaluates this: evaluated_at of list_alerts tells.$doc$;
revoke all on function tracegram.measure_cron_failed(timestamptz) from public, anon, authenticated, service_role;

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
