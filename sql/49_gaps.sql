-- 49_gaps.sql — what is missing: announced traces that never ended, steps without their parent, steps nobody has named, and
-- what senders have dropped.
--
-- Written by  public.define_steps, tracegram.note_gaps (the fold, 47_fold.sql), tracegram.mark_lost (90_jobs.sql)
-- Read by     public.trace_gaps
-- Dropped by  tracegram.purge_gaps (90_jobs.sql)

create table tracegram.step_names (
  name  text primary key check (pg_catalog.length(name) between 1 and 100),
  label text
);
alter table tracegram.step_names enable row level security;

comment on table tracegram.step_names is 'The bot''s table of steps. Empty: not known, and then no step is unknown.';
comment on column tracegram.step_names.name is 'Name, such as llm.generate.';
comment on column tracegram.step_names.label is 'What users read while it runs.';

create function public.define_steps(p_steps jsonb)
  returns integer
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_count integer;
begin
  if pg_catalog.jsonb_typeof(p_steps) is distinct from 'object'
    or exists (
      select from pg_catalog.jsonb_each(p_steps) as s
      where pg_catalog.length(s.key) not between 1 and 100 or pg_catalog.jsonb_typeof(s.value) not in ('string', 'null')
    )
  then
    raise exception sqlstate 'TG021' using
      message = 'the steps are not an object of names and labels',
      hint    = 'Such as {"llm.generate": "Writing the answer…", "db.orders": null}.';
  end if;
  delete from tracegram.step_names where not p_steps ? name;
  insert into tracegram.step_names as s (name, label)
  select d.key, d.value from pg_catalog.jsonb_each_text(p_steps) as d
  order by d.key
  on conflict (name) do update set label = excluded.label;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;

comment on function public.define_steps(jsonb) is
$doc$Says which steps the bot has, so that trace_gaps can tell the ones it has not. Replaces what was said before.

p_steps  {name: label}, the bot's table of steps as the tracer's defineSteps takes it. {} forgets it.

Returns how many there are.

TG021  not an object of names and labels  (nothing was changed)$doc$;
revoke all on function public.define_steps(jsonb) from public, anon, authenticated;
grant execute on function public.define_steps(jsonb) to service_role;

create table tracegram.gaps (
  gap_id     bigint generated always as identity primary key,
  gap        text not null check (gap in ('orphan_step', 'no_steps', 'lost')),
  trace_id   uuid not null,
  started_at timestamptz(3) not null,
  pipeline   text not null,
  detail     text not null
);
create index gaps_newest on tracegram.gaps (gap, started_at);
comment on index tracegram.gaps_newest is 'trace_gaps: the newest of each kind.';
alter table tracegram.gaps enable row level security;

comment on table tracegram.gaps is 'Traces that are not whole, a few of each kind as examples; the rollups have the counts. Kept as long as traces.';
comment on column tracegram.gaps.gap_id is 'In order of their finding.';
comment on column tracegram.gaps.gap is 'orphan_step (its parent does not exist), no_steps, or lost (announced, not ended in time).';
comment on column tracegram.gaps.trace_id is 'The trace.';
comment on column tracegram.gaps.started_at is 'Its start.';
comment on column tracegram.gaps.pipeline is 'Its pipeline.';
comment on column tracegram.gaps.detail is 'Which step, or how long it has been missing.';

create function tracegram.note_gaps(p_traces tracegram.pipeline_traces[])
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  insert into tracegram.gaps (gap, trace_id, started_at, pipeline, detail)
  (
    select distinct on (t.trace_id)
      'orphan_step', t.trace_id, t.started_at, t.pipeline,
      pg_catalog.format('step %s, %s: there is no step %s before it', s.ordinality, s.name, s.parent)
    from pg_catalog.unnest(p_traces) as t
    cross join lateral pg_catalog.unnest(t.steps) with ordinality as s
    where s.parent not between 1 and s.ordinality - 1
    order by t.trace_id desc, s.ordinality
    limit 10
  )
  union all
  (
    select 'no_steps', t.trace_id, t.started_at, t.pipeline, 'it has no steps'
    from pg_catalog.unnest(p_traces) as t
    where pg_catalog.cardinality(t.steps) = 0
    order by t.trace_id desc
    limit 10
  );
$$;

comment on function tracegram.note_gaps(tracegram.pipeline_traces[]) is 'Notes ten traces of each kind that are not whole.';
revoke all on function tracegram.note_gaps(tracegram.pipeline_traces[]) from public, anon, authenticated, service_role;

create function tracegram.mark_lost(p_now timestamptz default now())
  returns integer
  language plpgsql
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_settings constant tracegram.settings := tracegram.settings();
  v_lost     integer;
begin
  with late as (
    select u.started_at, u.trace_id
    from tracegram.unended as u
    where u.status = 'running'
      and u.started_at >= v_settings.traces_from and u.started_at < p_now - v_settings.lost_after
    -- One whose end is coming in just now is not lost.
    for update skip locked
  ),
  marked as (
    update tracegram.unended as u
    set status = 'lost'
    from late as l
    where u.started_at = l.started_at and u.trace_id = l.trace_id
  ),
  lost as (
    update tracegram.pipeline_traces as t
    set status = 'lost'
    from late as l
    where t.started_at = l.started_at and t.trace_id = l.trace_id
    returning t.trace_id, t.started_at, t.pipeline
  ),
  noted as (
    insert into tracegram.gaps (gap, trace_id, started_at, pipeline, detail)
    select 'lost', l.trace_id, l.started_at, l.pipeline,
      pg_catalog.format('announced, and not ended within %s', v_settings.lost_after)
    from lost as l
    order by l.trace_id desc
    limit 100
  )
  select count(*) into v_lost from lost;
  return v_lost;
end;
$$;

comment on function tracegram.mark_lost(timestamptz) is
$doc$Marks announced traces as lost that have not ended within settings.lost_after of their start. Returns how many.

A trace that ends after all is completed as any other.$doc$;
revoke all on function tracegram.mark_lost(timestamptz) from public, anon, authenticated, service_role;

create function public.trace_gaps(p_from timestamptz default null, p_to timestamptz default null)
  returns jsonb
  language plpgsql stable
  security definer -- callers hold no table privileges
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_from constant timestamptz := coalesce(p_from, pg_catalog.now() - interval '24 hours');
  v_to   constant timestamptz := coalesce(p_to, pg_catalog.now() + interval '1 hour');
  v_rows constant tracegram.rollups[] := array(select r from tracegram.rollup_rows(v_from, v_to) as r);
begin
  return (
    select pg_catalog.jsonb_build_object(
      'from', tracegram.iso(v_from),
      'to', tracegram.iso(v_to),
      'orphan_steps', coalesce(pg_catalog.sum(r.orphans) filter (where r.step <> ''), 0),
      'no_steps', coalesce(pg_catalog.sum(r.stepless), 0)
    )
    from pg_catalog.unnest(v_rows) as r
  ) || (
    select pg_catalog.jsonb_build_object(
      'lost', count(*) filter (where t.status = 'lost'),
      'running', count(*) filter (where t.status = 'running')
    )
    from tracegram.unended as t
    where t.started_at >= v_from and t.started_at < v_to
  ) || pg_catalog.jsonb_build_object(
    'dropped', tracegram.dropped_summary(v_from, v_to),
    'unknown_steps', (
      select coalesce(pg_catalog.jsonb_agg(pg_catalog.to_jsonb(u) order by u.count desc, u.pipeline, u.step), '[]')
      from (
        select r.pipeline, r.step, pg_catalog.sum(r.count) as count
        from pg_catalog.unnest(v_rows) as r
        where r.step <> '' and r.pipeline <> '' and exists (select from tracegram.step_names)
          and not exists (select from tracegram.step_names as n where n.name = r.step)
          -- Those that the tracer names itself: calls to Telegram, HTTP, Supabase, and what the LLM clients do.
          and r.step !~ '^(tg|http|db|storage|fn)\.|^auth$|^llm\.(chat|responses|embeddings|retry)$'
        group by r.pipeline, r.step
        order by 3 desc, 1, 2
        limit 50
      ) as u
    ),
    'examples', (
      select coalesce(pg_catalog.jsonb_agg(
        pg_catalog.jsonb_build_object(
          'gap', e.gap, 'trace_id', e.trace_id, 'started_at', tracegram.iso(e.started_at), 'pipeline', e.pipeline, 'detail', e.detail
        ) order by e.started_at desc, e.gap_id desc
      ), '[]')
      from (
        select g.*, pg_catalog.row_number() over (partition by g.gap order by g.started_at desc, g.gap_id desc) as place
        from tracegram.gaps as g
        where g.started_at >= v_from and g.started_at < v_to
      ) as e
      -- One that has ended after all is lost no longer.
      where e.place <= 10 and case e.gap
        when 'lost' then (
          select t.status = 'lost'
          from tracegram.pipeline_traces as t
          where t.started_at = e.started_at and t.trace_id = e.trace_id
        )
        else true
      end
    )
  );
end;
$$;

comment on function public.trace_gaps(timestamptz, timestamptz) is
$doc$What is missing in a window: one call serves one screen.

p_from, p_to  started_at is in [p_from, p_to); null: the last 24 hours. Counts of what has ended are by whole five minutes, or
              hours beyond 25 hours ago.

Returns {from, to, orphan_steps, no_steps, lost, running, unknown_steps: [{pipeline, step, count}], dropped: {records, reasons:
[{reason, records}], senders: [{sender, key, records, reasons, first_seen_at, last_seen_at}]}, examples: [{gap, trace_id,
started_at, pipeline, detail}]}:

the counts are exact. Steps that the tracer names itself (tg.*, http.*, db.*, llm.retry …) are never unknown.
dropped   what senders say they could not send, of those that reported more of it in the window: all since they started. The ten
          senders are those of the newest such reports.
examples  the newest ten of orphan_step, no_steps and lost, less those that were completed since.$doc$;
revoke all on function public.trace_gaps(timestamptz, timestamptz) from public, anon, authenticated;
grant execute on function public.trace_gaps(timestamptz, timestamptz) to service_role;

create function tracegram.purge_gaps(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.gaps where started_at < (tracegram.settings()).traces_from;
  delete from tracegram.unended where started_at < (tracegram.settings()).traces_from;
  -- They are examples: of each kind the newest thousand.
  delete from tracegram.gaps as g
  using (select gap_id, pg_catalog.row_number() over (partition by gap order by started_at desc) as place from tracegram.gaps) as p
  where p.gap_id = g.gap_id and p.place > 1000;
$$;

comment on function tracegram.purge_gaps(timestamptz) is 'Deletes gaps of traces that are gone, and all but the newest thousand of each kind.';
revoke all on function tracegram.purge_gaps(timestamptz) from public, anon, authenticated, service_role;
