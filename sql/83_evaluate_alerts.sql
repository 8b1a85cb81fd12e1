-- 83_evaluate_alerts.sql — each minute every rule is measured; alerts open and resolve.
--
-- A rule in breach for some evaluations in a row opens an alert; good for some in a row, it resolves it.
-- Good is a share of the threshold or less, so that a value that swings around it neither opens twice nor resolves.
-- Too little to measure is neither: in an outage users leave. After an hour of it the rule starts afresh, and its alert
-- resolves.

create function tracegram.resolve_alert(p_rule text, p_detail text, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  with resolved as (
    update tracegram.alerts
    set resolved_at = greatest(p_now, opened_at), revision = revision + 1
    where rule = p_rule and resolved_at is null
    returning alert_id, last_value
  )
  insert into tracegram.alert_events (alert_id, kind, value, detail, created_at, next_attempt_at)
  select r.alert_id, 'resolved', r.last_value, p_detail, p_now, p_now
  from resolved as r;
$$;

comment on function tracegram.resolve_alert(text, text, timestamptz) is
  'Resolves the open alert of a rule, if it has one.';
revoke all on function tracegram.resolve_alert(text, text, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.note_measurement(
  p_rule tracegram.alert_rules, p_found tracegram.measurement, p_now timestamptz
)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_bad   constant boolean := coalesce(p_found.value > p_rule.threshold, false);
  v_good  constant boolean := coalesce(p_found.value <= p_rule.threshold * p_rule.resolve_below, false);
  v_known constant boolean := p_found.value is not null;
  v_gone  boolean; -- there was too little to measure for an hour
  v_state tracegram.alert_state;
begin
  insert into tracegram.alert_state as s (rule, bad_streak, good_streak, value, detail, silent_since, evaluated_at)
  values (
    p_rule.rule, v_bad::integer, v_good::integer, p_found.value, p_found.detail,
    case when not v_known then p_now end, p_now
  )
  on conflict (rule) do update set
    bad_streak   = case when v_bad then s.bad_streak + 1 when v_known then 0 else s.bad_streak end,
    good_streak  = case when v_good then s.good_streak + 1 when v_known then 0 else s.good_streak end,
    silent_since = case when not v_known then coalesce(s.silent_since, p_now) end,
    value        = excluded.value,
    detail       = excluded.detail,
    error        = null,
    evaluated_at = excluded.evaluated_at
  returning * into v_state;
  v_gone := coalesce(v_state.silent_since <= p_now - interval '1 hour', false);
  if v_gone then
    update tracegram.alert_state set bad_streak = 0, good_streak = 0 where rule = p_rule.rule;
  end if;

  update tracegram.alerts as a
  set
    last_value = p_found.value,
    worst      = greatest(a.worst, p_found.value),
    detail     = case when p_found.value > a.worst then p_found.detail else a.detail end
  where a.rule = p_rule.rule and a.resolved_at is null;
  if found then
    if v_gone or v_known and v_state.good_streak >= p_rule.resolves_after then
      perform tracegram.resolve_alert(p_rule.rule, p_found.detail, p_now);
    end if;
  elsif v_bad and v_state.bad_streak >= p_rule.opens_after then
    with opened as (
      insert into tracegram.alerts (rule, opened_at, threshold, value, worst, last_value, detail)
      values (p_rule.rule, p_now, p_rule.threshold, p_found.value, p_found.value, p_found.value, p_found.detail)
      returning alert_id
    )
    insert into tracegram.alert_events (alert_id, kind, value, detail, created_at, next_attempt_at)
    select o.alert_id, 'opened', p_found.value, p_found.detail, p_now, p_now
    from opened as o;
  end if;
end;
$$;

comment on function tracegram.note_measurement(tracegram.alert_rules, tracegram.measurement, timestamptz) is
  'Counts what was found for a rule, and opens or resolves its alert.';
revoke all on function tracegram.note_measurement(tracegram.alert_rules, tracegram.measurement, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.evaluate_alerts(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set lock_timeout = '1s' -- a table that is being changed is the matter of one rule and one minute
as $$
declare
  v_rule   tracegram.alert_rules;
  v_value  numeric;
  v_detail text;
  v_count  integer := 0;
begin
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.alerts')) then
    return 0; -- somebody is at it
  end if;
  for v_rule in
    select r.*
    from tracegram.alert_rules as r
    left join tracegram.alert_state as s using (rule)
    where r.enabled and (s.rule is null or s.evaluated_at < pg_catalog.date_trunc('minute', p_now))
    order by r.rule
  loop
    begin
      execute pg_catalog.format('select m.value, m.detail from tracegram.%I($1) as m', 'measure_' || v_rule.rule)
      into v_value, v_detail
      using p_now;
      perform tracegram.note_measurement(v_rule, (v_value, v_detail)::tracegram.measurement, p_now);
    exception when others then
      insert into tracegram.alert_state (rule, error, evaluated_at)
      values (v_rule.rule, sqlerrm, p_now)
      on conflict (rule) do update set error = excluded.error, evaluated_at = excluded.evaluated_at;
    end;
    v_count := v_count + 1;
  end loop;
  return v_count;
end;
$$;

comment on function tracegram.evaluate_alerts(timestamptz) is
$doc$Evaluates the enabled rules that were not yet evaluated in the minute of p_now. Returns how many.

A rule that cannot be measured keeps its alert as it is, says why in alert_state.error, and stops no other. Of two calls
at the same time, one does nothing.$doc$;
revoke all on function tracegram.evaluate_alerts(timestamptz) from public, anon, authenticated, service_role;
