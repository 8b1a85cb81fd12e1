-- 21_trace_io.sql — full prompts and responses of captured steps.
--
-- Written by  tracegram.store_io (42_store_io.sql), nothing else
-- Read by     public.get_trace (which steps have I/O), public.get_trace_io
-- Dropped by  tracegram.retain, a day at a time (70_retention.sql)
--
-- Apart from the traces because it is most of the bytes, is read least, and is dropped first.

create table tracegram.trace_io (
  started_at     timestamptz(3) not null,
  trace_id       uuid not null,
  step           smallint not null check (step > 0),
  request_chars  integer check (request_chars >= 0),
  response_chars integer check (response_chars >= 0),
  request        text,
  response       text,
  -- Makes a retried batch idempotent, and finds the I/O of a trace by its id.
  primary key (started_at, trace_id, step)
) partition by range (started_at);

create index trace_io_started_at_brin on tracegram.trace_io using brin (started_at);
comment on index tracegram.trace_io_started_at_brin is '"What was captured between these two times": ad-hoc SQL and reports.';

alter table tracegram.trace_io alter column request set compression lz4;
alter table tracegram.trace_io alter column response set compression lz4;
alter table tracegram.trace_io enable row level security;

comment on table tracegram.trace_io is 'Requests and responses of captured steps, partitioned by UTC day, kept settings.io_days.';
comment on column tracegram.trace_io.started_at is 'Start of the trace. Partition key.';
comment on column tracegram.trace_io.trace_id is 'The trace.';
comment on column tracegram.trace_io.step is 'Position of the step in the trace, counted from 1.';
comment on column tracegram.trace_io.request_chars is 'Length of the request in characters before it was cut. Null without a request.';
comment on column tracegram.trace_io.response_chars is 'Length of the response in characters before it was cut. Null without a response.';
comment on column tracegram.trace_io.request is 'What was sent, cut to 65,536 characters.';
comment on column tracegram.trace_io.response is 'What came back, cut to 65,536 characters.';
