-- 68_llm_calls.sql — a paid call begins, which sets aside the most that it can cost, and is settled with what it has cost.
--
-- One call of begin_llm_call decides and reserves, behind the lock of tracegram.synthetic_ledger: nobody else reserves in between.

create function tracegram.book_call(p_call_id bigint, p_cost_microusd bigint, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_call        tracegram.synthetic_calls;
  v_booked      bigint;
  v_spent       bigint; -- by how much each of these grows
  v_reserved    bigint;
  v_unconfirmed bigint;
  v_excess      bigint;
begin
  select c.* into v_call from tracegram.synthetic_calls as c where c.call_id = p_call_id for update;
  if v_call.confirmed or v_call.booked_microusd is not null and p_cost_microusd is null then
    return; -- nothing new
  end if;
  v_booked := coalesce(p_cost_microusd, v_call.reserved_microusd);
  v_reserved := case when v_call.booked_microusd is null then -v_call.reserved_microusd else 0 end;
  v_spent := v_booked - coalesce(v_call.booked_microusd, 0);
  v_unconfirmed := case when p_cost_microusd is null then v_booked else 0 end - coalesce(v_call.booked_microusd, 0);
  v_excess := greatest(v_booked - v_call.reserved_microusd, 0);

  update tracegram.synthetic_calls
  set booked_microusd = v_booked, confirmed = p_cost_microusd is not null, settled_at = p_now
  where call_id = p_call_id;
  update tracegram.synthetic_ledger set reserved_microusd = reserved_microusd + v_reserved;
  update tracegram.synthetic_runs
  set
    spent_microusd = spent_microusd + v_spent, reserved_microusd = reserved_microusd + v_reserved,
    unconfirmed_microusd = unconfirmed_microusd + v_unconfirmed, excess_microusd = excess_microusd + v_excess,
    version = version + 1
  where run_id = v_call.run_id;
  update tracegram.synthetic_results
  set spent_microusd = spent_microusd + v_spent, unconfirmed_microusd = unconfirmed_microusd + v_unconfirmed
  where run_id = v_call.run_id and position = v_call.position;
  update tracegram.synthetic_days
  set spent_microusd = spent_microusd + v_spent, reserved_microusd = reserved_microusd + v_reserved
  where day = v_call.day;
end;
$$;

comment on function tracegram.book_call(bigint, bigint, timestamptz) is
$doc$Gives back what was set aside for a call, and books what it has cost. The caller has locked the ledger and the run.

p_cost_microusd  null: not known. Then what was set aside counts as spent, until the cost is known after all.

What is booked is what was paid, be it more than was set aside: then the run says so as excess.$doc$;
revoke all on function tracegram.book_call(bigint, bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.book_open_calls(p_run_id uuid, p_position integer, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.book_call(c.call_id, null, p_now)
  from tracegram.synthetic_calls as c
  where c.run_id = p_run_id and c.position = p_position and c.booked_microusd is null;
$$;

comment on function tracegram.book_open_calls(uuid, integer, timestamptz) is
  'Books the calls of a scenario that are under way, of which nobody will say what they have cost, or only later.';
revoke all on function tracegram.book_open_calls(uuid, integer, timestamptz) from public, anon, authenticated, service_role;

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
  insert into tracegram.synthetic_calls (run_id, position, attempt, key, nth, model, day, begun_at, reserved_microusd)
  values (
    p_it.run_id, p_it.position, p_it.attempts, p_call ->> 'key', tracegram.wish_number(p_call, 'nth'), p_call ->> 'model', v_day,
    p_now, p_microusd
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
begin
  perform tracegram.check_call(p_call);
  perform from tracegram.synthetic_ledger for update;
  v_run := tracegram.lock_run(p_run_id, p_token, p_now);
  if v_run.mode = 'replay' then
    raise exception sqlstate 'TG060' using message = 'a replay pays for no calls';
  end if;
  select r.* into v_it from tracegram.synthetic_results as r where r.run_id = p_run_id and r.position = p_position;
  if v_run.state <> 'running' then
    return pg_catalog.jsonb_build_object('kind', 'refused', 'why', coalesce(v_run.crossed, 'stopped'));
  end if;
  if v_it.attempts is distinct from p_attempt or v_it.state <> 'running' then
    return '{"kind": "refused", "why": "taken_over"}'::jsonb;
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
(somebody else has the scenario), or the cap that it would cross, cap_run, cap_day or cap_month. That ends the run.

TG060  no such run, the wrong token, a replay, or no call  (nothing was changed)$doc$;
revoke all on function public.begin_llm_call(uuid, text, integer, integer, jsonb) from public, anon, authenticated;
grant execute on function public.begin_llm_call(uuid, text, integer, integer, jsonb) to service_role;

create function tracegram.settle_llm_call(p_run_id uuid, p_token text, p_call_id bigint, p_end jsonb, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most_characters constant integer := 4194304; -- what is longer is paid for again when its scenario is taken again
  v_cost integer;
begin
  if pg_catalog.jsonb_typeof(p_end) is distinct from 'object' then
    raise exception sqlstate 'TG060' using message = 'that is no end of a call';
  end if;
  v_cost := tracegram.wish_number(p_end, 'cost_microusd');
  perform from tracegram.synthetic_ledger for update;
  perform tracegram.lock_run(p_run_id, p_token, p_now);
  -- Told again, it stays as it was told.
  update tracegram.synthetic_calls as c
  set
    status = coalesce(c.status, least(tracegram.wish_number(p_end, 'status'), 999)),
    duration_ms = coalesce(c.duration_ms, tracegram.wish_number(p_end, 'duration_ms')),
    input_tokens = coalesce(c.input_tokens, tracegram.wish_number(p_end, 'input_tokens')),
    output_tokens = coalesce(c.output_tokens, tracegram.wish_number(p_end, 'output_tokens')),
    recorded = coalesce(c.recorded, case
      when pg_catalog.jsonb_typeof(p_end -> 'recorded') = 'object'
        and pg_catalog.length(p_end ->> 'recorded') <= c_most_characters
      then p_end -> 'recorded'
    end)
  where c.call_id = p_call_id and c.run_id = p_run_id and not c.confirmed;
  if found then
    perform tracegram.book_call(p_call_id, v_cost, p_now);
  elsif not exists (select from tracegram.synthetic_calls as c where c.call_id = p_call_id and c.run_id = p_run_id) then
    raise exception sqlstate 'TG060' using message = pg_catalog.format('the run has no call %s', p_call_id);
  end if;
end;
$$;

comment on function tracegram.settle_llm_call(uuid, text, bigint, jsonb, timestamptz) is 'See public.settle_llm_call; p_now is when.';
revoke all on function tracegram.settle_llm_call(uuid, text, bigint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function public.settle_llm_call(p_run_id uuid, p_token text, p_call_id bigint, p_end jsonb)
  returns void
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.settle_llm_call(p_run_id, p_token, p_call_id, p_end, pg_catalog.now());
$$;

comment on function public.settle_llm_call(uuid, text, bigint, jsonb) is
$doc$To be called after each paid request: books what it has cost in place of what was set aside.

p_call_id  as begin_llm_call gave it. Its scenario may be somebody else's by now, and the run may be over: it is booked all the same.
p_end      CallEnd of functions/_shared/synthetic_work.ts. A cost of null is not known: what was set aside counts as spent, and is
           called unconfirmed until it is told. What is told again changes nothing.

TG060  no such run, the wrong token, no such call, or no end  (nothing was changed)$doc$;
revoke all on function public.settle_llm_call(uuid, text, bigint, jsonb) from public, anon, authenticated;
grant execute on function public.settle_llm_call(uuid, text, bigint, jsonb) to service_role;
