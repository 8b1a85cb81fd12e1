-- bootstrap.sql — a fresh cluster becomes what a hosted Supabase project looks like to a migration.
--
-- Run once, as the superuser supabase_admin, in database postgres. The role `postgres`, which runs the migrations, is not a
-- superuser here either; what hosted Supabase does with its supautils extension, event triggers below stand in for.

-- roles ---------------------------------------------------------------------------------------------------------------

alter role supabase_admin password 'postgres';
create role postgres nosuperuser createdb createrole login replication bypassrls password 'postgres';
create role anon nologin;
create role authenticated nologin;
create role service_role nologin bypassrls;
create role authenticator login noinherit password 'postgres';

grant anon, authenticated, service_role to authenticator;
grant anon, authenticated, service_role, authenticator to postgres with admin option;
grant pg_monitor, pg_read_all_data, pg_signal_backend to postgres with admin option;
grant pg_create_subscription to postgres;

alter role postgres set search_path to "$user", public, extensions;
alter role supabase_admin set search_path to "$user", public, extensions;
alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';

-- schemas and privileges ------------------------------------------------------------------------------------------------

-- The database's owner is pg_database_owner, and so owns the privileges of schema public.
alter database postgres owner to postgres;

create schema extensions authorization supabase_admin;
grant all on schema extensions to postgres;
grant usage on schema extensions to anon, authenticated, service_role;
create extension "uuid-ossp" schema extensions;
create extension pgcrypto schema extensions;
create extension pg_stat_statements schema extensions;

grant usage on schema public to postgres, anon, authenticated, service_role;

-- The open defaults of older projects: whatever a migration forgets to revoke is open to anon, here as there.
do $$
declare
  v_role text;
  v_kind text;
begin
  foreach v_role in array array['postgres', 'supabase_admin'] loop
    foreach v_kind in array array['tables', 'functions', 'sequences'] loop
      execute pg_catalog.format(
        'alter default privileges for role %I in schema public grant all on %s to postgres, anon, authenticated, service_role',
        v_role, v_kind
      );
    end loop;
  end loop;
end;
$$;

-- pg_cron ---------------------------------------------------------------------------------------------------------------

-- Its functions write cron.job as the owner of the extension, so supabase_admin must own it, whoever asks for it.
create function extensions.create_pg_cron_as_admin()
  returns event_trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if pg_catalog.current_setting('stack.creating_pg_cron', true) is distinct from 'yes'
    and pg_catalog.current_query() ~* 'create\s+extension\s+(if\s+not\s+exists\s+)?"?pg_cron"?'
    and not exists (select from pg_catalog.pg_extension where extname = 'pg_cron')
  then
    perform pg_catalog.set_config('stack.creating_pg_cron', 'yes', true);
    create extension pg_cron schema pg_catalog;
    perform pg_catalog.set_config('stack.creating_pg_cron', '', true);
  end if;
end;
$$;

create event trigger create_pg_cron_as_admin on ddl_command_start
  when tag in ('CREATE EXTENSION') execute function extensions.create_pg_cron_as_admin();

create function extensions.grant_pg_cron_access()
  returns event_trigger
  language plpgsql
  security definer
  set search_path = ''
as $$
begin
  if exists (
    select
    from pg_catalog.pg_event_trigger_ddl_commands() as c
    join pg_catalog.pg_extension as e on e.oid = c.objid
    where e.extname = 'pg_cron'
  ) then
    grant usage on schema cron to postgres with grant option;
    grant all on all functions in schema cron to postgres with grant option;
    grant all on all tables in schema cron to postgres with grant option;
    revoke all on table cron.job from postgres;
    grant select on table cron.job to postgres with grant option;
    revoke trigger on cron.job_run_details from postgres;
  end if;
end;
$$;

create event trigger grant_pg_cron_access on ddl_command_end
  when tag in ('CREATE EXTENSION') execute function extensions.grant_pg_cron_access();

-- PostgREST reloads its schema cache after DDL ----------------------------------------------------------------------------

create function extensions.pgrst_ddl_watch()
  returns event_trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if exists (
    select from pg_catalog.pg_event_trigger_ddl_commands() where schema_name is distinct from 'pg_temp'
  ) then
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
  end if;
end;
$$;

create event trigger pgrst_ddl_watch on ddl_command_end execute function extensions.pgrst_ddl_watch();

create function extensions.pgrst_drop_watch()
  returns event_trigger
  language plpgsql
  set search_path = ''
as $$
begin
  if exists (select from pg_catalog.pg_event_trigger_dropped_objects() where not is_temporary) then
    perform pg_catalog.pg_notify('pgrst', 'reload schema');
  end if;
end;
$$;

create event trigger pgrst_drop_watch on sql_drop execute function extensions.pgrst_drop_watch();

-- pg_net ----------------------------------------------------------------------------------------------------------------

-- Debian does not package it. These are its tables and its http_post, with its privileges; net.ts sends what is queued.
create schema net;
grant usage on schema net to public;

create unlogged table net.http_request_queue (
  id                   bigserial,
  method               text not null,
  url                  text not null,
  headers              jsonb,
  body                 bytea,
  timeout_milliseconds integer not null
);
create unlogged table net._http_response (
  id           bigint,
  status_code  integer,
  content_type text,
  headers      jsonb,
  content      text,
  timed_out    boolean,
  error_msg    text,
  created      timestamptz not null default now()
);
create index on net._http_response (created);
grant all on all tables in schema net to public;
grant all on all sequences in schema net to public;

create function net.http_post(
  url                  text,
  body                 jsonb default '{}',
  params               jsonb default '{}',
  headers              jsonb default '{"Content-Type": "application/json"}',
  timeout_milliseconds integer default 5000
)
  returns bigint
  language plpgsql
  set search_path = ''
as $$
declare
  v_id           bigint;
  v_content_type text;
begin
  select h.value into v_content_type
  from pg_catalog.jsonb_each_text(headers) as h
  where pg_catalog.lower(h.key) = 'content-type';
  if v_content_type is null then
    headers := headers || '{"Content-Type": "application/json"}';
  elsif v_content_type <> 'application/json' then
    raise exception 'Content-Type header must be "application/json"';
  end if;
  if url !~ '^[A-Za-z][A-Za-z0-9+.-]*:' or url ~ '[[:space:][:cntrl:]]' then
    raise exception 'invalid URL "%"', url;
  elsif url !~* '^https?:' then
    raise exception 'Unsupported URL scheme';
  elsif url !~* '^https?://[^/?#]' then
    raise exception 'invalid URL "%"', url;
  end if;
  if params <> '{}' then
    raise exception 'the local stack takes no params';
  end if;

  insert into net.http_request_queue (method, url, headers, body, timeout_milliseconds)
  values (
    'POST', http_post.url, http_post.headers, pg_catalog.convert_to(body::text, 'UTF8'), http_post.timeout_milliseconds
  )
  returning id into v_id;
  -- Arrives when the caller commits.
  perform pg_catalog.pg_notify('pg_net', '');
  return v_id;
end;
$$;
