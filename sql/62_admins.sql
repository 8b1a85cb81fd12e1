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
