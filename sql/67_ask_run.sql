-- 67_ask_run.sql — a run is asked for, which says what it would cost, and starts nothing.

create function tracegram.may_run_tests(p_actor bigint)
  returns boolean
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  -- A terminal has the service key, which may do anything.
  select p_actor is null or coalesce(tracegram.role_of(p_actor) in ('operator', 'owner'), false);
$$;

comment on function tracegram.may_run_tests(bigint) is 'Whether an admin may run tests: operators and owners. Null is a terminal.';
revoke all on function tracegram.may_run_tests(bigint) from public, anon, authenticated, service_role;

create function tracegram.note_tests(p_actor bigint, p_detail jsonb, p_now timestamptz)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  -- Not an admin's doing. The run itself says that it was a terminal's.
  return p_actor is null or tracegram.require_role(p_actor, 'operator', 'run_tests', p_detail, p_now);
end;
$$;

comment on function tracegram.note_tests(bigint, jsonb, timestamptz) is
  'Whether an admin may run tests. Either way it is in the audit as run_tests, as tracegram.require_role has it.';
revoke all on function tracegram.note_tests(bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.wished_scenarios(p_wish jsonb)
  returns text[]
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wished constant jsonb := nullif(p_wish -> 'scenarios', 'null');
begin
  if p_wish ? 'entries' then
    perform tracegram.require_entries(p_wish -> 'entries');
    return array(select distinct e ->> 'name' from pg_catalog.jsonb_array_elements(p_wish -> 'entries') as e order by 1);
  end if;
  if v_wished is null then
    return array(
      select s.name from tracegram.synthetic_scenarios as s where s.smoke or p_wish ->> 'tier' = 'release' order by s.name
    );
  end if;
  if pg_catalog.jsonb_typeof(v_wished) <> 'array' then
    raise exception sqlstate 'TG060' using message = 'scenarios is not an array of names';
  end if;
  if exists (
    select from pg_catalog.jsonb_array_elements_text(v_wished) as w
    where not exists (select from tracegram.synthetic_scenarios as s where s.name = w)
  ) then
    return array[]::text[];
  end if;
  return array(select distinct w from pg_catalog.jsonb_array_elements_text(v_wished) as w order by w);
end;
$$;

comment on function tracegram.wished_scenarios(jsonb) is
$doc$Names of the scenarios that are asked for: those that come with the wish; of the function's those that are named, or all of the tier.
Empty when one that is named is not there.

TG060  they are no scenarios$doc$;
revoke all on function tracegram.wished_scenarios(jsonb) from public, anon, authenticated, service_role;

create function tracegram.wished_run(p_actor bigint, p_wish jsonb, p_now timestamptz)
  returns tracegram.synthetic_runs
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  if pg_catalog.jsonb_typeof(p_wish) is distinct from 'object'
    or coalesce(p_wish ->> 'tier' not in ('smoke', 'release'), true)
    or coalesce(p_wish ->> 'mode' not in ('live', 'replay', 'missing'), true)
    or coalesce(p_wish ->> 'runner_url' !~ '^https?://[^\s]+$', false)
    or coalesce(pg_catalog.jsonb_typeof(p_wish -> 'chat_id'), 'null') not in ('number', 'null')
  then
    raise exception sqlstate 'TG060' using
      message = 'that is no run that can be asked for: ' || tracegram.cut(coalesce(p_wish::text, 'null'), 200),
      hint    = 'tier is smoke or release; mode is live, replay or missing; runner_url is an address.';
  end if;
  v_run.run_id := pg_catalog.gen_random_uuid();
  v_run.state := 'asked';
  v_run.tier := p_wish ->> 'tier';
  v_run.mode := p_wish ->> 'mode';
  v_run.repeat := least(coalesce(tracegram.wish_number(p_wish, 'repeat'), 1), 32767);
  v_run.seed := coalesce(tracegram.wish_number(p_wish, 'seed'), pg_catalog.floor(pg_catalog.random() * 2147483648)::integer);
  v_run.concurrency := least(
    coalesce(tracegram.wish_number(p_wish, 'concurrency'), (tracegram.settings()).synthetic_concurrency), 32767
  );
  v_run.asked_by := p_actor;
  v_run.asked_at := p_now;
  v_run.confirm_until := p_now + interval '5 minutes';
  v_run.chat_id := (p_wish ->> 'chat_id')::numeric::bigint;
  v_run.runner_url := p_wish ->> 'runner_url';
  v_run.scenarios := tracegram.wished_scenarios(p_wish);
  if v_run.repeat not between 1 and 100 or v_run.concurrency not between 1 and 16
    or v_run.repeat * pg_catalog.cardinality(v_run.scenarios) > 1000
  then
    raise exception sqlstate 'TG060' using
      message = 'that is more than a run may have',
      hint    = 'repeat is 1 to 100, concurrency 1 to 16, and scenarios times repeat at most 1000.';
  end if;
  return v_run;
end;
$$;

comment on function tracegram.wished_run(bigint, jsonb, timestamptz) is
$doc$A run as it is asked for, without what it would cost.

TG060  it makes no sense$doc$;
revoke all on function tracegram.wished_run(bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ask_synthetic_run(p_actor bigint, p_wish jsonb, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run       tracegram.synthetic_runs;
  v_estimates tracegram.scenario_estimate[];
  v_expected  bigint;
  v_left      bigint;
  v_going     uuid;
begin
  if not tracegram.may_run_tests(p_actor) then
    perform tracegram.note_tests(p_actor, pg_catalog.jsonb_build_object('wish', p_wish), p_now);
    return '{"refused": "operator"}'::jsonb;
  end if;
  v_run := tracegram.wished_run(p_actor, p_wish, p_now);
  -- Of two asks of one admin, the second sees the first; and what is left stands still for a moment.
  perform from tracegram.synthetic_ledger for update;
  select r.run_id into v_going from tracegram.synthetic_runs as r where r.state = 'running' and r.asked_by = p_actor limit 1;
  if found then
    return pg_catalog.jsonb_build_object('no', 'running', 'run_id', v_going);
  end if;
  v_left := tracegram.left_of_caps(p_now);
  if pg_catalog.cardinality(v_run.scenarios) = 0 or v_left = 0 and v_run.mode <> 'replay' then
    return pg_catalog.jsonb_build_object(
      'no', case pg_catalog.cardinality(v_run.scenarios) when 0 then 'none' else 'cap' end, 'spend', tracegram.spend_view(p_now)
    );
  end if;

  v_estimates := array(
    select case
      when v_run.mode = 'replay' then (n, 0, 0, 0, 'prices')::tracegram.scenario_estimate
      else tracegram.estimate_scenario(
        coalesce(
          (select e from pg_catalog.jsonb_array_elements(p_wish -> 'entries') as e where e ->> 'name' = n limit 1),
          (select pg_catalog.to_jsonb(s) from tracegram.synthetic_scenarios as s where s.name = n)
        ),
        v_run.tier
      )
    end
    from pg_catalog.unnest(v_run.scenarios) with ordinality as w (n, i)
    order by w.i
  );
  select
    v_run.repeat * coalesce(pg_catalog.sum(e.expected_microusd), 0),
    -- What a call may cost at worst is set aside before it is made, and that is more than it will cost. So much must be left for
    -- the last ones, or the run would end before them; and as much once more, for those of a worker that is killed.
    v_run.repeat * coalesce(pg_catalog.sum(e.worst_microusd), 0)
      + 2 * v_run.concurrency * coalesce(pg_catalog.max(e.room_microusd), 0),
    count(*) filter (where e.source is null)
  into v_expected, v_run.worst_microusd, v_run.unknown
  from pg_catalog.unnest(v_estimates) as e;

  -- One that is confirmed later would be a second one of the same admin.
  update tracegram.synthetic_runs set state = 'cancelled', ended_at = p_now where state = 'asked' and asked_by = p_actor;
  insert into tracegram.synthetic_runs (
    run_id, tier, mode, scenarios, repeat, seed, concurrency, asked_by, asked_at, confirm_until, worst_microusd, unknown, chat_id,
    runner_url
  )
  values (
    v_run.run_id, v_run.tier, v_run.mode, v_run.scenarios, v_run.repeat, v_run.seed, v_run.concurrency, p_actor, p_now,
    v_run.confirm_until, v_run.worst_microusd, v_run.unknown, v_run.chat_id, v_run.runner_url
  );
  return pg_catalog.jsonb_build_object(
    'run_id', v_run.run_id,
    'tier', v_run.tier,
    'mode', v_run.mode,
    'scenarios', (
      select pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'name', e.name,
        'estimate', case when e.source is not null then pg_catalog.jsonb_build_object(
          'expected_microusd', e.expected_microusd, 'worst_microusd', e.worst_microusd, 'from', e.source
        ) end
      ) order by e.name)
      from pg_catalog.unnest(v_estimates) as e
    ),
    'repeat', v_run.repeat,
    'expected_microusd', v_expected,
    'worst_microusd', v_run.worst_microusd,
    'unknown', v_run.unknown,
    'left_microusd', v_left,
    'spend', tracegram.spend_view(p_now),
    'confirm_until', tracegram.iso(v_run.confirm_until)
  );
end;
$$;

comment on function tracegram.ask_synthetic_run(bigint, jsonb, timestamptz) is 'See public.ask_synthetic_run; p_now is when it is asked.';
revoke all on function tracegram.ask_synthetic_run(bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.ask_synthetic_run(p_actor bigint, p_wish jsonb)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.ask_synthetic_run(p_actor, p_wish, pg_catalog.now());
$$;

comment on function public.ask_synthetic_run(bigint, jsonb) is
$doc$Says what a run of synthetic tests would cost, and lets it be confirmed for five minutes. Nothing runs yet.

p_actor  Telegram's id of the admin, an operator; null: a terminal, which has the service key.
p_wish   RunWish of functions/_shared/synthetic_answers.ts.

Returns AskAnswer: RunAsk, {"refused": "operator"}, or {"no": why} with none (no such scenarios), cap (nothing is left of one) or
running (one of the same admin goes on). What the same admin has asked for before and not confirmed is cancelled.

A scenario's estimate is the median and the 95th percentile of its last 20 live results in that tier, of the same file and models, or what its
recorded tokens cost. The
worst of the run has, besides their sum, room for the largest calls that may be under way at its end, and when a worker is killed.

TG060  the wish makes no sense  (nothing was changed)$doc$;
revoke all on function public.ask_synthetic_run(bigint, jsonb) from public, anon, authenticated;
grant execute on function public.ask_synthetic_run(bigint, jsonb) to service_role;
