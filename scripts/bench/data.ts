/**
 * Traces for the benchmarks, made in the database (`data.sql`).
 *
 * @module
 */
import type pg from "pg";
import type { BenchCluster } from "./cluster.ts";
import { timed } from "./measure.ts";

export const DAY = 86_400_000;
export const BATCH = 100;
/** In the order of the table. */
export const COLUMNS =
  `started_at, chat_id, user_id, cost_microusd, update_id, message_id, duration_ms, key_id, trace_id, pipeline,
  status, error, release, steps`;

/** Traces that are spread evenly over a time. */
export interface Span {
  /** Epoch milliseconds. */
  from: number;
  to: number;
  traces: number;
  seed: number;
}

/** Start of the UTC day that was `days` ago. */
export const dayBefore = (days: number): number => Math.floor(Date.now() / DAY) * DAY - days * DAY;

/** The table of a day. */
export const partition = (epochMs: number): string =>
  `pipeline_traces_p${new Date(epochMs).toISOString().slice(0, 10).replaceAll("-", "")}`;

/** A span in parts of about `traces` each. */
export function parts(span: Span, traces: number): Span[] {
  const count = Math.ceil(span.traces / traces);
  const at = (i: number) => span.from + Math.round((span.to - span.from) * i / count);
  const upTo = (i: number) => Math.round(span.traces * i / count);
  return Array.from({ length: count }, (_, i) => ({
    from: at(i),
    to: at(i + 1),
    traces: upTo(i + 1) - upTo(i),
    seed: span.seed + i,
  }));
}

const values = ({ from, to, traces, seed }: Span) => [new Date(from), new Date(to), traces, seed];

/**
 * The bodies of requests in which a bot would send them: JSON, as small as the tracer makes it. The rows of the last part
 * (all of them, of a span of up to 5,000 traces) stay in this connection's `staged`.
 */
export async function wireBatches(db: pg.Client, span: Span): Promise<string[]> {
  const batches: string[] = [];
  for (const part of parts(span, 5_000)) {
    await db.query("drop table if exists pg_temp.staged");
    await db.query(
      `create temp table staged as
       select row_number() over () as n, t.* from bench.traces($1, $2, $3, $4) as t`,
      values(part),
    );
    const { rows } = await db.query<{ batch: unknown[] }>(
      `select jsonb_agg(bench.wire((${COLUMNS})::tracegram.pipeline_traces) order by n) as batch
       from staged group by (n - 1) / ${BATCH} order by min(n)`,
    );
    for (const { batch } of rows) batches.push(JSON.stringify(batch));
  }
  return batches;
}

/** Stores a span, as if it had come in batches; they wait for the fold. */
export const store = (db: pg.Client, span: Span, batch = BATCH) =>
  db.query("call bench.load($1, $2, $3, $4, $5)", [...values(span), batch]);

/** Stores what is there of a span as documents. */
export const storePlain = (db: pg.Client, span: Span) =>
  db.query("call bench.plain_load($1, $2)", values(span).slice(0, 2));

export interface Dataset {
  cluster: BenchCluster;
  traces: number;
  /** Traces a second that each took, and minutes that all of it took. */
  rates: { stored: number; folded: number; plain: number };
  minutes: number;
}

/** What waits for the fold when it comes every five seconds, as pg_cron does it. */
const WAITING_MS = 5_000;

/**
 * Thirty days of traces up to now, in both designs: straight into the tables, for that is quicker than the door. What is
 * derived from them is made by the product's own fold, but for the last traces, which have come one by one and still wait.
 */
export async function load(cluster: BenchCluster, traces: number, progress: (share: number) => void): Promise<Dataset> {
  const began = performance.now();
  const now = Math.floor(Date.now() / 1000) * 1000;
  const span = { from: now - 30 * DAY, to: now - WAITING_MS, traces, seed: 1 };
  const [writer, folder, plain] = [await cluster.connect(), await cluster.connect(), await cluster.connect()];
  const fold = () => folder.query("select tracegram.fold_batches()");
  const took = { stored: 0, folded: 0, plain: 0 };
  const clock = async (what: keyof typeof took, fn: () => Promise<unknown>) => took[what] += await timed(fn) / 1000;

  let before: Span | undefined;
  const all = parts(span, 50_000);
  for (const [i, part] of [...all, undefined].entries()) {
    // While a part is being stored, the one before it is folded and becomes documents.
    await Promise.all([
      part && clock("stored", () => store(writer, part)),
      before && clock("folded", fold),
      before && clock("plain", () => storePlain(plain, before!)),
    ]);
    before = part;
    progress(i / all.length);
  }
  await clock("folded", fold);
  await folder.query("select tracegram.purge_rollups()");
  // As autovacuum does it in the meantime of thirty days, between two folds: the parts above are larger than any burst.
  await folder.query("vacuum tracegram.batches");

  const waiting = { from: span.to, to: now, traces: Math.round(traces * WAITING_MS / (30 * DAY)), seed: 0 };
  await store(writer, waiting, 1);
  await storePlain(plain, waiting);
  for (const table of TABLES) await writer.query(`vacuum (analyze) ${table}`);
  return {
    cluster,
    traces,
    rates: { stored: traces / took.stored, folded: traces / took.folded, plain: traces / took.plain },
    minutes: (performance.now() - began) / 60_000,
  };
}

const TABLES = [
  "tracegram.pipeline_traces",
  "tracegram.batches",
  "tracegram.rollups",
  "tracegram.error_rollups",
  "bench.plain_traces",
];
