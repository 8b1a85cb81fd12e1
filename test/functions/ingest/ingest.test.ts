// The real function over HTTP: gateway, Deno, PostgREST, Postgres.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { IngestResult, WireTrace } from "../../../tracer/wire.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";

const MIB = 1024 * 1024;

let stack: TestStack;
let db: pg.Client;
beforeAll(async () => {
  stack = await startTestStack();
  db = stack.client("postgres");
  await db.connect();
});
afterAll(async () => {
  await db?.end();
  await stack?.end();
});

/** Posts to the function with the bot's key as JSON; a header that is null is left out. */
function post(body: BodyInit | null, headers: Record<string, string | null> = {}, method = "POST"): Promise<Response> {
  const all = {
    authorization: `Bearer ${stack.info.ingest_key}`,
    "content-type": "application/json",
    ...headers,
  };
  const given = Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== null);
  return fetch(stack.info.functions["ingest"]!, { method, body, headers: given });
}

async function send(batch: unknown, headers?: Record<string, string>): Promise<IngestResult> {
  const response = await post(JSON.stringify(batch), headers);
  expect(response.status).toBe(200);
  return await response.json() as IngestResult;
}

async function stored(traces: readonly WireTrace[]): Promise<number> {
  const { rows } = await db.query("select count(*)::int from tracegram.pipeline_traces where trace_id = any ($1)", [
    traces.map((trace) => trace.trace_id),
  ]);
  return rows[0].count;
}

async function givenKey(name: string): Promise<string> {
  return (await db.query("select public.create_ingest_key($1) as key", [name])).rows[0].key;
}

/** Every refusal says what is wrong and what to do. */
async function expectProblem(response: Response, status: number, code: string): Promise<void> {
  const problem = await response.json() as object;
  expect({ status: response.status, ...problem }).toEqual({
    status,
    code,
    message: expect.stringMatching(/\S/),
    hint: expect.stringMatching(/\S/),
  });
  expect(response.headers.get("content-type")).toMatch(/^application\/json/);
}

describe("a batch", () => {
  test("is answered trace by trace: a bad one takes no good one down, and a redelivery changes nothing", async () => {
    const good = [makeTrace(), makeTrace({ status: "error", error: "💥 <b>" })];
    const batch = [good[0], { ...makeTrace(), steps: "none" }, "no trace", good[1]];
    const first = await send(batch);
    expect(first).toMatchObject({ stored: 2, updated: 0, duplicate: 0, rejected: 2 });
    expect(first.items).toMatchObject([
      { trace_id: good[0]!.trace_id, result: "stored" },
      { result: "rejected", code: "TG013" },
      { trace_id: null, result: "rejected", code: "TG010" },
      { trace_id: good[1]!.trace_id, result: "stored" },
    ]);
    expect(await send(batch)).toMatchObject({ stored: 0, updated: 0, duplicate: 2, rejected: 2 });
    expect(await stored(good)).toBe(2);
  });

  test("is stored once, however many senders it comes from at the same moment", async () => {
    const batch = Array.from({ length: 50 }, () => makeTrace());
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(batch)));
    const sum = (of: "stored" | "duplicate") => answers.reduce((total, answer) => total + answer[of], 0);
    expect([sum("stored"), sum("duplicate")]).toEqual([50, 350]);
    expect(await stored(batch)).toBe(50);
  });

  test("may be gzip, and what is stored is what was sent", async () => {
    const trace = makeTrace({ error: "Привет 👋 </pre>", status: "error" });
    const response = await post(gzipSync(JSON.stringify([trace])), { "content-encoding": "gzip" });
    expect(await response.json()).toMatchObject({ stored: 1 });
    const { rows } = await db.query("select error from tracegram.pipeline_traces where trace_id = $1", [
      trace.trace_id,
    ]);
    expect(rows).toEqual([{ error: "Привет 👋 </pre>" }]);
  });

  test("may hold what Postgres cannot store, which becomes U+FFFD wherever it stands", async () => {
    const good = makeTrace();
    const bad = { ...makeTrace({ pipeline: "\0 \ud83d 😀 \\u0000 \\\0" }), "\udc00": "\0" };
    expect(await send([good, bad])).toMatchObject({ stored: 2 });
    const { rows } = await db.query("select pipeline from tracegram.pipeline_traces where trace_id = $1", [
      bad.trace_id,
    ]);
    expect(rows).toEqual([{ pipeline: "\ufffd \ufffd 😀 \\u0000 \\\ufffd" }]);
  });

  test("may be a report of what its sender has dropped, which comes twice without a trace of it", async () => {
    const report = { sender: crypto.randomUUID(), dropped: { queue_full: 7, "\0": 1 }, traces: [makeTrace()] };
    expect(await send(report)).toMatchObject({ stored: 1, rejected: 0 });
    expect(await send(report)).toMatchObject({ duplicate: 1, rejected: 0 });
    const { rows } = await db.query("select reason, records::int from tracegram.dropped where sender = $1 order by 2", [
      report.sender,
    ]);
    expect(rows).toEqual([{ reason: "\ufffd", records: 1 }, { reason: "queue_full", records: 7 }]);
  });

  test("may be exactly 500 traces", async () => {
    const key = await givenKey("largest batch");
    const batch = Array.from({ length: 500 }, () => makeTrace());
    expect(await send(batch, { authorization: `Bearer ${key}` })).toMatchObject({ stored: 500 });
  });
});

describe("refused", () => {
  const key = (value: string | null) => ({ authorization: value });
  const one = () => JSON.stringify([makeTrace()]);

  test.each<[string, () => Promise<Response>, number, string]>([
    ["no key", () => post(one(), key(null)), 401, "missing_key"],
    ["a key of another kind", () => post(one(), key("Basic abc")), 401, "missing_key"],
    ["an unknown key", () => post(one(), key("Bearer tgk_unknown")), 401, "TG001"],
    ["an API key of Supabase", () => post(one(), key(`Bearer ${stack.info.service_role_key}`)), 401, "TG001"],
    ["no body", () => post(null), 400, "invalid_json"],
    ["what is not JSON", () => post("{"), 400, "invalid_json"],
    ["an object", () => post("{}"), 400, "TG002"],
    ["null", () => post("null"), 400, "TG002"],
    ["a report without traces", () => post('{"dropped":{"queue_full":1},"traces":[]}'), 400, "TG002"],
    ["an empty batch", () => post("[]"), 400, "TG002"],
    ["20,000 arrays in each other", () => post("[".repeat(20_000) + "]".repeat(20_000)), 400, "nested_too_deeply"],
    ["501 traces", () => post(JSON.stringify(Array.from({ length: 501 }, () => makeTrace()))), 413, "TG003"],
    ["one byte over 1 MiB", () => post(`${one()}${" ".repeat(MIB)}`), 413, "body_too_large"],
    ["10 MiB", () => post(" ".repeat(10 * MIB)), 413, "body_too_large"],
    ["plain JSON declared as gzip", () => post(one(), { "content-encoding": "gzip" }), 400, "invalid_gzip"],
    [
      "gzip that ends too early",
      () => post(gzipSync(one()).subarray(0, -9), { "content-encoding": "gzip" }),
      400,
      "invalid_gzip",
    ],
    ["another encoding", () => post(one(), { "content-encoding": "br" }), 415, "unsupported_encoding"],
    ["two encodings", () => post(one(), { "content-encoding": "gzip, gzip" }), 415, "unsupported_encoding"],
    ["a form", () => post("a=b", { "content-type": "text/plain" }), 415, "unsupported_media_type"],
    ["JSON lines", () => post(one(), { "content-type": "application/jsonl" }), 415, "unsupported_media_type"],
    ["PUT", () => post(one(), {}, "PUT"), 405, "method_not_allowed"],
  ])("%s", async (_, request, status, code) => {
    const response = await request();
    await expectProblem(response, status, code);
    expect(response.headers.get("www-authenticate")).toBe(status === 401 ? "Bearer" : null);
    expect(response.headers.get("allow")).toBe(status === 405 ? "POST" : null);
    expect(response.headers.get("retry-after")).toBeNull();
  });

  test("GET, naming what is allowed", async () => {
    const response = await fetch(stack.info.functions["ingest"]!);
    expect(response.headers.get("allow")).toBe("POST");
    await expectProblem(response, 405, "method_not_allowed");
  });

  test("a gzip bomb, without unpacking it", async () => {
    const function_ = stack.children.find((child) => child.name === "function ingest")!;
    await send([makeTrace()]);
    const before = peakMemory(function_.pid);
    const bomb = gzipSync(new Uint8Array(256 * MIB), { level: 1 });
    await expectProblem(await post(bomb, { "content-encoding": "gzip" }), 413, "body_too_large");
    expect(peakMemory(function_.pid) - before).toBeLessThan(64 * MIB);
  });

  test("a key over its limit, until the minute is over", async () => {
    const limited = await givenKey("limited");
    await db.query("update tracegram.ingest_keys set traces_per_minute = 3 where name = 'limited'");
    const authorization = `Bearer ${limited}`;
    // The minute of the clock may end in between; then it takes one more round.
    let response: Response;
    do {
      await send([makeTrace(), makeTrace(), makeTrace()], { authorization });
      response = await post(one(), { authorization });
    } while (response.status === 200);
    const wait = Number(response.headers.get("retry-after"));
    expect(wait).toBeGreaterThanOrEqual(1);
    expect(wait).toBeLessThanOrEqual(60);
    await expectProblem(response, 429, "TG004");
    // Another bot is not affected.
    await send([makeTrace()]);
  });

  test("a batch while the table is locked, for another try", async () => {
    const lock = stack.client("postgres");
    await lock.connect();
    onTestFinished(() => lock.end());
    await lock.query("begin; lock table tracegram.pipeline_traces in access exclusive mode");
    const trace = makeTrace();
    const response = await post(JSON.stringify([trace]));
    expect(response.headers.get("retry-after")).toBe("5");
    await expectProblem(response, 503, "unavailable");
    await lock.query("rollback");
    expect(await send([trace])).toMatchObject({ stored: 1 });
  });
});

/** The most memory that a process has held, in bytes. */
function peakMemory(pid: number): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) * 1024;
}
