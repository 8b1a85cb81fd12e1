-- 69_synthetic_report.sql — how a run stands, what there is to run, and what live calls were answered with.

create function tracegram.run_line(p_run tracegram.synthetic_runs)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'run_id', p_run.run_id,
    'state', p_run.state,
    'tier', p_run.tier,
    'mode', p_run.mode,
    'at', tracegram.iso(coalesce(p_run.started_at, p_run.asked_at)),
    'scenarios', pg_catalog.cardinality(p_run.scenarios) * p_run.repeat,
    'passed', count(*) filter (where r.state = 'passed'),
    'failed', count(*) filter (where r.state = 'failed'),
    'spent_microusd', p_run.spent_microusd
  )
  from tracegram.synthetic_results as r
  where r.run_id = p_run.run_id;
$$;

comment on function tracegram.run_line(tracegram.synthetic_runs) is 'RunLine of functions/_shared/synthetic_answers.ts.';
revoke all on function tracegram.run_line(tracegram.synthetic_runs) from public, anon, authenticated, service_role;

create function tracegram.earlier_results(p_run tracegram.synthetic_runs, p_scenario text)
  returns setof tracegram.synthetic_results
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from tracegram.synthetic_results as r
  join tracegram.synthetic_runs as u using (run_id)
  where r.scenario = p_scenario and r.state in ('passed', 'failed') and r.hash is not null
    and u.tier = p_run.tier and u.mode = p_run.mode
    and u.run_id <> p_run.run_id and r.ended_at <= coalesce(p_run.started_at, p_run.asked_at)
  order by r.ended_at desc, r.run_id, r.position desc
  limit 10;
$$;

comment on function tracegram.earlier_results(tracegram.synthetic_runs, text) is
  'The last ten results of a scenario before a run, in its tier and mode, newest first.';
revoke all on function tracegram.earlier_results(tracegram.synthetic_runs, text) from public, anon, authenticated, service_role;

create function tracegram.result_view(p_run tracegram.synthetic_runs, p_it tracegram.synthetic_results)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_hash    constant text := coalesce(
    p_it.hash, (select s.hash from tracegram.synthetic_scenarios as s where s.name = p_it.scenario)
  );
  v_earlier constant tracegram.synthetic_results[] := array(
    select e from tracegram.earlier_results(p_run, p_it.scenario) as e
  );
begin
  return pg_catalog.to_jsonb(p_it) - array['run_id', 'worker', 'leased_until', 'began_at', 'ended_at', 'largest_microusd']
    || pg_catalog.jsonb_build_object(
      'last', case when pg_catalog.cardinality(v_earlier) > 0 then pg_catalog.jsonb_build_object(
        'state', v_earlier[1].state, 'duration_ms', v_earlier[1].duration_ms, 'cost_microusd', v_earlier[1].cost_microusd,
        'same_hash', coalesce(v_earlier[1].hash = v_hash, false)
      ) end,
      'median', (
        select pg_catalog.jsonb_build_object(
          'runs', count(*),
          'duration_ms', pg_catalog.percentile_disc(0.5) within group (order by e.duration_ms),
          'cost_microusd', pg_catalog.percentile_disc(0.5) within group (order by e.cost_microusd)
        )
        from pg_catalog.unnest(v_earlier) as e
        where e.hash = v_hash
        having count(*) > 0
      )
    );
end;
$$;

comment on function tracegram.result_view(tracegram.synthetic_runs, tracegram.synthetic_results) is
$doc$RunResult of functions/_shared/synthetic_answers.ts. The median is of those of the last ten results that are of the same scenario, by its
hash.$doc$;
revoke all on function tracegram.result_view(tracegram.synthetic_runs, tracegram.synthetic_results)
from public, anon, authenticated, service_role;

create function tracegram.run_eta(p_run tracegram.synthetic_runs, p_results jsonb, p_now timestamptz)
  returns integer
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select case
    when p_run.state = 'running' and p_run.mode <> 'replay' and count(*) = count(v.duration_ms) then pg_catalog.ceil(greatest(
      -- The rest is shared among as many as run at once, and takes as long as its longest.
      pg_catalog.sum(v.duration_ms) / least(p_run.concurrency, greatest(count(*), 1)), pg_catalog.max(v.duration_ms), 0
    ))::integer
  end
  from pg_catalog.jsonb_array_elements(p_results) as r
  join tracegram.synthetic_results as i on i.run_id = p_run.run_id and i.position = (r ->> 'position')::integer
  cross join lateral (
    select greatest(
      -- Of a scenario that was changed, as long as it took before.
      coalesce(r -> 'median' ->> 'duration_ms', r -> 'last' ->> 'duration_ms')::numeric
        - case i.state when 'running' then 1000 * pg_catalog.date_part('epoch', p_now - i.began_at)::numeric else 0 end,
      case when coalesce(r -> 'median' ->> 'duration_ms', r -> 'last' ->> 'duration_ms') is not null then 0 end
    ) as duration_ms
  ) as v
  where i.state in ('pending', 'running');
$$;

comment on function tracegram.run_eta(tracegram.synthetic_runs, jsonb, timestamptz) is
  'Milliseconds until a run ends, by how long what is left of it took before. Null: not known, or it is not running.';
revoke all on function tracegram.run_eta(tracegram.synthetic_runs, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.run_view(p_run_id uuid, p_now timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_run     tracegram.synthetic_runs;
  v_results jsonb;
begin
  select r.* into v_run from tracegram.synthetic_runs as r where r.run_id = p_run_id;
  if not found then
    return null;
  end if;
  select coalesce(pg_catalog.jsonb_agg(tracegram.result_view(v_run, i) order by i.position), '[]'::jsonb) into v_results
  from tracegram.synthetic_results as i
  where i.run_id = p_run_id;
  return tracegram.run_line(v_run) || pg_catalog.jsonb_build_object(
    'repeat', v_run.repeat,
    'seed', v_run.seed,
    'concurrency', v_run.concurrency,
    'asked_by', v_run.asked_by,
    'ceiling_microusd', v_run.ceiling_microusd,
    'reserved_microusd', v_run.reserved_microusd,
    'unconfirmed_microusd', v_run.unconfirmed_microusd,
    'excess_microusd', v_run.excess_microusd,
    'saved_microusd', (
      select coalesce(pg_catalog.sum(i.saved_microusd), 0) from tracegram.synthetic_results as i where i.run_id = p_run_id
    ),
    'started_at', tracegram.iso(v_run.started_at),
    'ended_at', tracegram.iso(v_run.ended_at),
    'stopped_by', v_run.stopped_by,
    'crossed', v_run.crossed,
    'eta_ms', tracegram.run_eta(v_run, v_results, p_now),
    'results', v_results,
    'spend', tracegram.spend_view(p_now),
    'version', v_run.version
  );
end;
$$;

comment on function tracegram.run_view(uuid, timestamptz) is 'SyntheticRun of functions/_shared/synthetic_answers.ts; null when there is none.';
revoke all on function tracegram.run_view(uuid, timestamptz) from public, anon, authenticated, service_role;

create function public.get_synthetic_run(p_run_id uuid)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select tracegram.run_view(p_run_id, pg_catalog.now());
$$;

comment on function public.get_synthetic_run(uuid) is
$doc$How a run of synthetic tests stands, or ended, with all its results in their order.

Returns SyntheticRun of functions/_shared/synthetic_answers.ts; null when there is none, or no longer. A result's last is the newest of
its scenario, tier and mode before the run, and its median that of those of the last ten whose scenario was the same. eta_ms is by them
too.$doc$;
revoke all on function public.get_synthetic_run(uuid) from public, anon, authenticated;
grant execute on function public.get_synthetic_run(uuid) to service_role;

create function public.synthetic_overview()
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'scenarios', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.jsonb_build_object(
        'name', s.name, 'title', s.title, 'smoke', s.smoke, 'hash', s.hash,
        'last', (
          select pg_catalog.jsonb_build_object(
            'run_id', r.run_id, 'state', r.state, 'at', tracegram.iso(r.ended_at), 'cost_microusd', r.cost_microusd
          )
          from tracegram.synthetic_results as r
          where r.scenario = s.name and r.state in ('passed', 'failed')
          order by r.ended_at desc
          limit 1
        )
      ) order by s.name), '[]')
      from tracegram.synthetic_scenarios as s
    ),
    'runs', (
      select coalesce(pg_catalog.jsonb_agg(tracegram.run_line(r) order by r.started_at desc, r.run_id), '[]')
      from (
        select u.* from tracegram.synthetic_runs as u where u.started_at is not null order by u.started_at desc, u.run_id limit 5
      ) as r
    ),
    'spend', tracegram.spend_view(pg_catalog.now())
  );
$$;

comment on function public.synthetic_overview() is
$doc$Which scenarios there are, how each went last, the last five runs, and what was spent.

Returns SyntheticOverview of functions/_shared/synthetic_answers.ts.$doc$;
revoke all on function public.synthetic_overview() from public, anon, authenticated;
grant execute on function public.synthetic_overview() to service_role;

create function public.synthetic_recordings(p_run_id uuid, p_after bigint default 0)
  returns jsonb
  language sql stable
  security definer -- the tables are in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
  with page as (
    select c.call_id, r.scenario, c.recorded, pg_catalog.row_number() over (order by c.call_id) as n
    from tracegram.synthetic_calls as c
    join tracegram.synthetic_results as r using (run_id, position)
    where c.run_id = p_run_id and c.call_id > coalesce(p_after, 0) and c.recorded is not null
    order by c.call_id
    limit 21
  )
  select pg_catalog.jsonb_build_object(
    'recordings', coalesce(pg_catalog.jsonb_agg(
      pg_catalog.jsonb_build_object('call_id', p.call_id, 'scenario', p.scenario, 'recorded', p.recorded) order by p.call_id
    ) filter (where p.n <= 20), '[]'),
    'more', count(*) > 20
  )
  from page as p;
$$;

comment on function public.synthetic_recordings(uuid, bigint) is
$doc$What live calls of a run were answered with, masked: 20 at a time, in the order of their begin.

p_after  call_id of the last one that was read; 0 at first.

Returns {"recordings": [{call_id, scenario, recorded}], "more"}; recorded is Recorded of functions/_shared/synthetic_work.ts. They are kept as
long as requests and responses are, settings.io_days.$doc$;
revoke all on function public.synthetic_recordings(uuid, bigint) from public, anon, authenticated;
grant execute on function public.synthetic_recordings(uuid, bigint) to service_role;
