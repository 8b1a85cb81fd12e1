-- data.sql — what the benchmarks put in: traces as a busy bot's would be, in both designs. Never part of the product.

create schema bench;

create function bench.traces(p_from timestamptz, p_to timestamptz, p_count integer, p_seed integer)
  returns setof tracegram.pipeline_traces
  language plpgsql
as $$
begin
  perform setseed(sin(p_seed));
  return query
  with drawn as materialized (
    select
      date_trunc('milliseconds', p_from + (i - 1 + random()) / p_count * (p_to - p_from))::timestamptz(3) as at,
      1 + (random() > 0.7)::integer + (random() > 0.9)::integer as kind,
      -- A few users write most of the messages.
      1000000000 + 120011 * floor(50000 * random() ^ 3)::bigint as who,
      random() < 0.05 as in_group,
      floor(200000 * random())::integer + 1 as message,
      case when random() < 0.03 then (array[3, 3, 3, 2, 5])[1 + floor(5 * random())::integer] else 0 end as failed,
      1 + (180 * exp(random_normal(0, 0.5)))::integer as d1,
      1 + (12 * exp(random_normal(0, 0.6)))::integer as d2,
      1 + (1800 * exp(random_normal(0, 0.6)))::integer as d3,
      1 + (8 * exp(random_normal(0, 0.6)))::integer as d4,
      1 + (90 * exp(random_normal(0, 0.5)))::integer as d5,
      1 + (900 * exp(random_normal(0, 0.6)))::integer as tokens_in,
      case when random() < 0.4 then 0.6 end as cached,
      1 + (220 * exp(random_normal(0, 0.6)))::integer as tokens_out,
      md5(i::text || random()::text) as random
    from generate_series(1, p_count) as i
  )
  select
    d.at, case when d.in_group then -1001500000000 - d.who % 2003 end, d.who, s.cost,
    (700000000 + s.ms / 100 % 100000000)::integer, d.message, d.d1 + d.d2 + d.d3 + d.d4 + d.d5 + 9, 1::smallint,
    (lpad(to_hex(s.ms), 12, '0') || '7' || left(d.random, 3) || '8' || substr(d.random, 4, 15))::uuid,
    (array['support', 'digest', 'photo'])[d.kind], case when d.failed > 0 then 'error' else 'ok' end, s.error, 'v1.14.2',
    array[
      (s.names[1], null, null, 1, d.d1, null, null, null, null, null, null, null, null),
      (s.names[2], null, case when d.failed = 2 then 'error' end, 2 + d.d1, d.d2, case when d.failed = 2 then s.error end,
        null, null, null, null, null, null, null),
      (s.names[3], null, case when d.failed = 3 then 'error' end, 4 + d.d1 + d.d2, d.d3, case when d.failed = 3 then s.error end,
        'openai/gpt-4o-mini', s.tokens_in, s.tokens_cached, s.tokens_out, null, s.cost, null),
      (s.names[4], null, null, 6 + d.d1 + d.d2 + d.d3, d.d4, null, null, null, null, null, null, null, null),
      (s.names[5], null, case when d.failed = 5 then 'error' end, 7 + d.d1 + d.d2 + d.d3 + d.d4, d.d5,
        case when d.failed = 5 then s.error end, null, null, null, null, null, null, null)
    ]::tracegram.trace_step[]
  from drawn as d
  cross join lateral (
    select
      (1000 * date_part('epoch', d.at))::bigint as ms,
      -- A call that failed has cost nothing.
      case when d.failed <> 3 then d.tokens_in end as tokens_in,
      case when d.failed <> 3 then (d.tokens_in * d.cached)::integer end as tokens_cached,
      case when d.failed <> 3 then d.tokens_out end as tokens_out,
      case when d.failed <> 3 then (0.15 * d.tokens_in + 0.6 * d.tokens_out)::bigint end as cost,
      case d.kind
        when 1 then '{intent.detect,db.history,llm.generate,db.save,telegram.send}'::text[]
        when 2 then '{feed.fetch,feed.rank,llm.summarize,db.save,telegram.send}'::text[]
        else '{telegram.file,image.resize,llm.describe,db.save,telegram.send}'::text[]
      end as names,
      case d.failed
        when 2 then 'canceling statement due to statement timeout'
        when 3 then '429 Rate limit reached for gpt-4o-mini on requests per min (RPM): limit 500, request req_' || left(d.random, 12)
        when 5 then '403: Forbidden: bot was blocked by the user'
      end as error
    offset 0 -- once
  ) as s
  -- As they arrive: when they have ended.
  order by d.at + make_interval(secs => (d.d1 + d.d2 + d.d3 + d.d4 + d.d5) / 1000.0);
end;
$$;

comment on function bench.traces(timestamptz, timestamptz, integer, integer) is
$doc$p_count traces of [p_from, p_to) in the order of their ends: three pipelines of five steps, one of them an LLM call; 3 % fail;
50,000 users of whom a few write most. The same p_seed gives the same traces, but for the time.$doc$;

create function bench.wire(p_trace tracegram.pipeline_traces)
  returns jsonb
  language sql immutable
as $$
  select jsonb_strip_nulls(to_jsonb(p_trace) - '{key_id,cost_microusd}'::text[])
    || jsonb_build_object(
      'started_at', (1000 * date_part('epoch', p_trace.started_at))::bigint,
      'chat_id', coalesce(p_trace.chat_id, p_trace.user_id)
    );
$$;
comment on function bench.wire(tracegram.pipeline_traces) is 'A trace as the tracer sends it.';

create procedure bench.load(p_from timestamptz, p_to timestamptz, p_count integer, p_seed integer, p_batch integer)
  language sql
as $$
  with stored as (
    insert into tracegram.pipeline_traces select * from bench.traces(p_from, p_to, p_count, p_seed)
    returning started_at, duration_ms, trace_id, status
  )
  insert into tracegram.batches (received_at, key_id, traces, rejected, duration_ms, ended, failed)
  select
    max(s.started_at + make_interval(secs => s.duration_ms / 1000.0)), 1, count(*), 0,
    (12 * exp(random_normal(0, 0.3)))::integer, array_agg(s.trace_id),
    coalesce(array_agg(s.trace_id) filter (where s.status = 'error'), '{}')
  from (select *, row_number() over () as n from stored) as s
  group by (s.n - 1) / p_batch;
$$;
comment on procedure bench.load(timestamptz, timestamptz, integer, integer, integer) is
  'Stores what bench.traces makes, as if it had come in batches of p_batch. They wait for the fold.';

create function bench.ms(p_sql text)
  returns double precision
  language plpgsql
as $$
declare
  v_began  constant timestamptz := clock_timestamp();
  v_answer text;
begin
  execute p_sql into v_answer;
  return 1000 * date_part('epoch', clock_timestamp() - v_began);
end;
$$;
comment on function bench.ms(text) is 'Milliseconds that a query takes, by the server''s own clock around it.';

-- The plain design: what people write first ---------------------------------------------------------------------------

create table bench.plain_traces (
  id         uuid primary key default gen_random_uuid(),
  created_at timestamptz not null,
  doc        jsonb not null
);
create index plain_traces_created_at on bench.plain_traces (created_at);

create function bench.plain_ingest(p_batch jsonb)
  returns integer
  language plpgsql
as $$
declare
  v_count integer;
begin
  insert into bench.plain_traces (created_at, doc)
  -- The document is what was sent: its id is the bot's, and the table has one of its own.
  select to_timestamp((d ->> 'started_at')::bigint / 1000.0), d
  from jsonb_array_elements(p_batch) as d;
  get diagnostics v_count = row_count;
  return v_count;
end;
$$;
comment on function bench.plain_ingest(jsonb) is 'Stores a batch as documents.';

create procedure bench.plain_load(p_from timestamptz, p_to timestamptz)
  language sql
as $$
  insert into bench.plain_traces (created_at, doc)
  select t.started_at, bench.wire(t)
  from tracegram.pipeline_traces as t
  where t.started_at >= p_from and t.started_at < p_to
  order by t.started_at;
$$;
comment on procedure bench.plain_load(timestamptz, timestamptz) is 'Stores as documents what is in the traces.';
