-- 69_run_message.sql — the one message that tells of a run, in the chat that asked for it.
--
-- Who sends or edits it holds it for 30 seconds, so that two isolates do not; when one dies in between, the next news does it.

create function tracegram.claim_run_message(p_run_id uuid, p_now timestamptz)
  returns jsonb
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run tracegram.synthetic_runs;
begin
  update tracegram.synthetic_runs as r
  set message_until = p_now + interval '30 seconds'
  where r.run_id = p_run_id and r.chat_id is not null and r.message_version < r.version
    and coalesce(r.message_until <= p_now, true)
  returning r.* into v_run;
  if not found then
    return null;
  end if;
  return pg_catalog.jsonb_build_object(
    'chat_id', v_run.chat_id, 'message_id', v_run.message_id, 'run', tracegram.run_view(p_run_id, p_now)
  );
end;
$$;

comment on function tracegram.claim_run_message(uuid, timestamptz) is 'See public.claim_run_message; p_now is when.';
revoke all on function tracegram.claim_run_message(uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.claim_run_message(p_run_id uuid)
  returns jsonb
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.claim_run_message(p_run_id, pg_catalog.now());
$$;

comment on function public.claim_run_message(uuid) is
$doc$Claims the message about a run for 30 seconds: send it, or edit it where message_id is not null, and call finish_run_message.

Returns {chat_id, message_id, run}, run as get_synthetic_run gives it; null when somebody has it, it shows the run as it is, nobody asked
for one, or the run was not confirmed.$doc$;
revoke all on function public.claim_run_message(uuid) from public, anon, authenticated;
grant execute on function public.claim_run_message(uuid) to service_role;

create function public.finish_run_message(p_run_id uuid, p_message_id bigint, p_version integer)
  returns void
  language sql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  update tracegram.synthetic_runs as r
  set
    message_until = null,
    message_id = coalesce(p_message_id, r.message_id),
    message_version = case when p_message_id is null then r.message_version else greatest(r.message_version, p_version) end
  where r.run_id = p_run_id;
$$;

comment on function public.finish_run_message(uuid, bigint, integer) is
$doc$Ends a claim of claim_run_message.

p_message_id  of the message that was sent or edited; null: it could not be, and whoever claims it next tries again.
p_version     the run's as it was shown.$doc$;
revoke all on function public.finish_run_message(uuid, bigint, integer) from public, anon, authenticated;
grant execute on function public.finish_run_message(uuid, bigint, integer) to service_role;
