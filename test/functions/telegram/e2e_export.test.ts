// A list as a file, page by page from the real database, against what SQL says is in it.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDb, type Db } from "../../../functions/_shared/db.ts";
import type { Action } from "../../../functions/telegram/callback.ts";
import { rows, type Written } from "../../../functions/telegram/export/rows.ts";
import type { Export } from "../../../functions/telegram/render/screen.ts";
import { exportReply } from "../../../functions/telegram/screens/export.ts";
import { parseCsv } from "../../_support/csv.ts";
import { hostileTrace } from "../../_support/hostile.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { noRuns } from "./runs_fixture.ts";

const ADMIN = 7300;
const NOW = new Date("2025-01-31T12:03:23.500Z");
let stack: TestStack;
let sql: pg.Client;
let db: Db;
beforeAll(async () => {
  stack = await startTestStack();
  sql = stack.client("postgres");
  await sql.connect();
  db = createDb(stack.info.api_url, stack.info.service_role_key);
  await sql.query("insert into tracegram.admins (user_id, role) values ($1, 'viewer')", [ADMIN]);
  const newest = Date.now() - 1000;
  await db.ingestTraces(stack.info.ingest_key, Array.from({ length: 250 }, (_, n) => hostileTrace(n, newest)));
});
beforeEach(() => sql.query("delete from tracegram.admin_audit"));
afterAll(async () => {
  await sql?.end();
  await stack?.end();
});

async function exported(action: Extract<Action, { screen: "export" }>, user_id = ADMIN, at = NOW) {
  const actor = { user_id, chat_id: user_id, role: "viewer" as const };
  const file = await exportReply({ db, now: () => at, actor, ...noRuns }, action);
  if (!("content" in file)) return file;
  const progress: string[] = [];
  const pieces: Uint8Array[] = [];
  for await (const piece of (file as Export).content((line) => progress.push(line))) pieces.push(piece);
  const text = new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(pieces));
  return { name: file.name, filename: file.filename, caption: file.caption, text, progress, pieces: pieces.length };
}

const stored = async (where = "true") =>
  (await sql.query(
    `select trace_id, pipeline, error, status, duration_ms, chat_id::text, error_step
     from tracegram.pipeline_traces, lateral (select tracegram.trace_summary(pipeline_traces.*) ->> 'error_step' as error_step) s
     where ${where} order by started_at desc, trace_id desc`,
  )).rows;

test("a list as CSV has every trace, as SQL has it", async () => {
  const file = await exported({ screen: "export", of: "traces", format: "csv" }) as Exclude<
    Awaited<ReturnType<typeof exported>>,
    { html: string }
  >;
  expect(file).toMatchObject({ filename: "traces-2025-01-31T1203.csv", caption: "250 traces." });
  expect(file.progress).toEqual(["Exporting… 100 of 250", "Exporting… 200 of 250", "Exporting… 250 of 250"]);
  expect(file.text[0]).toBe("\uFEFF");
  const [head, ...rows] = parseCsv(file.text.slice(1));
  const read = rows.map((row) => Object.fromEntries(row.map((cell, i) => [head![i]!, cell])));
  const plain = (cell: string) => cell.replace(/^'(?=\s*[=+\-@]|[\t\r\n])/, "");
  expect(
    read.map((
      row,
    ) => [row["trace_id"], plain(row["pipeline"]!), plain(row["error"]!), row["duration_ms"], row["chat_id"]]),
  )
    .toEqual(
      (await stored()).map((
        row,
      ) => [row.trace_id, row.pipeline, row.error ?? "", String(row.duration_ms), row.chat_id]),
    );
  expect((await sql.query("select user_id::int, action, detail, allowed from tracegram.admin_audit")).rows).toEqual([
    { user_id: ADMIN, action: "export", detail: { of: "traces", format: "csv", filter: null }, allowed: true },
  ]);
});

test("a filtered list as JSON lines has what the filter lets through", async () => {
  const { filter_id } = await db.listView({ filter: { status: "error" }, limit: 1 });
  const file = await exported({ screen: "export", of: "traces", format: "jsonl", filter: filter_id! });
  const rows = (file as { text: string }).text.trimEnd().split("\n").map((line) => JSON.parse(line));
  expect(rows.map(({ trace_id, pipeline, error }) => ({ trace_id, pipeline, error }))).toEqual(
    (await stored("status = 'error'")).map(({ trace_id, pipeline, error }) => ({ trace_id, pipeline, error })),
  );
  // The filter itself: its id means nothing once it is purged.
  expect((await sql.query("select detail from tracegram.admin_audit")).rows).toEqual([
    { detail: { of: "traces", format: "jsonl", filter: { status: "error" } } },
  ]);
});

test("a filter that is no longer kept is no reason to export everything", async () => {
  const answer = await exported({ screen: "export", of: "traces", format: "csv", filter: "AAAAAAAA" });
  expect(answer).toMatchObject({ name: "export", html: expect.stringContaining("no longer kept") });
  expect((await sql.query("select from tracegram.admin_audit")).rows).toEqual([]);
});

const text = async (pieces: AsyncIterable<Uint8Array>) => {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return { text: Buffer.concat(all).toString(), bytes: Buffer.concat(all).length };
};

test.each([
  [{ rows: 120, bytes: 1e9 }, 120, true],
  [{ rows: 100, bytes: 1e9 }, 100, true],
  [{ rows: 249, bytes: 1e9 }, 249, true],
  [{ rows: 250, bytes: 1e9 }, 250, false],
])("a list of %j at most ends there, and says so", async (max, count, capped) => {
  const first = await db.listView({ limit: 100 });
  const told: Written[] = [];
  const file = await text(rows(db, "jsonl", first, undefined, (so) => told.push(so), max));
  expect(file.text.trimEnd().split("\n").map((line) => JSON.parse(line).trace_id)).toEqual(
    (await stored()).slice(0, count).map(({ trace_id }) => trace_id),
  );
  expect(told.at(-1)).toEqual({ rows: count, capped });
});

test("a list ends before it has too many bytes, with a whole row", async () => {
  const first = await db.listView({ limit: 100 });
  for (const format of ["csv", "jsonl"] as const) {
    const told: Written[] = [];
    const file = await text(rows(db, format, first, undefined, (so) => told.push(so), { rows: 1000, bytes: 100_000 }));
    const { rows: written, capped } = told.at(-1)!;
    expect(capped).toBe(true);
    expect(file.bytes).toBeLessThanOrEqual(100_000);
    expect(file.bytes).toBeGreaterThan(25_000);
    expect(format === "csv" ? parseCsv(file.text.slice(1)).length - 1 : file.text.trimEnd().split("\n").length).toBe(
      written,
    );
  }
});

test("stats as JSON are what the database says", async () => {
  const at = new Date();
  const file = await exported({ screen: "export", of: "stats", hours: 24 }, ADMIN, at);
  expect(file).toMatchObject({ caption: "Stats of the last 24 hours." });
  const from = new Date(at.getTime() - 86_400_000);
  const stats = await db.traceStats({ from: from.toISOString(), to: at.toISOString() });
  expect(JSON.parse((file as { text: string }).text)).toEqual(stats);
  expect(stats.window.count).toBe(250);
});

test("who is no admin takes nothing out", async () => {
  expect(await exported({ screen: "export", of: "traces", format: "csv" }, 6666)).toMatchObject({ name: "refusal" });
});
