-- 62_admins.sql — stand-in for part ENGINE's: who may do what, and the audit of it.

create table tracegram.admins (
  user_id bigint primary key,
  role    text not null check (role in ('viewer', 'operator', 'owner'))
);
alter table tracegram.admins enable row level security;
comment on table tracegram.admins is 'Who may use the admin bot.';
comment on column tracegram.admins.user_id is 'Telegram''s id.';
comment on column tracegram.admins.role is 'viewer, operator or owner.';

create table tracegram.admin_audit (
  audit_id bigint generated always as identity primary key,
  at       timestamptz(3) not null,
  user_id  bigint not null,
  role     text,
  action   text not null,
  detail   jsonb not null,
  allowed  boolean not null
);
alter table tracegram.admin_audit enable row level security;
comment on table tracegram.admin_audit is 'What admins did that spends money, changes settings or reads prompts.';
comment on column tracegram.admin_audit.audit_id is 'In order of their time.';
comment on column tracegram.admin_audit.at is 'When.';
comment on column tracegram.admin_audit.user_id is 'Who.';
comment on column tracegram.admin_audit.role is 'The role they had. Null: none.';
comment on column tracegram.admin_audit.action is 'Such as read_io.';
comment on column tracegram.admin_audit.detail is 'Of what.';
comment on column tracegram.admin_audit.allowed is 'Whether they were allowed to.';

create function tracegram.require_role(p_actor bigint, p_role text, p_action text, p_detail jsonb, p_now timestamptz default now())
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_roles constant text[] := array['viewer', 'operator', 'owner'];
  v_role  constant text := (select a.role from tracegram.admins as a where a.user_id = p_actor);
  v_allowed constant boolean := coalesce(
    pg_catalog.array_position(v_roles, v_role) >= pg_catalog.array_position(v_roles, p_role), false
  );
begin
  insert into tracegram.admin_audit (at, user_id, role, action, detail, allowed)
  values (p_now, p_actor, v_role, p_action, p_detail, v_allowed);
  return v_allowed;
end;
$$;

comment on function tracegram.require_role(bigint, text, text, jsonb, timestamptz) is
  'Whether an admin has a role, or one above it; noted in the audit either way.';
revoke all on function tracegram.require_role(bigint, text, text, jsonb, timestamptz) from public, anon, authenticated, service_role;
