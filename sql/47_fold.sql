-- 47_fold.sql — batches that wait become rollups.

create function tracegram.admit_names(p_rows tracegram.rollups[])
  returns tracegram.rollups[]
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
begin
  insert into tracegram.rollup_names as n (pipeline, step, seen_on)
  select r.pipeline, r.step, current_date
  from (
    select
      m.pipeline, m.step, n.pipeline is not null as known,
      pg_catalog.row_number() over (partition by n.pipeline is null, m.step = '' order by m.pipeline, m.step) as place
    from (select distinct p.pipeline, p.step from pg_catalog.unnest(p_rows) as p) as m
    left join tracegram.rollup_names as n on n.pipeline = m.pipeline and n.step = m.step
  ) as r
  where r.known or r.place <= case
    when r.step = '' then 100 - (select count(*) from tracegram.rollup_names as c where c.step = '')
    else 900 - (select count(*) from tracegram.rollup_names as c where c.step <> '')
  end
  on conflict (pipeline, step) do update set seen_on = excluded.seen_on where n.seen_on < excluded.seen_on;

  return array(
    select (
      r.level, r.bucket, case when run.step is null then '(other)' else r.pipeline end,
      case when r.step = '' then '' when run.step is null or span.step is null then '(other)' else r.step end,
      r.count, r.errors, r.duration_ms, r.durations, r.input_tokens, r.cached_tokens, r.output_tokens, r.reasoning_tokens,
      r.cost_microusd, r.unpriced, r.large, r.orphans, r.stepless
    )::tracegram.rollups
    from pg_catalog.unnest(p_rows) as r
    left join tracegram.rollup_names as run on run.pipeline = r.pipeline and (run.step = '' or r.pipeline = '' and run.step = r.step)
    left join tracegram.rollup_names as span on span.pipeline = r.pipeline and span.step = r.step
  );
end;
$$;

comment on function tracegram.admit_names(tracegram.rollups[]) is 'The rows with (other) for names that there is no room for in tracegram.rollup_names.';
revoke all on function tracegram.admit_names(tracegram.rollups[]) from public, anon, authenticated, service_role;

create function tracegram.fold_batches()
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_batches tracegram.batches[];
  v_traces  tracegram.pipeline_traces[];
  v_last    bigint := 0;
  v_folded  integer := 0;
begin
  -- One fold at a time: a second one would only wait for the rows that the first has taken away.
  if not pg_catalog.pg_try_advisory_xact_lock(pg_catalog.hashtext('tracegram.fold_batches')) then
    return 0;
  end if;
  loop
    with gone as (
      delete from tracegram.batches as b
      where b.batch_id in (
        select w.batch_id from tracegram.batches as w where w.batch_id > v_last order by w.batch_id limit 100
      )
      returning b
    )
    select pg_catalog.array_agg(g.b), max((g.b).batch_id) into v_batches, v_last from gone as g;
    exit when v_batches is null;
    v_folded := v_folded + pg_catalog.cardinality(v_batches);
    v_traces := array(
      select t
      from tracegram.find_traces(array(select pg_catalog.unnest(b.ended) from pg_catalog.unnest(v_batches) as b)) as t
    );

    insert into tracegram.rollups as r
    select
      l.level, pg_catalog.date_trunc(l.unit, f.bucket), f.pipeline, f.step, pg_catalog.sum(f.count), pg_catalog.sum(f.errors),
      -- A day of the longest steps that a sender can send is more than a bigint holds.
      least(pg_catalog.sum(f.duration_ms), 9000000000000000000), tracegram.merge_histograms(pg_catalog.array_agg(f.durations)),
      pg_catalog.sum(f.input_tokens), pg_catalog.sum(f.cached_tokens), pg_catalog.sum(f.output_tokens),
      pg_catalog.sum(f.reasoning_tokens), pg_catalog.sum(f.cost_microusd), pg_catalog.sum(f.unpriced),
      pg_catalog.sum(f.large), pg_catalog.sum(f.orphans), pg_catalog.sum(f.stepless)
    from pg_catalog.unnest(tracegram.admit_names(array(select r from tracegram.roll_up(v_traces, v_batches) as r))) as f
    cross join (values ('5m', 'minute'), ('1h', 'hour'), ('1d', 'day')) as l (level, unit)
    group by 1, 2, 3, 4
    on conflict (level, bucket, pipeline, step) do update set
      count = r.count + excluded.count,
      errors = r.errors + excluded.errors,
      duration_ms = least(r.duration_ms::numeric + excluded.duration_ms, 9000000000000000000),
      durations = tracegram.merge_histograms(array[r.durations, excluded.durations]),
      -- Null is unknown, and what is known of the rest is still known.
      input_tokens = coalesce(r.input_tokens + excluded.input_tokens, r.input_tokens, excluded.input_tokens),
      cached_tokens = coalesce(r.cached_tokens + excluded.cached_tokens, r.cached_tokens, excluded.cached_tokens),
      output_tokens = coalesce(r.output_tokens + excluded.output_tokens, r.output_tokens, excluded.output_tokens),
      reasoning_tokens = coalesce(r.reasoning_tokens + excluded.reasoning_tokens, r.reasoning_tokens, excluded.reasoning_tokens),
      cost_microusd = coalesce(r.cost_microusd + excluded.cost_microusd, r.cost_microusd, excluded.cost_microusd),
      unpriced = r.unpriced + excluded.unpriced,
      large = r.large + excluded.large,
      orphans = r.orphans + excluded.orphans,
      stepless = r.stepless + excluded.stepless;

    insert into tracegram.error_rollups as r
    select
      k.level, k.bucket, k.pipeline, case when k.kept then k.step else '' end, case when k.kept then k.kind else '(other)' end,
      pg_catalog.sum(k.count), (pg_catalog.array_agg(k.example order by k.example desc))[1]
    from (
      select
        f.*,
        -- Errors that are all different do not make a row of each: ten of a pipeline and bucket, fifty of a day, and the rest is (other).
        known.kind is not null or (
          select count(*)
          from tracegram.error_rollups as e
          where e.level = f.level and e.bucket = f.bucket and e.pipeline = f.pipeline
        ) + pg_catalog.row_number() over (
          partition by f.level, f.bucket, f.pipeline, known.kind is null order by f.count desc, f.kind, f.step
        ) <= case f.level when '1d' then 50 else 10 end as kept
      from (
        select
          l.level, pg_catalog.date_trunc(l.unit, e.bucket) as bucket,
          case when n.step is null then '(other)' else e.pipeline end as pipeline, e.step, e.kind,
          pg_catalog.sum(e.count) as count, (pg_catalog.array_agg(e.example order by e.example desc))[1] as example
        from tracegram.roll_up_errors(v_traces) as e
        left join tracegram.rollup_names as n on n.pipeline = e.pipeline and n.step = ''
        cross join (values ('5m', 'minute'), ('1h', 'hour'), ('1d', 'day')) as l (level, unit)
        group by 1, 2, 3, 4, 5
      ) as f
      left join tracegram.error_rollups as known
        on known.level = f.level and known.bucket = f.bucket and known.pipeline = f.pipeline and known.step = f.step
        and known.kind = f.kind
    ) as k
    group by 1, 2, 3, 4, 5
    on conflict (level, bucket, pipeline, step, kind) do update set
      count = r.count + excluded.count, example = greatest(r.example, excluded.example);

    perform tracegram.note_gaps(v_traces);
  end loop;
  return v_folded;
end;
$$;

comment on function tracegram.fold_batches() is
$doc$Adds the batches that wait to the rollups, and takes them away.

Returns how many there were; 0 as well while another fold is at work.$doc$;
revoke all on function tracegram.fold_batches() from public, anon, authenticated, service_role;
