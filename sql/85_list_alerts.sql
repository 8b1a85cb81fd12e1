-- 85_list_alerts.sql — what the alerts screen shows, and what the owner changes there.

create function tracegram.rule_state(p_rule tracegram.alert_rules)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'rule', p_rule.rule,
    'summary', p_rule.summary,
    'threshold', p_rule.threshold,
    'unit', p_rule.unit,
    'enabled', p_rule.enabled,
    'opens_after', p_rule.opens_after,
    'resolves_after', p_rule.resolves_after,
    'value', s.value,
    'detail', s.detail,
    'error', s.error,
    'evaluated_at', tracegram.iso(s.evaluated_at),
    'muted_until', case when p_rule.muted_until > pg_catalog.now() then tracegram.iso(p_rule.muted_until) end,
    'open_alert_id', (select a.alert_id from tracegram.alerts as a where a.rule = p_rule.rule and a.resolved_at is null)
  )
  from (select) as one
  left join tracegram.alert_state as s on s.rule = p_rule.rule;
$$;

comment on function tracegram.rule_state(tracegram.alert_rules) is 'A rule and how it stands, as list_alerts gives it.';
revoke all on function tracegram.rule_state(tracegram.alert_rules) from public, anon, authenticated, service_role;

create function tracegram.alert_view(p_alert tracegram.alerts)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'alert_id', p_alert.alert_id,
    'rule', p_alert.rule,
    'summary', r.summary,
    'unit', r.unit,
    'opened_at', tracegram.iso(p_alert.opened_at),
    'resolved_at', tracegram.iso(p_alert.resolved_at),
    'threshold', p_alert.threshold,
    'value', p_alert.value,
    'worst', p_alert.worst,
    'last_value', p_alert.last_value,
    'detail', p_alert.detail,
    'acknowledged_at', tracegram.iso(p_alert.acknowledged_at),
    'acknowledged_by', p_alert.acknowledged_by,
    'muted_until', case when r.muted_until > pg_catalog.now() then tracegram.iso(r.muted_until) end,
    'muted_by', case when r.muted_until > pg_catalog.now() then r.muted_by end,
    'revision', p_alert.revision,
    'resolved_before_at', (
      select tracegram.iso(pg_catalog.max(b.resolved_at))
      from tracegram.alerts as b
      where b.rule = p_alert.rule and b.alert_id < p_alert.alert_id
        and b.resolved_at > p_alert.opened_at - interval '1 hour'
    ),
    'events', (
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'kind', e.kind,
        'attempts', e.attempts,
        'delivered_at', tracegram.iso(e.delivered_at),
        'last_error', e.last_error
      ) order by e.event_id)
      from tracegram.alert_events as e
      where e.alert_id = p_alert.alert_id
    )
  )
  from tracegram.alert_rules as r
  where r.rule = p_alert.rule;
$$;

comment on function tracegram.alert_view(tracegram.alerts) is 'An alert, as list_alerts gives it.';
revoke all on function tracegram.alert_view(tracegram.alerts) from public, anon, authenticated, service_role;

create function public.get_alert(p_alert_id bigint)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.alert_view(a) from tracegram.alerts as a where a.alert_id = p_alert_id;
$$;

comment on function public.get_alert(bigint) is 'An alert, as list_alerts gives it; null when there is none, or no longer.';
revoke all on function public.get_alert(bigint) from public, anon, authenticated;
grant execute on function public.get_alert(bigint) to service_role;

create function public.list_alerts(
  p_open_only boolean default true,
  p_limit     integer default 20,
  p_before    bigint  default null
)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  with page as (
    select a
    from tracegram.alerts as a
    where (a.resolved_at is null or p_open_only is not true) and (a.alert_id < p_before or p_before is null)
    order by a.alert_id desc
    limit least(greatest(p_limit, 1), 100)
  )
  select pg_catalog.jsonb_build_object(
    'rules', (select pg_catalog.jsonb_agg(tracegram.rule_state(r) order by r.rule) from tracegram.alert_rules as r),
    'open', (select count(*) from tracegram.alerts as a where a.resolved_at is null),
    'alerts', (
      select coalesce(pg_catalog.jsonb_agg(tracegram.alert_view(p.a) order by (p.a).alert_id desc), '[]')
      from page as p
    ),
    'has_older', exists (
      select from tracegram.alerts as a
      where (a.resolved_at is null or p_open_only is not true)
        and a.alert_id < (select pg_catalog.min((p.a).alert_id) from page as p)
    )
  );
$$;

comment on function public.list_alerts(boolean, integer, bigint) is
$doc$Rules with how they stand, and alerts, newest first: one call serves the screen.

p_open_only  only alerts that are not resolved.
p_limit      alerts, 1..100; other values are brought into that range.
p_before     alert_id of the last alert of the page before; null: the newest.

Returns {rules: [{rule, summary, threshold, unit, enabled, opens_after, resolves_after, value, detail, error,
evaluated_at, muted_until, open_alert_id}], open, alerts: [{alert_id, rule, summary, unit, opened_at, resolved_at,
threshold, value, worst, last_value, detail, acknowledged_at, acknowledged_by, muted_until, muted_by, revision, resolved_before_at,
events: [{kind, attempts, delivered_at, last_error}]}], has_older}. open counts them all. muted_until is of the rule, null
where it is not muted now; revision grows with each change that its messages show; ids are Telegram's of admins. resolved_before_at is when the rule's alert before it resolved, if
that was within the hour before it opened. Values are in the rule's unit; a rule's value is null where there was too little to measure. evaluated_at is a minute
old at most; when it is not, pg_cron stands still.$doc$;
revoke all on function public.list_alerts(boolean, integer, bigint) from public, anon, authenticated;
grant execute on function public.list_alerts(boolean, integer, bigint) to service_role;

create function public.change_alert_rule(p_rule text, p_changes jsonb)
  returns jsonb
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_rule      tracegram.alert_rules;
  v_threshold numeric;
begin
  if pg_catalog.jsonb_typeof(p_changes) is distinct from 'object' or exists (
    select from pg_catalog.jsonb_each(p_changes) as c
    where (c.key, pg_catalog.jsonb_typeof(c.value)) not in (('threshold', 'number'), ('enabled', 'boolean'))
      or (c.key = 'threshold' and c.value < '0')
  ) then
    raise exception sqlstate 'TG040' using
      message = 'an alert rule cannot be changed to that',
      hint    = 'Send {"threshold": 5}, {"enabled": false} or both. A threshold is 0 or more.';
  end if;
  v_threshold := (p_changes ->> 'threshold')::numeric;
  select r.* into v_rule from tracegram.alert_rules as r where r.rule = p_rule;
  -- Above 100 percent nothing is ever in breach; and nothing takes no time.
  if v_rule.unit = 'percent' and v_threshold > 100 or v_rule.unit = 'ms' and v_threshold <= 0 then
    raise exception sqlstate 'TG040' using
      message = pg_catalog.format('%s cannot have a threshold of %s %s', p_rule, v_threshold, v_rule.unit),
      hint    = case v_rule.unit when 'ms' then 'It is above 0 ms.' else 'It is 0 to 100 percent.' end;
  end if;
  -- Who is evaluating now has read the rule as it was, and may be about to open its alert.
  perform pg_catalog.pg_advisory_xact_lock(pg_catalog.hashtext('tracegram.alerts'));
  update tracegram.alert_rules
  set
    threshold = coalesce(v_threshold, threshold),
    enabled   = coalesce((p_changes ->> 'enabled')::boolean, enabled)
  where rule = p_rule
  returning * into v_rule;
  if v_rule.rule is null then
    raise exception sqlstate 'TG040' using
      message = pg_catalog.format('there is no alert rule %L', p_rule),
      hint    = 'list_alerts names them.';
  end if;
  if not v_rule.enabled then
    perform tracegram.resolve_alert(p_rule, 'the rule was switched off', pg_catalog.now());
    delete from tracegram.alert_state where rule = p_rule;
  end if;
  return tracegram.rule_state(v_rule);
end;
$$;

comment on function public.change_alert_rule(text, jsonb) is
$doc$Changes when a rule is in breach, or whether it is watched. One that is switched off has its open alert resolved.

p_rule     name of the rule.
p_changes  {"threshold": number, "enabled": boolean}, either or both. The threshold is in the rule's unit: 0 to 100
           for percent, above 0 for ms, 0 or more for all else.

Returns the rule as list_alerts does.

TG040  no such rule, or a change that makes no sense  (nothing was changed)$doc$;
revoke all on function public.change_alert_rule(text, jsonb) from public, anon, authenticated;
grant execute on function public.change_alert_rule(text, jsonb) to service_role;
