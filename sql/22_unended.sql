-- 22_unended.sql — the traces that were announced and have not ended.
--
-- Written by  tracegram.store_traces, tracegram.complete_traces (42_store_traces.sql), tracegram.mark_lost (49_gaps.sql)
-- Read by     whoever counts them: the rollups have what has ended
-- Dropped by  tracegram.purge_gaps (90_jobs.sql)
--
-- They are in pipeline_traces as well. Here they are counted without a look into every day.

create table tracegram.unended (
  started_at timestamptz(3) not null,
  trace_id   uuid not null,
  pipeline   text not null,
  status     text not null check (status in ('running', 'lost')),
  primary key (started_at, trace_id)
);
alter table tracegram.unended enable row level security;

comment on table tracegram.unended is 'Traces that were announced and have not ended: running or lost. As in pipeline_traces, and kept as long.';
comment on column tracegram.unended.started_at is 'Start of the trace.';
comment on column tracegram.unended.trace_id is 'The trace.';
comment on column tracegram.unended.pipeline is 'Its pipeline.';
comment on column tracegram.unended.status is 'running, or lost: not ended in time.';
