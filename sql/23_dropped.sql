-- 23_dropped.sql — what senders had to drop, by their own account.
--
-- Written by  tracegram.note_dropped (43_ingest.sql calls it for a WireReport)
-- Read by     public.trace_gaps (49_gaps.sql), tracegram.measure_dropped (81_alert_measures.sql)
-- Dropped by  tracegram.purge_dropped (90_jobs.sql calls it), and tracegram.note_dropped, the oldest senders of a key
--
-- A sender reports totals since it started. The greater of two is the later one, so a report that comes twice changes nothing,
-- nor do two that come in the wrong order.

create table tracegram.dropped (
  -- No foreign key: its lock on the key would make a rotation and an ingest wait for each other.
  key_id          smallint not null,
  sender          uuid not null,
  reason          text not null,
  records         bigint not null,
  first_seen_at   timestamptz(3) not null,
  last_seen_at    timestamptz(3) not null,
  grew_at         timestamptz(3) not null,
  hour_began      bigint not null,
  last_hour_began bigint not null,
  primary key (key_id, sender, reason)
);
alter table tracegram.dropped enable row level security;

comment on table tracegram.dropped is
  'How many records senders have dropped, by reason. Of each key the thousand senders that were heard last, each kept as long as traces.';
comment on column tracegram.dropped.key_id is 'Ingest key that the report came with.';
comment on column tracegram.dropped.sender is 'The sender''s process.';
comment on column tracegram.dropped.reason is 'Why, in the sender''s words, such as queue_full. At most 20 of a sender.';
comment on column tracegram.dropped.records is 'How many, since it started.';
comment on column tracegram.dropped.first_seen_at is 'When that was first reported.';
comment on column tracegram.dropped.last_seen_at is 'When it was last reported, as the same number or a greater one.';
comment on column tracegram.dropped.grew_at is 'When it was last reported as a greater number.';
comment on column tracegram.dropped.hour_began is 'How many it was when the hour of grew_at began (UTC).';
comment on column tracegram.dropped.last_hour_began is 'How many it was when the hour before that began.';

create function tracegram.note_dropped(p_key_id smallint, p_report jsonb, p_now timestamptz)
  returns void
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  c_reasons constant integer := 20;
  c_senders constant integer := 1000;
  v_hour    constant timestamptz := pg_catalog.date_trunc('hour', p_now, 'UTC');
  v_sender  uuid;
  v_known   text[];
begin
  if not coalesce(pg_catalog.pg_input_is_valid(p_report ->> 'sender', 'uuid'), false)
    or pg_catalog.jsonb_typeof(p_report -> 'dropped') is distinct from 'object'
  then
    return;
  end if;
  v_sender := (p_report ->> 'sender')::uuid;
  v_known := array(select d.reason from tracegram.dropped as d where d.key_id = p_key_id and d.sender = v_sender);

  insert into tracegram.dropped as d (
    key_id, sender, reason, records, first_seen_at, last_seen_at, grew_at, hour_began, last_hour_began
  )
  select p_key_id, v_sender, e.reason, e.records, p_now, p_now, p_now, 0, 0
  from (
    select
      r.key as reason, r.value::bigint as records,
      pg_catalog.row_number() over (partition by r.key = any (v_known) order by r.value desc, r.key) as place
    from (
      select
        j.key,
        case
          when pg_catalog.jsonb_typeof(j.value) = 'number' and j.value::numeric between 1 and 9007199254740991
          then pg_catalog.trunc(j.value::numeric)
        end as value
      from pg_catalog.jsonb_each(p_report -> 'dropped') as j
      where pg_catalog.length(j.key) between 1 and 40
    ) as r
    where r.value is not null
  ) as e
  where e.reason = any (v_known) or e.place <= c_reasons - pg_catalog.cardinality(v_known)
  -- The same order in every report: two of one sender wait for each other and never deadlock.
  order by e.reason
  on conflict (key_id, sender, reason) do update set
    records = greatest(d.records, excluded.records),
    last_seen_at = greatest(d.last_seen_at, p_now),
    grew_at = case when excluded.records > d.records then greatest(d.grew_at, p_now) else d.grew_at end,
    hour_began = case when excluded.records > d.records and v_hour > d.grew_at then d.records else d.hour_began end,
    last_hour_began = case
      when excluded.records <= d.records or v_hour <= d.grew_at then d.last_hour_began
      when v_hour - interval '1 hour' > d.grew_at then d.records
      else d.hour_began
    end;

  if pg_catalog.cardinality(v_known) = 0 then
    -- A sender that we have not heard of. Rows that somebody is at are not waited for: it is not the oldest, or goes next time.
    with oldest as (
      select o.sender
      from tracegram.dropped as o
      where o.key_id = p_key_id
      group by o.sender
      order by max(o.last_seen_at) desc, o.sender = v_sender desc
      offset c_senders
    ),
    free as (
      select f.sender, f.reason
      from tracegram.dropped as f
      where f.key_id = p_key_id and f.sender in (select o.sender from oldest as o)
      for update skip locked
    )
    delete from tracegram.dropped as d
    using free as f
    where d.key_id = p_key_id and d.sender = f.sender and d.reason = f.reason;
  end if;
end;
$$;

comment on function tracegram.note_dropped(smallint, jsonb, timestamptz) is
$doc$Notes what the sender of a batch says it has dropped; p_report is a WireReport of tracer/wire.ts.

What makes no sense is left out, for it must not cost the traces that came with it: all of it when sender is no uuid; a reason of over
40 characters, or a number that is none, below 1 or over 2^53 - 1; and of over 20 reasons those with the least.

Called last in an ingest: only batches of the same sender wait for each other here.$doc$;
revoke all on function tracegram.note_dropped(smallint, jsonb, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.dropped_summary(p_from timestamptz, p_to timestamptz)
  returns jsonb
  language plpgsql stable
  set search_path = pg_catalog, pg_temp
as $$
begin
  return (with losses as (
    select d.* from tracegram.dropped as d where d.grew_at >= p_from and d.grew_at < p_to
  )
  select pg_catalog.jsonb_build_object(
    'records', (select coalesce(sum(l.records), 0) from losses as l),
    'reasons', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(r) order by r.records desc, r.reason), '[]')
      from (
        select l.reason, sum(l.records) as records from losses as l group by l.reason order by 2 desc, 1 limit 50
      ) as r
    ),
    'senders', (
      select coalesce(pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'sender', s.sender, 'key', k.name, 'records', s.records, 'reasons', s.reasons,
          'first_seen_at', tracegram.iso(s.first_seen_at), 'last_seen_at', tracegram.iso(s.last_seen_at)
        ) order by s.grew_at desc, s.sender
      ), '[]')
      from (
        select
          l.key_id, l.sender, sum(l.records) as records, pg_catalog.jsonb_object_agg(l.reason, l.records) as reasons,
          min(l.first_seen_at) as first_seen_at, max(l.last_seen_at) as last_seen_at, max(l.grew_at) as grew_at
        from losses as l
        group by l.key_id, l.sender
        order by max(l.grew_at) desc, l.sender
        limit 10
      ) as s
      left join tracegram.ingest_keys as k on k.key_id = s.key_id
    )
  ));
end;
$$;

comment on function tracegram.dropped_summary(timestamptz, timestamptz) is 'The member dropped of trace_gaps.';
revoke all on function tracegram.dropped_summary(timestamptz, timestamptz) from public, anon, authenticated, service_role;

create function tracegram.purge_dropped(p_now timestamptz)
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  with gone as (
    select d.key_id, d.sender, d.reason
    from tracegram.dropped as d
    where d.last_seen_at < (tracegram.settings()).traces_from
    for update skip locked
  )
  delete from tracegram.dropped as d
  using gone as g
  where d.key_id = g.key_id and d.sender = g.sender and d.reason = g.reason;
$$;

comment on function tracegram.purge_dropped(timestamptz) is 'Deletes senders that have not been heard for as long as traces are kept.';
revoke all on function tracegram.purge_dropped(timestamptz) from public, anon, authenticated, service_role;
