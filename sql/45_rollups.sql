-- 45_rollups.sql — counts, durations, tokens and cost per pipeline and step, by five minutes, hour and day.
--
-- Written by  tracegram.fold_batches (47_fold.sql), nothing else
-- Read by     the 5x_*.sql files and the alerts, through tracegram.rollup_rows (48_read_rollups.sql)
-- Dropped by  tracegram.purge_rollups (90_jobs.sql)
--
-- A trace is counted once, when it has ended: the ingest leaves its id in tracegram.batches, and the fold takes the batch away
-- and adds the trace in one transaction. So ingests share no row, late traces and replays need no thought, and a reader who
-- adds the batches that wait to the rollups sees exactly what has been stored.

create table tracegram.rollups (
  level            text not null check (level in ('5m', '1h', '1d')),
  bucket           timestamptz(0) not null,
  pipeline         text not null,
  step             text not null,
  count            bigint not null,
  errors           bigint not null,
  duration_ms      bigint not null,
  durations        tracegram.histogram not null,
  input_tokens     bigint,
  cached_tokens    bigint,
  output_tokens    bigint,
  reasoning_tokens bigint,
  cost_microusd    bigint,
  unpriced         bigint not null,
  large            bigint not null,
  orphans          bigint not null,
  stepless         bigint not null,
  primary key (level, bucket, pipeline, step)
);
create index rollups_runs on tracegram.rollups (level, bucket) where step = '';
comment on index tracegram.rollups_runs is 'Whole runs: the counts of pages, rates, spend.';
alter table tracegram.rollups enable row level security;

comment on table tracegram.rollups is
  'What has ended, per pipeline and step: by five minutes for 50 hours (whole runs: 31 days), by hour for 62 days, by day for 400 days.';
comment on column tracegram.rollups.level is '5m, 1h or 1d: each trace is counted in one row of each.';
comment on column tracegram.rollups.bucket is 'Start of the five minutes, hour or day, UTC.';
comment on column tracegram.rollups.pipeline is 'Pipeline. Empty: Tracegram itself (step ingest: calls of ingest_traces, their errors: calls with a refused trace).';
comment on column tracegram.rollups.step is 'Step. Empty: whole runs.';
comment on column tracegram.rollups.count is 'Runs or steps that have ended, ok or error.';
comment on column tracegram.rollups.errors is 'Those that failed.';
comment on column tracegram.rollups.duration_ms is 'Sum of their durations in milliseconds, at most 9e18.';
comment on column tracegram.rollups.durations is 'Their durations.';
comment on column tracegram.rollups.input_tokens is 'Tokens of LLM requests. Null when none is known.';
comment on column tracegram.rollups.cached_tokens is 'Those of input_tokens that came from a cache.';
comment on column tracegram.rollups.output_tokens is 'Tokens of LLM responses. Null when none is known.';
comment on column tracegram.rollups.reasoning_tokens is 'Those of output_tokens that were reasoning.';
comment on column tracegram.rollups.cost_microusd is 'Known cost in micro-dollars. Null when none is known.';
comment on column tracegram.rollups.unpriced is 'LLM calls whose cost is not known.';
comment on column tracegram.rollups.large is 'Whole runs: rows over 5 kB.';
comment on column tracegram.rollups.orphans is 'Steps whose parent does not exist; of whole runs, the runs that have one.';
comment on column tracegram.rollups.stepless is 'Whole runs: those without a step.';

create table tracegram.error_rollups (
  level    text not null check (level in ('5m', '1h', '1d')),
  bucket   timestamptz(0) not null,
  pipeline text not null,
  step     text not null,
  kind     text not null,
  count    bigint not null,
  example  uuid not null,
  primary key (level, bucket, pipeline, step, kind)
);
alter table tracegram.error_rollups enable row level security;

comment on table tracegram.error_rollups is 'Failed runs by kind of error, kept as the rollups are.';
comment on column tracegram.error_rollups.level is '5m, 1h or 1d: each failed run is counted in one row of each.';
comment on column tracegram.error_rollups.bucket is 'Start of the five minutes, hour or day, UTC.';
comment on column tracegram.error_rollups.pipeline is 'Pipeline.';
comment on column tracegram.error_rollups.step is 'Innermost step that failed. Empty: none did.';
comment on column tracegram.error_rollups.kind is 'The error without what differs from one to the next, see tracegram.error_kind.';
comment on column tracegram.error_rollups.count is 'Runs.';
comment on column tracegram.error_rollups.example is 'The newest of them.';

create table tracegram.rollup_names (
  pipeline text not null,
  step     text not null,
  seen_on  date not null,
  primary key (pipeline, step)
);
alter table tracegram.rollup_names enable row level security;

comment on table tracegram.rollup_names is
  'Names that rollups are kept of: at most 100 pipelines and 1,000 in all. A bot that puts ids into names fills no disk: the rest is (other).';
comment on column tracegram.rollup_names.pipeline is 'Pipeline.';
comment on column tracegram.rollup_names.step is 'Step. Empty: whole runs.';
comment on column tracegram.rollup_names.seen_on is 'The last day that it was folded. Given up after 30 days.';

create function tracegram.purge_rollups(p_now timestamptz default now())
  returns void
  language sql
  set search_path = pg_catalog, pg_temp
as $$
  delete from tracegram.rollups where level = '5m' and step <> '' and bucket < p_now - interval '51 hours';
  -- Whole runs as long as most traces are kept: pages are counted by them.
  delete from tracegram.rollups where level = '5m' and bucket < p_now - interval '32 days';
  delete from tracegram.rollups where level = '1h' and bucket < p_now - interval '63 days';
  delete from tracegram.rollups where level = '1d' and bucket < p_now - interval '400 days';
  delete from tracegram.rollup_names where seen_on < (p_now at time zone 'UTC')::date - 30;
  delete from tracegram.error_rollups where level = '5m' and bucket < p_now - interval '51 hours';
  delete from tracegram.error_rollups where level = '1h' and bucket < p_now - interval '63 days';
  delete from tracegram.error_rollups where level = '1d' and bucket < p_now - interval '400 days';
$$;

comment on function tracegram.purge_rollups(timestamptz) is
  'Deletes rollups that a coarser level replaces: five minutes after 51 hours (whole runs: 32 days), hours after 63 days, and days after 400.';
revoke all on function tracegram.purge_rollups(timestamptz) from public, anon, authenticated, service_role;
