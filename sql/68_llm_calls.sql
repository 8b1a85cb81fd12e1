-- 68_llm_calls.sql — a paid call begins: the most that it can cost is set aside, or it is not made.
--
-- One call of begin_llm_call decides and reserves, behind the lock of tracegram.synthetic_ledger: nobody else reserves in between.

create function tracegram.check_call(p_call jsonb)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  if pg_catalog.jsonb_typeof(p_call) is distinct from 'object'
    or coalesce(pg_catalog.length(p_call ->> 'key') not between 1 and 128, true)
    or coalesce(pg_catalog.length(p_call ->> 'model') not between 1 and 300, true)
    or coalesce(pg_catalog.jsonb_typeof(p_call -> 'cache'), 'boolean') <> 'boolean'
    or coalesce(pg_catalog.length(p_call ->> 'id') not between 1 and 64, false)
    or tracegram.wish_number(p_call, 'nth') is null
  then
    raise exception sqlstate 'TG060' using
      message = 'that is no call: ' || tracegram.cut(coalesce(p_call::text, 'null'), 200),
      hint    = 'CallStart of synthetic_work.ts says what one has.';
  end if;
end;
$$;

comment on function tracegram.check_call(jsonb) is
$doc$Whether it is a CallStart of functions/_shared/synthetic_work.ts.

TG060  it is not$doc$;
revoke all on function tracegram.check_call(jsonb) from public, anon, authenticated, service_role;

create function tracegram.known_answer(p_it tracegram.synthetic_results, p_call jsonb)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object('kind', 'answer', 'from', a.source, 'recorded', a.recorded)
  from (
    (
      select 'resumed' as source, c.recorded
      from tracegram.synthetic_calls as c
      where c.run_id = p_it.run_id and c.position = p_it.position and c.key = p_call ->> 'key'
        and c.nth = (p_call ->> 'nth')::numeric::integer and c.recorded is not null
      order by c.call_id
      limit 1
    )
    union all
    (
      select 'cached', c.recorded
      from tracegram.synthetic_calls as c
      join tracegram.synthetic_results as r using (run_id, position)
      where (p_call ->> 'cache')::boolean and c.run_id = p_it.run_id and c.key = p_call ->> 'key' and c.recorded is not null
        -- A repeat is to show whether the scenario is flaky.
        and r.scenario <> p_it.scenario
      order by c.call_id
      limit 1
    )
  ) as a
  order by a.source desc
  limit 1;
$$;

comment on function tracegram.known_answer(tracegram.synthetic_results, jsonb) is
$doc$What a call of a scenario was answered with before: by this scenario before it was interrupted, or, where the call says that this will
do, by another scenario of the run. Null: nothing.$doc$;
revoke all on function tracegram.known_answer(tracegram.synthetic_results, jsonb) from public, anon, authenticated, service_role;

create type tracegram.room as (
  microusd bigint,
  crossed  text,
  waits    boolean
);
comment on type tracegram.room is
$doc$Whether a call fits: microusd is what it reserves. Otherwise crossed names the cap in its way, and waits says whether it is so only because
of what others have reserved.$doc$;

create function tracegram.find_room(p_run tracegram.synthetic_runs, p_worst_microusd bigint, p_now timestamptz)
  returns tracegram.room
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select (w.microusd, c.crossed, c.waits)::tracegram.room
  from tracegram.settings as s
  cross join tracegram.test_spend(p_now) as t
  cross join lateral (select least(p_run.ceiling_microusd, s.synthetic_run_cap_microusd) as most) as m
  cross join lateral (
    -- Nobody knows what it costs: all that is left of the run.
    select coalesce(p_worst_microusd, greatest(m.most - p_run.spent_microusd - p_run.reserved_microusd, 0)) as microusd
  ) as w
  left join lateral (
    select l.crossed, l.used + w.microusd - l.reserved <= l.cap and (w.microusd > 0 or l.used - l.reserved < l.cap) as waits
    from (values
      ('cap_run', m.most, p_run.spent_microusd + p_run.reserved_microusd, p_run.reserved_microusd),
      ('cap_day', s.synthetic_day_cap_microusd, t.today_spent + t.today_reserved, t.today_reserved),
      ('cap_month', s.synthetic_month_cap_microusd, t.month_spent + t.month_reserved, t.month_reserved)
    ) as l (crossed, cap, used, reserved)
    where l.used + w.microusd > l.cap
      -- A call of unknown cost is not made with nothing.
      or p_worst_microusd is null and l.used >= l.cap
    -- One that is in the way for good comes first.
    order by 2, l.crossed desc
    limit 1
  ) as c on true;
$$;

comment on function tracegram.find_room(tracegram.synthetic_runs, bigint, timestamptz) is
  'Whether a call that costs at most so much fits under the caps of the run, the day and the month. Null: all that is left of the run.';
revoke all on function tracegram.find_room(tracegram.synthetic_runs, bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.reserve_call(
  p_it tracegram.synthetic_results, p_call jsonb, p_microusd bigint, p_now timestamptz
)
  returns bigint
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_day     constant date := (p_now at time zone 'UTC')::date;
  v_spend   tracegram.test_spend;
  v_call_id bigint;
begin
  insert into tracegram.synthetic_calls (
    run_id, position, attempt, key, nth, model, begin_id, day, begun_at, reserved_microusd
  )
  values (
    p_it.run_id, p_it.position, p_it.attempts, p_call ->> 'key', tracegram.wish_number(p_call, 'nth'), p_call ->> 'model',
    p_call ->> 'id', v_day, p_now, p_microusd
  )
  returning call_id into v_call_id;
  update tracegram.synthetic_ledger set reserved_microusd = reserved_microusd + p_microusd;
  update tracegram.synthetic_runs set reserved_microusd = reserved_microusd + p_microusd where run_id = p_it.run_id;
  insert into tracegram.synthetic_days as d (day, reserved_microusd) values (v_day, p_microusd)
  on conflict (day) do update set reserved_microusd = d.reserved_microusd + excluded.reserved_microusd;
  update tracegram.synthetic_results
  set
    largest_microusd = greatest(largest_microusd, tracegram.wish_number(p_call, 'worst_microusd')),
    -- Who begins a call is alive.
    leased_until = greatest(leased_until, p_now + interval '30 seconds')
  where run_id = p_it.run_id and position = p_it.position;

  -- It cannot be, and were it so, nothing of this would be kept. The run's ceiling is a constraint of its table.
  v_spend := tracegram.test_spend(p_now);
  assert (
    select v_spend.today_spent + v_spend.today_reserved <= s.synthetic_day_cap_microusd
      and v_spend.month_spent + v_spend.month_reserved <= s.synthetic_month_cap_microusd
    from tracegram.settings as s
  ), 'a cap of synthetic tests would be crossed';
  return v_call_id;
end;
$$;

comment on function tracegram.reserve_call(tracegram.synthetic_results, jsonb, bigint, timestamptz) is
  'Sets the most that a call can cost aside. The caller has locked the ledger and the run. Returns the id of the call.';
revoke all on function tracegram.reserve_call(tracegram.synthetic_results, jsonb, bigint, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.begin_llm_call(
  p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_call jsonb, p_now timestamptz
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run    tracegram.synthetic_runs;
  v_it     tracegram.synthetic_results;
  v_room   tracegram.room;
  v_answer jsonb;
  v_begun  bigint;
  v_why    text;
begin
  perform tracegram.check_call(p_call);
  perform from tracegram.synthetic_ledger for update;
  v_run := tracegram.lock_run(p_run_id, p_token, p_now);
  if v_run.mode = 'replay' then
    raise exception sqlstate 'TG060' using message = 'a replay pays for no calls';
  end if;
  select r.* into v_it from tracegram.synthetic_results as r where r.run_id = p_run_id and r.position = p_position;
  -- It was let through before, and nobody has heard of it.
  select c.call_id into v_begun
  from tracegram.synthetic_calls as c
  where c.run_id = p_run_id and c.position = p_position and c.key = p_call ->> 'key' and c.begin_id = p_call ->> 'id'
    and not c.confirmed;
  v_why := case
    when v_run.state <> 'running' then coalesce(v_run.crossed, 'stopped')
    when v_it.attempts is distinct from p_attempt or v_it.state <> 'running' then 'taken_over'
  end;
  if v_why is not null then
    perform tracegram.book_call(v_begun, 0, p_now); -- it was not made, and will not be
    return pg_catalog.jsonb_build_object('kind', 'refused', 'why', v_why);
  elsif v_begun is not null then
    return pg_catalog.jsonb_build_object('kind', 'go', 'call_id', v_begun);
  end if;
  v_answer := tracegram.known_answer(v_it, p_call);
  if v_answer is not null then
    return v_answer;
  end if;

  v_room := tracegram.find_room(v_run, tracegram.wish_number(p_call, 'worst_microusd'), p_now);
  if v_room.crossed is not null and v_room.waits then
    update tracegram.synthetic_results
    set leased_until = greatest(leased_until, p_now + interval '30 seconds')
    where run_id = p_run_id and position = p_position;
    -- It may be that who has reserved it is gone.
    perform tracegram.expire_leases(null, p_now);
    return '{"kind": "wait"}'::jsonb;
  elsif v_room.crossed is not null then
    update tracegram.synthetic_runs set crossed = v_room.crossed where run_id = p_run_id;
    perform tracegram.close_run(p_run_id, 'out_of_budget', p_now);
    return pg_catalog.jsonb_build_object('kind', 'refused', 'why', v_room.crossed);
  end if;
  return pg_catalog.jsonb_build_object(
    'kind', 'go', 'call_id', tracegram.reserve_call(v_it, p_call, v_room.microusd, p_now)
  );
end;
$$;

comment on function tracegram.begin_llm_call(uuid, text, integer, integer, jsonb, timestamptz) is
  'See public.begin_llm_call; p_now is when.';
revoke all on function tracegram.begin_llm_call(uuid, text, integer, integer, jsonb, timestamptz)
from public, anon, authenticated, service_role;

create function public.begin_llm_call(p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_call jsonb)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.begin_llm_call(p_run_id, p_token, p_position, p_attempt, p_call, pg_catalog.now());
$$;

comment on function public.begin_llm_call(uuid, text, integer, integer, jsonb) is
$doc$To be called before each paid request: sets aside the most that it can cost, or says why it must not be made.

p_position, p_attempt  as take_scenario gave them.
p_call                 CallStart of functions/_shared/synthetic_work.ts.

Returns Begun: {"kind": "go", call_id}, make the call and settle it; {"kind": "answer", from, recorded}, it was made before;
{"kind": "wait"}, others have reserved what is left: ask again in 200 ms; {"kind": "refused", why}, make no call: stopped, taken_over
(somebody else has the scenario), or the cap that it would cross, cap_run, cap_day or cap_month. That ends the run. Told again under the
same id, it is the same call.

TG060  no such run, the wrong token, a replay, or no call  (nothing was changed)$doc$;
revoke all on function public.begin_llm_call(uuid, text, integer, integer, jsonb) from public, anon, authenticated;
grant execute on function public.begin_llm_call(uuid, text, integer, integer, jsonb) to service_role;
