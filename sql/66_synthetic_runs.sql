-- 66_synthetic_runs.sql — synthetic tests: what can be run, what was asked for, and what came of it.
--
-- Written by  public.register_scenarios; public.ask_synthetic_run, public.confirm_synthetic_run, public.stop_synthetic_run
--             (67_ask_run.sql, 67_confirm_run.sql); workers (the other files of 67 and 68)
-- Read by     those, public.get_synthetic_run, public.synthetic_overview (69_synthetic_report.sql)
-- Dropped by  tracegram.purge_synthetic (69_synthetic_jobs.sql)
--
-- Whoever changes a run locks tracegram.synthetic_ledger, if money moves, then the run, then the rest: so two of them wait for each
-- other and never deadlock.

create table tracegram.synthetic_scenarios (
  name          text primary key check (length(name) between 1 and 64),
  title         text not null,
  smoke         boolean not null,
  hash          text not null,
  priced        jsonb not null,
  registered_at timestamptz(3) not null
);
alter table tracegram.synthetic_scenarios enable row level security;

comment on table tracegram.synthetic_scenarios is 'The scenarios that the synthetic function had when it last said so.';
comment on column tracegram.synthetic_scenarios.name is 'Name of its file.';
comment on column tracegram.synthetic_scenarios.title is 'What it shows, in a sentence.';
comment on column tracegram.synthetic_scenarios.smoke is 'Whether it is one of the smoke tests.';
comment on column tracegram.synthetic_scenarios.hash is 'Of its file: tells whether two results are of the same scenario.';
comment on column tracegram.synthetic_scenarios.priced is
  'What its recorded tokens cost by the price table: {smoke, release}, each {expected_microusd, worst_microusd} or null.';
comment on column tracegram.synthetic_scenarios.registered_at is 'When it was last different from before.';

create table tracegram.synthetic_runs (
  run_id               uuid primary key default gen_random_uuid(),
  state                text not null default 'asked'
    check (state in ('asked', 'running', 'passed', 'failed', 'stopped', 'out_of_budget', 'abandoned', 'cancelled')),
  tier                 text not null check (tier in ('smoke', 'release')),
  mode                 text not null check (mode in ('live', 'replay', 'missing')),
  scenarios            text[] not null,
  repeat               smallint not null check (repeat between 1 and 100),
  seed                 integer not null check (seed >= 0),
  concurrency          smallint not null check (concurrency between 1 and 16),
  asked_by             bigint,
  asked_at             timestamptz(3) not null,
  confirm_until        timestamptz(3) not null,
  worst_microusd       bigint not null,
  unknown              integer not null,
  chat_id              bigint,
  runner_url           text check (runner_url ~ '^https?://[^\s]+$'),
  token                text,
  started_at           timestamptz(3),
  seen_at              timestamptz(3),
  ended_at             timestamptz(3),
  stopped_by           bigint,
  crossed              text check (crossed in ('cap_run', 'cap_day', 'cap_month')),
  ceiling_microusd     bigint not null default 0 check (ceiling_microusd >= 0),
  spent_microusd       bigint not null default 0 check (spent_microusd >= 0),
  reserved_microusd    bigint not null default 0 check (reserved_microusd >= 0),
  unconfirmed_microusd bigint not null default 0 check (unconfirmed_microusd between 0 and spent_microusd),
  excess_microusd      bigint not null default 0 check (excess_microusd >= 0),
  version              integer not null default 0,
  message_id           bigint,
  message_version      integer not null default 0,
  message_until        timestamptz(3),
  constraint ceiling_holds check (spent_microusd + reserved_microusd <= ceiling_microusd + excess_microusd),
  check ((token is null) = (started_at is null))
);
create index synthetic_runs_started_at on tracegram.synthetic_runs (started_at);
create index synthetic_runs_running on tracegram.synthetic_runs (asked_by) where state = 'running';
comment on index tracegram.synthetic_runs_started_at is 'synthetic_overview, newest first.';
comment on index tracegram.synthetic_runs_running is 'Whether an admin has a run that is going on; all that are, each minute.';
alter table tracegram.synthetic_runs enable row level security;

comment on table tracegram.synthetic_runs is 'Runs of synthetic tests. One that was not confirmed is kept a day, others 400 days.';
comment on column tracegram.synthetic_runs.run_id is 'Its id.';
comment on column tracegram.synthetic_runs.state is
  'asked (waits for its confirmation), cancelled (was not given it), running, or how it ended. abandoned: nobody went on with it.';
comment on column tracegram.synthetic_runs.tier is 'smoke: cheap models. release: the bot''s own.';
comment on column tracegram.synthetic_runs.mode is 'live: paid calls. replay: recordings alone. missing: paid calls where there is no recording.';
comment on column tracegram.synthetic_runs.scenarios is 'Names of what is run.';
comment on column tracegram.synthetic_runs.repeat is 'How often each is.';
comment on column tracegram.synthetic_runs.seed is 'Of their order.';
comment on column tracegram.synthetic_runs.concurrency is 'How many are run at once, by all workers together.';
comment on column tracegram.synthetic_runs.asked_by is 'Telegram''s id of the admin. Null: a terminal, which has the service key.';
comment on column tracegram.synthetic_runs.asked_at is 'When it was asked for.';
comment on column tracegram.synthetic_runs.confirm_until is 'Until when it can be confirmed.';
comment on column tracegram.synthetic_runs.worst_microusd is 'What it would cost at worst, of what is known.';
comment on column tracegram.synthetic_runs.unknown is 'How many scenarios have no estimate.';
comment on column tracegram.synthetic_runs.chat_id is 'Telegram''s id of the chat that is told of it. Null: none.';
comment on column tracegram.synthetic_runs.runner_url is 'Address of the function that runs it. Null: a terminal does.';
comment on column tracegram.synthetic_runs.token is 'Lets a worker work on it. In clear, for it is sent to runner_url. Null: it is not confirmed.';
comment on column tracegram.synthetic_runs.started_at is 'When it was confirmed.';
comment on column tracegram.synthetic_runs.seen_at is 'When a worker was last heard, to about 5 seconds.';
comment on column tracegram.synthetic_runs.ended_at is 'When it ended. Null: it has not.';
comment on column tracegram.synthetic_runs.stopped_by is 'Admin who stopped it.';
comment on column tracegram.synthetic_runs.crossed is 'out_of_budget: the cap that the next call would have crossed.';
comment on column tracegram.synthetic_runs.ceiling_microusd is 'Most that it may spend, as it was confirmed.';
comment on column tracegram.synthetic_runs.spent_microusd is 'What its calls have cost, with what is unconfirmed.';
comment on column tracegram.synthetic_runs.reserved_microusd is 'What is set aside for calls that are under way.';
comment on column tracegram.synthetic_runs.unconfirmed_microusd is
  'Part of what was spent: reserved by calls of which nobody knows what they cost.';
comment on column tracegram.synthetic_runs.excess_microusd is
  'What calls have cost above what was reserved for them: 0, unless the provider billed more than its prices allow.';
comment on column tracegram.synthetic_runs.version is 'Counts up with each change that a report shows.';
comment on column tracegram.synthetic_runs.message_id is 'Telegram''s id of the message about it. Null: none was sent.';
comment on column tracegram.synthetic_runs.message_version is 'The version that the message shows. 0: none.';
comment on column tracegram.synthetic_runs.message_until is 'Until when somebody sends or edits it. Null: nobody.';

create table tracegram.synthetic_results (
  run_id               uuid not null references tracegram.synthetic_runs on delete cascade,
  position             integer not null,
  scenario             text not null,
  repeat               smallint not null,
  state                text not null default 'pending' check (state in ('pending', 'running', 'passed', 'failed', 'stopped')),
  attempts             smallint not null default 0,
  worker               text,
  leased_until         timestamptz(3),
  began_at             timestamptz(3),
  ended_at             timestamptz(3),
  hash                 text,
  failures             jsonb not null default '[]',
  duration_ms          integer,
  calls                integer not null default 0,
  input_tokens         integer not null default 0,
  output_tokens        integer not null default 0,
  cost_microusd        bigint,
  saved_microusd       bigint not null default 0,
  spent_microusd       bigint not null default 0,
  unconfirmed_microusd bigint not null default 0,
  largest_microusd     bigint not null default 0,
  trace_ids            uuid[] not null default '{}',
  drift                jsonb not null default '[]',
  judged               jsonb not null default '[]',
  primary key (run_id, position),
  check ((state = 'running') = (leased_until is not null)),
  check ((state in ('passed', 'failed', 'stopped')) = (ended_at is not null))
);
create index synthetic_results_scenario on tracegram.synthetic_results (scenario, ended_at) where state in ('passed', 'failed');
create index synthetic_results_leased on tracegram.synthetic_results (leased_until) where state = 'running';
comment on index tracegram.synthetic_results_scenario is 'The last results of a scenario: estimates, and what a new one is compared with.';
comment on index tracegram.synthetic_results_leased is 'Leases that have run out, each minute.';
alter table tracegram.synthetic_results enable row level security;

comment on table tracegram.synthetic_results is 'One row for each scenario and repeat of a run, from its confirmation on. Its result is written once.';
comment on column tracegram.synthetic_results.run_id is 'The run.';
comment on column tracegram.synthetic_results.position is 'Place in the order of the run, counted from 1.';
comment on column tracegram.synthetic_results.scenario is 'Name.';
comment on column tracegram.synthetic_results.repeat is 'Which time, counted from 1.';
comment on column tracegram.synthetic_results.state is 'pending: nobody runs it. stopped: it was broken off, and says nothing about the bot.';
comment on column tracegram.synthetic_results.attempts is 'How often it was taken. Only the last to take it can finish it.';
comment on column tracegram.synthetic_results.worker is 'Who has it.';
comment on column tracegram.synthetic_results.leased_until is 'Until when, unless they say that they go on.';
comment on column tracegram.synthetic_results.began_at is 'When it was last taken.';
comment on column tracegram.synthetic_results.ended_at is 'When it had its result.';
comment on column tracegram.synthetic_results.hash is 'Of the scenario''s file. Null: no worker got to an end with it.';
comment on column tracegram.synthetic_results.failures is 'Expectations that are not met: Failure[] of functions/_shared/synthetic_work.ts.';
comment on column tracegram.synthetic_results.duration_ms is 'Milliseconds. Of a replay, as it was recorded.';
comment on column tracegram.synthetic_results.calls is 'LLM calls.';
comment on column tracegram.synthetic_results.input_tokens is 'Tokens of their requests.';
comment on column tracegram.synthetic_results.output_tokens is 'Tokens of their answers.';
comment on column tracegram.synthetic_results.cost_microusd is 'What its calls cost, now or when they were recorded. Null: of one it is not known.';
comment on column tracegram.synthetic_results.saved_microusd is 'What the cache has saved.';
comment on column tracegram.synthetic_results.spent_microusd is 'What was spent on it, over all attempts.';
comment on column tracegram.synthetic_results.unconfirmed_microusd is 'Part of that: calls of which nobody knows what they cost.';
comment on column tracegram.synthetic_results.largest_microusd is 'Most that was reserved for one of its calls, of those whose worst was known.';
comment on column tracegram.synthetic_results.trace_ids is 'Its traces.';
comment on column tracegram.synthetic_results.drift is 'What is different now from what was recorded, a line each.';
comment on column tracegram.synthetic_results.judged is 'Score and reason of each judge.';

create function tracegram.wish_number(p_of jsonb, p_name text)
  returns integer
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_value constant jsonb := p_of -> p_name;
begin
  if coalesce(pg_catalog.jsonb_typeof(v_value), 'null') = 'null' then
    return null;
  end if;
  if pg_catalog.jsonb_typeof(v_value) = 'number' and v_value::numeric between 0 and 2147483647
    and pg_catalog.trunc(v_value::numeric) = v_value::numeric
  then
    return v_value::numeric::integer;
  end if;
  raise exception sqlstate 'TG060' using message = pg_catalog.format(
    '%s is %s, and not a whole number from 0 to 2147483647', p_name, tracegram.cut(v_value::text, 40)
  );
end;
$$;

comment on function tracegram.wish_number(jsonb, text) is
$doc$A whole number of an object; null where it is null or missing.

TG060  it is something else$doc$;
revoke all on function tracegram.wish_number(jsonb, text) from public, anon, authenticated, service_role;

create function tracegram.entry_is_fine(p_entry jsonb)
  returns boolean
  language sql immutable
  set search_path = pg_catalog, pg_temp
as $$
  select coalesce(
    pg_catalog.jsonb_typeof(p_entry) = 'object'
    and pg_catalog.jsonb_typeof(p_entry -> 'name') = 'string' and pg_catalog.length(p_entry ->> 'name') between 1 and 64
    and pg_catalog.jsonb_typeof(p_entry -> 'title') = 'string'
    and pg_catalog.jsonb_typeof(p_entry -> 'smoke') = 'boolean'
    and pg_catalog.jsonb_typeof(p_entry -> 'hash') = 'string' and pg_catalog.length(p_entry ->> 'hash') between 1 and 64
    and pg_catalog.jsonb_typeof(p_entry -> 'priced') = 'object'
    and (
      select pg_catalog.bool_and(
        coalesce(pg_catalog.jsonb_typeof(p.price), 'null') = 'null'
        or tracegram.whole_number(p.price -> 'expected_microusd') is not null
        and tracegram.whole_number(p.price -> 'worst_microusd') is not null
      )
      from (values (p_entry -> 'priced' -> 'smoke'), (p_entry -> 'priced' -> 'release')) as p (price)
    ),
    false
  );
$$;

comment on function tracegram.entry_is_fine(jsonb) is 'Whether it is a ScenarioEntry of functions/_shared/synthetic_answers.ts.';
revoke all on function tracegram.entry_is_fine(jsonb) from public, anon, authenticated, service_role;

create function tracegram.require_entries(p_entries jsonb)
  returns void
  language plpgsql immutable
  set search_path = pg_catalog, pg_temp
as $$
declare
  v_wrong jsonb;
begin
  if pg_catalog.jsonb_typeof(p_entries) is distinct from 'array' then
    raise exception sqlstate 'TG060' using message = 'the scenarios are not an array';
  end if;
  select e into v_wrong from pg_catalog.jsonb_array_elements(p_entries) as e where not tracegram.entry_is_fine(e) limit 1;
  if found then
    raise exception sqlstate 'TG060' using
      message = 'this is no scenario: ' || tracegram.cut(v_wrong::text, 100),
      hint    = 'It has a name, a title, smoke, a hash and priced, as ScenarioEntry in synthetic_answers.ts.';
  end if;
end;
$$;

comment on function tracegram.require_entries(jsonb) is
$doc$Nothing, for an array of ScenarioEntry.

TG060  it is none$doc$;
revoke all on function tracegram.require_entries(jsonb) from public, anon, authenticated, service_role;

create function public.register_scenarios(p_scenarios jsonb)
  returns void
  language plpgsql
  security definer -- the table is in a schema that no API role can enter
  set search_path = pg_catalog, pg_temp
as $$
begin
  perform tracegram.require_entries(p_scenarios);
  -- Two isolates that begin at the same moment say the same.
  lock table tracegram.synthetic_scenarios in share row exclusive mode;
  delete from tracegram.synthetic_scenarios as s
  where not exists (select from pg_catalog.jsonb_array_elements(p_scenarios) as e where e ->> 'name' = s.name);
  insert into tracegram.synthetic_scenarios as s (name, title, smoke, hash, priced, registered_at)
  select distinct on (e ->> 'name')
    e ->> 'name', tracegram.cut(e ->> 'title', 200), (e ->> 'smoke')::boolean, e ->> 'hash', e -> 'priced', pg_catalog.now()
  from pg_catalog.jsonb_array_elements(p_scenarios) as e
  order by e ->> 'name'
  on conflict (name) do update
    set title = excluded.title, smoke = excluded.smoke, hash = excluded.hash, priced = excluded.priced,
      registered_at = excluded.registered_at
    where (s.title, s.smoke, s.hash, s.priced) is distinct from (excluded.title, excluded.smoke, excluded.hash, excluded.priced);
end;
$$;

comment on function public.register_scenarios(jsonb) is
$doc$Says which scenarios the function has. Takes the place of all that was said before.

p_scenarios  an array of ScenarioEntry of functions/_shared/synthetic_answers.ts.

TG060  one of them is none  (nothing was changed)$doc$;
revoke all on function public.register_scenarios(jsonb) from public, anon, authenticated;
grant execute on function public.register_scenarios(jsonb) to service_role;
