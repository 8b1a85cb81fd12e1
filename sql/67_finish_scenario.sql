-- 67_finish_scenario.sql — the result of a scenario, written once.

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
