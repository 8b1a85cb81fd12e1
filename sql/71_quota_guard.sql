-- 71_quota_guard.sql — a database that nears its quota gives up what is worth least, a little at a time.
--
-- Written by  tracegram.guard_quota (90_jobs.sql, every ten minutes): settings.guard_io_sample_percent, and days through
--             tracegram.expel_days (70_retention.sql)
-- Read by     ingest (the share), public.trace_storage
--
-- A full database refuses every write, the owner's own as well. A database grows smaller only by dropping whole days, so:
--
--   from 80 %   less comes in: the share of traces whose I/O is stored, errors among them, is halved at each run, down to none.
--               Below 65 % it is doubled at each run, back to what the owner has set. In between it stays as it is.
--   from 90 %   as many of the oldest days of I/O go as bring it below that, today's never.
--   from 95 %   and with no I/O left but today's: as many of the oldest days of traces. Yesterday's and today's never.
--
-- A day that is already leaving counts as gone, so that a slow drop is not answered by another. And days go only for a purpose:
-- I/O when all of it that may go brings the database below 90 %, or together with the traces below 95 % when it is over that.
-- Where the owner's own tables fill the database, nothing is dropped in vain, and the log says so, once a day. The share is
-- lowered all the same: that destroys nothing.

create function tracegram.guard_sampling(p_size bigint, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_percent  constant smallint := least(v_settings.io_sample_percent, v_settings.guard_io_sample_percent);
  v_new      smallint := v_settings.guard_io_sample_percent;
begin
  if p_size >= 0.80 * v_settings.quota_bytes and v_new is distinct from 0 then
    v_new := v_percent / 2;
  elsif p_size < 0.65 * v_settings.quota_bytes and v_new is not null then
    v_new := nullif(least(greatest(2 * v_new, 1), v_settings.io_sample_percent), v_settings.io_sample_percent);
  end if;
  if v_new is distinct from v_settings.guard_io_sample_percent then
    update tracegram.settings set guard_io_sample_percent = v_new;
    insert into tracegram.retention_log (noted_at, what, why, bytes, detail)
    values (p_now, 'sampling', 'quota', p_size, case
      when v_new is null then pg_catalog.format(
        'I/O of %s %% of the successful traces and of all errors, as the owner has set', v_settings.io_sample_percent
      )
      else pg_catalog.format('I/O of %s %% of the traces, errors among them, instead of %s %%', v_new, v_percent)
    end);
  end if;
end;
$$;

comment on function tracegram.guard_sampling(bigint, timestamptz) is
  'Lowers the share of I/O that is stored, or raises it again, by one step. p_size is the size of the database.';
revoke all on function tracegram.guard_sampling(bigint, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.guard_quota(p_now timestamptz default now())
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
  set timezone = 'UTC'
as $$
declare
  v_quota  constant numeric := (tracegram.settings()).quota_bytes;
  v_today  constant date := p_now::date;
  v_days   constant tracegram.day_table[] := array(select d from tracegram.day_tables() as d);
  v_may_go constant tracegram.day_table[] := array(
    select d
    from pg_catalog.unnest(v_days) as d
    where d.state = 'attached' and d.leaving is null
      and d.day < v_today - case d.table_name when 'trace_io' then 0 else 1 end
  );
  v_size   bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_io     bigint; -- bytes that may go
  v_traces bigint;
  v_table  text;
  v_below  numeric;
  v_last   date;
begin
  perform tracegram.guard_sampling(v_size, p_now);

  v_size := v_size - (
    select coalesce(pg_catalog.sum(d.bytes), 0) from pg_catalog.unnest(v_days) as d where d.leaving is not null
  );
  select
    coalesce(pg_catalog.sum(d.bytes) filter (where d.table_name = 'trace_io'), 0),
    coalesce(pg_catalog.sum(d.bytes) filter (where d.table_name = 'pipeline_traces'), 0),
    -- Traces only when there is no I/O to go.
    max(d.table_name)
  into v_io, v_traces, v_table
  from pg_catalog.unnest(v_may_go) as d;
  v_below := case v_table when 'trace_io' then 0.90 else 0.95 end * v_quota;

  if v_size < 0.90 * v_quota then
    return;
  end if;
  if v_size - v_io < 0.90 * v_quota
    or v_size >= 0.95 * v_quota and v_size - v_io - v_traces < 0.95 * v_quota
  then
    -- The day with which it is enough; when it is never, all.
    select coalesce(min(d.day) filter (where v_size - d.bytes < v_below), max(d.day)) into v_last
    from (
      select m.day, pg_catalog.sum(m.bytes) over (order by m.day) as bytes
      from pg_catalog.unnest(v_may_go) as m
      where m.table_name = v_table
    ) as d;
    perform tracegram.expel_days(v_table, v_last + 1, 'quota', p_now);
  elsif v_size - v_io - v_traces >= 0.90 * v_quota and not exists (
    select from tracegram.retention_log as l where l.what = 'cannot help' and l.noted_at > p_now - interval '1 day'
  ) then
    insert into tracegram.retention_log (noted_at, what, why, bytes, detail)
    values (p_now, 'cannot help', 'quota', v_size, pg_catalog.format(
      'Of %s the quota is %s, and the days that may go have %s. What else is in this database?',
      pg_catalog.pg_size_pretty(v_size), pg_catalog.pg_size_pretty(v_quota), pg_catalog.pg_size_pretty(v_io + v_traces)
    ));
  end if;
end;
$$;

comment on function tracegram.guard_quota(timestamptz) is
  'Takes the next step against a full database, if one is needed. See the head of 71_quota_guard.sql.';
revoke all on function tracegram.guard_quota(timestamptz) from public, anon, authenticated, service_role;
