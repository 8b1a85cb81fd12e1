-- 84_deliver_alerts.sql — each event of an alert is posted to settings.alert_url until the receiver has it.
--
-- pg_net sends a request when this transaction has committed, and keeps the answer; the next run, a minute later, looks
-- at it. So a receiver may get an event twice, and knows it by its event_id.

create function tracegram.retry_at(p_attempts integer, p_headers jsonb, p_now timestamptz)
  returns timestamptz
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select greatest(
    p_now + least(60, 2 ^ least(p_attempts - 1, 6)) * interval '1 minute', (
      -- Names of headers are as the receiver wrote them. The value is seconds or a date.
      select case
        when h.value ~ '^\d{1,8}$' then p_now + h.value::integer * interval '1 second'
        when pg_catalog.pg_input_is_valid(h.value, 'timestamptz') then h.value::timestamptz
      end
      from pg_catalog.jsonb_each_text(p_headers) as h
      where pg_catalog.lower(h.key) = 'retry-after'
      limit 1
    )
  );
$$;

comment on function tracegram.retry_at(integer, jsonb, timestamptz) is
  'When to try again after p_attempts attempts: in 1, 2, 4 … 60 minutes, and not before the Retry-After of the answer.';
revoke all on function tracegram.retry_at(integer, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.read_answers(p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tracegram.alert_events as e
  set
    request_id      = null,
    delivered_at    = case when f.status_code between 200 and 299 then p_now end,
    last_error      = case when f.status_code between 200 and 299 then null else f.error end,
    next_attempt_at = tracegram.retry_at(e.attempts, f.headers, p_now)
  from (
    select
      p.event_id, r.status_code, r.headers,
      case
        when r.id is null then 'no answer within a minute'
        when r.status_code is null then coalesce(r.error_msg, 'no answer')
        else pg_catalog.format('HTTP %s: %s', r.status_code, tracegram.cut(r.content, 200))
      end as error
    from tracegram.alert_events as p
    left join net._http_response as r on r.id = p.request_id
    where p.delivered_at is null and p.request_id is not null and (r.id is not null or p.next_attempt_at <= p_now)
  ) as f
  where e.event_id = f.event_id;
end;
$$;

comment on function tracegram.read_answers(timestamptz) is
  'Takes note of what became of the requests that are under way.';
revoke all on function tracegram.read_answers(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.post_event(p_event tracegram.alert_events, p_settings tracegram.settings)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  return net.http_post(
    url     => p_settings.alert_url,
    headers => pg_catalog.jsonb_strip_nulls(pg_catalog.jsonb_build_object(
      'Content-Type', 'application/json', 'x-tracegram-secret', p_settings.alert_secret
    )),
    body    => (
      select pg_catalog.jsonb_build_object(
        'event_id', p_event.event_id,
        'kind', p_event.kind,
        'rule', a.rule,
        'summary', r.summary,
        'value', p_event.value,
        'threshold', a.threshold,
        'unit', r.unit,
        'detail', p_event.detail,
        'opened_at', tracegram.iso(a.opened_at),
        'resolved_at', case when p_event.kind = 'resolved' then tracegram.iso(a.resolved_at) end
      )
      from tracegram.alerts as a
      join tracegram.alert_rules as r using (rule)
      where a.alert_id = p_event.alert_id
    ),
    -- The telegram function tells every chat before it answers, and waits for Telegram's rate limit.
    timeout_milliseconds => 25000
  );
end;
$$;

comment on function tracegram.post_event(tracegram.alert_events, tracegram.settings) is
  'Queues the request that tells of an event. Returns pg_net''s id of it; fails as net.http_post does.';
revoke all on function tracegram.post_event(tracegram.alert_events, tracegram.settings)
from public, anon, authenticated, service_role;

create function tracegram.send_event(
  p_event tracegram.alert_events, p_settings tracegram.settings, p_now timestamptz
)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  update tracegram.alert_events
  set attempts = attempts + 1, next_attempt_at = p_now + interval '1 minute',
    request_id = tracegram.post_event(p_event, p_settings)
  where event_id = p_event.event_id;
  return true;
exception when others then
  update tracegram.alert_events
  set attempts = attempts + 1, last_error = sqlerrm,
    next_attempt_at = tracegram.retry_at(p_event.attempts + 1, null, p_now)
  where event_id = p_event.event_id;
  return false;
end;
$$;

comment on function tracegram.send_event(tracegram.alert_events, tracegram.settings, timestamptz) is
  'Posts an event. Returns whether it could be queued; when not, the event says why, and is due again later.';
revoke all on function tracegram.send_event(tracegram.alert_events, tracegram.settings, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.news_since(p_event tracegram.alert_events)
  returns timestamptz
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- What resolved while its rule was muted is not news when it no longer is.
  select greatest(p_event.created_at, case when a.resolved_at is null then r.muted_until end)
  from tracegram.alerts as a
  join tracegram.alert_rules as r using (rule)
  where a.alert_id = p_event.alert_id;
$$;

comment on function tracegram.news_since(tracegram.alert_events) is
  'Since when an event could be told: when it happened, or when the mute of its open alert ended, or will.';
revoke all on function tracegram.news_since(tracegram.alert_events) from public, anon, authenticated, service_role;

create function tracegram.deliver_alerts(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_event    tracegram.alert_events;
  v_sent     integer := 0;
begin
  if v_settings.alert_url is null
    or pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is null
    or not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.alerts'))
  then
    return 0;
  end if;
  perform tracegram.read_answers(p_now);
  for v_event in
    select e.*
    from tracegram.alert_events as e
    join tracegram.alerts as a using (alert_id)
    join tracegram.alert_rules as r using (rule)
    where e.delivered_at is null and e.request_id is null
      and e.next_attempt_at <= p_now and tracegram.news_since(e) > p_now - interval '24 hours'
      -- One that opens while its rule is muted waits until it is not.
      and not (e.kind = 'opened' and e.attempts = 0 and coalesce(r.muted_until > p_now, false))
      -- That it resolved is not news to whom was not told that it opened.
      and not exists (
        select from tracegram.alert_events as before
        where e.kind = 'resolved' and before.kind = 'opened' and before.alert_id = e.alert_id
          and before.delivered_at is null and tracegram.news_since(before) > p_now - interval '24 hours'
      )
    order by e.event_id
    limit 20
  loop
    v_sent := v_sent + tracegram.send_event(v_event, v_settings, p_now)::integer;
  end loop;
  return v_sent;
end;
$$;

comment on function tracegram.deliver_alerts(timestamptz) is
$doc$Reads the answers to what was posted, and posts what is due. Returns how many events it has posted.

Where there is no alert_url, or no pg_net, events wait. Whatever is not answered with 2xx is posted again after 1, 2, 4
… 60 minutes, or when the receiver's Retry-After allows it, until the event is a day old; for an alert that is
still open, the day counts from the end of a mute. Of one alert, resolved is not
posted before opened has arrived or is given up. What opens while its rule is muted is posted when it no longer is. The
body is {event_id, kind, rule, summary, value, threshold, unit, detail, opened_at, resolved_at}, the header
x-tracegram-secret is settings.alert_secret. kind is opened, resolved, or changed: an admin acknowledged or muted it.$doc$;
revoke all on function tracegram.deliver_alerts(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.watch(p_now timestamptz default now())
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Times of events are rounded to milliseconds: what opens now would otherwise be due a moment later, and told in a minute.
  v_now constant timestamptz := pg_catalog.date_trunc('milliseconds', p_now);
begin
  begin
    -- Otherwise each rule would add up for itself what waits.
    perform tracegram.fold_batches();
  exception when others then
    null; -- the fold's own job says why
  end;
  perform tracegram.evaluate_alerts(v_now);
  begin
    perform tracegram.deliver_alerts(v_now);
  exception when others then
    -- What was found stays, whatever keeps it from being told.
    update tracegram.alert_events as e
    set last_error = sqlerrm
    where e.delivered_at is null and tracegram.news_since(e) > p_now - interval '24 hours';
  end;
end;
$$;

comment on function tracegram.watch(timestamptz) is
  'The minute''s work: folds the batches that wait, evaluates the rules, delivers what there is to tell.';
revoke all on function tracegram.watch(timestamptz) from public, anon, authenticated, service_role;
