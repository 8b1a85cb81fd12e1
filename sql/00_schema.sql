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
