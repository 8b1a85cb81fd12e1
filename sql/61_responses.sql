-- 61_responses.sql — what the admin bot answered: how long each message was, how long its query took, what Telegram held up.
--
-- Written by  public.finish_update (60_updates.sql), so that it costs the bot no call of its own
-- Read by     the alerts
-- Dropped by  tracegram.purge_responses (90_jobs.sql)

create table tracegram.admin_responses (
  response_id bigint generated always as identity primary key,
  at          timestamptz(3) not null,
  screen      text not null,
  characters  integer not null,
  query_ms    integer,
  retry_after integer
);
create index admin_responses_at on tracegram.admin_responses (at);
comment on index tracegram.admin_responses_at is 'The responses of a window, for alerts, and the purge.';
alter table tracegram.admin_responses enable row level security;

comment on table tracegram.admin_responses is 'Responses of the admin bot, append only. Kept 30 days.';
comment on column tracegram.admin_responses.response_id is 'In order of their end, about.';
comment on column tracegram.admin_responses.at is 'When the update that it answers was ended.';
comment on column tracegram.admin_responses.screen is
  'Name of the screen, such as traces, with .rich when it was a rich message. answer: none was shown, but ending the spinner of a button met a 429.';
comment on column tracegram.admin_responses.characters is 'Visible length of the message in UTF-16 units, Telegram''s measure.';
comment on column tracegram.admin_responses.query_ms is 'Milliseconds that its RPC took, network included. Null: it needed none.';
comment on column tracegram.admin_responses.retry_after is 'Longest wait in seconds that Telegram asked for with a 429. Null: it did not.';

create function tracegram.whole_number(p_value jsonb)
  returns integer
  language sql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
  select case
    when pg_catalog.jsonb_typeof(p_value) <> 'number' then null
    when p_value::numeric between 0 and 2147483647 then pg_catalog.floor(p_value::numeric)::integer
  end;
$$;

comment on function tracegram.whole_number(jsonb) is 'A number of 0 or more as an integer, cut. Null for any other JSON.';
revoke all on function tracegram.whole_number(jsonb) from public, anon, authenticated, service_role;

create function tracegram.record_responses(p_responses jsonb, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  insert into tracegram.admin_responses (at, screen, characters, query_ms, retry_after)
  select
    p_now, pg_catalog.left(r ->> 'screen', 64), tracegram.whole_number(r -> 'characters'),
    tracegram.whole_number(r -> 'query_ms'), tracegram.whole_number(r -> 'retry_after')
  from pg_catalog.jsonb_path_query(p_responses, '$[*]') as r
  where pg_catalog.jsonb_typeof(r -> 'screen') = 'string' and tracegram.whole_number(r -> 'characters') is not null;
$$;

comment on function tracegram.record_responses(jsonb, timestamptz) is
  'Records those of the responses that make sense. Never fails because of the rest: what is recorded matters less than the claim that ends with it.';
revoke all on function tracegram.record_responses(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_responses(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.admin_responses where at < p_now - interval '30 days';
$$;

comment on function tracegram.purge_responses(timestamptz) is 'Deletes responses of over 30 days ago.';
revoke all on function tracegram.purge_responses(timestamptz) from public, anon, authenticated, service_role;
