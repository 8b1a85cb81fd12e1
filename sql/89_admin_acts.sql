-- 89_admin_acts.sql — what admins do from inside Telegram: acknowledge, mute, change settings and rules.
--
-- Who may is asked of tracegram.require_role (62_admins.sql), which audits it; who may not gets {"refused": role}, for an
-- error would take the audit back.

create function tracegram.tell_change(p_alert_id bigint, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_event    tracegram.alert_events;
begin
  update tracegram.alerts set revision = revision + 1 where alert_id = p_alert_id;
  delete from tracegram.alert_events where alert_id = p_alert_id and kind = 'changed';
  insert into tracegram.alert_events (alert_id, kind, value, detail, created_at, next_attempt_at)
  select a.alert_id, 'changed', a.last_value, a.detail, p_now, p_now
  from tracegram.alerts as a
  where a.alert_id = p_alert_id
  returning * into v_event;
  -- At once, not in the next minute. Nobody else sees the event yet.
  if v_settings.alert_url is not null
    and pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is not null
  then
    perform tracegram.send_event(v_event, v_settings, p_now);
  end if;
end;
$$;

comment on function tracegram.tell_change(bigint, timestamptz) is
  'Has the messages of an alert show what an admin did, in all chats.';
revoke all on function tracegram.tell_change(bigint, timestamptz) from public, anon, authenticated, service_role;

create function public.alert_act(p_actor bigint, p_alert_id bigint, p_act text)
  returns jsonb
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Rounded up, an unmute would lie ahead of the answer.
  v_now   constant timestamptz := pg_catalog.date_trunc('milliseconds', pg_catalog.now());
  v_alert tracegram.alerts;
begin
  if p_act is null or p_act not in ('acknowledge', 'mute_1h', 'mute_24h', 'unmute') then
    raise exception sqlstate 'TG041' using message = pg_catalog.format('there is no act %L', p_act);
  end if;
  select a.* into v_alert from tracegram.alerts as a where a.alert_id = p_alert_id for update;
  if not found then
    return null;
  end if;
  if not tracegram.require_role(p_actor, 'operator', 'alert_' || p_act, pg_catalog.jsonb_build_object(
    'alert_id', p_alert_id, 'rule', v_alert.rule
  )) then
    return pg_catalog.jsonb_build_object('refused', 'operator');
  end if;
  if p_act = 'acknowledge' then
    update tracegram.alerts
    set acknowledged_at = v_now, acknowledged_by = p_actor
    where alert_id = p_alert_id and acknowledged_at is null and resolved_at is null;
  else
    update tracegram.alert_rules
    set
      -- When it ended stays known: what opened meanwhile is news from then on.
      muted_until = v_now + case p_act
        when 'mute_1h' then interval '1 hour' when 'mute_24h' then interval '24 hours' else interval '0'
      end,
      muted_by    = case when p_act <> 'unmute' then p_actor end
    where rule = v_alert.rule and (p_act <> 'unmute' or muted_until > v_now);
  end if;
  if found then
    -- To mute is about the rule, whichever of its alerts was at hand.
    perform tracegram.tell_change(a.alert_id, v_now)
    from tracegram.alerts as a
    where a.alert_id = p_alert_id or (p_act <> 'acknowledge' and a.rule = v_alert.rule and a.resolved_at is null);
  end if;
  return public.get_alert(p_alert_id);
end;
$$;

comment on function public.alert_act(bigint, bigint, text) is
$doc$Acknowledges an alert, or mutes its rule. For operators, and audited.

p_actor     Telegram's id of the admin.
p_alert_id  the alert.
p_act       acknowledge (the first to do so counts; nothing when it has resolved), mute_1h, mute_24h (from now on, whatever was
            before), unmute.

Returns the alert as get_alert does, null when there is none, or {"refused": role}: who lacks the role. Its messages in all chats
are edited at once.

TG041  no such act$doc$;
revoke all on function public.alert_act(bigint, bigint, text) from public, anon, authenticated;
grant execute on function public.alert_act(bigint, bigint, text) to service_role;

create function tracegram.days_to_drop(p_changes jsonb, p_now timestamptz)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
  select pg_catalog.jsonb_build_object(
    'trace_days', count(*) filter (where d.table_name = 'pipeline_traces'),
    'io_days', count(*) filter (where d.table_name = 'trace_io'),
    'bytes', coalesce(sum(d.bytes), 0)
  )
  from tracegram.day_tables() as d
  where d.state = 'attached' and d.leaving is null
    and d.day < p_now::date - case d.table_name
      when 'pipeline_traces' then (p_changes ->> 'trace_days')::integer
      else (p_changes ->> 'io_days')::integer
    end
  -- Nothing to confirm where nothing goes.
  having count(*) > 0;
$$;

comment on function tracegram.days_to_drop(jsonb, timestamptz) is
  'What would be dropped were the settings changed so: {trace_days, io_days, bytes}. Null: nothing.';
revoke all on function tracegram.days_to_drop(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.admin_change_settings(p_actor bigint, p_changes jsonb, p_confirmed_days integer default 0)
  returns jsonb
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- Where alerts go is not for a chat to say; and to lower the quota has the guard drop days, nobody knows how many.
  c_changeable constant text[] := array[
    'trace_days', 'io_days', 'io_sample_percent', 'lost_after',
    'synthetic_run_cap_microusd', 'synthetic_day_cap_microusd', 'synthetic_month_cap_microusd', 'synthetic_concurrency'
  ];
  v_drops      jsonb;
begin
  if pg_catalog.jsonb_typeof(p_changes) is distinct from 'object' or exists (
    select from pg_catalog.jsonb_object_keys(p_changes) as k where k <> all (c_changeable)
  ) or exists (
    select from pg_catalog.jsonb_each(p_changes) as c
    where c.key in ('trace_days', 'io_days') and c.value::text !~ '^[0-9]{1,3}$'
  ) then
    raise exception sqlstate 'TG020' using
      message = 'that is not a change of settings that an admin can make',
      hint    = 'Those are ' || pg_catalog.array_to_string(c_changeable, ', ') || '.';
  end if;
  v_drops := tracegram.days_to_drop(p_changes, pg_catalog.now());
  -- What was confirmed days ago may by now be about more of them.
  if (v_drops ->> 'trace_days')::integer + (v_drops ->> 'io_days')::integer <= p_confirmed_days then
    v_drops := null;
  end if;
  if not tracegram.require_role(
    p_actor, 'owner', case when v_drops is null then 'change_settings' else 'ask_change_settings' end,
    pg_catalog.jsonb_build_object('after', p_changes, 'before', (
      select pg_catalog.jsonb_object_agg(b.key, b.value)
      from pg_catalog.jsonb_each(public.get_settings()) as b
      where p_changes ? b.key
    ))
  ) then
    return pg_catalog.jsonb_build_object('refused', 'owner');
  end if;
  if v_drops is not null then
    return pg_catalog.jsonb_build_object('settings', public.get_settings(), 'drops', v_drops);
  end if;
  return pg_catalog.jsonb_build_object('settings', public.change_settings(p_changes));
end;
$$;

comment on function public.admin_change_settings(bigint, jsonb, integer) is
$doc$Changes settings as change_settings does. For owners, and audited with what they were before.

p_actor           Telegram's id of the admin.
p_changes         such as {"trace_days": 14}; not quota_bytes, alert_url and alert_secret.
p_confirmed_days  how many days, of traces and of requests and responses together, may be dropped for it.

Returns {settings}, as get_settings gives them. When more days would be dropped than is confirmed, nothing was changed, and the
answer has drops: {trace_days, io_days, bytes}, how many days of each and what they take. {"refused": role}: who lacks the role.

TG020  a name or a value that does not fit  (nothing was changed)$doc$;
revoke all on function public.admin_change_settings(bigint, jsonb, integer) from public, anon, authenticated;
grant execute on function public.admin_change_settings(bigint, jsonb, integer) to service_role;

create function public.admin_change_rule(p_actor bigint, p_rule text, p_changes jsonb)
  returns jsonb
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  if not tracegram.require_role(p_actor, 'owner', 'change_rule', pg_catalog.jsonb_build_object(
    'rule', p_rule, 'after', p_changes, 'before', (
      select pg_catalog.jsonb_build_object('threshold', r.threshold, 'enabled', r.enabled)
      from tracegram.alert_rules as r
      where r.rule = p_rule
    )
  )) then
    return pg_catalog.jsonb_build_object('refused', 'owner');
  end if;
  return public.change_alert_rule(p_rule, p_changes);
end;
$$;

comment on function public.admin_change_rule(bigint, text, jsonb) is
$doc$Changes an alert rule as change_alert_rule does. For owners, and audited with what it was before.

p_actor    Telegram's id of the admin.
p_rule     name of the rule.
p_changes  {"threshold": number, "enabled": boolean}, either or both.

Returns the rule as list_alerts does, or {"refused": role}: who lacks the role.

TG040  no such rule, or a change that makes no sense  (nothing was changed)$doc$;
revoke all on function public.admin_change_rule(bigint, text, jsonb) from public, anon, authenticated;
grant execute on function public.admin_change_rule(bigint, text, jsonb) to service_role;
