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
