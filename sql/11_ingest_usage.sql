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
