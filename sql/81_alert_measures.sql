-- 81_alert_measures.sql — how each rule of the traces stands: one function a rule, named after it.
--
-- Each returns a value in the rule's unit, null when there is too little to say, and a sentence with what it has found.
-- What comes from the rollups is by whole five minutes.

create type tracegram.measurement as (
  value  numeric,
  detail text
);
comment on type tracegram.measurement is 'How a rule stands.';
comment on column tracegram.measurement.value is 'In the unit of the rule. Null: too little to say.';
comment on column tracegram.measurement.detail is 'What was found, in a sentence with numbers.';

create function tracegram.spelled(p_number numeric)
  returns text
  language sql immutable strict parallel safe
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.to_char(pg_catalog.round(p_number), 'FM999,999,999,999,999,990');
$$;

comment on function tracegram.spelled(numeric) is 'A whole number for people: 12,345.';
revoke all on function tracegram.spelled(numeric) from public, anon, authenticated, service_role;

create function tracegram.measure_error_rate(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select r.pipeline, sum(r.count) as count, sum(r.errors) as errors
    from tracegram.rollup_rows(p_now - interval '15 minutes', p_now, true, p_now) as r
    group by r.pipeline
  )
  select
    case when sum(a.count) >= 20 then pg_catalog.round(100 * sum(a.errors) / sum(a.count), 2) end,
    pg_catalog.concat(
      pg_catalog.format('%s of %s runs failed in 15 minutes', coalesce(sum(a.errors), 0), coalesce(sum(a.count), 0)), (
        select pg_catalog.format(', most of them in %s: %s of %s', w.pipeline, w.errors, w.count)
        from runs as w
        where w.errors > 0
        order by w.errors desc, w.pipeline
        limit 1
      )
    )
  from runs as a;
$$;

comment on function tracegram.measure_error_rate(timestamptz) is
  'Failed runs in percent, of at least 20 that started in 15 minutes.';
revoke all on function tracegram.measure_error_rate(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_p95(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select
      r.pipeline, sum(r.count) as count,
      (tracegram.percentiles(pg_catalog.array_agg(r.durations)) ->> 'p95_ms')::numeric as p95_ms
    from tracegram.rollup_rows(p_now - interval '15 minutes', p_now, true, p_now) as r
    group by grouping sets ((r.pipeline), ())
  )
  select
    case when a.count >= 20 then a.p95_ms end,
    case
      when a.count is null then 'no runs in 15 minutes'
      else pg_catalog.format(
        '95 %% of %s runs in 15 minutes took at most %s ms', a.count, tracegram.spelled(a.p95_ms)
      ) || (
        select pg_catalog.format('; slowest is %s with %s ms', w.pipeline, tracegram.spelled(w.p95_ms))
        from runs as w
        where w.pipeline is not null
        order by w.p95_ms desc, w.pipeline
        limit 1
      )
    end
  from runs as a
  where a.pipeline is null;
$$;

comment on function tracegram.measure_p95(timestamptz) is
  'The 95th percentile of how long runs took, of at least 20 that started in 15 minutes, in ms.';
revoke all on function tracegram.measure_p95(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_daily_spend(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select
      r.pipeline, sum(r.count) as count, sum(r.unpriced) as unpriced,
      coalesce(sum(r.cost_microusd), 0) as cost_microusd,
      pg_catalog.to_char(coalesce(sum(r.cost_microusd), 0) / 1000000, 'FM$999,999,990.00') as dollars
    from tracegram.rollup_rows(pg_catalog.date_trunc('day', p_now, 'UTC'), p_now, true, p_now) as r
    group by grouping sets ((r.pipeline), ())
  )
  select
    a.cost_microusd,
    pg_catalog.concat(
      pg_catalog.format('%s since midnight UTC in %s runs', a.dollars, tracegram.spelled(coalesce(a.count, 0))), (
        select pg_catalog.format(', most of it in %s: %s', w.pipeline, w.dollars)
        from runs as w
        where w.pipeline is not null and w.cost_microusd > 0
        order by w.cost_microusd desc, w.pipeline
        limit 1
      ),
      case when a.unpriced > 0 then pg_catalog.format('; %s calls have no price', tracegram.spelled(a.unpriced)) end
    )
  from runs as a
  where a.pipeline is null;
$$;

comment on function tracegram.measure_daily_spend(timestamptz) is
  'What LLM calls have cost since midnight UTC, in micro-dollars. A call without a price adds nothing.';
revoke all on function tracegram.measure_daily_spend(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_large_trace(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select r.pipeline, sum(r.count) as count, sum(r.large) as large
    from tracegram.rollup_rows(p_now - interval '1 hour', p_now, true, p_now) as r
    group by r.pipeline
  )
  select
    coalesce(sum(a.large), 0),
    pg_catalog.concat(
      pg_catalog.format(
        '%s of %s traces of an hour take over 5 kB', coalesce(sum(a.large), 0), coalesce(sum(a.count), 0)
      ), (
        select pg_catalog.format(', most of them in %s: %s', w.pipeline, w.large)
        from runs as w
        where w.large > 0
        order by w.large desc, w.pipeline
        limit 1
      )
    )
  from runs as a;
$$;

comment on function tracegram.measure_large_trace(timestamptz) is 'Traces of an hour whose row is over 5 kB.';
revoke all on function tracegram.measure_large_trace(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_orphans(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with runs as (
    select coalesce(sum(r.orphans), 0) as orphans, (
      pg_catalog.array_agg(r.pipeline order by r.orphans desc, r.pipeline) filter (where r.orphans > 0)
    )[1] as worst
    from tracegram.rollup_rows(p_now - interval '1 hour', p_now, true, p_now) as r
  ),
  lost as (
    select count(*) as lost, pg_catalog.max(t.pipeline) as pipeline
    from tracegram.unended as t
    where t.status = 'lost'
      -- Those that were due to end within the hour.
      and t.started_at > p_now - (tracegram.settings()).lost_after - interval '1 hour' and t.started_at <= p_now
  )
  select
    r.orphans + l.lost,
    pg_catalog.concat(
      pg_catalog.format('%s traces of an hour have a step without its parent', r.orphans), ', such as in ' || r.worst,
      pg_catalog.format('; %s did not end in time', l.lost), ', such as in ' || l.pipeline
    )
  from runs as r
  cross join lost as l;
$$;

comment on function tracegram.measure_orphans(timestamptz) is
  'Traces of an hour with a step whose parent does not exist, and those that should have ended within it and are lost.';
revoke all on function tracegram.measure_orphans(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_dropped(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with losses as (
    select
      d.reason, d.sender,
      d.records - case
        when d.grew_at >= pg_catalog.date_trunc('hour', p_now, 'UTC') then d.last_hour_began else d.hour_began
      end as records
    from tracegram.dropped as d
    where d.grew_at > p_now - interval '1 hour' and d.grew_at <= p_now
  )
  select
    coalesce(sum(l.records), 0),
    pg_catalog.concat(
      pg_catalog.format(
        '%s records were dropped by %s senders within an hour', tracegram.spelled(coalesce(sum(l.records), 0)),
        count(distinct l.sender)
      ), (
        select pg_catalog.format(', most of them for %s: %s', w.reason, tracegram.spelled(sum(w.records)))
        from losses as w
        group by w.reason
        order by sum(w.records) desc, w.reason
        limit 1
      )
    )
  from losses as l;
$$;

comment on function tracegram.measure_dropped(timestamptz) is
  'What senders dropped that reported more drops within an hour: as much as they did in the hour of the clock, and the one before it.';
revoke all on function tracegram.measure_dropped(timestamptz) from public, anon, authenticated, service_role;
