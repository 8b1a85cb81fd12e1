/**
 * How long does a page take, and a trace, when there are ten million of them?
 *
 * The same calls on thirty days of few and of many traces, each on one connection that stays, as PostgREST's do: in the
 * database by its own clock, and as requests to the real PostgREST by the client's, some in a row and then in turn. The plain
 * design gives the same pages by offset, each with a count(*).
 *
 * @module
 */
import { randomBytes } from "node:crypto";
import { setTimeout } from "node:timers/promises";
import type pg from "pg";
import { signKey } from "../stack/jwt.ts";
import { startPostgrest } from "../stack/postgrest.ts";
import type { Context } from "./context.ts";
import type { Dataset } from "./data.ts";
import { openedPartitions } from "./explain.ts";
import { atMost, inARow, inTurn, median, ms, p95, ratioAtMost, timed } from "./measure.ts";

const SIZES = {
  small: { rounds: 2, row: 5, plainRounds: 2, traces: 10 },
  full: { rounds: 20, row: 40, plainRounds: 4, traces: 400 },
};
const PAGE = 10;
const PAUSE_MS = 50;

interface Page {
  name: string;
  /** Arguments of list_traces. */
  args: Record<string, string>;
  /** What the plain design does for it. */
  plain: { where: string; offset: number };
}

export async function pages(context: Context): Promise<void> {
  const { few, many } = await context.datasets();
  const [fewDb, manyDb] = [await few.cluster.connect(), await many.cluster.connect()];
  const [fewPages, manyPages] = [await pagesOf(fewDb), await pagesOf(manyDb)];
  const { rounds, row, plainRounds } = SIZES[context.size];
  const title = (name: string) => `${name} of ${many.traces.toLocaleString("en")}`;
  const against = `of ${few.traces.toLocaleString("en")}`;

  const request = await startRequests(many);
  // A connection's first calls, which plan and fill its caches, are measured apart.
  for (const [db, pages] of [[fewDb, fewPages], [manyDb, manyPages]] as const) {
    for (const page of [...pages, ...pages]) await ms(db, call(page));
  }
  for (const [i, page] of manyPages.entries()) {
    const times: Record<"few" | "many" | "plain" | "rest" | "rested", number[]> = {
      few: [],
      many: [],
      plain: [],
      rest: [],
      rested: [],
    };
    for (let round = 0; round < rounds; round++) {
      context.progress(page.name, round / rounds);
      await inTurn(round, [
        () => inARow(row, async () => times.few.push(await ms(fewDb, call(fewPages[i]!)))),
        () => inARow(row, async () => times.many.push(await ms(manyDb, call(page)))),
        () => inARow(row, async () => times.rest.push(await timed(() => request("list_traces", page.args)))),
      ]);
      // Nobody has called for a while: the processor's caches have forgotten everything.
      await setTimeout(PAUSE_MS);
      times.rested.push(await ms(manyDb, call(page)));
      if (round % (rounds / plainRounds) === 0) times.plain.push(await ms(manyDb, plainPage(page)));
    }
    const measured = { case: title(page.name), unit: "ms", value: p95(times.many) };
    context.report({ ...measured, metric: "p95 in the database", bar: atMost(2) });
    context.report({
      ...measured,
      metric: `p95, against that ${against}`,
      against: p95(times.few),
      bar: ratioAtMost(1.5),
    });
    context.report({ ...measured, metric: "p95, against the plain design's median", against: median(times.plain) });
    context.report({ ...measured, metric: "p95 through PostgREST", value: p95(times.rest), bar: atMost(8) });
    context.report({
      ...measured,
      metric: `median in the database after a pause of ${PAUSE_MS} ms`,
      value: median(times.rested),
    });
  }
  await one(context, many, manyDb);
  await request.stop();

  const fresh: number[] = [];
  for (let i = 0; i < 5; i++) {
    const db = await many.cluster.connect();
    fresh.push(await ms(db, call(manyPages[0]!)));
    await db.end();
  }
  context.report({
    case: title(manyPages[0]!.name),
    metric: "a connection's first call, median",
    unit: "ms",
    value: median(fresh),
  });
  const { rates, minutes } = many;
  const loading = { case: `loading ${many.traces.toLocaleString("en")} traces` };
  context.report({ ...loading, metric: "in both designs, all together", unit: "min", value: minutes });
  context.report({ ...loading, metric: "the fold's share of it", unit: "traces/s", value: rates.folded });
}

/** A trace by its id, from any day. */
async function one({ size, progress, report }: Context, { cluster, traces }: Dataset, db: pg.Client): Promise<void> {
  const { traces: rounds } = SIZES[size];
  const { rows } = await db.query<{ trace_id: string; id: string }>(
    `select trace_id, (select p.id from bench.plain_traces as p where p.created_at >= at order by p.created_at limit 1) as id
     from (select now() - (1 + 28 * random()) * interval '1 day' as at from generate_series(1, $1)) as times
     cross join lateral (
       select t.trace_id from tracegram.pipeline_traces as t
       where t.started_at >= at and t.started_at < at + interval '1 day' order by t.started_at limit 1
     ) as t`,
    [rounds],
  );
  const times = { ours: [] as number[], plain: [] as number[] };
  await ms(db, `select public.get_trace('${rows[0]!.trace_id}')`);
  for (const [round, { trace_id, id }] of rows.entries()) {
    progress("get_trace", round / rounds);
    await inTurn(round, [
      async () => times.ours.push(await ms(db, `select public.get_trace('${trace_id}')`)),
      async () => times.plain.push(await ms(db, `select doc from bench.plain_traces where id = '${id}'`)),
    ]);
  }
  const admin = await cluster.connect("supabase_admin");
  const opened: number[] = [];
  for (const { trace_id } of rows.slice(0, 10)) {
    opened.push((await openedPartitions(admin, `select public.get_trace('${trace_id}')`)).size);
  }
  const measured = { case: `get_trace, one of ${traces.toLocaleString("en")}`, unit: "ms", value: p95(times.ours) };
  report({ ...measured, metric: "p95 in the database", bar: atMost(2) });
  report({ ...measured, metric: "p95, against the plain design", against: p95(times.plain) });
  report({ ...measured, metric: "partitions opened, at most", unit: "", value: Math.max(...opened), bar: atMost(1) });
}

async function pagesOf(db: pg.Client): Promise<Page[]> {
  let cursor = "";
  for (let page = 1; page < 100; page++) {
    const { rows: [{ older }] } = await db.query(
      `select public.list_traces(p_cursor => nullif($1, '')::uuid) ->> 'older_cursor' as older`,
      [cursor],
    );
    cursor = older;
  }
  return [
    { name: "first page", args: {}, plain: { where: "true", offset: 0 } },
    { name: "100th page", args: { p_cursor: cursor }, plain: { where: "true", offset: 99 * PAGE } },
    { name: "page of errors", args: { p_status: "error" }, plain: { where: "doc ->> 'status' = 'error'", offset: 0 } },
  ];
}

const call = ({ args }: Page) =>
  `select public.list_traces(${Object.entries(args).map(([name, value]) => `${name} => '${value}'`).join(", ")})`;

const plainPage = ({ plain: { where, offset } }: Page) =>
  `select jsonb_build_object(
    'total', (select count(*) from bench.plain_traces where ${where}),
    'traces', (select jsonb_agg(to_jsonb(p)) from (
      select * from bench.plain_traces where ${where} order by created_at desc limit ${PAGE} offset ${offset}
    ) as p)
  )`;

/** Requests to a PostgREST of this database's, whose connections have all been used. */
async function startRequests({ cluster }: Dataset) {
  const secret = randomBytes(24).toString("base64url");
  const { port, child } = await startPostgrest({
    dbPort: cluster.port,
    jwtSecret: secret,
    log: cluster.log.replace("postgres", "postgrest"),
  });
  const headers = { authorization: `Bearer ${signKey("service_role", secret)}`, "content-type": "application/json" };
  const request = async (name: string, args: Record<string, string>): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${port}/rpc/${name}`, {
      method: "POST",
      headers,
      body: JSON.stringify(args),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${name} through PostgREST: ${text}`);
  };
  // It keeps ten.
  for (let i = 0; i < 5; i++) await Promise.all(Array.from({ length: 20 }, () => request("list_traces", {})));
  return Object.assign(request, { stop: () => child.stop() });
}
