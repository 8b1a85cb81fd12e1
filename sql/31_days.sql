-- 31_days.sql — which days there are, and what has become of those that were.
--
-- Written by  tracegram.retain (70_retention.sql), tracegram.guard_quota (71_quota_guard.sql)
-- Read by     both, and public.trace_storage (56_trace_storage.sql)
-- Dropped by  tracegram.purge (90_jobs.sql), after 90 days

create table tracegram.retention_log (
  entry_id     bigint generated always as identity primary key,
  noted_at     timestamptz(3) not null,
  what         text not null check (what in ('leaving', 'dropped', 'sampling', 'cannot help')),
  why          text not null check (why in ('expired', 'quota')),
  table_name   text,
  day          date,
  bytes        bigint not null,
  row_estimate bigint,
  detail       text
);
alter table tracegram.retention_log enable row level security;

comment on table tracegram.retention_log is 'What retention and the quota guard have done. Kept 90 days.';
comment on column tracegram.retention_log.entry_id is 'In order.';
comment on column tracegram.retention_log.noted_at is 'When.';
comment on column tracegram.retention_log.what is
  'leaving (the day is refused and will be dropped), dropped, sampling (the share of I/O was changed), or cannot help.';
comment on column tracegram.retention_log.why is 'expired (older than the settings keep), or quota.';
comment on column tracegram.retention_log.table_name is 'Of a day: pipeline_traces or trace_io.';
comment on column tracegram.retention_log.day is 'The day, UTC.';
comment on column tracegram.retention_log.bytes is
  'Of a day: its size with indexes. Otherwise the size of the database.';
comment on column tracegram.retention_log.row_estimate is 'Of a day: its rows, as Postgres estimates them.';
comment on column tracegram.retention_log.detail is 'What was changed, for people.';

create type tracegram.day_table as (
  table_name   text,
  name         text,
  day          date,
  state        text,
  bytes        bigint,
  row_estimate bigint,
  leaving      text
);
comment on type tracegram.day_table is
$doc$A day of pipeline_traces or trace_io (table_name), in the table called name.

state is attached, detaching or detached; leaving is why it will be dropped, or null: it stays. A day that somebody has
detached by hand stays, too.$doc$;

create function tracegram.day_tables()
  returns setof tracegram.day_table
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select
    n.table_name, c.relname, n.day,
    case when i.inhrelid is null then 'detached' when i.inhdetachpending then 'detaching' else 'attached' end,
    -- One that is detaching may be locked for a while.
    coalesce(case when i.inhdetachpending then l.bytes else pg_catalog.pg_total_relation_size(c.oid) end, 0),
    greatest(c.reltuples, 0)::bigint, case when l.what = 'leaving' then l.why end
  from pg_catalog.pg_class as c
  cross join lateral (
    select
      pg_catalog.left(c.relname, -10) as table_name,
      pg_catalog.to_date(pg_catalog.right(c.relname, 8), 'YYYYMMDD') as day
    offset 0 -- only of names that are a day's
  ) as n
  left join pg_catalog.pg_inherits as i on i.inhrelid = c.oid
  left join (
    select distinct on (table_name, day) *
    from tracegram.retention_log
    where day is not null
    order by table_name, day, entry_id desc
  ) as l on l.table_name = n.table_name and l.day = n.day
  where c.relnamespace = 'tracegram'::regnamespace and c.relkind = 'r'
    and c.relname ~ '^(pipeline_traces|trace_io)_p\d{8}$';
$$;

comment on function tracegram.day_tables() is 'All days of traces and of I/O, with their sizes. Opens none of them.';
revoke all on function tracegram.day_tables() from public, anon, authenticated, service_role;
