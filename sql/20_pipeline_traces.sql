-- 20_pipeline_traces.sql — one row per pipeline run, its steps inside the row.
--
-- Written by  tracegram.store_traces (42_store_traces.sql), tracegram.mark_lost (49_gaps.sql)
-- Read by     the 5x_*.sql files
-- Dropped by  tracegram.retain, a day at a time (70_retention.sql)
--
-- Partitioned by UTC day of started_at: pipeline_traces_p20260131 holds [2026-01-31, 2026-02-01). The trace id is a UUIDv7 of
-- the same millisecond, so an id alone finds its partition.

create type tracegram.trace_step as (
  name             text,
  parent           smallint,
  status           text,
  offset_ms        integer,
  duration_ms      integer,
  error            text,
  model            text,
  input_tokens     integer,
  cached_tokens    integer,
  output_tokens    integer,
  reasoning_tokens integer,
  cost_microusd    integer,
  first_token_ms   integer
);

comment on type tracegram.trace_step is 'One step of a trace. Attribute names are the wire''s (tracer/wire.ts).';
comment on column tracegram.trace_step.name is 'Low-cardinality name, such as llm.generate.';
comment on column tracegram.trace_step.parent is 'Position of the enclosing step in the array, counted from 1. Null at the top level.';
comment on column tracegram.trace_step.status is 'error, detached (it was still running, as its author wanted, when the trace was sent), or null: ok. Most steps are, and this is eight bytes of each.';
comment on column tracegram.trace_step.offset_ms is 'Milliseconds from the start of the trace.';
comment on column tracegram.trace_step.duration_ms is 'Milliseconds. Of a detached step, as long as it had run by then.';
comment on column tracegram.trace_step.error is 'What went wrong, at most about 2,000 characters.';
comment on column tracegram.trace_step.model is 'LLM calls: the model that answered.';
comment on column tracegram.trace_step.input_tokens is 'LLM calls: tokens of the request. Null when not known.';
comment on column tracegram.trace_step.cached_tokens is 'LLM calls: those of input_tokens that came from a cache.';
comment on column tracegram.trace_step.output_tokens is 'LLM calls: tokens of the response. Null when not known.';
comment on column tracegram.trace_step.reasoning_tokens is 'LLM calls: those of output_tokens that were reasoning.';
comment on column tracegram.trace_step.cost_microusd is 'LLM calls: price in micro-dollars. Null when not known, never 0 for that.';
comment on column tracegram.trace_step.first_token_ms is 'LLM calls that stream: milliseconds from the start of the step to the first token. Null when not known.';

create table tracegram.pipeline_traces (
  started_at    timestamptz(3) not null,
  chat_id       bigint,
  user_id       bigint,
  cost_microusd bigint,
  update_id     integer,
  message_id    integer,
  duration_ms   integer check (duration_ms >= 0),
  key_id        smallint not null,
  trace_id      uuid not null,
  pipeline      text not null,
  status        text not null check (status in ('ok', 'error', 'running', 'lost')),
  error         text,
  release       text,
  steps         tracegram.trace_step[] not null,
  check ((status in ('running', 'lost')) = (duration_ms is null)),
  -- Makes a retried batch idempotent, finds a trace by id, and reads pages newest first without a sort.
  -- Full pages, for entries come at its end.
  primary key (started_at, trace_id) with (fillfactor = 100)
) partition by range (started_at);

create index pipeline_traces_started_at_brin on tracegram.pipeline_traces using brin (started_at);
create index pipeline_traces_error on tracegram.pipeline_traces (started_at, trace_id) where status = 'error';
create index pipeline_traces_unended on tracegram.pipeline_traces (status, started_at, trace_id) where status in ('running', 'lost');
create index pipeline_traces_user on tracegram.pipeline_traces (user_id);
create index pipeline_traces_chat on tracegram.pipeline_traces (chat_id) where chat_id is not null;
create index pipeline_traces_slowest on tracegram.pipeline_traces (duration_ms);
create index pipeline_traces_dearest on tracegram.pipeline_traces (cost_microusd) where cost_microusd > 0;

comment on index tracegram.pipeline_traces_started_at_brin is
  '"What ran between these two times" over many days, without the key: ad-hoc SQL and reports.';
comment on index tracegram.pipeline_traces_error is 'list_traces of errors.';
comment on index tracegram.pipeline_traces_unended is 'list_traces of what has not ended.';
comment on index tracegram.pipeline_traces_user is 'list_traces of a user, and of a private chat, which has its user''s id.';
comment on index tracegram.pipeline_traces_chat is 'list_traces of a chat that is not private.';
comment on index tracegram.pipeline_traces_slowest is 'list_traces, slowest first. Equal durations share an entry, so it is small.';
comment on index tracegram.pipeline_traces_dearest is 'list_traces, dearest first. Of a bot on free models it is empty.';

alter table tracegram.pipeline_traces alter column steps set compression lz4;
alter table tracegram.pipeline_traces enable row level security;

comment on table tracegram.pipeline_traces is 'Pipeline runs with their steps, partitioned by UTC day, kept settings.trace_days.';
comment on column tracegram.pipeline_traces.started_at is 'Start by the bot''s clock, to the millisecond. Partition key.';
comment on column tracegram.pipeline_traces.update_id is 'Telegram update that started the run.';
comment on column tracegram.pipeline_traces.chat_id is
  'Telegram chat. Null: the private chat of user_id, whose id is the user''s; 0: not known, but the user is.';
comment on column tracegram.pipeline_traces.user_id is 'Telegram user.';
comment on column tracegram.pipeline_traces.message_id is 'Telegram message that the bot answered with, or else the one it answered to.';
comment on column tracegram.pipeline_traces.duration_ms is 'Milliseconds. Null while running, and when lost.';
comment on column tracegram.pipeline_traces.cost_microusd is 'Sum of the steps'' known costs in micro-dollars. Null when none is known.';
comment on column tracegram.pipeline_traces.key_id is 'Ingest key that the trace came with.';
comment on column tracegram.pipeline_traces.trace_id is 'UUIDv7 whose time is started_at.';
comment on column tracegram.pipeline_traces.pipeline is 'Which pipeline ran. At most about 100 characters.';
comment on column tracegram.pipeline_traces.status is 'ok, error, running (announced, has not ended yet), or lost (has not ended in time).';
comment on column tracegram.pipeline_traces.error is 'What went wrong, at most about 2,000 characters.';
comment on column tracegram.pipeline_traces.release is 'Version of the bot.';
comment on column tracegram.pipeline_traces.steps is 'Steps in order of their start.';

create view tracegram.trace_steps with (security_invoker = true) as
select t.trace_id, t.started_at as trace_started_at, s.position, s.name, s.parent, coalesce(s.status, 'ok') as status,
  s.offset_ms, s.duration_ms, s.error, s.model, s.input_tokens, s.cached_tokens, s.output_tokens, s.reasoning_tokens,
  s.cost_microusd, s.first_token_ms
from tracegram.pipeline_traces as t
cross join lateral pg_catalog.unnest(t.steps) with ordinality as s (
  name, parent, status, offset_ms, duration_ms, error, model, input_tokens, cached_tokens, output_tokens, reasoning_tokens,
  cost_microusd, first_token_ms, position
);

comment on view tracegram.trace_steps is 'One row per step, for ad-hoc SQL. Filter on trace_started_at, or every day is read.';
