-- 67_confirm_run.sql — a run that was asked for is confirmed, which starts it, and stopped.
--
-- Nothing else starts a run: public.confirm_synthetic_run is called by people alone, and by no function or job of the database.

create function tracegram.confirm_synthetic_run(p_actor bigint, p_run_id uuid, p_ceiling_microusd bigint, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run     tracegram.synthetic_runs;
  v_ceiling bigint;
  v_no      text;
begin
  if p_ceiling_microusd < 0 then
    raise exception sqlstate 'TG060' using message = 'the ceiling is less than nothing';
  end if;
  perform from tracegram.synthetic_ledger for update;
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id for update;
  if not tracegram.note_tests(p_actor, pg_catalog.jsonb_build_object(
    'run_id', p_run_id, 'tier', v_run.tier, 'mode', v_run.mode, 'ceiling_microusd', p_ceiling_microusd
  ), p_now) then
    return '{"refused": "operator"}'::jsonb;
  end if;
  -- A replay pays for nothing.
  v_ceiling := case v_run.mode when 'replay' then 0 else coalesce(p_ceiling_microusd, v_run.worst_microusd) end;
  v_no := case
    when v_run.run_id is null or v_run.state = 'cancelled' then 'gone'
    when v_run.asked_by is distinct from p_actor then 'not_yours'
    when v_run.state <> 'asked' then 'used'
    when v_run.confirm_until <= p_now then 'expired'
    when v_run.unknown > 0 and p_ceiling_microusd is null then 'no_ceiling'
    when v_ceiling > tracegram.left_of_caps(p_now) then 'over_cap'
  end;
  if v_no is not null then
    return pg_catalog.jsonb_build_object('no', v_no);
  end if;

  update tracegram.synthetic_runs as r
  set
    state = 'running', token = tracegram.random_token(), ceiling_microusd = v_ceiling, started_at = p_now, seen_at = p_now,
    version = 1
  where r.run_id = p_run_id
  returning r.* into v_run;
  insert into tracegram.synthetic_results (run_id, position, scenario, repeat)
  select
    p_run_id,
    -- The same order for the same seed, another one in each repeat.
    pg_catalog.row_number() over (
      order by i, pg_catalog.md5(pg_catalog.format('%s:%s:%s', v_run.seed, i, s)), s
    ),
    s, i
  from pg_catalog.generate_series(1, v_run.repeat) as i
  cross join pg_catalog.unnest(v_run.scenarios) as s;
  return pg_catalog.jsonb_build_object(
    'run_id', v_run.run_id, 'token', v_run.token, 'ceiling_microusd', v_ceiling, 'runner_url', v_run.runner_url
  );
end;
$$;

comment on function tracegram.confirm_synthetic_run(bigint, uuid, bigint, timestamptz) is
  'See public.confirm_synthetic_run; p_now is when it is confirmed.';
revoke all on function tracegram.confirm_synthetic_run(bigint, uuid, bigint, timestamptz)
from public, anon, authenticated, service_role;

create function public.confirm_synthetic_run(p_actor bigint, p_run_id uuid, p_ceiling_microusd bigint default null)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.confirm_synthetic_run(p_actor, p_run_id, p_ceiling_microusd, pg_catalog.now());
$$;

comment on function public.confirm_synthetic_run(bigint, uuid, bigint) is
$doc$Starts a run that was asked for: once, by who has asked, within five minutes. Audited as run_tests.

p_actor             as it was asked with.
p_ceiling_microusd  most that it may spend; null: the worst of the estimate, where all of it is known.

Returns {run_id, token, ceiling_microusd, runner_url}: POST {run_id, token} to runner_url, or work on it. {"refused": "operator"}, or
{"no": why} with expired, used, not_yours, over_cap (less than that is left), no_ceiling (a scenario has no estimate) or gone.

TG060  the ceiling is less than nothing  (nothing was changed)$doc$;
revoke all on function public.confirm_synthetic_run(bigint, uuid, bigint) from public, anon, authenticated;
grant execute on function public.confirm_synthetic_run(bigint, uuid, bigint) to service_role;

create function tracegram.stop_synthetic_run(p_actor bigint, p_run_id uuid, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id for update;
  if not tracegram.note_tests(p_actor, pg_catalog.jsonb_build_object(
    'run_id', p_run_id, 'tier', v_run.tier, 'mode', v_run.mode, 'act', 'stop'
  ), p_now) then
    return '{"refused": "operator"}'::jsonb;
  end if;
  if v_run.run_id is null then
    return '{"no": "gone"}'::jsonb;
  elsif v_run.state = 'asked' and p_actor is not null and v_run.asked_by is distinct from p_actor then
    return '{"no": "not_yours"}'::jsonb;
  elsif v_run.state = 'asked' then
    update tracegram.synthetic_runs set state = 'cancelled', ended_at = p_now where run_id = p_run_id;
  elsif v_run.state = 'running' then
    update tracegram.synthetic_runs set stopped_by = p_actor where run_id = p_run_id;
    perform tracegram.close_run(p_run_id, 'stopped', p_now);
  end if;
  return (select pg_catalog.jsonb_build_object('state', r.state) from tracegram.synthetic_runs as r where r.run_id = p_run_id);
end;
$$;

comment on function tracegram.stop_synthetic_run(bigint, uuid, timestamptz) is 'See public.stop_synthetic_run; p_now is when it is stopped.';
revoke all on function tracegram.stop_synthetic_run(bigint, uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.stop_synthetic_run(p_actor bigint, p_run_id uuid)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.stop_synthetic_run(p_actor, p_run_id, pg_catalog.now());
$$;

comment on function public.stop_synthetic_run(bigint, uuid) is
$doc$Stops a run at once, or takes back what was not confirmed. For operators, and audited as run_tests.

From then on no call begins. What is under way is broken off when its worker hears of it, within about a second, and is booked.

p_actor  Telegram's id of the admin; null: a terminal.

Returns {"state": …} as it is then: of a run that had ended, how; {"refused": "operator"}; {"no": "gone"}; {"no": "not_yours"}, somebody else has asked for it,
and it is not confirmed.$doc$;
revoke all on function public.stop_synthetic_run(bigint, uuid) from public, anon, authenticated;
grant execute on function public.stop_synthetic_run(bigint, uuid) to service_role;
