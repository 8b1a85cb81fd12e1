-- 82_health_measures.sql — how each rule of Tracegram itself stands. See 81_alert_measures.sql.

create function tracegram.measure_ingest_p95(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    case when c.count >= 20 then c.p95_ms end,
    case
      when c.count is null then 'no calls of ingest_traces in 15 minutes'
      else pg_catalog.format(
        '95 %% of %s calls of ingest_traces in 15 minutes took at most %s ms', c.count, tracegram.spelled(c.p95_ms)
      )
    end
  from (
    select
      sum(r.count) as count,
      (tracegram.percentiles(pg_catalog.array_agg(r.durations)) ->> 'p95_ms')::numeric as p95_ms
    from tracegram.rollup_rows(p_now - interval '15 minutes', p_now, false, p_now) as r
    where r.pipeline = '' and r.step = 'ingest'
  ) as c;
$$;

comment on function tracegram.measure_ingest_p95(timestamptz) is
  'The 95th percentile of how long the database took for ingest_traces, of at least 20 calls in 15 minutes, in ms.';
revoke all on function tracegram.measure_ingest_p95(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_long_message(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    count(*),
    pg_catalog.concat(
      pg_catalog.format('%s messages to admins were over 3,500 characters in an hour', count(*)),
      ', the longest of ' || (
        (pg_catalog.array_agg(
          pg_catalog.format('screen %s: %s', r.screen, tracegram.spelled(r.characters)) order by r.characters desc
        ))[1]
      )
    )
  from tracegram.admin_responses as r
  where r.at > p_now - interval '1 hour' and r.at <= p_now and r.characters > 3500
    -- Those may have 32,768, and the bot keeps to that by itself.
    and r.screen not like '%.rich';
$$;

comment on function tracegram.measure_long_message(timestamptz) is
  'Messages to admins of an hour that are over 3,500 characters; Telegram takes 4,096. Rich messages are left out.';
revoke all on function tracegram.measure_long_message(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_telegram_429(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    count(*),
    pg_catalog.concat(
      pg_catalog.format('Telegram told the bot %s times in an hour to wait', count(*)),
      ', for up to ' || pg_catalog.max(r.retry_after) || ' s'
    )
  from tracegram.admin_responses as r
  where r.at > p_now - interval '1 hour' and r.at <= p_now and r.retry_after is not null;
$$;

comment on function tracegram.measure_telegram_429(timestamptz) is
  'Times in an hour that Telegram refused an answer of the admin bot as too many.';
revoke all on function tracegram.measure_telegram_429(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_slow_screen(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with screens as (
    select
      -- A rich message is made of the same query.
      pg_catalog.split_part(r.screen, '.', 1) as screen, count(*) as count,
      pg_catalog.percentile_disc(0.95) within group (order by r.query_ms) as p95_ms
    from tracegram.admin_responses as r
    where r.at > p_now - interval '1 hour' and r.at <= p_now and r.query_ms is not null
      -- A file takes as many queries as it is long.
      and not pg_catalog.starts_with(r.screen, 'export_')
    group by 1
    having count(*) >= 5
  )
  select
    pg_catalog.max(s.p95_ms),
    coalesce(
      (pg_catalog.array_agg(
        pg_catalog.format(
          '95 %% of %s queries of screen %s took at most %s ms', s.count, s.screen, tracegram.spelled(s.p95_ms)
        ) order by s.p95_ms desc, s.screen
      ))[1],
      'no screen was asked for five times in an hour'
    )
  from screens as s;
$$;

comment on function tracegram.measure_slow_screen(timestamptz) is
  'The 95th percentile of the query time of the slowest screen, of at least 5 answers of an hour, in ms. Exports are left out.';
revoke all on function tracegram.measure_slow_screen(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_missing_partitions(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    count(*),
    coalesce(
      'missing: ' || pg_catalog.string_agg(d.name, ', ' order by d.name),
      'today and the next three days have their partitions'
    )
  from (
    select m.table_name || pg_catalog.to_char(m.day at time zone 'UTC', '"_p"YYYYMMDD') as name
    from tracegram.missing_days(p_now, 3) as m
  ) as d;
$$;

comment on function tracegram.measure_missing_partitions(timestamptz) is
  'Days of today and the next three, of both tables, that have no partition, or one that is not that day.';
revoke all on function tracegram.measure_missing_partitions(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_quota(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    pg_catalog.round(100.0 * s.bytes / s.quota, 2),
    pg_catalog.format('%s of %s MB', tracegram.spelled(s.bytes / 1000000.0), tracegram.spelled(s.quota / 1000000.0))
  from (
    select
      pg_catalog.pg_database_size(pg_catalog.current_database()) as bytes,
      (tracegram.settings()).quota_bytes as quota
  ) as s;
$$;

comment on function tracegram.measure_quota(timestamptz) is
  'Size of the database in percent of settings.quota_bytes, as it is now.';
revoke all on function tracegram.measure_quota(timestamptz) from public, anon, authenticated, service_role;
