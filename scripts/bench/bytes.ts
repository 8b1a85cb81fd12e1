/**
 * How large is a five-step trace?
 *
 * Three days of traces come in through `ingest_traces`, as they would; the plain design gets the same JSON through its own
 * insert. What counts is the tables' files, after a vacuum, as it runs by itself.
 *
 * @module
 */
import type pg from "pg";
import type { Context } from "./context.ts";
import { BATCH, dayBefore, parts, wireBatches } from "./data.ts";
import { atMost, ratioAtMost } from "./measure.ts";

const DAYS = 3;
/** Full: days of ten million traces a month. */
const TRACES = { small: 3_000, full: 1_000_000 };

export async function bytes({ size, clusters, progress, report }: Context): Promise<void> {
  const cluster = await clusters.start();
  const db = await cluster.connect();
  const span = { from: dayBefore(DAYS), to: dayBefore(0), traces: TRACES[size], seed: 1 };
  let stored = 0;
  for (const part of parts(span, 10 * BATCH)) {
    for (const batch of await wireBatches(db, part)) {
      const { rows: [{ answer }] } = await db.query("select public.ingest_traces($1, $2) as answer", [
        clusters.key,
        batch,
      ]);
      stored += answer.stored;
      await db.query("select bench.plain_ingest($1)", [batch]);
    }
    progress(`storing ${span.traces.toLocaleString("en")} traces`, stored / span.traces);
  }
  if (stored !== span.traces) throw new Error(`of ${span.traces} traces ${stored} were stored`);
  await db.query("vacuum (analyze) tracegram.pipeline_traces");
  await db.query("vacuum (analyze) bench.plain_traces");
  await db.query("select tracegram.fold_batches()");

  const ours = await sizes(db, "tracegram.pipeline_traces");
  const plain = await sizes(db, "bench.plain_traces");
  const trace = (files: Map<string, number>) => sum(files.values()) / stored;
  report({ case: "five-step trace", metric: "with all indexes", value: trace(ours), unit: "B", bar: atMost(560) });
  report({
    case: "five-step trace",
    metric: "with all indexes, against the plain design's",
    value: trace(ours),
    unit: "B",
    against: trace(plain),
    bar: ratioAtMost(0.5),
  });
  for (const [file, total] of ours) report({ case: "of it", metric: file, value: total / stored, unit: "B" });
  for (const [file, total] of plain) {
    report({ case: "of the plain design's", metric: file, value: total / stored, unit: "B" });
  }
  const rollups = await sizes(db, "tracegram.rollups", "tracegram.error_rollups");
  report({
    case: "rollups",
    metric: "a trace, while its day has all levels",
    value: sum(rollups.values()) / stored,
    unit: "B",
  });
  await cluster.drop();
}

const sum = (values: Iterable<number>) => [...values].reduce((a, b) => a + b, 0);

/** Bytes of the tables, and of each of their indexes, in all partitions that hold something; the largest first. */
async function sizes(db: pg.Client, ...tables: string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ name: string; bytes: number }>(
    `with leaves as (
       select p.relid from unnest($1::regclass[]) as t, pg_partition_tree(t) as p where p.isleaf
       union
       select t from unnest($1::regclass[]) as t
     ), filled as (
       select relid from leaves where pg_relation_size(relid) > 0
     )
     select 'table' as name, sum(pg_table_size(relid))::float8 as bytes from filled
     union all
     select coalesce(parent.relname, i.relname), sum(pg_table_size(i.oid))
     from filled
     join pg_index as x on x.indrelid = relid
     join pg_class as i on i.oid = x.indexrelid
     left join pg_inherits as h on h.inhrelid = i.oid
     left join pg_class as parent on parent.oid = h.inhparent
     group by 1
     order by bytes desc`,
    [tables],
  );
  return new Map(rows.map(({ name, bytes }) => [name, bytes]));
}
