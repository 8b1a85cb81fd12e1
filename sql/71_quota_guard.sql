-- 71_quota_guard.sql — a database that nears its quota gives up what is worth least, a little at a time.
--
-- Written by  tracegram.guard_quota (90_jobs.sql, every ten minutes): settings.guard_io_sample_percent, and days through
--             tracegram.expel_days (70_retention.sql)
-- Read by     ingest (the share), public.trace_storage
--
-- A full database refuses every write, the owner's own as well. A database grows smaller only by dropping whole days, so:
--
--   from 80 %   less comes in: the share of successful traces whose I/O is stored is halved at each run, down to none. Below
--               65 % it is doubled at each run, back to what the owner has set. In between it stays as it is.
--   from 90 %   the oldest day of I/O goes, one at each run, today's never.
--   from 95 %   and with no I/O left but today's: the oldest day of traces. Yesterday's and today's never.
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
  if p_size >= 0.80 * v_settings.quota_bytes and v_percent > 0 then
    v_new := v_percent / 2;
  elsif p_size < 0.65 * v_settings.quota_bytes and v_new is not null then
    v_new := nullif(least(greatest(2 * v_new, 1), v_settings.io_sample_percent), v_settings.io_sample_percent);
  end if;
  if v_new is distinct from v_settings.guard_io_sample_percent then
    update tracegram.settings set guard_io_sample_percent = v_new;
    insert into tracegram.retention_log (noted_at, what, why, bytes, detail)
    values (p_now, 'sampling', 'quota', p_size, pg_catalog.format(
      'I/O of %s %% of the successful traces instead of %s %%', coalesce(v_new, v_settings.io_sample_percent), v_percent
    ));
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
  v_quota         constant numeric := (tracegram.settings()).quota_bytes;
  v_today         constant date := p_now::date;
  v_size          bigint := pg_catalog.pg_database_size(pg_catalog.current_database());
  v_io            bigint; -- bytes that may go
  v_traces        bigint;
  v_oldest_io     date;
  v_oldest_traces date;
begin
  perform tracegram.guard_sampling(v_size, p_now);

  select
    v_size - coalesce(pg_catalog.sum(d.bytes) filter (where d.leaving is not null), 0),
    coalesce(pg_catalog.sum(d.bytes) filter (where d.may_go and d.table_name = 'trace_io'), 0),
    coalesce(pg_catalog.sum(d.bytes) filter (where d.may_go and d.table_name = 'pipeline_traces'), 0),
    min(d.day) filter (where d.may_go and d.table_name = 'trace_io'),
    min(d.day) filter (where d.may_go and d.table_name = 'pipeline_traces')
  into v_size, v_io, v_traces, v_oldest_io, v_oldest_traces
  from (
    select
      t.*, t.state = 'attached' and t.leaving is null
        and t.day < v_today - case t.table_name when 'trace_io' then 0 else 1 end as may_go
    from tracegram.day_tables() as t
  ) as d;

  if v_size < 0.90 * v_quota then
    return;
  end if;
  if v_size - v_io < 0.90 * v_quota
    or v_size >= 0.95 * v_quota and v_size - v_io - v_traces < 0.95 * v_quota
  then
    if v_oldest_io is not null then
      perform tracegram.expel_days('trace_io', v_oldest_io + 1, 'quota', p_now);
    else
      perform tracegram.expel_days('pipeline_traces', v_oldest_traces + 1, 'quota', p_now);
    end if;
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
