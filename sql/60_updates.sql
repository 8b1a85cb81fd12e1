-- 60_updates.sql — each Telegram update is handled once.
--
-- Written by  public.claim_update, public.finish_update (the telegram function)
-- Dropped by  tracegram.purge (90_jobs.sql)
--
-- A claim is a lease: when an isolate dies in the middle of an update, the redelivery is handled after the lease has run out.

create table tracegram.seen_updates (
  update_id  bigint primary key,
  claimed_at timestamptz(3) not null,
  handled_at timestamptz(3)
);
alter table tracegram.seen_updates enable row level security;

comment on table tracegram.seen_updates is 'Telegram updates of the admin bot that were claimed or handled, kept 2 days.';
comment on column tracegram.seen_updates.update_id is 'Telegram''s id of the update.';
comment on column tracegram.seen_updates.claimed_at is 'Start of the last lease.';
comment on column tracegram.seen_updates.handled_at is 'Null until the update was handled.';

create function tracegram.claim_update(p_update_id bigint, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = ''
as $$
begin
  insert into tracegram.seen_updates as u (update_id, claimed_at)
  values (p_update_id, p_now)
  on conflict (update_id) do update set claimed_at = excluded.claimed_at
    where u.handled_at is null and u.claimed_at <= p_now - interval '60 seconds';
  if found then
    return 'claimed';
  end if;
  return case
    when exists (select from tracegram.seen_updates as u where u.update_id = p_update_id and u.handled_at is not null) then 'done'
    else 'busy'
  end;
end;
$$;

comment on function tracegram.claim_update(bigint, timestamptz) is 'See public.claim_update; p_now is the time of the claim.';
revoke all on function tracegram.claim_update(bigint, timestamptz) from public, anon, authenticated, service_role;

create function public.claim_update(p_update_id bigint)
  returns text
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = ''
as $$
  select tracegram.claim_update(p_update_id, pg_catalog.now());
$$;

comment on function public.claim_update(bigint) is
$doc$Claims a Telegram update for handling, for 60 seconds.

Returns claimed (handle it, then call finish_update), done (it was handled before), or busy (another isolate has it: answer
503, and Telegram delivers it again).$doc$;
revoke all on function public.claim_update(bigint) from public, anon, authenticated;
grant execute on function public.claim_update(bigint) to service_role;

create function public.finish_update(p_update_id bigint, p_handled boolean, p_responses jsonb default '[]')
  returns void
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = ''
as $$
begin
  if p_handled then
    update tracegram.seen_updates set handled_at = pg_catalog.now() where update_id = p_update_id;
  else
    delete from tracegram.seen_updates where update_id = p_update_id and handled_at is null;
  end if;
  perform tracegram.record_responses(p_responses, pg_catalog.now());
end;
$$;

comment on function public.finish_update(bigint, boolean, jsonb) is
$doc$Ends a claim, and records what was answered meanwhile.

p_handled    true: the update was handled and never will be again. false: it was not, and its redelivery may be claimed at once.
p_responses  an array of {screen, characters, query_ms, retry_after}: the screen's name, the visible length of the message in
             UTF-16 units, how long its query took in milliseconds (null without one), and the longest wait in seconds that
             Telegram asked for with a 429 (left out without one). What makes no sense is left out.$doc$;
revoke all on function public.finish_update(bigint, boolean, jsonb) from public, anon, authenticated;
grant execute on function public.finish_update(bigint, boolean, jsonb) to service_role;
