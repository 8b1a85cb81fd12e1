/**
 * How long does it take to be rid of an expired day, and what do those notice who send traces meanwhile?
 *
 * Two senders send batches without a pause while days go, one by one: as retention (`sql/70_retention.sql`) drops them, with
 * the same two commands; and as the plain design deletes the same traces, and vacuums after them, without which their room is
 * never used again. A day that expires is a month old: it is on the disk, and no longer in the memory.
 *
 * @module
 */
import type pg from "pg";
import type { WireTrace } from "../../tracer/wire.ts";
import { uuidv7 } from "../../tracer/uuid.ts";
import type { BenchCluster } from "./cluster.ts";
import type { Context } from "./context.ts";
import { DAY, dayBefore, partition, parts, type Span, store, storePlain, wireBatches } from "./data.ts";
import { atMost, median, p95, ratioAtMost, timed } from "./measure.ts";

const SIZES = { small: { days: 2, traces: 5_000, quietMs: 300 }, full: { days: 5, traces: 1_000_000, quietMs: 2_000 } };
const SENDERS = 2;

export async function retention({ size, clusters, progress, report }: Context): Promise<void> {
  const { days, traces, quietMs } = SIZES[size];
  const cluster = await clusters.start();
  const [db, plainDb] = [await cluster.connect(), await cluster.connect()];
  const expired = Array.from({ length: days }, (_, i): Span => {
    const from = dayBefore(31 + days - i);
    return { from, to: from + DAY, traces, seed: 1_000 * i };
  });
  await db.query("select partman.create_partition_time('tracegram.pipeline_traces', $1::timestamptz[])", [
    expired.map(({ from }) => new Date(from)),
  ]);
  for (const [i, day] of expired.entries()) {
    for (const [j, part] of parts(day, 20_000).entries()) {
      progress(`${days} days of ${traces} traces`, (i + j * 20_000 / traces) / days);
      await store(db, part);
      await storePlain(plainDb, part);
    }
  }
  // Nobody folds here.
  await db.query("truncate tracegram.batches");
  await db.query("vacuum (analyze) tracegram.pipeline_traces, bench.plain_traces");

  const ours: number[] = [];
  const detaches: number[] = [];
  const plain: number[] = [];
  const vacuums: number[] = [];
  const senders = await startSenders(cluster, clusters.key);
  for (const [i, { from, to }] of expired.entries()) {
    progress("days go", i / days);
    const name = `tracegram.${partition(from)}`;
    await cluster.forget(name);
    await senders.quiet(quietMs);
    ours.push(
      await senders.during("ours", async () => {
        const detach = `alter table tracegram.pipeline_traces detach partition ${name} concurrently`;
        detaches.push(await timed(() => db.query(detach)));
        await db.query(`drop table ${name}`);
      }),
    );
    await cluster.forget("bench.plain_traces");
    await senders.quiet(quietMs);
    const doomed = [new Date(from), new Date(to)];
    plain.push(
      await senders.during("plain", async () => {
        const sql = "delete from bench.plain_traces where created_at >= $1 and created_at < $2";
        const { rowCount } = await plainDb.query(sql, doomed);
        if (rowCount !== traces) throw new Error(`of ${traces} documents ${rowCount} were deleted`);
      }),
    );
    vacuums.push(await timed(() => plainDb.query("vacuum bench.plain_traces")));
  }
  const calls = await senders.stop();

  const gone = { case: `a day of ${traces.toLocaleString("en")} is gone`, unit: "ms", value: median(ours) };
  report({ ...gone, metric: "median", bar: atMost(200) });
  report({ ...gone, metric: "median, against the DELETE", against: median(plain), bar: ratioAtMost(0.01) });
  const room = median(plain.map((ms, i) => ms + vacuums[i]!));
  report({ ...gone, metric: "median, against the DELETE and its VACUUM", against: room });
  const out = { ...gone, case: `a day of ${traces.toLocaleString("en")} is out of the table`, value: median(detaches) };
  report({ ...out, metric: "median of the detach, against the DELETE", against: median(plain) });
  const sent = { unit: "ms", against: p95(calls.quiet) };
  report({
    ...sent,
    case: "a batch that comes meanwhile",
    metric: "p95, against before",
    value: p95(calls.ours),
    bar: ratioAtMost(2),
  });
  report({
    ...sent,
    case: "a batch that comes during the DELETE",
    metric: "p95, against before",
    value: p95(calls.plain),
  });
  await cluster.drop();
}

type When = "quiet" | "ours" | "plain";

/** Sends batches of traces that have just started, over connections of their own, one after the other. */
async function startSenders(cluster: BenchCluster, key: string) {
  const calls: Record<When, number[]> = { quiet: [], ours: [], plain: [] };
  /** What went on besides last, and until when. */
  let beside: { when: When; until: number } = { when: "quiet", until: -Infinity };
  let stopped = false;
  const db = await cluster.connect();
  const templates = (await wireBatches(db, { from: Date.now() - 60_000, to: Date.now(), traces: 1_000, seed: 1 }))
    .map((batch) => JSON.parse(batch) as WireTrace[]);

  const send = async (sender: pg.Client, template: WireTrace[]): Promise<void> => {
    const at = Date.now();
    const batch = JSON.stringify(template.map((trace) => ({ ...trace, started_at: at, trace_id: uuidv7(at) })));
    const began = performance.now();
    await sender.query({ name: "ingest", text: "select public.ingest_traces($1, $2)::text", values: [key, batch] });
    // Also one that was only partly in it: it may have waited for its end.
    calls[beside.until >= began ? beside.when : "quiet"].push(performance.now() - began);
  };
  const senders = await Promise.all(Array.from({ length: SENDERS }, () => cluster.connect()));
  const sending = Promise.all(senders.map(async (sender) => {
    for (let i = 0; !stopped; i++) await send(sender, templates[i % templates.length]!);
  }));

  return {
    quiet: (ms: number) => Promise.race([sending, new Promise((resolve) => setTimeout(resolve, ms))]),
    /** Resolves to the milliseconds that `fn` took. */
    async during(when: When, fn: () => Promise<void>): Promise<number> {
      beside = { when, until: Infinity };
      const ms = await timed(fn);
      beside.until = performance.now();
      return ms;
    },
    async stop() {
      stopped = true;
      await sending;
      return calls;
    },
  };
}
