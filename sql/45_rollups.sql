-- 45_rollups.sql — counts, durations, tokens and cost per pipeline and step, by five minutes, hour and day.
--
-- Written by  tracegram.fold_batches (90_jobs.sql, every few seconds), nothing else
-- Read by     the 5x_*.sql files and the alerts, through tracegram.rollup_rows
-- Dropped by  tracegram.purge_rollups (90_jobs.sql)
--
-- A trace is counted once, when it has ended: the ingest leaves its id in tracegram.batches, and the fold takes the batch away
-- and adds the trace in one transaction. So ingests share no row, late traces and replays need no thought, and a reader who
-- adds the batches that wait to the rollups sees exactly what has been stored. One file, because the shapes of the fold, of
-- what waits and of what was folded are one.

create type tracegram.histogram as (
  slots  smallint[],
  counts integer[]
);
comment on type tracegram.histogram is 'Durations: how many fell into which slot, see tracegram.slot_ms. Slots without any are left out.';
comment on column tracegram.histogram.slots is 'Slots, ascending.';
comment on column tracegram.histogram.counts is 'Durations in the slot at the same position.';

create table tracegram.rollups (
  level            text not null check (level in ('5m', '1h', '1d')),
  bucket           timestamptz(0) not null,
  pipeline         text not null,
  step             text not null,
  count            bigint not null,
  errors           bigint not null,
  duration_ms      bigint not null,
  durations        tracegram.histogram not null,
  input_tokens     bigint,
  cached_tokens    bigint,
  output_tokens    bigint,
  reasoning_tokens bigint,
  cost_microusd    bigint,
  unpriced         bigint not null,
  large            bigint not null,
  orphans          bigint not null,
  stepless         bigint not null,
  primary key (level, bucket, pipeline, step)
);
create index rollups_runs on tracegram.rollups (level, bucket) where step = '';
comment on index tracegram.rollups_runs is 'Whole runs: the counts of pages, rates, spend.';
alter table tracegram.rollups enable row level security;

comment on table tracegram.rollups is
  'What has ended, per pipeline and step: by five minutes for 26 hours, by hour for 62 days, by day for 400 days.';
comment on column tracegram.rollups.level is '5m, 1h or 1d: each trace is counted in one row of each.';
comment on column tracegram.rollups.bucket is 'Start of the five minutes, hour or day, UTC.';
comment on column tracegram.rollups.pipeline is 'Pipeline. Empty: Tracegram itself (step ingest: calls of ingest_traces, their errors: calls with a refused trace).';
comment on column tracegram.rollups.step is 'Step. Empty: whole runs.';
comment on column tracegram.rollups.count is 'Runs or steps that have ended, ok or error.';
comment on column tracegram.rollups.errors is 'Those that failed.';
comment on column tracegram.rollups.duration_ms is 'Sum of their durations in milliseconds.';
comment on column tracegram.rollups.durations is 'Their durations.';
comment on column tracegram.rollups.input_tokens is 'Tokens of LLM requests. Null when none is known.';
comment on column tracegram.rollups.cached_tokens is 'Those of input_tokens that came from a cache.';
comment on column tracegram.rollups.output_tokens is 'Tokens of LLM responses. Null when none is known.';
comment on column tracegram.rollups.reasoning_tokens is 'Those of output_tokens that were reasoning.';
comment on column tracegram.rollups.cost_microusd is 'Known cost in micro-dollars. Null when none is known.';
comment on column tracegram.rollups.unpriced is 'LLM calls whose cost is not known.';
comment on column tracegram.rollups.large is 'Whole runs: rows over 5 kB.';
comment on column tracegram.rollups.orphans is 'Steps whose parent does not exist; of whole runs, the runs that have one.';
comment on column tracegram.rollups.stepless is 'Whole runs: those without a step.';

create table tracegram.error_rollups (
  level    text not null check (level in ('5m', '1h', '1d')),
  bucket   timestamptz(0) not null,
  pipeline text not null,
  step     text not null,
  kind     text not null,
  count    bigint not null,
  example  uuid not null,
  primary key (level, bucket, pipeline, step, kind)
);
alter table tracegram.error_rollups enable row level security;

comment on table tracegram.error_rollups is 'Failed runs by kind of error, kept as the rollups are.';
comment on column tracegram.error_rollups.level is '5m, 1h or 1d: each failed run is counted in one row of each.';
comment on column tracegram.error_rollups.bucket is 'Start of the five minutes, hour or day, UTC.';
comment on column tracegram.error_rollups.pipeline is 'Pipeline.';
comment on column tracegram.error_rollups.step is 'Innermost step that failed. Empty: none did.';
comment on column tracegram.error_rollups.kind is 'The error without what differs from one to the next, see tracegram.error_kind.';
comment on column tracegram.error_rollups.count is 'Runs.';
comment on column tracegram.error_rollups.example is 'The newest of them.';

create table tracegram.rollup_names (
  pipeline text not null,
  step     text not null,
  seen_on  date not null,
  primary key (pipeline, step)
);
alter table tracegram.rollup_names enable row level security;

comment on table tracegram.rollup_names is
  'Names that rollups are kept of: at most 100 pipelines and 1,000 in all. A bot that puts ids into names fills no disk: the rest is (other).';
comment on column tracegram.rollup_names.pipeline is 'Pipeline.';
comment on column tracegram.rollup_names.step is 'Step. Empty: whole runs.';
comment on column tracegram.rollup_names.seen_on is 'The last day that it was folded. Given up after 30 days.';

-- Slots -----------------------------------------------------------------------------------------------------------------
-- Up to 10 ms a slot is a millisecond, and from there each ends a tenth later than the one before: whatever a duration in it
-- is, the slot's middle is within 5 % of it.

create function tracegram.slot_ms(p_slot integer)
  returns numeric
  language plpgsql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The whole milliseconds in it.
  v_least constant double precision := pg_catalog.ceil(10 * 1.1 ^ (p_slot - 10.0::double precision) - 1e-9);
  v_most  constant double precision := pg_catalog.ceil(10 * 1.1 ^ (p_slot - 9.0::double precision) - 1e-9) - 1;
begin
  if p_slot <= 10 then
    return p_slot;
  end if;
  -- Between the two, where the ratio to both is the same.
  return pg_catalog.round((2 * v_least * v_most / (v_least + v_most))::numeric, 1);
end;
$$;

comment on function tracegram.slot_ms(integer) is 'Milliseconds that stand for a slot, within 5 % of every duration in it.';
revoke all on function tracegram.slot_ms(integer) from public, anon, authenticated, service_role;

create function tracegram.merge_histograms(p_histograms tracegram.histogram[])
  returns tracegram.histogram
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select (pg_catalog.array_agg(s.slot order by s.slot), pg_catalog.array_agg(s.n order by s.slot))::tracegram.histogram
    from (
      select c.slot, least(pg_catalog.sum(c.n), 2147483647)::integer as n
      from (
        select pg_catalog.unnest(h.slots) as slot, pg_catalog.unnest(h.counts) as n from pg_catalog.unnest(p_histograms) as h
      ) as c
      group by c.slot
    ) as s
  );
end;
$$;

comment on function tracegram.merge_histograms(tracegram.histogram[]) is 'The durations of all of them.';
revoke all on function tracegram.merge_histograms(tracegram.histogram[]) from public, anon, authenticated, service_role;

create function tracegram.percentiles(p_histograms tracegram.histogram[])
  returns jsonb
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with slots as (
      select
        c.slot,
        pg_catalog.sum(pg_catalog.sum(c.n)) over (order by c.slot) as up_to,
        pg_catalog.sum(pg_catalog.sum(c.n)) over () as of
      from (
        select pg_catalog.unnest(h.slots) as slot, pg_catalog.unnest(h.counts) as n from pg_catalog.unnest(p_histograms) as h
      ) as c
      group by c.slot
    )
    select pg_catalog.jsonb_build_object(
      'p50_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.50 * s.of))),
      'p95_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.95 * s.of))),
      'p99_ms', tracegram.slot_ms(min(s.slot) filter (where s.up_to >= pg_catalog.ceil(0.99 * s.of)))
    )
    from slots as s
  );
end;
$$;

comment on function tracegram.percentiles(tracegram.histogram[]) is
  '{p50_ms, p95_ms, p99_ms} of all durations together, each within 5 % of the nearest-rank percentile. Nulls without any.';
revoke all on function tracegram.percentiles(tracegram.histogram[]) from public, anon, authenticated, service_role;

create function tracegram.error_kind(p_error text)
  returns text
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select coalesce(nullif(pg_catalog.btrim(pg_catalog.left(pg_catalog.regexp_replace(
    pg_catalog.regexp_replace(
      pg_catalog.split_part(pg_catalog.left(p_error, 400), E'\n', 1),
      '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\m[0-9a-f]{16,}\M', '#', 'gi'
    ),
    '\d+(?:[.,:]\d+)*', '#', 'g'
  ), 120)), ''), '(no message)');
$$;

comment on function tracegram.error_kind(text) is
  'The first line of an error with # for numbers and ids, cut to 120 characters: what errors of one cause have in common.';
revoke all on function tracegram.error_kind(text) from public, anon, authenticated, service_role;

create function tracegram.failed_step(p_steps tracegram.trace_step[])
  returns text
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select s.name
    from pg_catalog.unnest(p_steps) with ordinality as s
    where s.status = 'error'
    -- Of a chain of steps that failed together, the innermost is where it began.
    order by s.offset_ms::bigint + s.duration_ms, s.ordinality desc
    limit 1
  );
end;
$$;

comment on function tracegram.failed_step(tracegram.trace_step[]) is 'Name of the innermost step that failed first. Null when none did.';
revoke all on function tracegram.failed_step(tracegram.trace_step[]) from public, anon, authenticated, service_role;

-- From batches to rows --------------------------------------------------------------------------------------------------

create function tracegram.first_id(p_time timestamptz)
  returns uuid
  language plpgsql immutable strict
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (pg_catalog.lpad(pg_catalog.to_hex(pg_catalog.ceil(1000 * pg_catalog.date_part('epoch', p_time))::bigint), 12, '0')
    || '00000000000000000000')::uuid;
end;
$$;

comment on function tracegram.first_id(timestamptz) is 'Every UUIDv7 of this time or later is greater, and every earlier one is less.';
revoke all on function tracegram.first_id(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.ended_traces(
  p_batches tracegram.batches[], p_from timestamptz default '2000-01-01 00:00+00', p_to timestamptz default '3000-01-01 00:00+00'
)
  returns setof tracegram.pipeline_traces
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_from constant uuid := tracegram.first_id(p_from);
  v_to   constant uuid := tracegram.first_id(p_to);
begin
  return query
    select t.*
    from pg_catalog.unnest(p_batches) as b
    cross join lateral pg_catalog.unnest(b.ended) as e (trace_id)
    cross join lateral (
      select *
      from tracegram.pipeline_traces as found
      where found.started_at = pg_catalog.to_timestamp( -- tracegram.trace_time, written out: it is done for each
        ('x0000' || pg_catalog.left(pg_catalog.replace(e.trace_id::text, '-', ''), 12))::pg_catalog.bit(64)::bigint / 1000.0
      ) and found.trace_id = e.trace_id
      offset 0 -- looked up trace by trace: a hash of all days would be made otherwise
    ) as t
    where e.trace_id >= v_from and e.trace_id < v_to;
end;
$$;

comment on function tracegram.ended_traces(tracegram.batches[], timestamptz, timestamptz) is
  'The traces that have ended with these batches, and started in [p_from, p_to).';
revoke all on function tracegram.ended_traces(tracegram.batches[], timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.roll_up(p_traces tracegram.pipeline_traces[], p_batches tracegram.batches[])
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    with spans as (
      select
        t.started_at, t.pipeline, '' as step, t.status = 'error' as failed, t.duration_ms, s.input_tokens, s.cached_tokens,
        s.output_tokens, s.reasoning_tokens, t.cost_microusd, s.unpriced,
        pg_catalog.pg_column_size(t.steps) + coalesce(pg_catalog.octet_length(t.error), 0) + 100 > 5000 as large,
        s.orphans > 0 as orphan, pg_catalog.cardinality(t.steps) = 0 as stepless
      from pg_catalog.unnest(p_traces) as t
      cross join lateral (
        select
          pg_catalog.sum(s.input_tokens) as input_tokens, pg_catalog.sum(s.cached_tokens) as cached_tokens,
          pg_catalog.sum(s.output_tokens) as output_tokens, pg_catalog.sum(s.reasoning_tokens) as reasoning_tokens,
          count(*) filter (where s.model is not null and s.cost_microusd is null) as unpriced,
          count(*) filter (where s.parent not between 1 and s.ordinality - 1) as orphans
        from pg_catalog.unnest(t.steps) with ordinality as s
      ) as s
      union all
      select
        t.started_at, t.pipeline, s.name, s.status is not null, s.duration_ms, s.input_tokens, s.cached_tokens,
        s.output_tokens, s.reasoning_tokens, s.cost_microusd, (s.model is not null and s.cost_microusd is null)::integer,
        false, coalesce(s.parent not between 1 and s.ordinality - 1, false), false
      from pg_catalog.unnest(p_traces) as t
      cross join lateral pg_catalog.unnest(t.steps) with ordinality as s
      union all
      select b.received_at, '', 'ingest', b.rejected > 0, b.duration_ms, null, null, null, null, null, 0, false, false, false
      from pg_catalog.unnest(p_batches) as b
    ),
    slots as (
      select
        pg_catalog.date_bin('5 minutes', s.started_at, '2000-01-01 00:00+00') as bucket, s.pipeline, s.step,
        (case
          when s.duration_ms < 10 then s.duration_ms
          else 10 + pg_catalog.floor(pg_catalog.ln(s.duration_ms / 10.0::double precision) / pg_catalog.ln(1.1::double precision))
        end)::smallint as slot,
        count(*) as count, count(*) filter (where s.failed) as errors, pg_catalog.sum(s.duration_ms) as duration_ms,
        pg_catalog.sum(s.input_tokens) as input_tokens, pg_catalog.sum(s.cached_tokens) as cached_tokens,
        pg_catalog.sum(s.output_tokens) as output_tokens, pg_catalog.sum(s.reasoning_tokens) as reasoning_tokens,
        pg_catalog.sum(s.cost_microusd) as cost_microusd, pg_catalog.sum(s.unpriced) as unpriced,
        count(*) filter (where s.large) as large, count(*) filter (where s.orphan) as orphans,
        count(*) filter (where s.stepless) as stepless
      from spans as s
      group by 1, 2, 3, 4
    )
    select
      '5m', s.bucket::timestamptz(0), s.pipeline, s.step, pg_catalog.sum(s.count)::bigint, pg_catalog.sum(s.errors)::bigint,
      pg_catalog.sum(s.duration_ms)::bigint,
      (pg_catalog.array_agg(s.slot order by s.slot), pg_catalog.array_agg(s.count::integer order by s.slot))::tracegram.histogram,
      pg_catalog.sum(s.input_tokens)::bigint, pg_catalog.sum(s.cached_tokens)::bigint, pg_catalog.sum(s.output_tokens)::bigint,
      pg_catalog.sum(s.reasoning_tokens)::bigint, pg_catalog.sum(s.cost_microusd)::bigint, pg_catalog.sum(s.unpriced)::bigint,
      pg_catalog.sum(s.large)::bigint, pg_catalog.sum(s.orphans)::bigint, pg_catalog.sum(s.stepless)::bigint
    from slots as s
    group by s.bucket, s.pipeline, s.step;
end;
$$;

comment on function tracegram.roll_up(tracegram.pipeline_traces[], tracegram.batches[]) is
  'The 5m rows of traces that have ended, and of the calls that brought batches.';
revoke all on function tracegram.roll_up(tracegram.pipeline_traces[], tracegram.batches[])
from public, anon, authenticated, service_role;

create function tracegram.roll_up_errors(p_traces tracegram.pipeline_traces[])
  returns setof tracegram.error_rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  -- Planning over all days would cost more than to read what waits.
  set plan_cache_mode = force_generic_plan
as $$
begin
  return query
    select
      '5m', pg_catalog.date_bin('5 minutes', t.started_at, '2000-01-01 00:00+00')::timestamptz(0), t.pipeline,
      coalesce(tracegram.failed_step(t.steps), ''), tracegram.error_kind(t.error),
      count(*), (pg_catalog.array_agg(t.trace_id order by t.trace_id desc))[1]
    from pg_catalog.unnest(p_traces) as t
    where t.status = 'error'
    group by 2, 3, 4, 5;
end;
$$;

comment on function tracegram.roll_up_errors(tracegram.pipeline_traces[]) is 'The 5m rows of traces that have failed.';
revoke all on function tracegram.roll_up_errors(tracegram.pipeline_traces[]) from public, anon, authenticated, service_role;

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
    v_traces := array(select t from tracegram.ended_traces(v_batches) as t);

    insert into tracegram.rollups as r
    select
      l.level, pg_catalog.date_trunc(l.unit, f.bucket), f.pipeline, f.step, pg_catalog.sum(f.count), pg_catalog.sum(f.errors),
      pg_catalog.sum(f.duration_ms), tracegram.merge_histograms(pg_catalog.array_agg(f.durations)),
      pg_catalog.sum(f.input_tokens), pg_catalog.sum(f.cached_tokens), pg_catalog.sum(f.output_tokens),
      pg_catalog.sum(f.reasoning_tokens), pg_catalog.sum(f.cost_microusd), pg_catalog.sum(f.unpriced),
      pg_catalog.sum(f.large), pg_catalog.sum(f.orphans), pg_catalog.sum(f.stepless)
    from pg_catalog.unnest(tracegram.admit_names(array(select r from tracegram.roll_up(v_traces, v_batches) as r))) as f
    cross join (values ('5m', 'minute'), ('1h', 'hour'), ('1d', 'day')) as l (level, unit)
    group by 1, 2, 3, 4
    on conflict (level, bucket, pipeline, step) do update set
      count = r.count + excluded.count,
      errors = r.errors + excluded.errors,
      duration_ms = r.duration_ms + excluded.duration_ms,
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
        -- Errors that are all different do not make a row of each: fifty of a pipeline and bucket, and the rest is (other).
        known.kind is not null or (
          select count(*)
          from tracegram.error_rollups as e
          where e.level = f.level and e.bucket = f.bucket and e.pipeline = f.pipeline
        ) + pg_catalog.row_number() over (
          partition by f.level, f.bucket, f.pipeline, known.kind is null order by f.count desc, f.kind, f.step
        ) <= 50 as kept
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

-- Reading ---------------------------------------------------------------------------------------------------------------

create type tracegram.rollup_range as (
  level  text,
  starts timestamptz,
  ends   timestamptz
);
comment on type tracegram.rollup_range is 'Buckets of one level from one time up to another.';

create function tracegram.rollup_ranges(p_from timestamptz, p_to timestamptz, p_now timestamptz)
  returns setof tracegram.rollup_range
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  -- What the finer levels still have.
  c_5m  constant timestamptz := pg_catalog.date_trunc('hour', p_now) - interval '25 hours';
  c_1h  constant timestamptz := pg_catalog.date_trunc('day', p_now) - interval '61 days';
  v_from timestamptz := case
    when p_from >= c_5m then pg_catalog.date_bin('5 minutes', p_from, '2000-01-01 00:00+00')
    when p_from >= c_1h then pg_catalog.date_trunc('hour', p_from)
    else pg_catalog.date_trunc('day', p_from)
  end;
  -- A microsecond before the next bucket is in this one; so is nothing of a bucket that starts at p_to.
  v_end  constant timestamptz := p_to - interval '1 microsecond';
  v_to   constant timestamptz := case
    when p_to >= c_5m then pg_catalog.date_bin('5 minutes', v_end, '2000-01-01 00:00+00') + interval '5 minutes'
    when p_to >= c_1h then pg_catalog.date_trunc('hour', v_end) + interval '1 hour'
    else pg_catalog.date_trunc('day', v_end) + interval '1 day'
  end;
  v_hour timestamptz := pg_catalog.date_trunc('hour', v_from + interval '1 hour' - interval '1 microsecond');
  v_day  timestamptz := pg_catalog.date_trunc('day', v_from + interval '1 day' - interval '1 microsecond');
  v_last_hour timestamptz := pg_catalog.date_trunc('hour', v_to);
  v_last_day  timestamptz := pg_catalog.date_trunc('day', v_to);
begin
  -- Without a whole day, or hour, inside there is but one range of what is finer.
  if v_hour >= v_last_hour then
    v_hour := v_to;
    v_last_hour := v_to;
  end if;
  if v_day >= v_last_day then
    v_day := v_last_hour;
    v_last_day := v_last_hour;
  end if;
  return query
    select r.*
    from (values
      ('5m', v_from, v_hour), ('1h', v_hour, v_day), ('1d', v_day, v_last_day), ('1h', v_last_day, v_last_hour),
      ('5m', v_last_hour, v_to)
    ) as r (level, starts, ends)
    where r.starts < r.ends;
end;
$$;

comment on function tracegram.rollup_ranges(timestamptz, timestamptz, timestamptz) is
$doc$The fewest buckets that cover [p_from, p_to): days, and where no whole day fits hours, and then five minutes.

Of times over 25 hours ago the bounds are widened to the hour, over 61 days ago to the day. Five minutes are the least.$doc$;
revoke all on function tracegram.rollup_ranges(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.rollup_rows(
  p_from timestamptz, p_to timestamptz, p_runs_only boolean default false, p_now timestamptz default now()
)
  returns setof tracegram.rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges  constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, p_now) as g);
  v_from    constant timestamptz := (v_ranges[1]).starts;
  v_to      constant timestamptz := (v_ranges[pg_catalog.cardinality(v_ranges)]).ends;
  v_batches tracegram.batches[];
  v_traces  tracegram.pipeline_traces[];
begin
  if p_runs_only then
    return query
      select r.*
      from pg_catalog.unnest(v_ranges) as g
      cross join lateral (
        select * from tracegram.rollups as l
        where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends and l.step = ''
        offset 0
      ) as r;
  else
    return query
      select r.*
      from pg_catalog.unnest(v_ranges) as g
      cross join lateral (
        select * from tracegram.rollups as l
        where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
        offset 0 -- range by range: a hash of everything would be made otherwise
      ) as r;
  end if;
  v_batches := array(select b from tracegram.batches as b);
  if pg_catalog.cardinality(v_batches) > 0 then
    v_traces := array(
      select t from tracegram.ended_traces(v_batches, v_from, v_to) as t
    );
    return query
      select *
      from tracegram.roll_up(v_traces, array(
        select b from pg_catalog.unnest(v_batches) as b where b.received_at >= v_from and b.received_at < v_to
      )) as r
      where r.step = '' or not p_runs_only;
  end if;
end;
$$;

comment on function tracegram.rollup_rows(timestamptz, timestamptz, boolean, timestamptz) is
$doc$The fewest rows that together hold all that is stored and has ended in [p_from, p_to), and each trace once.

Rows are of several levels, and of batches that were not folded yet. The bounds are widened as tracegram.rollup_ranges says.
p_runs_only leaves the steps out.$doc$;
revoke all on function tracegram.rollup_rows(timestamptz, timestamptz, boolean, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.error_rows(p_from timestamptz, p_to timestamptz, p_now timestamptz default now())
  returns setof tracegram.error_rollups
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
  set plan_cache_mode = force_generic_plan
as $$
declare
  v_ranges  constant tracegram.rollup_range[] := array(select g from tracegram.rollup_ranges(p_from, p_to, p_now) as g);
  v_from    constant timestamptz := (v_ranges[1]).starts;
  v_to      constant timestamptz := (v_ranges[pg_catalog.cardinality(v_ranges)]).ends;
begin
  return query
    select r.*
    from pg_catalog.unnest(v_ranges) as g
    cross join lateral (
      select * from tracegram.error_rollups as l
      where l.level = g.level and l.bucket >= g.starts and l.bucket < g.ends
      offset 0 -- range by range: a hash of everything would be made otherwise
    ) as r;
  if exists (select from tracegram.batches) then
    return query
      select *
      from tracegram.roll_up_errors(array(
        select t
        from tracegram.ended_traces(array(select b from tracegram.batches as b), v_from, v_to) as t
        where t.status = 'error'
      ));
  end if;
end;
$$;

comment on function tracegram.error_rows(timestamptz, timestamptz, timestamptz) is
  'The same of errors: the fewest rows that hold all runs that failed in [p_from, p_to).';
revoke all on function tracegram.error_rows(timestamptz, timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_rollups(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.rollups where level = '5m' and bucket < p_now - interval '27 hours';
  delete from tracegram.rollups where level = '1h' and bucket < p_now - interval '63 days';
  delete from tracegram.rollups where level = '1d' and bucket < p_now - interval '400 days';
  delete from tracegram.rollup_names where seen_on < (p_now at time zone 'UTC')::date - 30;
  delete from tracegram.error_rollups where level = '5m' and bucket < p_now - interval '27 hours';
  delete from tracegram.error_rollups where level = '1h' and bucket < p_now - interval '63 days';
  delete from tracegram.error_rollups where level = '1d' and bucket < p_now - interval '400 days';
$$;

comment on function tracegram.purge_rollups(timestamptz) is
  'Deletes rollups that a coarser level replaces: five minutes after 27 hours, hours after 63 days, and days after 400.';
revoke all on function tracegram.purge_rollups(timestamptz) from public, anon, authenticated, service_role;
