-- 10_ingest_keys.sql — who may send traces, and how many.
--
-- Written by  public.create_ingest_key (keys), tracegram.charge_key (usage)
-- Read by     public.ingest_traces     (41_ingest.sql)
-- Dropped by  tracegram.purge          (90_jobs.sql; usage only: a key is revoked, never deleted)

create table tracegram.ingest_keys (
  key_id            smallint generated always as identity primary key,
  name              text not null unique check (length(name) between 1 and 64),
  key_sha256        bytea not null unique check (octet_length(key_sha256) = 32),
  traces_per_minute integer not null default 6000 check (traces_per_minute > 0),
  created_at        timestamptz(3) not null default now(),
  revoked_at        timestamptz(3)
);
alter table tracegram.ingest_keys enable row level security;

comment on table tracegram.ingest_keys is 'One row per bot that may send traces.';
comment on column tracegram.ingest_keys.key_id is 'Stored with each trace.';
comment on column tracegram.ingest_keys.name is 'For people. 1..64 characters.';
comment on column tracegram.ingest_keys.key_sha256 is 'SHA-256 of the key. The key itself is shown once and not stored.';
comment on column tracegram.ingest_keys.traces_per_minute is 'What a leaked key can write at most. Beyond it: TG004.';
comment on column tracegram.ingest_keys.created_at is 'When the key was made.';
comment on column tracegram.ingest_keys.revoked_at is 'Null while the key is valid.';

create table tracegram.ingest_usage (
  minute timestamptz(0) not null,
  key_id smallint not null references tracegram.ingest_keys,
  slot   smallint not null,
  traces integer  not null,
  primary key (minute, key_id, slot)
);
alter table tracegram.ingest_usage enable row level security;

comment on table tracegram.ingest_usage is 'Traces sent per key and minute, in 16 slots so that concurrent senders do not queue on one row.';
comment on column tracegram.ingest_usage.minute is 'Start of the minute, UTC.';
comment on column tracegram.ingest_usage.key_id is 'Whose.';
comment on column tracegram.ingest_usage.slot is 'Backend process id modulo 16.';
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

  insert into tracegram.ingest_usage as u (minute, key_id, slot, traces)
  values (v_minute, p_key_id, (pg_catalog.pg_backend_pid() % 16)::smallint, p_traces)
  on conflict (minute, key_id, slot) do update set traces = u.traces + excluded.traces;
end;
$$;

comment on function tracegram.charge_key(smallint, integer, integer, timestamptz) is
$doc$Counts traces against a key's limit of this minute.

A batch is let in while the key is below its limit, so one batch may pass it; batches running at the same moment do not see
each other, so the limit holds to within one batch a connection.

TG004  the limit is reached  (wait a minute, send the batch again)$doc$;
revoke all on function tracegram.charge_key(smallint, integer, integer, timestamptz) from public, anon, authenticated, service_role;

create function public.create_ingest_key(p_name text)
  returns text
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
declare
  -- Two random uuids: 244 random bits without depending on pgcrypto's schema.
  v_key constant text := 'tgk_' || pg_catalog.replace(
    pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', '');
begin
  insert into tracegram.ingest_keys (name, key_sha256)
  values (p_name, pg_catalog.sha256(pg_catalog.convert_to(v_key, 'UTF8')));
  return v_key;
end;
$$;

comment on function public.create_ingest_key(text) is
$doc$Makes a key with which a bot may send traces, and nothing else.

p_name  for people, 1..64 characters, not used by another key.

Returns the key. It is stored only as a hash, so this is the one time it can be read.

23505  there is a key of that name    (choose another)
23514  the name is empty or too long  (choose another)$doc$;
revoke all on function public.create_ingest_key(text) from public, anon, authenticated;
grant execute on function public.create_ingest_key(text) to service_role;
