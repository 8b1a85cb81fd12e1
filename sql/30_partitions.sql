-- 30_partitions.sql — days ahead are made, days behind are dropped.
--
-- pg_partman does both when 90_jobs.sql calls it: seven days ahead always exist, so a bot keeps its place through a week
-- without maintenance.

-- Days are UTC days, whatever time zone the session that runs this migration has.
set timezone = 'UTC';

select partman.create_parent(
  p_parent_table  => 'tracegram.pipeline_traces',
  p_control       => 'started_at',
  p_interval      => '1 day',
  p_premake       => 7,
  -- Without a default partition a trace of a day that is gone is refused, rather than kept where nothing ever drops it.
  p_default_table => false
);
select partman.create_parent(
  p_parent_table  => 'tracegram.trace_io',
  p_control       => 'started_at',
  p_interval      => '1 day',
  p_premake       => 7,
  p_default_table => false
);

update partman.part_config
set
  retention                = case parent_table when 'tracegram.pipeline_traces' then '30 days' else '7 days' end,
  retention_keep_table     = false, -- drop the partition, do not merely detach it
  infinite_time_partitions = true   -- also for a bot that nobody wrote to for a month
where parent_table in ('tracegram.pipeline_traces', 'tracegram.trace_io');

reset timezone;
