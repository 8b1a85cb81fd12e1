-- 66_synthetic_spend.sql — the ledger of synthetic tests: what was spent and is reserved, by call, run and day; caps; estimates.
--
-- Written by  tracegram.begin_llm_call (68_llm_calls.sql), tracegram.book_call (68_book_calls.sql)
-- Read by     those, tracegram.spend_view
-- Dropped by  tracegram.purge_synthetic (69_synthetic_jobs.sql)
--
-- Of each run, each UTC day and each UTC month: spent + reserved never passes the cap. A day's and a month's are sums over all runs,
-- so whoever reserves locks the one row of the ledger first, and sees what all before have done.

create table tracegram.synthetic_ledger (
  only_row          boolean primary key default true check (only_row),
  reserved_microusd bigint not null default 0 check (reserved_microusd >= 0)
);
alter table tracegram.synthetic_ledger enable row level security;
insert into tracegram.synthetic_ledger default values;

comment on table tracegram.synthetic_ledger is 'One row, which whoever reserves money or gives it back has locked.';
comment on column tracegram.synthetic_ledger.only_row is 'True: there is one row.';
comment on column tracegram.synthetic_ledger.reserved_microusd is 'Set aside for calls that are under way, of all runs.';

create table tracegram.synthetic_days (
  day               date primary key,
  spent_microusd    bigint not null default 0 check (spent_microusd >= 0),
  reserved_microusd bigint not null default 0 check (reserved_microusd >= 0)
);
alter table tracegram.synthetic_days enable row level security;

comment on table tracegram.synthetic_days is 'What synthetic tests have cost, by UTC day of the call''s begin. Kept 400 days.';
comment on column tracegram.synthetic_days.day is 'UTC.';
comment on column tracegram.synthetic_days.spent_microusd is 'With what is unconfirmed.';
comment on column tracegram.synthetic_days.reserved_microusd is 'Set aside for calls that are under way.';

create table tracegram.synthetic_calls (
  call_id           bigint generated always as identity primary key,
  run_id            uuid not null,
  position          integer not null,
  attempt           smallint not null,
  key               text not null,
  nth               integer not null,
  model             text not null,
  begin_id          text,
  day               date not null,
  begun_at          timestamptz(3) not null,
  reserved_microusd bigint not null check (reserved_microusd >= 0),
  booked_microusd   bigint check (booked_microusd >= 0),
  confirmed         boolean not null default false,
  settled_at        timestamptz(3),
  status            smallint,
  duration_ms       integer,
  input_tokens      integer,
  output_tokens     integer,
  recorded          jsonb,
  foreign key (run_id, position) references tracegram.synthetic_results on delete cascade,
  check (booked_microusd is not null or not confirmed)
);
create index synthetic_calls_key on tracegram.synthetic_calls (run_id, position, key);
comment on index tracegram.synthetic_calls_key is
  'Answers of a scenario that is taken again, or to equal requests of the run''s others; its calls that are under way; its recordings.';
alter table tracegram.synthetic_calls enable row level security;

comment on table tracegram.synthetic_calls is 'The journal of paid LLM calls of synthetic tests. Kept as long as requests and responses are, settings.io_days.';
comment on column tracegram.synthetic_calls.call_id is 'In the order of their begin.';
comment on column tracegram.synthetic_calls.run_id is 'The run.';
comment on column tracegram.synthetic_calls.position is 'The scenario of it.';
comment on column tracegram.synthetic_calls.attempt is 'The attempt at that which made the call.';
comment on column tracegram.synthetic_calls.key is 'SHA-256 of the normalised request, in hex.';
comment on column tracegram.synthetic_calls.nth is 'Which one of the equal requests of the scenario that were answered, counted from 0.';
comment on column tracegram.synthetic_calls.model is 'The model that was asked.';
comment on column tracegram.synthetic_calls.begin_id is 'Of the request that began it: one that is told again begins no other. Null: it has none.';
comment on column tracegram.synthetic_calls.day is 'UTC day of the begin. It is paid for by that day''s cap, and that month''s.';
comment on column tracegram.synthetic_calls.begun_at is 'When the money for it was set aside.';
comment on column tracegram.synthetic_calls.reserved_microusd is 'How much that was.';
comment on column tracegram.synthetic_calls.booked_microusd is 'What counts as spent for it. Null: it is under way.';
comment on column tracegram.synthetic_calls.confirmed is 'Whether that is what it has cost. Otherwise it is what was reserved.';
comment on column tracegram.synthetic_calls.settled_at is 'When it was booked, the last time.';
comment on column tracegram.synthetic_calls.status is 'HTTP status. 0: none came.';
comment on column tracegram.synthetic_calls.duration_ms is 'Milliseconds.';
comment on column tracegram.synthetic_calls.input_tokens is 'Tokens of the request. Null: not known.';
comment on column tracegram.synthetic_calls.output_tokens is 'Tokens of the answer. Null: not known.';
comment on column tracegram.synthetic_calls.recorded is
  'What was answered, whole and masked: Recorded of functions/_shared/synthetic_work.ts. Null: it was not answered whole.';

create type tracegram.test_spend as (
  today_spent    bigint,
  today_reserved bigint,
  month_spent    bigint,
  month_reserved bigint
);
comment on type tracegram.test_spend is 'What synthetic tests have spent and reserved on a UTC day, and in its month, in micro-dollars.';

create function tracegram.test_spend(p_now timestamptz)
  returns tracegram.test_spend
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select (
    coalesce(pg_catalog.sum(d.spent_microusd) filter (where d.day = t.today), 0)::bigint,
    coalesce(pg_catalog.sum(d.reserved_microusd) filter (where d.day = t.today), 0)::bigint,
    coalesce(pg_catalog.sum(d.spent_microusd), 0)::bigint,
    coalesce(pg_catalog.sum(d.reserved_microusd), 0)::bigint
  )::tracegram.test_spend
  from (select (p_now at time zone 'UTC')::date as today) as t
  left join tracegram.synthetic_days as d
    on d.day >= pg_catalog.date_trunc('month', t.today::timestamp)::date
    and d.day < (pg_catalog.date_trunc('month', t.today::timestamp) + interval '1 month')::date;
$$;

comment on function tracegram.test_spend(timestamptz) is 'What was spent and is reserved on p_now''s day, and in its month, UTC.';
revoke all on function tracegram.test_spend(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.left_of_caps(p_now timestamptz)
  returns bigint
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select greatest(0, least(
    s.synthetic_run_cap_microusd,
    s.synthetic_day_cap_microusd - t.today_spent - t.today_reserved,
    s.synthetic_month_cap_microusd - t.month_spent - t.month_reserved
  ))
  from tracegram.settings as s, tracegram.test_spend(p_now) as t;
$$;

comment on function tracegram.left_of_caps(timestamptz) is 'Most that a new run may spend, in micro-dollars.';
revoke all on function tracegram.left_of_caps(timestamptz) from public, anon, authenticated, service_role;

create function tracegram.spend_view(p_now timestamptz)
  returns jsonb
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select pg_catalog.jsonb_build_object(
    'today_microusd', t.today_spent,
    'month_microusd', t.month_spent,
    'reserved_microusd', l.reserved_microusd,
    'run_cap_microusd', s.synthetic_run_cap_microusd,
    'day_cap_microusd', s.synthetic_day_cap_microusd,
    'month_cap_microusd', s.synthetic_month_cap_microusd
  )
  from tracegram.settings as s, tracegram.synthetic_ledger as l, tracegram.test_spend(p_now) as t;
$$;

comment on function tracegram.spend_view(timestamptz) is 'TestSpend of functions/_shared/synthetic_answers.ts.';
revoke all on function tracegram.spend_view(timestamptz) from public, anon, authenticated, service_role;

create type tracegram.scenario_estimate as (
  name              text,
  expected_microusd bigint,
  worst_microusd    bigint,
  room_microusd     bigint,
  source            text
);
comment on type tracegram.scenario_estimate is
  'What a scenario costs once: null where that is not known. room is the most that one of its calls had reserved; source is history or prices.';

create function tracegram.estimate_scenario(p_entry jsonb, p_tier text)
  returns tracegram.scenario_estimate
  language sql stable
  set search_path = pg_catalog, pg_temp
as $$
  select case when h.n > 0
    then (p_entry ->> 'name', h.expected, h.worst, h.room, 'history')::tracegram.scenario_estimate
    else (
      p_entry ->> 'name', (s.price ->> 'expected_microusd')::numeric::bigint, (s.price ->> 'worst_microusd')::numeric::bigint, 0,
      case when s.price is not null then 'prices' end
    )::tracegram.scenario_estimate
  end
  from (
    select
      count(*) as n,
      pg_catalog.percentile_disc(0.5) within group (order by l.cost_microusd) as expected,
      pg_catalog.percentile_disc(0.95) within group (order by l.cost_microusd) as worst,
      coalesce(pg_catalog.max(l.largest_microusd), 0) as room
    from (
      select r.cost_microusd, r.largest_microusd
      from tracegram.synthetic_results as r
      join tracegram.synthetic_runs as u using (run_id)
      where r.scenario = p_entry ->> 'name' and r.hash = p_entry ->> 'hash' and r.cost_microusd is not null
        and u.tier = p_tier and u.mode = 'live'
        -- One that has failed may have paid for less than it makes: the provider was away.
        and (r.state = 'passed' or r.state = 'failed' and r.cost_microusd > 0)
      order by r.state = 'passed' desc, r.ended_at desc
      limit 20
    ) as l
  ) as h
  cross join (select nullif(p_entry -> 'priced' -> p_tier, 'null') as price) as s;
$$;

comment on function tracegram.estimate_scenario(jsonb, text) is
$doc$What a ScenarioEntry costs once in a tier: the median and the 95th percentile of its last 20 live results, those of the same file and models
that have passed before those that have failed; where there is none, its recorded tokens by the price table.$doc$;
revoke all on function tracegram.estimate_scenario(jsonb, text) from public, anon, authenticated, service_role;
