-- 62_admins.sql — stub of part ENGINE: who may use the admin bot. Dropped at merge.

create table tracegram.admins (
  user_id  bigint primary key,
  role     text not null check (role in ('viewer', 'operator', 'owner')),
  added_by bigint,
  added_at timestamptz(3) not null default now()
);
alter table tracegram.admins enable row level security;
comment on table tracegram.admins is 'Who may use the admin bot.';
comment on column tracegram.admins.user_id is 'Telegram''s id.';
comment on column tracegram.admins.role is 'viewer, operator or owner.';
comment on column tracegram.admins.added_by is 'Who added them.';
comment on column tracegram.admins.added_at is 'When.';

create table tracegram.admin_chats (
  chat_id  bigint primary key,
  added_by bigint,
  added_at timestamptz(3) not null default now()
);
alter table tracegram.admin_chats enable row level security;
comment on table tracegram.admin_chats is 'Groups in which admins may use the bot.';
comment on column tracegram.admin_chats.chat_id is 'Telegram''s id.';
comment on column tracegram.admin_chats.added_by is 'Who allowed it.';
comment on column tracegram.admin_chats.added_at is 'When.';

create table tracegram.admin_audit (
  at      timestamptz(3) not null,
  user_id bigint,
  role    text,
  action  text not null,
  detail  jsonb,
  allowed boolean not null
);
alter table tracegram.admin_audit enable row level security;
comment on table tracegram.admin_audit is 'What admins did.';
comment on column tracegram.admin_audit.at is 'When.';
comment on column tracegram.admin_audit.user_id is 'Who.';
comment on column tracegram.admin_audit.role is 'Their role then.';
comment on column tracegram.admin_audit.action is 'What.';
comment on column tracegram.admin_audit.detail is 'With what.';
comment on column tracegram.admin_audit.allowed is 'False: refused.';

create function tracegram.require_role(
  p_actor bigint, p_role text, p_action text, p_detail jsonb, p_now timestamptz default now()
)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_roles   constant text[] := array['viewer', 'operator', 'owner'];
  v_role    constant text := (select a.role from tracegram.admins as a where a.user_id = p_actor);
  v_allowed constant boolean := coalesce(
    pg_catalog.array_position(c_roles, v_role) >= pg_catalog.array_position(c_roles, p_role), false
  );
begin
  insert into tracegram.admin_audit (at, user_id, role, action, detail, allowed)
  values (p_now, p_actor, v_role, p_action, p_detail, v_allowed);
  return v_allowed;
end;
$$;
comment on function tracegram.require_role(bigint, text, text, jsonb, timestamptz) is 'Whether the actor has the role; audited.';
revoke all on function tracegram.require_role(bigint, text, text, jsonb, timestamptz)
from public, anon, authenticated, service_role;
