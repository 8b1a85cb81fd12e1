-- 68_book_calls.sql — a paid call is settled with what it has cost, or with what was set aside for it where nobody knows.

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
  if v_call.call_id is null or v_call.confirmed or v_call.booked_microusd is not null and p_cost_microusd is null then
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
