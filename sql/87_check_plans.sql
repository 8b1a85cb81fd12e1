-- 87_check_plans.sql — each night, the plan of every screen's query is looked at.
--
-- Written by  tracegram.check_plans (90_jobs.sql, nightly)
-- Read by     tracegram.measure_plan (the alert)
-- Dropped by  tracegram.purge (90_jobs.sql), after 30 days

create table tracegram.plan_checks (
  checked_at timestamptz(3) not null,
  query      text not null,
  partitions integer,
  allowed    integer,
  outside    text[] not null default '{}',
  seq_scans  text[] not null default '{}',
  error      text,
  ok         boolean not null generated always as (error is null and outside = '{}' and seq_scans = '{}') stored,
  primary key (checked_at, query)
);
alter table tracegram.plan_checks enable row level security;

comment on table tracegram.plan_checks is 'What the plans of the screens'' queries would scan, kept 30 days.';
comment on column tracegram.plan_checks.checked_at is 'When.';
comment on column tracegram.plan_checks.query is 'Name of the query.';
comment on column tracegram.plan_checks.partitions is 'Partitions in its plan.';
comment on column tracegram.plan_checks.allowed is 'Partitions that there are within its window, in both tables.';
comment on column tracegram.plan_checks.outside is 'Partitions in its plan that are outside of its window.';
comment on column tracegram.plan_checks.seq_scans is
  'Partitions of over 1,000 pages that it would read from end to end, and should not.';
comment on column tracegram.plan_checks.error is 'Why it could not be planned.';
comment on column tracegram.plan_checks.ok is 'Whether nothing is wrong with it.';

create function tracegram.plan_scans(p_plan jsonb, p_looks_at integer)
  returns table (name text, day date, whole boolean)
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    c.relname, pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD'),
    c.relpages > 1000 and c.reltuples > 10 * p_looks_at and case n.node ->> 'Node Type'
      when 'Seq Scan' then true
      -- Within a day, an index of block ranges on its time finds all blocks.
      when 'Bitmap Heap Scan' then (
        select pg_catalog.bool_and(a.amname = 'brin')
        from pg_catalog.jsonb_path_query(n.node, 'strict $.** ? (exists (@."Index Name"))."Index Name"') as i (name)
        join pg_catalog.pg_class as x on x.relname = i.name #>> '{}' and x.relnamespace = c.relnamespace
        join pg_catalog.pg_am as a on a.oid = x.relam
      )
      else false
    end
  from pg_catalog.jsonb_path_query(p_plan, 'strict $.** ? (exists (@."Relation Name"))') as n (node)
  join pg_catalog.pg_class as c on c.relname = n.node ->> 'Relation Name'
  where c.relnamespace = 'tracegram'::regnamespace and c.relispartition and c.relname ~ '_p\d{8}$';
$$;

comment on function tracegram.plan_scans(jsonb, integer) is
  'The partitions that a plan scans, with their days. whole: from end to end, though it is of over 1,000 pages.';
revoke all on function tracegram.plan_scans(jsonb, integer) from public, anon, authenticated, service_role;

create function tracegram.check_plan(p_query tracegram.screen_query, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
  set plan_cache_mode = auto -- changed below, and back at the end
as $$
declare
  v_from constant date := p_query.starts;
  v_to   constant date := p_query.ends;
  v_plan json;
begin
  if exists (select from pg_catalog.pg_prepared_statements as s where s.name = 'tracegram_check_plan') then
    deallocate tracegram_check_plan;
  end if;
  perform pg_catalog.set_config('plan_cache_mode', p_query.plan_mode, true);
  execute pg_catalog.format('prepare tracegram_check_plan (%s) as %s', p_query.types, p_query.sql);
  execute pg_catalog.format('explain (format json) execute tracegram_check_plan (%s)', p_query.arguments) into v_plan;
  deallocate tracegram_check_plan;

  insert into tracegram.plan_checks (checked_at, query, partitions, allowed, outside, seq_scans)
  select
    p_now, p_query.query, count(distinct s.name), (
      select count(*)
      from (
        select c.relname
        from pg_catalog.pg_inherits as i
        join pg_catalog.pg_class as c on c.oid = i.inhrelid
        where i.inhparent in ('tracegram.pipeline_traces'::regclass, 'tracegram.trace_io'::regclass)
          and c.relname ~ '_p\d{8}$'
        offset 0 -- or each name in pg_class may be taken for a day's
      ) as d
      where pg_catalog.to_date(pg_catalog.right(d.relname, 8), 'YYYYMMDD') between v_from and v_to
    ),
    coalesce(pg_catalog.array_agg(distinct s.name) filter (where s.day not between v_from and v_to), '{}'),
    coalesce(pg_catalog.array_agg(distinct s.name) filter (where s.whole), '{}')
  from tracegram.plan_scans(v_plan::jsonb, p_query.looks_at) as s;
end;
$$;

comment on function tracegram.check_plan(tracegram.screen_query, timestamptz) is
  'Plans a query without running it, as a screen''s function does, and notes what it would scan. Fails as it does.';
revoke all on function tracegram.check_plan(tracegram.screen_query, timestamptz)
from public, anon, authenticated, service_role;

create function tracegram.check_plans(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_at    constant timestamptz(3) := p_now; -- as it is stored
  v_query tracegram.screen_query;
begin
  delete from tracegram.plan_checks where checked_at = v_at;
  for v_query in select * from tracegram.screen_queries(v_at) loop
    begin
      perform tracegram.check_plan(v_query, v_at);
    exception when others then
      insert into tracegram.plan_checks (checked_at, query, error) values (v_at, v_query.query, sqlerrm);
    end;
  end loop;
  return (select count(*) from tracegram.plan_checks where checked_at = v_at and not ok);
end;
$$;

comment on function tracegram.check_plans(timestamptz) is
  'Plans each query of each screen without running it, and notes what it would scan. Returns how many are not ok.';
revoke all on function tracegram.check_plans(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.measure_plan(p_now timestamptz)
  returns tracegram.measurement
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  with checked as (
    select c.*, pg_catalog.row_number() over (partition by c.ok order by c.query) as nth
    from tracegram.plan_checks as c
    where c.checked_at = (
      select pg_catalog.max(l.checked_at) from tracegram.plan_checks as l where l.checked_at <= p_now
    )
  )
  select
    case when count(*) > 0 then count(*) filter (where not c.ok) end,
    coalesce(
      -- It goes to the screen and to the owner's phone: plan_checks has them all.
      pg_catalog.string_agg(
        pg_catalog.concat_ws(', ',
          c.query || ': ' || pg_catalog.left(pg_catalog.split_part(c.error, E'\n', 1), 200),
          c.query || ': scans ' || nullif(pg_catalog.cardinality(c.outside), 0)
            || ' partitions outside of its window, such as ' || c.outside[1],
          c.query || ': reads all of ' || c.seq_scans[1]
            || coalesce(' and ' || nullif(pg_catalog.cardinality(c.seq_scans) - 1, 0) || ' more', '')
        ), '; ' order by c.query
      ) filter (where not c.ok and c.nth <= 3)
        || coalesce(' and ' || nullif(greatest(count(*) filter (where not c.ok) - 3, 0), 0) || ' more', ''),
      pg_catalog.format('%s plans are as they should be', count(*))
    )
  from checked as c;
$$;

comment on function tracegram.measure_plan(timestamptz) is
  'Queries that the last plan check has found something wrong with. Names the first three.';
revoke all on function tracegram.measure_plan(timestamptz) from public, anon, authenticated, service_role;
