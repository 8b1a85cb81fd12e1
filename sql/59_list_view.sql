-- 59_list_view.sql — a list as a screen shows it: its filter is kept under a short id, for a button has room for no more.
--
-- Written by  public.list_view
-- Read by     public.list_view
-- Dropped by  tracegram.purge_filters (90_jobs.sql calls it), 90 days after its last use

create table tracegram.list_filters (
  filter_id text primary key check (filter_id ~ '^[A-Za-z0-9_-]{8}$'),
  filter    jsonb not null,
  used_at   timestamptz(0) not null
);
alter table tracegram.list_filters enable row level security;

comment on table tracegram.list_filters is 'Filters of lists that buttons lead to. Kept 90 days after their last use.';
comment on column tracegram.list_filters.filter_id is
  'Of equal filters the same: the first six bytes of the SHA-256 of the filter''s text, as base64url.';
comment on column tracegram.list_filters.filter is 'ListFilter of functions/_shared/db.ts, without what is no condition.';
comment on column tracegram.list_filters.used_at is 'When it was last used, to the day: reading a list seldom writes.';

create function tracegram.check_filter(p_filter jsonb, p_nulls boolean)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong text;
begin
  if pg_catalog.jsonb_typeof(p_filter) is distinct from 'object' then
    raise exception sqlstate 'TG055' using
      message = 'the filter is not an object', hint = 'Such as {"status": "error", "hours": 24}.';
  end if;
  select pg_catalog.format('%s: %s', pg_catalog.left(f.key, 40), pg_catalog.left(f.value::text, 80)) into v_wrong
  from (select e.key, e.value, pg_catalog.jsonb_typeof(e.value) as kind, e.value #>> '{}' as word from pg_catalog.jsonb_each(p_filter) as e) as f
  where not (f.kind = 'null' and p_nulls) and not coalesce(case f.key
    when 'order' then f.kind = 'string' and f.word in ('newest', 'slowest', 'dearest')
    when 'status' then f.kind = 'string' and f.word in ('ok', 'error', 'running', 'lost')
    when 'pipeline' then f.kind = 'string' and pg_catalog.length(f.word) between 1 and 200
    when 'release' then f.kind = 'string' and pg_catalog.length(f.word) between 1 and 200
    when 'error' then f.kind = 'string' and pg_catalog.length(f.word) between 1 and 200
    else case f.kind when 'number' then f.word::numeric = pg_catalog.trunc(f.word::numeric) and case f.key
      when 'user_id' then f.word::numeric between -9007199254740991 and 9007199254740991
      when 'chat_id' then f.word::numeric between -9007199254740991 and 9007199254740991
      when 'min_duration_ms' then f.word::numeric between 1 and 2147483647
      when 'hours' then f.word::numeric between 1 and 9600
    end end
  end, false)
  limit 1;
  if v_wrong is not null then
    raise exception sqlstate 'TG055' using
      message = 'a filter cannot have ' || v_wrong,
      hint    = 'It may have order (newest, slowest, dearest), status (ok, error, running, lost), pipeline, release, error (1 to '
        || '200 characters), user_id, chat_id, min_duration_ms and hours (1 to 9600), the last four whole numbers.';
  end if;
end;
$$;

comment on function tracegram.check_filter(jsonb, boolean) is
$doc$Refuses what is no filter.

p_nulls  whether null may take the place of a value.

TG055  it is none$doc$;
revoke all on function tracegram.check_filter(jsonb, boolean) from public, anon, authenticated, service_role;

create function tracegram.keep_filter(p_filter jsonb, p_now timestamptz)
  returns text
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  -- The text of jsonb is the same for equal values.
  v_id constant text := pg_catalog.translate(pg_catalog.encode(
    pg_catalog.substr(pg_catalog.sha256(pg_catalog.convert_to(p_filter::text, 'UTF8')), 1, 6), 'base64'
  ), '+/', '-_');
begin
  if p_filter = '{}' then
    return null;
  end if;
  -- A conflict would lock the row, and write that, each time that a list is read.
  if not exists (
    select from tracegram.list_filters as f where f.filter_id = v_id and f.used_at >= p_now - interval '1 day'
  ) then
    insert into tracegram.list_filters (filter_id, filter, used_at)
    values (v_id, p_filter, p_now)
    on conflict (filter_id) do update set used_at = excluded.used_at;
  end if;
  return v_id;
end;
$$;

comment on function tracegram.keep_filter(jsonb, timestamptz) is
  'Notes that a filter is used. Returns its id; null of the filter that lets everything through.';
revoke all on function tracegram.keep_filter(jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_filters(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.list_filters where used_at < p_now - interval '90 days';
$$;

comment on function tracegram.purge_filters(timestamptz) is 'Deletes filters that have not been used for 90 days.';
revoke all on function tracegram.purge_filters(timestamptz) from public, anon, authenticated, service_role;

create function public.list_view(
  p_filter    jsonb   default null,
  p_filter_id text    default null,
  p_change    jsonb   default null,
  p_cursor    uuid    default null,
  p_direction text    default 'older',
  p_limit     integer default 10
)
  returns jsonb
  language plpgsql
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_now    constant timestamptz := pg_catalog.now();
  v_filter jsonb := p_filter;
  v_id     text;
  v_page   jsonb;
begin
  if p_filter is not null then
    perform tracegram.check_filter(p_filter, true);
  elsif p_filter_id is not null then
    select f.filter into v_filter from tracegram.list_filters as f where f.filter_id = p_filter_id;
  end if;
  if p_change is not null then
    perform tracegram.check_filter(p_change, true);
    v_filter := case when p_change = '{}' then '{}' else coalesce(v_filter, '{}') || p_change end;
  end if;
  -- What is no condition is not kept, so that equal lists have one filter.
  v_filter := pg_catalog.jsonb_strip_nulls(coalesce(v_filter, '{}'));
  if v_filter ->> 'order' = 'newest' then
    v_filter := v_filter - 'order';
  end if;
  v_id := tracegram.keep_filter(v_filter, v_now);

  v_page := public.list_traces(
    p_cursor => p_cursor,
    p_direction => p_direction,
    p_limit => p_limit,
    -- From the start of a bucket, which the rollups count without a look at the traces.
    p_from => pg_catalog.date_bin(
      '5 minutes', v_now - pg_catalog.make_interval(hours => (v_filter ->> 'hours')::integer), '2000-01-01 00:00+00'
    ),
    p_order => coalesce(v_filter ->> 'order', 'newest'),
    p_status => v_filter ->> 'status',
    p_pipeline => v_filter ->> 'pipeline',
    p_user_id => (v_filter ->> 'user_id')::bigint,
    p_chat_id => (v_filter ->> 'chat_id')::bigint,
    p_min_duration_ms => (v_filter ->> 'min_duration_ms')::integer,
    p_release => v_filter ->> 'release',
    p_error => v_filter ->> 'error'
  );
  return v_page || pg_catalog.jsonb_build_object(
    'filter_id', v_id,
    'filter', v_filter,
    'filter_lost', p_filter is null and p_filter_id is not null
      and not exists (select from tracegram.list_filters as f where f.filter_id = p_filter_id)
  );
end;
$$;

comment on function public.list_view(jsonb, text, jsonb, uuid, text, integer) is
$doc$A page of a list under a filter that is kept, so that its id is all that a button must hold: one call serves one screen.

p_filter     ListFilter of functions/_shared/db.ts: {order, status, pipeline, user_id, chat_id, min_duration_ms, release, error,
             hours}; what is left out or null is no condition. hours: the last so many, from whole five minutes.
p_filter_id  without p_filter: the id of one that was used before.
p_change     laid over the filter: its members take the place of the filter's, and null takes one away. {}: takes all away.
p_cursor, p_direction, p_limit   as list_traces has them.

Returns ListView of functions/_shared/db.ts: the page as list_traces returns it, with filter_id (null of the list of all traces),
filter, and filter_lost: p_filter_id is not known, or has not been used for 90 days, and the filter is that of no condition.

TG055  p_filter or p_change is none  (do not retry)
22023  p_direction is none           (do not retry)$doc$;
revoke all on function public.list_view(jsonb, text, jsonb, uuid, text, integer) from public, anon, authenticated;
grant execute on function public.list_view(jsonb, text, jsonb, uuid, text, integer) to service_role;
