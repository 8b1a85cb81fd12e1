-- 69_synthetic_jobs.sql — each minute, runs that people have confirmed are gone on with or given up; each hour, old ones are deleted.
--
-- Nothing here starts a run: only public.confirm_synthetic_run gives one a token, and what is posted is that of a run that a person has
-- confirmed, which goes on within its ceiling.

create function tracegram.post_run(p_run tracegram.synthetic_runs)
  returns boolean
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform net.http_post(
    url     => p_run.runner_url,
    headers => '{"Content-Type": "application/json"}'::jsonb,
    body    => pg_catalog.jsonb_build_object('run_id', p_run.run_id, 'token', p_run.token),
    timeout_milliseconds => 25000
  );
  return true;
exception when others then
  return false; -- an address that is none. The run is given up when nobody works on it.
end;
$$;

comment on function tracegram.post_run(tracegram.synthetic_runs) is
  'Has pg_net tell the function of a run to go on with it. Returns whether it could be queued.';
revoke all on function tracegram.post_run(tracegram.synthetic_runs) from public, anon, authenticated, service_role;

create function tracegram.tend_synthetic_runs(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run   tracegram.synthetic_runs;
  v_count integer := 0;
begin
  perform tracegram.expire_leases(null, p_now);
  for v_run in
    select r.* from tracegram.synthetic_runs as r where r.state = 'running' order by r.run_id for update
  loop
    if exists (
      select from tracegram.synthetic_results as i where i.run_id = v_run.run_id and i.state = 'running'
    ) then
      continue; -- somebody is at it
    elsif v_run.seen_at <= p_now - interval '15 minutes' then
      perform tracegram.close_run(v_run.run_id, 'abandoned', p_now);
    elsif v_run.runner_url is not null and v_run.seen_at <= p_now - interval '30 seconds'
      and pg_catalog.to_regprocedure('net.http_post(text, jsonb, jsonb, jsonb, integer)') is not null
    then
      v_count := v_count + tracegram.post_run(v_run)::integer;
    end if;
  end loop;
  return v_count;
end;
$$;

comment on function tracegram.tend_synthetic_runs(timestamptz) is
$doc$Looks after runs that are going on. Returns how many it has posted.

What workers had who are not heard of any more is given back. A run that a function runs, of which something is left, and of which nobody
was heard for 30 seconds, is posted to it, {run_id, token}. One of which nobody was heard for 15 minutes is abandoned.$doc$;
revoke all on function tracegram.tend_synthetic_runs(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_synthetic(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.synthetic_runs
  where state in ('asked', 'cancelled') and asked_at < p_now - interval '1 day' or ended_at < p_now - interval '400 days';
  -- They are requests and responses.
  delete from tracegram.synthetic_calls as c
  using tracegram.synthetic_runs as r, tracegram.settings as s
  where r.run_id = c.run_id and r.ended_at < p_now - s.io_days * interval '1 day' and c.booked_microusd is not null;
  delete from tracegram.synthetic_days where day < (p_now at time zone 'UTC')::date - 400;
$$;

comment on function tracegram.purge_synthetic(timestamptz) is
$doc$Deletes runs that were not confirmed after a day, the journal of calls as requests and responses are, after settings.io_days, and runs and
days of over 400 days ago.$doc$;
revoke all on function tracegram.purge_synthetic(timestamptz) from public, anon, authenticated, service_role;
