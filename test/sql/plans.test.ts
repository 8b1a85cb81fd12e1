// Which partitions a call really opens: read from the plans that auto_explain writes for the queries inside the functions.
import type pg from "pg";
import { describe, expect } from "vitest";
import { test as base } from "../_support/db.ts";
import { traceIdAt } from "../_support/traces.ts";

const DAY = 86_400_000;

interface Node {
  "Relation Name"?: string;
  "Actual Loops"?: number;
  Plans?: Node[];
}

const day = (epochMs: number) => new Date(epochMs).toISOString().slice(0, 10).replaceAll("-", "");

/** A superuser's session that explains what it runs, with 600 traces a day over the last six days. */
const test = base.extend("explained", async ({ cluster }, { onCleanup }) => {
  const db = cluster.client("supabase_admin");
  await db.connect();
  onCleanup(async () => {
    await db.query("rollback");
    await db.end();
  });
  await db.query("begin");
  for (const table of ["pipeline_traces", "trace_io"]) {
    await db.query(
      `select partman.create_partition_time($1, (select array_agg(date_trunc('day', now()) - n * interval '1 day') from generate_series(0, 6) n))`,
      [`tracegram.${table}`],
    );
  }
  await db.query(`
    insert into tracegram.pipeline_traces (started_at, trace_id, key_id, pipeline, status, duration_ms, steps)
    select now() - d * interval '1 day' - i * interval '10 ms', gen_random_uuid(), 1, 'support', 'ok', 1, '{}'
    from generate_series(0, 5) as d, generate_series(1, 600) as i`);
  await db.query("analyze tracegram.pipeline_traces");
  await db.query("load 'auto_explain'");
  await db.query(`
    set auto_explain.log_min_duration = 0;
    set auto_explain.log_nested_statements = on;
    set auto_explain.log_analyze = on;
    set auto_explain.log_timing = off;
    set auto_explain.log_format = 'json';
    set auto_explain.log_level = 'notice'`);
  return db;
});

/** The partitions that were scanned at least once while `sql` ran, sorted. */
async function opened(db: pg.Client, sql: string, values: unknown[]): Promise<string[]> {
  const seen = new Set<string>();
  let plans = 0;
  const onNotice = ({ message = "" }: { message?: string | undefined }) => {
    const json = /plan:\n([\s\S]+)$/.exec(message)?.[1];
    if (!json) return;
    plans++;
    const visit = (node: Node) => {
      const name = node["Relation Name"];
      if (name && /_p\d{8}$/.test(name) && (node["Actual Loops"] ?? 0) > 0) seen.add(name);
      node.Plans?.forEach(visit);
    };
    visit((JSON.parse(json) as { Plan: Node }).Plan);
  };
  db.on("notice", onNotice);
  await db.query(sql, values);
  db.off("notice", onNotice);
  // Without a plan to read, "opened nothing else" would hold for the wrong reason.
  expect(plans).toBeGreaterThan(0);
  return [...seen].sort();
}

describe("a query opens only the partitions it must", () => {
  test("get_trace: the one of the id, in each table", async ({ explained: db }) => {
    const at = Date.now() - 3 * DAY;
    expect(await opened(db, "select public.get_trace($1)", [traceIdAt(at)])).toEqual([`pipeline_traces_p${day(at)}`]);
    const { rows: [row] } = await db.query(
      "insert into tracegram.pipeline_traces (started_at, trace_id, key_id, pipeline, status, duration_ms, steps) values ($1, $2, 1, 'x', 'ok', 1, '{}') returning trace_id",
      [new Date(at), traceIdAt(at)],
    );
    expect(await opened(db, "select public.get_trace($1)", [row.trace_id]))
      .toEqual([`pipeline_traces_p${day(at)}`, `trace_io_p${day(at)}`]);
  });

  test("get_trace_io: the one of the id", async ({ explained: db }) => {
    const at = Date.now() - 2 * DAY;
    expect(await opened(db, "select public.get_trace_io($1)", [traceIdAt(at)])).toEqual([`trace_io_p${day(at)}`]);
  });

  test("list_traces: those of the window", async ({ explained: db }) => {
    const from = Math.floor(Date.now() / DAY) * DAY - 3 * DAY;
    const window = [new Date(from), new Date(from + DAY - 1)];
    const sql = "select public.list_traces(p_from => $1, p_to => $2)";
    expect(await opened(db, sql, window)).toEqual([`pipeline_traces_p${day(from)}`]);
    // The same again, from the plan that the connection now keeps.
    expect(await opened(db, sql, window)).toEqual([`pipeline_traces_p${day(from)}`]);
  });

  test("list_traces, in each order and of each filter: those of the window", async ({ explained: db }) => {
    const from = Math.floor(Date.now() / DAY) * DAY - 3 * DAY;
    for (
      const how of [
        "p_order => 'slowest'",
        "p_order => 'dearest'",
        "p_status => 'error'",
        "p_user_id => 1",
        "p_chat_id => -1, p_order => 'slowest'",
        "p_error => 'x'",
      ]
    ) {
      const sql = `select public.list_traces(p_from => $1, p_to => $2, ${how})`;
      expect(await opened(db, sql, [new Date(from), new Date(from + DAY - 1)]), how).toEqual([
        `pipeline_traces_p${day(from)}`,
      ]);
    }
  });

  test("find_trace: those of the time of its prefix", async ({ explained: db }) => {
    const at = Math.floor(Date.now() / DAY) * DAY - 3 * DAY + DAY / 2;
    const hex = at.toString(16).padStart(12, "0");
    expect(await opened(db, "select public.find_trace($1)", [hex.slice(0, 8)])).toEqual([
      `pipeline_traces_p${day(at)}`,
    ]);
    expect(await opened(db, "select public.find_trace($1)", [traceIdAt(at)])).toEqual([`pipeline_traces_p${day(at)}`]);
  });

  test("trace_of_message: the newest day when it is there", async ({ explained: db }) => {
    const { rows: [{ at }] } = await db.query(
      `update tracegram.pipeline_traces set user_id = 7, message_id = 8
       where trace_id = (
         select trace_id from tracegram.pipeline_traces order by started_at desc limit 1
       ) returning started_at as at`,
    );
    const found = await opened(db, "select public.trace_of_message(7, 8)", []);
    expect(found).toContain(`pipeline_traces_p${day(at.getTime())}`);
    expect(found.length).toBeLessThanOrEqual(2); // of tomorrow, where that starts within an hour
  });

  test("ingest_traces: those of the batch's days", async ({ explained: db }) => {
    const { rows: [{ key }] } = await db.query("select public.create_ingest_key('plans') as key");
    const at = Date.now() - DAY;
    const running = { trace_id: traceIdAt(at), started_at: at, pipeline: "p", status: "running", steps: [] };
    const send = (trace: object) => opened(db, "select public.ingest_traces($1, $2)", [key, JSON.stringify([trace])]);
    expect(await send(running)).toEqual([]); // an insert scans nothing
    expect(await send({ ...running, status: "ok", duration_ms: 1 })).toEqual([
      `pipeline_traces_p${day(at)}`,
      `trace_io_p${day(at)}`,
    ]);
  });
});

test("a page reads its rows in the order of the key, without a sort", async ({ explained: db }) => {
  const texts: string[] = [];
  const onNotice = ({ message = "" }: { message?: string | undefined }) => texts.push(message);
  db.on("notice", onNotice);
  // Of a day that has traces: tomorrow, which the default window reaches into near midnight UTC, has none.
  const from = Math.floor(Date.now() / DAY) * DAY - 3 * DAY;
  await db.query("select public.list_traces(p_from => $1, p_to => $2)", [new Date(from), new Date(from + DAY)]);
  db.off("notice", onNotice);
  const page = texts.find((text) => text.includes("order by t.started_at desc, t.trace_id desc limit $6"));
  expect(page).toContain("Index Scan");
  expect(page).not.toContain('"Node Type": "Sort"');
});
