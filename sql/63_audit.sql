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
