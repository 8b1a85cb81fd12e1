-- 88_alert_messages.sql — the messages that tell admins of alerts: one for each open alert in each chat.
--
-- Written by  public.claim_alert_messages, public.finish_alert_message (the telegram function, when an event is posted to it)
-- Dropped by  tracegram.purge (90_jobs.sql), with their alerts
--
-- A message shows a revision of its alert. An event of any kind has each chat's message brought up to the newest one, so an
-- event that comes twice, or late, finds nothing to do. Who sends or edits a message holds it for a minute: when an isolate
-- dies in between, the next delivery does it. Had Telegram taken the message already, it is there twice, once for each such
-- death: Telegram knows no key to tell by.

create table tracegram.alert_messages (
  alert_id     bigint not null references tracegram.alerts on delete cascade,
  chat_id      bigint not null,
  message_id   bigint,
  shown        integer not null default 0,
  leased_until timestamptz(3),
  ended_at     timestamptz(3),
  error        text,
  primary key (alert_id, chat_id)
);
alter table tracegram.alert_messages enable row level security;

comment on table tracegram.alert_messages is 'Which message in which chat tells of an alert, and how much of it.';
comment on column tracegram.alert_messages.alert_id is 'The alert.';
comment on column tracegram.alert_messages.chat_id is 'Telegram''s id of the chat.';
comment on column tracegram.alert_messages.message_id is 'Telegram''s id of the message. Null: none was sent yet.';
comment on column tracegram.alert_messages.shown is 'The alert''s revision that the message shows. 0: none.';
comment on column tracegram.alert_messages.leased_until is 'Until when somebody is at it. Null: nobody.';
comment on column tracegram.alert_messages.ended_at is
  'Since when it is not looked after any more: the rule''s next alert has taken the message over, or the chat cannot be written to.';
comment on column tracegram.alert_messages.error is 'Why the chat could not be written to when that was last tried.';

create function tracegram.alert_chats(p_owners bigint[])
  returns setof bigint
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- A private chat has the id of its user. Who is an owner by the secret alone, p_owners knows.
  select a.user_id from tracegram.admins as a where a.role is not null
  union
  select c.chat_id from tracegram.admin_chats as c
  union
  select pg_catalog.unnest(p_owners);
$$;

comment on function tracegram.alert_chats(bigint[]) is
  'The chats that are told of alerts: the private ones of all admins, and the groups that are allowed.';
revoke all on function tracegram.alert_chats(bigint[]) from public, anon, authenticated, service_role;

create function tracegram.take_over_messages(p_alert tracegram.alerts, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  with before as (
    update tracegram.alert_messages as m
    set ended_at = p_now
    from tracegram.alerts as a
    where a.alert_id = m.alert_id and a.rule = p_alert.rule and a.alert_id < p_alert.alert_id
      and a.resolved_at > p_alert.opened_at - interval '1 hour'
      and m.ended_at is null and m.message_id is not null and coalesce(m.leased_until <= p_now, true)
      and not exists (
        select from tracegram.alert_messages as o where o.alert_id = p_alert.alert_id and o.chat_id = m.chat_id
      )
    returning m.chat_id, m.message_id
  )
  insert into tracegram.alert_messages (alert_id, chat_id, message_id)
  select p_alert.alert_id, b.chat_id, pg_catalog.max(b.message_id)
  from before as b
  group by b.chat_id;
$$;

comment on function tracegram.take_over_messages(tracegram.alerts, timestamptz) is
  'Gives an alert the messages of its rule''s alert that resolved within the hour before it opened.';
revoke all on function tracegram.take_over_messages(tracegram.alerts, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.claim_alert_messages(p_event_id bigint, p_owners bigint[], p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_alert  tracegram.alerts;
  v_new    boolean; -- whether chats that have no message of the alert get one
  v_claims jsonb;
begin
  -- Of two who claim at the same moment, the second sees what the first has taken.
  select a.* into v_alert
  from tracegram.alert_events as e
  join tracegram.alerts as a using (alert_id)
  where e.event_id = p_event_id
  for update of a;
  if not found then
    return null;
  end if;
  perform tracegram.take_over_messages(v_alert, p_now);
  select
    -- What came and went while the rule was muted is not told, nor what is muted now.
    coalesce(r.muted_until <= least(p_now, v_alert.resolved_at), true)
    -- The rule's next alert is told instead.
    and not exists (
      select from tracegram.alerts as n
      where n.rule = v_alert.rule and n.alert_id > v_alert.alert_id
        and n.opened_at < v_alert.resolved_at + interval '1 hour'
    )
  into v_new
  from tracegram.alert_rules as r
  where r.rule = v_alert.rule;

  if v_new then
    insert into tracegram.alert_messages (alert_id, chat_id)
    select v_alert.alert_id, c from tracegram.alert_chats(p_owners) as c
    on conflict (alert_id, chat_id) do nothing;
  end if;
  with claimed as (
    update tracegram.alert_messages as m
    set leased_until = p_now + interval '60 seconds'
    where m.alert_id = v_alert.alert_id and m.ended_at is null and m.shown < v_alert.revision
      and coalesce(m.leased_until <= p_now, true) and (v_new or m.message_id is not null)
      and m.chat_id in (select c from tracegram.alert_chats(p_owners) as c)
    returning m.chat_id, m.message_id
  )
  select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(c) order by c.chat_id), '[]') into v_claims from claimed as c;
  return pg_catalog.jsonb_build_object(
    'alert', tracegram.alert_view(v_alert),
    'revision', v_alert.revision,
    'claims', v_claims,
    -- One's own are among them.
    'held', (
      select count(*)
      from tracegram.alert_messages as m
      where m.alert_id = v_alert.alert_id and m.ended_at is null and m.shown < v_alert.revision and m.leased_until > p_now
    ) - pg_catalog.jsonb_array_length(v_claims)
  );
end;
$$;

comment on function tracegram.claim_alert_messages(bigint, bigint[], timestamptz) is
  'See public.claim_alert_messages; p_now is the time of the claim.';
revoke all on function tracegram.claim_alert_messages(bigint, bigint[], timestamptz)
from public, anon, authenticated, service_role;

create function public.claim_alert_messages(p_event_id bigint, p_owners bigint[] default '{}')
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.claim_alert_messages(p_event_id, p_owners, pg_catalog.now());
$$;

comment on function public.claim_alert_messages(bigint, bigint[]) is
$doc$Claims, for 60 seconds, the messages that do not show their alert as it is now.

p_event_id  of the event that was posted; its alert is what counts.
p_owners    Telegram's ids of those whom TELEGRAM_ADMIN_IDS names.

Returns {alert (as list_alerts gives it), revision, claims: [{chat_id, message_id}], held}; null when there is no such event, or no
longer. Edit each message of claims, or send one where message_id is null, and call finish_alert_message for each. held counts those
that somebody else has claimed: answer 503, and the event comes again.

A chat gets no new message of an alert while its rule is muted, nor of one that had resolved by then. An alert that opens within
an hour after its rule's last one has resolved gets that one's messages.$doc$;
revoke all on function public.claim_alert_messages(bigint, bigint[]) from public, anon, authenticated;
grant execute on function public.claim_alert_messages(bigint, bigint[]) to service_role;

create function public.finish_alert_message(
  p_alert_id    bigint,
  p_chat_id     bigint,
  p_outcome     text,
  p_revision    integer default null,
  p_message_id  bigint  default null,
  p_error       text    default null,
  p_characters  integer default 0,
  p_retry_after integer default null
)
  returns void
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tracegram.alert_messages as m
  set
    leased_until = null,
    message_id   = coalesce(p_message_id, m.message_id),
    shown        = case p_outcome when 'shown' then greatest(m.shown, p_revision) else m.shown end,
    ended_at     = case p_outcome when 'unreachable' then pg_catalog.now() else m.ended_at end,
    error        = case p_outcome when 'shown' then null else tracegram.cut(p_error, 200) end
  where m.alert_id = p_alert_id and m.chat_id = p_chat_id;
  perform tracegram.record_responses(pg_catalog.jsonb_build_array(pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
    'screen', 'alert_message', 'characters', p_characters, 'retry_after', p_retry_after
  ))), pg_catalog.now());
end;
$$;

comment on function public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer) is
$doc$Ends a claim of claim_alert_messages, and records the message as a response of the admin bot.

p_outcome      shown; later: the next delivery tries again; unreachable: the chat cannot be written to, and the alert is not
               told there.
p_revision     that the message shows.
p_message_id   of the message that was sent or edited.
p_error        what Telegram said, when it was not shown.
p_characters   visible length of the message in UTF-16 units.
p_retry_after  longest wait in seconds that Telegram asked for with a 429.$doc$;
revoke all on function public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer)
from public, anon, authenticated;
grant execute on function public.finish_alert_message(bigint, bigint, text, integer, bigint, text, integer, integer)
to service_role;

create function public.alert_of_message(p_alert_id bigint, p_chat_id bigint)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.alert_view(a)
  from tracegram.alerts as a
  where a.alert_id = coalesce(
    (
      select pg_catalog.max(n.alert_id)
      from tracegram.alert_messages as m
      join tracegram.alert_messages as n using (chat_id, message_id)
      join tracegram.alerts as o on o.alert_id = m.alert_id
      join tracegram.alerts as a on a.alert_id = n.alert_id and a.rule = o.rule
      where m.alert_id = p_alert_id and m.chat_id = p_chat_id
    ),
    p_alert_id
  );
$$;

comment on function public.alert_of_message(bigint, bigint) is
$doc$The alert that a message tells of now: the one that was told there, or the rule's next one that has taken the message over.

p_alert_id  the alert that was told.
p_chat_id   Telegram's id of the chat.

Returns the alert as list_alerts gives it; null when it is gone.$doc$;
revoke all on function public.alert_of_message(bigint, bigint) from public, anon, authenticated;
grant execute on function public.alert_of_message(bigint, bigint) to service_role;
