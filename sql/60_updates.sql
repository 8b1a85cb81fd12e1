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
