-- 67_synthetic_work.sql — what workers do with a run: enter it, take scenarios, keep them, finish them, store their traces.
--
-- Any number of workers may be at a run, and any may end at any point. A scenario that is taken is leased for 30 seconds; when
-- that runs out, its money is booked or given back, and it can be taken again. (position, attempt) fences off who had it before.

create function tracegram.random_token()
  returns text
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.replace(pg_catalog.gen_random_uuid()::text || pg_catalog.gen_random_uuid()::text, '-', '');
$$;

comment on function tracegram.random_token() is 'A new token of a run: 64 hexadecimal digits.';
revoke all on function tracegram.random_token() from public, anon, authenticated, service_role;

create function tracegram.lock_run(p_run_id uuid, p_token text, p_now timestamptz)
  returns tracegram.synthetic_runs
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id for update;
  if v_run.token = p_token then
    -- Not with each beat.
    update tracegram.synthetic_runs set seen_at = p_now
    where run_id = p_run_id and state = 'running' and seen_at < p_now - interval '5 seconds';
    return v_run;
  end if;
  raise exception sqlstate 'TG060' using
    message = 'there is no such run, or the token is not its own',
    hint    = 'confirm_synthetic_run gives the token.';
end;
$$;

comment on function tracegram.lock_run(uuid, text, timestamptz) is
$doc$The run, locked, for a worker who has its token, and is noted as seen.

TG060  no such run, or the wrong token$doc$;
revoke all on function tracegram.lock_run(uuid, text, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.close_run(p_run_id uuid, p_state text, p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  update tracegram.synthetic_runs
  set state = p_state, ended_at = p_now, version = version + 1
  where run_id = p_run_id and state = 'running';
  -- What somebody has is theirs until they finish it or their lease runs out.
  update tracegram.synthetic_results set state = 'stopped', ended_at = p_now where run_id = p_run_id and state = 'pending';
$$;

comment on function tracegram.close_run(uuid, text, timestamptz) is 'Ends a run: nothing more is taken, and no call begins.';
revoke all on function tracegram.close_run(uuid, text, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.close_if_done(p_run_id uuid, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_state text;
begin
  select case
    when pg_catalog.bool_or(r.state in ('pending', 'running')) then null
    when pg_catalog.bool_or(r.state = 'failed') then 'failed'
    when pg_catalog.bool_or(r.state = 'stopped') then 'stopped'
    else 'passed'
  end into v_state
  from tracegram.synthetic_results as r
  where r.run_id = p_run_id;
  if v_state is not null then
    perform tracegram.close_run(p_run_id, v_state, p_now);
  end if;
end;
$$;

comment on function tracegram.close_if_done(uuid, timestamptz) is 'Ends a run whose scenarios have all ended.';
revoke all on function tracegram.close_if_done(uuid, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.expire_leases(p_run_id uuid, p_now timestamptz)
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_most_attempts constant integer := 10; -- it may be the scenario that ends its workers
  v_run   tracegram.synthetic_runs;
  v_held  tracegram.synthetic_results;
  v_count integer := 0;
begin
  perform from tracegram.synthetic_ledger for update;
  for v_run in
    select u.*
    from tracegram.synthetic_runs as u
    where (p_run_id is null or u.run_id = p_run_id) and exists (
      select from tracegram.synthetic_results as r where r.run_id = u.run_id and r.state = 'running' and r.leased_until <= p_now
    )
    order by u.run_id
    for update
  loop
    for v_held in
      select r.*
      from tracegram.synthetic_results as r
      where r.run_id = v_run.run_id and r.state = 'running' and r.leased_until <= p_now
      for update
    loop
      -- The provider may have billed them.
      perform tracegram.book_open_calls(v_held.run_id, v_held.position, p_now);
      update tracegram.synthetic_results as r
      set
        leased_until = null, worker = null,
        state = case
          when v_run.state <> 'running' then 'stopped' when v_held.attempts >= c_most_attempts then 'failed' else 'pending'
        end,
        ended_at = case when v_run.state <> 'running' or v_held.attempts >= c_most_attempts then p_now end,
        failures = case when v_run.state = 'running' and v_held.attempts >= c_most_attempts then pg_catalog.jsonb_build_array(
          pg_catalog.jsonb_build_object(
            'turn', 0, 'expectation', 'bot',
            'message', pg_catalog.format('Whoever ran it ended before it did, %s times.', v_held.attempts)
          )
        ) else r.failures end
      where r.run_id = v_held.run_id and r.position = v_held.position;
      v_count := v_count + 1;
    end loop;
    update tracegram.synthetic_runs set version = version + 1 where run_id = v_run.run_id;
    perform tracegram.close_if_done(v_run.run_id, p_now);
  end loop;
  return v_count;
end;
$$;

comment on function tracegram.expire_leases(uuid, timestamptz) is
$doc$Gives back what workers had who are not heard of any more: of a run, or of all when that is null. Returns how many scenarios.

Calls that were under way count as spent with what was reserved for them, unconfirmed. A scenario that was taken ten times and never
finished has failed.$doc$;
revoke all on function tracegram.expire_leases(uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.enter_synthetic_run(p_run_id uuid, p_token text)
  returns jsonb
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  update tracegram.synthetic_runs as r
  set seen_at = pg_catalog.now()
  where r.run_id = p_run_id and r.token = p_token and r.state = 'running'
  returning pg_catalog.jsonb_build_object(
    'run_id', r.run_id, 'tier', r.tier, 'mode', r.mode, 'seed', r.seed, 'concurrency', r.concurrency, 'state', r.state,
    'runner_url', r.runner_url
  );
$$;

comment on function public.enter_synthetic_run(uuid, text) is
$doc$What a worker has to know of a run that it goes to work on.

Returns EnteredRun of functions/_shared/synthetic_work.ts; null when the token is wrong or the run is over.$doc$;
revoke all on function public.enter_synthetic_run(uuid, text) from public, anon, authenticated;
grant execute on function public.enter_synthetic_run(uuid, text) to service_role;

create function tracegram.take_scenario(p_run_id uuid, p_token text, p_worker text, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run  tracegram.synthetic_runs;
  v_held integer;
  v_it   tracegram.synthetic_results;
begin
  if coalesce(pg_catalog.length(p_worker) not between 1 and 100, true) then
    raise exception sqlstate 'TG060' using message = 'the worker has no name, or one of over 100 characters';
  end if;
  perform from tracegram.synthetic_ledger for update;
  perform tracegram.lock_run(p_run_id, p_token, p_now);
  perform tracegram.expire_leases(p_run_id, p_now);
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id;
  if v_run.state <> 'running' then
    return '{"kind": "done"}'::jsonb;
  end if;
  select count(*) into v_held from tracegram.synthetic_results as r where r.run_id = p_run_id and r.state = 'running';
  if v_held >= v_run.concurrency then
    return '{"kind": "wait"}'::jsonb;
  end if;
  update tracegram.synthetic_results as r
  set state = 'running', attempts = r.attempts + 1, worker = p_worker, leased_until = p_now + interval '30 seconds', began_at = p_now
  where r.run_id = p_run_id and r.position = (
    select pg_catalog.min(f.position) from tracegram.synthetic_results as f where f.run_id = p_run_id and f.state = 'pending'
  )
  returning r.* into v_it;
  if not found then
    return '{"kind": "wait"}'::jsonb; -- others have the rest
  end if;
  update tracegram.synthetic_runs set version = version + 1 where run_id = p_run_id;
  return pg_catalog.jsonb_build_object(
    'kind', 'taken', 'position', v_it.position, 'scenario', v_it.scenario, 'repeat', v_it.repeat, 'attempt', v_it.attempts
  );
end;
$$;

comment on function tracegram.take_scenario(uuid, text, text, timestamptz) is 'See public.take_scenario; p_now is when.';
revoke all on function tracegram.take_scenario(uuid, text, text, timestamptz) from public, anon, authenticated, service_role;

create function public.take_scenario(p_run_id uuid, p_token text, p_worker text)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.take_scenario(p_run_id, p_token, p_worker, pg_catalog.now());
$$;

comment on function public.take_scenario(uuid, text, text) is
$doc$Takes the next scenario of a run for 30 seconds, which beat_synthetic_run prolongs.

p_worker  any name that no other worker has.

Returns {"kind": "taken", position, scenario, repeat, attempt}; {"kind": "wait"} while others have the rest, or as many are under way as
the run allows; {"kind": "done"} when all have ended, or the run was stopped.

TG060  no such run, the wrong token, or no worker$doc$;
revoke all on function public.take_scenario(uuid, text, text) from public, anon, authenticated;
grant execute on function public.take_scenario(uuid, text, text) to service_role;

create function tracegram.beat_synthetic_run(p_run_id uuid, p_token text, p_worker text, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run constant tracegram.synthetic_runs := tracegram.lock_run(p_run_id, p_token, p_now);
begin
  -- What ran out meanwhile and nobody has noticed is still the worker's.
  update tracegram.synthetic_results
  set leased_until = p_now + interval '30 seconds'
  where run_id = p_run_id and state = 'running' and worker = p_worker and leased_until < p_now + interval '27 seconds';
  return pg_catalog.jsonb_build_object('stopped', v_run.state <> 'running');
end;
$$;

comment on function tracegram.beat_synthetic_run(uuid, text, text, timestamptz) is 'See public.beat_synthetic_run; p_now is when.';
revoke all on function tracegram.beat_synthetic_run(uuid, text, text, timestamptz) from public, anon, authenticated, service_role;

create function public.beat_synthetic_run(p_run_id uuid, p_token text, p_worker text)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.beat_synthetic_run(p_run_id, p_token, p_worker, pg_catalog.now());
$$;

comment on function public.beat_synthetic_run(uuid, text, text) is
$doc$Keeps what a worker has taken for another 30 seconds. To be called each second.

Returns {"stopped"}: whether the run is over, so that what is under way is to be broken off at once.

TG060  no such run, or the wrong token$doc$;
revoke all on function public.beat_synthetic_run(uuid, text, text) from public, anon, authenticated;
grant execute on function public.beat_synthetic_run(uuid, text, text) to service_role;

create function tracegram.check_outcome(p_outcome jsonb)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_name text;
begin
  if pg_catalog.jsonb_typeof(p_outcome) is distinct from 'object'
    or coalesce(p_outcome ->> 'state' not in ('passed', 'failed', 'stopped'), true)
    or coalesce(pg_catalog.length(p_outcome ->> 'hash') not between 1 and 64, true)
    or coalesce(pg_catalog.length(p_outcome::text) > 1048576, true)
  then
    raise exception sqlstate 'TG060' using
      message = 'that is no outcome: ' || tracegram.cut(coalesce(p_outcome::text, 'null'), 200),
      hint    = 'Outcome of synthetic_work.ts says what one has.';
  end if;
  foreach v_name in array array['failures', 'drift', 'judged', 'trace_ids'] loop
    if pg_catalog.jsonb_typeof(p_outcome -> v_name) is distinct from 'array' then
      raise exception sqlstate 'TG060' using message = pg_catalog.format('%s of an outcome is not an array', v_name);
    end if;
  end loop;
  if exists (
    select from pg_catalog.jsonb_array_elements_text(p_outcome -> 'trace_ids') as t
    where not coalesce(pg_catalog.pg_input_is_valid(t, 'uuid'), false)
  ) then
    raise exception sqlstate 'TG060' using message = 'a trace id of an outcome is none';
  end if;
end;
$$;

comment on function tracegram.check_outcome(jsonb) is
$doc$Whether it is an Outcome of functions/_shared/synthetic_work.ts.

TG060  it is not$doc$;
revoke all on function tracegram.check_outcome(jsonb) from public, anon, authenticated, service_role;

create function tracegram.finish_scenario(
  p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_outcome jsonb, p_now timestamptz
)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_it tracegram.synthetic_results;
begin
  perform tracegram.check_outcome(p_outcome);
  perform from tracegram.synthetic_ledger for update;
  perform tracegram.lock_run(p_run_id, p_token, p_now);
  select r.* into v_it from tracegram.synthetic_results as r where r.run_id = p_run_id and r.position = p_position;
  if v_it.attempts is distinct from p_attempt or v_it.state <> 'running' then
    -- It may be that one's answer was lost, and it is told again: who has finished it has a hash.
    return pg_catalog.jsonb_build_object('kept', coalesce(v_it.attempts = p_attempt and v_it.hash is not null, false));
  end if;
  -- Of calls that it does not tell the end of any more, nobody knows what they cost. It may tell still.
  perform tracegram.book_open_calls(p_run_id, p_position, p_now);
  update tracegram.synthetic_results
  set
    state = p_outcome ->> 'state', ended_at = p_now, leased_until = null, worker = null,
    hash = p_outcome ->> 'hash',
    failures = p_outcome -> 'failures',
    duration_ms = coalesce(tracegram.wish_number(p_outcome, 'duration_ms'), 0),
    calls = coalesce(tracegram.wish_number(p_outcome, 'calls'), 0),
    input_tokens = coalesce(tracegram.wish_number(p_outcome, 'input_tokens'), 0),
    output_tokens = coalesce(tracegram.wish_number(p_outcome, 'output_tokens'), 0),
    cost_microusd = tracegram.wish_number(p_outcome, 'cost_microusd'),
    saved_microusd = coalesce(tracegram.wish_number(p_outcome, 'saved_microusd'), 0),
    trace_ids = array(select t::uuid from pg_catalog.jsonb_array_elements_text(p_outcome -> 'trace_ids') as t),
    drift = p_outcome -> 'drift',
    judged = p_outcome -> 'judged'
  where run_id = p_run_id and position = p_position;
  update tracegram.synthetic_runs set version = version + 1 where run_id = p_run_id;
  perform tracegram.close_if_done(p_run_id, p_now);
  return '{"kept": true}'::jsonb;
end;
$$;

comment on function tracegram.finish_scenario(uuid, text, integer, integer, jsonb, timestamptz) is
  'See public.finish_scenario; p_now is when.';
revoke all on function tracegram.finish_scenario(uuid, text, integer, integer, jsonb, timestamptz)
from public, anon, authenticated, service_role;

create function public.finish_scenario(p_run_id uuid, p_token text, p_position integer, p_attempt integer, p_outcome jsonb)
  returns jsonb
  language sql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.finish_scenario(p_run_id, p_token, p_position, p_attempt, p_outcome, pg_catalog.now());
$$;

comment on function public.finish_scenario(uuid, text, integer, integer, jsonb) is
$doc$Writes the result of a scenario, once. The last one ends the run.

p_position, p_attempt  as take_scenario gave them.
p_outcome              Outcome of functions/_shared/synthetic_work.ts. Settle its calls before: those that are open count as spent
                       with what was reserved for them, until they are settled.

Returns {"kept"}: false when somebody else has the scenario by now, or it was given up. Told again, it is kept, and changes nothing.

TG060  no such run, the wrong token, or no outcome  (nothing was changed)$doc$;
revoke all on function public.finish_scenario(uuid, text, integer, integer, jsonb) from public, anon, authenticated;
grant execute on function public.finish_scenario(uuid, text, integer, integer, jsonb) to service_role;

create function public.store_synthetic_traces(p_run_id uuid, p_token text, p_batch jsonb)
  returns json
  language plpgsql
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- No ingest key has it. Traces of it are in no list but that of their release, and nothing of the bot's own counts them.
  c_key_id   constant smallint := 0;
  v_now      constant timestamptz := pg_catalog.now();
  v_batch    constant jsonb := case pg_catalog.jsonb_typeof(p_batch) when 'object' then p_batch -> 'traces' else p_batch end;
  v_settings tracegram.settings := tracegram.settings();
  v_items    tracegram.item_result[];
begin
  perform from tracegram.synthetic_runs as r where r.run_id = p_run_id and r.token = p_token;
  if not found then
    raise exception sqlstate 'TG060' using message = 'there is no such run, or the token is not its own';
  end if;
  if pg_catalog.jsonb_typeof(v_batch) is distinct from 'array' or v_batch = '[]' then
    raise exception sqlstate 'TG002' using message = 'the batch is neither an array of traces nor a report with one';
  end if;
  if pg_catalog.jsonb_array_length(v_batch) > 500 or pg_catalog.octet_length(p_batch::text) > 4194304 then
    raise exception sqlstate 'TG003' using message = 'the batch has over 500 traces or 4 MiB';
  end if;
  if exists (select from pg_catalog.jsonb_array_elements(v_batch) as t where t ->> 'status' = 'running') then
    raise exception sqlstate 'TG060' using
      message = 'a trace of the batch has not ended', hint = 'The tracer of a synthetic run announces nothing.';
  end if;
  perform tracegram.ensure_partitions(v_now);
  v_settings.io_sample_percent := 100; -- all of it was asked for; the quota guard's share holds
  begin
    v_items := tracegram.store_traces(c_key_id, v_batch, v_settings, v_now);
  exception when data_exception or integrity_constraint_violation or program_limit_exceeded then
    v_items := array(
      select s
      from (
        select e.*
        from pg_catalog.json_array_elements(v_batch::text::json) with ordinality as e (item, ord)
        cross join lateral tracegram.item_head(e.item) as h
        order by h.trace_id, h.no_steps, e.ord
        offset 0 -- in the order of an ingest, see 43_ingest.sql
      ) as i
      cross join lateral tracegram.store_trace(c_key_id, i.item, i.ord, v_settings, v_now) as s
    );
  end;
  return tracegram.ingest_answer(v_items);
end;
$$;

comment on function public.store_synthetic_traces(uuid, text, jsonb) is
$doc$Stores traces of a synthetic run. They are found by their id, or listed by their release, and count in no figure or alert of the bot's own.

p_batch  1..500 traces that have ended, in at most 4 MiB, as ingest_traces takes them.

Returns what ingest_traces does.

TG002  no traces
TG003  too many, or too large  (split and retry)
TG060  no such run, the wrong token, or a trace that has not ended$doc$;
revoke all on function public.store_synthetic_traces(uuid, text, jsonb) from public, anon, authenticated;
grant execute on function public.store_synthetic_traces(uuid, text, jsonb) to service_role;
