/**
 * How long do the statistics of a week take, when thirty days hold ten million traces?
 *
 * `trace_stats` up to now, while the last traces wait for the fold; and the same numbers by aggregates over the documents.
 *
 * @module
 */
import type { Context } from "./context.ts";
import { atMost, inARow, inTurn, median, ms, p95 } from "./measure.ts";

const SIZES = { small: { rounds: 2, row: 5, plainRounds: 2 }, full: { rounds: 10, row: 30, plainRounds: 2 } };

const OURS = "select public.trace_stats(now() - interval '7 days', now())";

const PERCENTILES = `percentile_disc(array[0.5, 0.95, 0.99]) within group (order by (d ->> 'duration_ms')::integer)`;
const runs = (from: string, to: string) => `
  select jsonb_build_object(
    'count', count(*), 'errors', count(*) filter (where doc ->> 'status' = 'error'), 'ms', ${PERCENTILES},
    'tokens', sum((s ->> 'input_tokens')::bigint), 'output', sum((s ->> 'output_tokens')::bigint),
    'cost', sum((s ->> 'cost_microusd')::bigint)
  )
  from bench.plain_traces
  cross join lateral (select doc as d, jsonb_path_query_first(doc, '$.steps[*] ? (exists (@.model))') as s) as x
  where created_at >= now() - interval '${from}' and created_at < now() - interval '${to}'`;
const PLAIN = `
  select jsonb_build_array((${runs("7 days", "0 days")}), (${runs("14 days", "7 days")}), (
    select jsonb_agg(x) from (
      select doc ->> 'pipeline' as pipeline, d ->> 'name' as step, count(*), ${PERCENTILES} as ms
      from bench.plain_traces cross join lateral jsonb_array_elements(doc -> 'steps') as d
      where created_at >= now() - interval '7 days'
      group by 1, 2 order by avg((d ->> 'duration_ms')::integer) desc limit 5
    ) as x
  ), (
    select jsonb_agg(x) from (
      select doc ->> 'pipeline' as pipeline, regexp_replace(doc ->> 'error', '\\d+', '#', 'g') as kind, count(*)
      from bench.plain_traces
      where created_at >= now() - interval '7 days' and doc ->> 'status' = 'error'
      group by 1, 2 order by 3 desc limit 10
    ) as x
  ))`;

export async function stats({ size, datasets, progress, report }: Context): Promise<void> {
  const { few, many } = await datasets();
  const [fewDb, manyDb] = [await few.cluster.connect(), await many.cluster.connect()];
  const { rounds, row, plainRounds } = SIZES[size];
  const times = { few: [] as number[], many: [] as number[], plain: [] as number[] };
  for (const db of [fewDb, manyDb]) await ms(db, OURS);
  for (let round = 0; round < rounds; round++) {
    progress("a week", round / rounds);
    await inTurn(round, [
      () => inARow(row, async () => times.few.push(await ms(fewDb, OURS))),
      () => inARow(row, async () => times.many.push(await ms(manyDb, OURS))),
    ]);
    if (round % (rounds / plainRounds) === 0) times.plain.push(await ms(manyDb, PLAIN));
  }
  const measured = { case: `a week of ${many.traces.toLocaleString("en")}`, unit: "ms", value: p95(times.many) };
  report({ ...measured, metric: "p95 in the database", bar: atMost(15) });
  report({ ...measured, metric: `p95, against that of ${few.traces.toLocaleString("en")}`, against: p95(times.few) });
  report({ ...measured, metric: "p95, against the plain design's median", against: median(times.plain) });
}
