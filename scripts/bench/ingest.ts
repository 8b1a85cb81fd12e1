/**
 * How many traces a second does the door take?
 *
 * One connection, in the middle of a day: the traces of its next twenty minutes, as JSON through `ingest_traces` in batches of
 * 100, as rows through one binary `copy`, and as documents through the plain design's insert, in turn; what has come in is
 * taken out again. Then sixteen connections at once while pg_cron folds, watched for waits on one another's locks. The
 * clients are all this process, over the socket.
 *
 * @module
 */
import type pg from "pg";
import type { BenchCluster } from "./cluster.ts";
import type { Context } from "./context.ts";
import { copyIn, copyOut } from "./copy.ts";
import { COLUMNS, DAY, dayBefore, partition, parts, store, wireBatches } from "./data.ts";
import { atMost, inTurn, median, p95, ratioAtLeast, timed } from "./measure.ts";

const SIZES = {
  small: { morning: 2_000, rounds: 3, traces: 500, crowdRounds: 1, crowdTraces: 3_200, fold: "1 second" },
  full: { morning: 170_000, rounds: 40, traces: 5_000, crowdRounds: 5, crowdTraces: 160_000, fold: undefined },
};
const CONNECTIONS = 16;
const MORNING = { from: dayBefore(1), to: dayBefore(1) + DAY / 2 };
const NOON = { from: MORNING.to, to: MORNING.to + 20 * 60_000 };

export async function ingest(context: Context): Promise<void> {
  const cluster = await context.clusters.start();
  const one = await alone(context, cluster);
  await crowd(context, cluster, one);
  await cluster.drop();
}

/** Resolves to the traces a second of one connection. */
async function alone({ size, clusters, progress, report }: Context, cluster: BenchCluster): Promise<number> {
  const db = await cluster.connect();
  const { rounds, traces, morning } = SIZES[size];
  progress(`a morning of ${morning} traces`);
  for (const part of parts({ ...MORNING, traces: morning, seed: 0 }, 10_000)) await store(db, part);
  await db.query("truncate tracegram.batches");
  const rates = { ours: [] as number[], copy: [] as number[], plain: [] as number[] };
  const calls: number[] = [];

  for (let round = 0; round < rounds; round++) {
    progress(`one connection, ${rounds} rounds of ${traces} traces`, round / rounds);
    const batches = await wireBatches(db, { ...NOON, traces, seed: 100 + round });
    const rows = await copyOut(db, `copy (select ${COLUMNS} from staged order by n) to stdout (format binary)`);
    const rate = async (rates: number[], run: () => Promise<unknown>) => {
      await untilNoon(db);
      rates.push(traces / await timed(run) * 1000);
    };
    await inTurn(round, [
      async () => {
        await rate(rates.ours, async () => {
          for (const batch of batches) calls.push(await timed(() => send(db, clusters.key, batch)));
        });
        await expectStaged(db);
      },
      async () => {
        const copy = `copy tracegram.pipeline_traces (${COLUMNS}) from stdin (format binary)`;
        await rate(rates.copy, () => copyIn(db, copy, rows));
        await expectStaged(db);
      },
      () =>
        rate(rates.plain, async () => {
          for (const batch of batches) {
            await db.query({ name: "plain", text: "select bench.plain_ingest($1)", values: [batch] });
          }
        }),
    ]);
  }
  const one = median(rates.ours);
  const measured = { case: "one connection", unit: "traces/s", value: one };
  report({ ...measured, metric: "median, against copy", against: median(rates.copy), bar: ratioAtLeast(0.25) });
  report({ ...measured, metric: "median, against the plain design", against: median(rates.plain) });
  report({ case: "one connection", metric: "a batch, p95", unit: "ms", value: p95(calls) });
  return one;
}

async function crowd({ size, clusters, progress, report }: Context, cluster: BenchCluster, one: number): Promise<void> {
  const { crowdRounds, crowdTraces: traces, fold } = SIZES[size];
  const db = await cluster.connect();
  progress(`making ${traces} traces`);
  const batches = await wireBatches(db, { from: dayBefore(1), to: dayBefore(0), traces, seed: 1_000 });
  const writers = await Promise.all(Array.from({ length: CONNECTIONS }, () => cluster.connect()));
  await db.query(
    "select cron.alter_job(jobid, schedule => $1, active => true) from cron.job where jobname = 'tracegram-fold'",
    [fold],
  );
  const rates: number[] = [];
  const calls: number[] = [];
  const watched: Watched = { looks: 0, waits: new Map(), lagMs: 0 };

  for (let round = 0; round < crowdRounds; round++) {
    progress(`${CONNECTIONS} connections, ${crowdRounds} rounds of ${traces} traces`, round / crowdRounds);
    await db.query("truncate tracegram.pipeline_traces");
    const queue = batches.values();
    const sending = timed(() =>
      Promise.all(writers.map(async (writer) => {
        for (const batch of queue) calls.push(await timed(() => send(writer, clusters.key, batch)));
      }))
    );
    await watch(db, sending, watched);
    rates.push(traces / await sending * 1000);
    const { rows: [{ stored }] } = await db.query("select count(*)::integer as stored from tracegram.pipeline_traces");
    if (stored !== traces) throw new Error(`${traces} traces were sent, and ${stored} are there`);
    // Until all of it is folded; the traces must be there for that.
    await watch(db, folded(db), watched);
  }
  const crowd = `${CONNECTIONS} connections, with the fold`;
  report({
    case: crowd,
    metric: "median, against one connection",
    unit: "traces/s",
    value: median(rates),
    against: one,
    bar: ratioAtLeast(0.5),
  });
  report({ case: crowd, metric: "a batch, p95", unit: "ms", value: p95(calls) });
  const looks = watched.looks * CONNECTIONS;
  const extending = watched.waits.get("extend") ?? 0;
  const waiting = [...watched.waits.values()].reduce((a, b) => a + b, 0) - extending;
  report({
    case: crowd,
    metric: "seen waiting for another's rows, of looks",
    unit: "",
    value: waiting,
    against: looks,
    bar: atMost(0),
  });
  // Whoever inserts does, in either design: the table's file grows for one at a time.
  report({
    case: crowd,
    metric: "seen waiting for room in the file, of looks",
    unit: "",
    value: extending,
    against: looks,
  });
  report({ case: crowd, metric: "rollups behind, at most", unit: "s", value: watched.lagMs / 1000 });
}

interface Watched {
  /** How often all connections were looked at. */
  looks: number;
  /** What a connection was waiting for in a look, and in how many. */
  waits: Map<string, number>;
  /** Greatest age of a batch that was not folded. */
  lagMs: number;
}

/** Looks at what all connections wait for, until `work` is done. */
async function watch(db: pg.Client, work: Promise<unknown>, watched: Watched): Promise<void> {
  let done = false;
  const end = work.finally(() => done = true);
  while (!done) {
    const { rows: [seen] } = await db.query<{ waits: string[]; lag_ms: number }>({
      name: "watch",
      text: `select
        array(
          select wait_event from pg_stat_activity where wait_event_type = 'Lock' and backend_type = 'client backend'
        ) as waits,
        coalesce((select 1000 * extract(epoch from clock_timestamp() - min(received_at)) from tracegram.batches), 0)::float8 as lag_ms`,
    });
    watched.looks++;
    for (const wait of seen!.waits) watched.waits.set(wait, (watched.waits.get(wait) ?? 0) + 1);
    watched.lagMs = Math.max(watched.lagMs, seen!.lag_ms);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await end;
}

async function folded(db: pg.Client): Promise<void> {
  const deadline = Date.now() + 600_000;
  for (;;) {
    const { rows: [{ waiting }] } = await db.query("select exists (select from tracegram.batches) as waiting");
    if (!waiting) return;
    if (Date.now() > deadline) throw new Error("the fold does not come to an end");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// As text: what the answer says is looked at in the table.
const send = (db: pg.Client, key: string, batch: string) =>
  db.query({ name: "ingest", text: "select public.ingest_traces($1, $2)::text", values: [key, batch] });

/** Takes out what has come in since, with the room that it took. */
async function untilNoon(db: pg.Client): Promise<void> {
  await db.query("delete from tracegram.pipeline_traces where started_at >= $1", [new Date(NOON.from)]);
  await db.query("delete from bench.plain_traces where created_at >= $1", [new Date(NOON.from)]);
  await db.query(`vacuum tracegram.${partition(NOON.from)}, bench.plain_traces`);
}

/** Both ways must have stored the same, or they cannot be compared. */
async function expectStaged(db: pg.Client): Promise<void> {
  const { rows: [{ same, other }] } = await db.query(
    `with stored as (select * from tracegram.pipeline_traces where started_at >= $1)
     select
       (select count(*) from stored) = (select count(*) from staged) as same,
       (select count(*) from (table stored except select ${COLUMNS} from staged) as x)::integer as other`,
    [new Date(NOON.from)],
  );
  if (!same || other > 0) throw new Error(`what is stored is not what was sent: ${other} rows differ`);
}
