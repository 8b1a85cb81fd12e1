// A trace's file, on a real database, where it ends before the trace does.
import type pg from "pg";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createDb, type Db, type TraceDetail } from "../../../../functions/_shared/db.ts";
import { traceJson, type WrittenIo } from "../../../../functions/telegram/export/trace.ts";
import { startTestStack, type TestStack } from "../../../_support/stack.ts";
import { makeTrace } from "../../../_support/traces.ts";

const READER = 7301;
const reader = { user_id: READER, readsIo: true };
const PIECE = new TextDecoder();
let stack: TestStack;
let sql: pg.Client;
let db: Db;
let trace: TraceDetail;
beforeAll(async () => {
  stack = await startTestStack();
  sql = stack.client("postgres");
  await sql.connect();
  db = createDb(stack.info.api_url, stack.info.service_role_key);
  const sent = makeTrace({
    steps: Array.from({ length: 40 }, () => ({ name: "llm", status: "ok", offset_ms: 0, duration_ms: 1 })),
    io: Array.from({ length: 40 }, (_, i) => ({ step: i + 1, request: "x".repeat(300), response: "y" })),
  });
  await db.ingestTraces(stack.info.ingest_key, [sent]);
  trace = (await db.getTrace(sent.trace_id))!;
});
beforeEach(async () => {
  await sql.query("delete from tracegram.admins where user_id = $1", [READER]);
  await sql.query("insert into tracegram.admins (user_id, role) values ($1, 'operator')", [READER]);
});
afterAll(async () => {
  await sql?.end();
  await stack?.end();
});

/** @param nth Is called before the piece of that number is made. */
async function read(maxBytes?: number, nth: (piece: number) => Promise<unknown> = async () => {}) {
  const told: WrittenIo[] = [];
  let text = "";
  let pieces = 0;
  for await (const piece of traceJson(db, trace, reader, (so) => told.push(so), maxBytes)) {
    text += PIECE.decode(piece);
    await nth(++pieces);
  }
  return { file: JSON.parse(text), last: told.at(-1)! };
}

const steps = (count: number) => Array.from({ length: count }, (_, i) => expect.objectContaining({ step: i + 1 }));

test("of a reader who stays an operator it has all texts", async () => {
  const { file, last } = await read();
  expect(file).toEqual({ ...trace, io: steps(40), io_capped: false });
  expect(last).toEqual({ steps: 40, capped: false });
});

test.each([[1, 0], [2, 16], [17, 16], [20, 32]])(
  "of who is made a viewer after piece %i it has %i texts, is whole JSON, and says so",
  async (piece, count) => {
    const { file, last } = await read(undefined, async (n) => {
      if (n === piece) await sql.query("update tracegram.admins set role = 'viewer' where user_id = $1", [READER]);
    });
    expect(file).toEqual({ ...trace, io: steps(count), io_capped: false, io_refused: true });
    expect(last).toEqual({ steps: count, capped: false, refused: true });
  },
);

test("with room for less it ends with a whole text, and says so", async () => {
  const bare = JSON.stringify(trace, null, 2).length * 3;
  const { file, last } = await read(bare + 9000);
  expect(last).toEqual({ steps: file.io.length, capped: true });
  expect(file.io.length).toBeGreaterThan(16);
  expect(file).toEqual({ ...trace, io: steps(last.steps), io_capped: true });
  expect(last.steps).toBeLessThan(40);
});
