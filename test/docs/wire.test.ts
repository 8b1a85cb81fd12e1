// docs/wire.md is true: its examples are sent to the real function, in their order, and what it says of limits and codes is so.
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { Ajv } from "ajv";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { SQLSTATES } from "../../functions/_shared/errors.ts";
import * as wire from "../../tracer/wire.ts";
import { startTestStack, type TestStack } from "../_support/stack.ts";
import { makeTrace } from "../_support/traces.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const page = read("docs/wire.md");
const blocks = [...page.matchAll(/^ *```json (batch|answer)\n(.*?)^ *```$/gms)].map(([, kind, json]) => ({
  kind: kind!,
  json: json!,
}));
const timeOf = (id: string) => parseInt(id.replace("-", "").slice(0, 12), 16);

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

describe("the examples", () => {
  test("are batches, each with its answer", () => {
    expect(blocks.map(({ kind }) => kind)).toEqual(Array(blocks.length / 2).fill(["batch", "answer"]).flat());
    expect(blocks.length).toBeGreaterThanOrEqual(10);
    expect([...page.matchAll(/```json/g)]).toHaveLength(blocks.length);
  });

  test("fit the schema, but for the one trace that is meant to be refused", () => {
    const validate = new Ajv({ strict: false }).compile(JSON.parse(read("docs/wire.schema.json")));
    const batches = blocks.filter(({ kind }) => kind === "batch").map(({ json }) => JSON.parse(json));
    expect(batches.map((batch) => validate(batch))).toEqual([false, ...Array(batches.length - 1).fill(true)]);
    expect(validate(batches[0].slice(0, 1))).toBe(true);
    for (const { trace_id, started_at } of batches.flatMap((batch) => batch.traces ?? batch)) {
      expect(timeOf(trace_id)).toBe(new Date(started_at).getTime());
    }
  });

  test("are answered as the page says, one after the other", async () => {
    // Of a day that is kept: as long ago as they are apart.
    const shift = Date.now() - 60_000 - timeOf(/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f-]+/.exec(page)![0]);
    const today = (json: string) =>
      json
        .replace(/([0-9a-f]{8}-[0-9a-f]{4})(-7[0-9a-f]{3}-[89ab])/g, (_, time: string, rest: string) => {
          const hex = (timeOf(time) + shift).toString(16).padStart(12, "0");
          return `${hex.slice(0, 8)}-${hex.slice(8)}${rest}`;
        })
        .replace(/(?<="started_at": )\d+/g, (ms) => String(Number(ms) + shift))
        .replace(/(?<="started_at": ")[^"]+/g, (iso) => new Date(Date.parse(iso) + shift).toISOString());
    for (let i = 0; i < blocks.length; i += 2) {
      const response = await fetch(stack.info.functions["ingest"]!, {
        method: "POST",
        headers: { authorization: `Bearer ${stack.info.ingest_key}`, "content-type": "application/json" },
        body: today(blocks[i]!.json),
      });
      expect([response.status, await response.json()]).toEqual([200, JSON.parse(today(blocks[i + 1]!.json))]);
    }
    const { rows } = await db.query("select reason, records::int from tracegram.dropped order by reason");
    expect(rows).toEqual([{ reason: "queue_full", records: 120 }, { reason: "too_large", records: 1 }]);
    const io = await db.query("select step, request_chars from tracegram.trace_io order by trace_id");
    expect(io.rows).toEqual([{ step: 2, request_chars: 70_000 }, { step: 1, request_chars: 12 }]);
  });
});

describe("the limits", () => {
  const rows = new Map(
    [...page.matchAll(/^\| ([^|]+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(([, what, limit]) => [what!, limit!]),
  );
  const n = (value: number) => value.toLocaleString("en");
  test.each([
    ["traces in a batch", n(wire.MAX_TRACES_PER_BATCH)],
    ["body, unpacked", `${n(wire.MAX_BODY_BYTES)} bytes`],
    ["steps in a trace", n(wire.MAX_STEPS)],
    ["pipeline and step names", `${n(wire.MAX_NAME)} characters`],
    ["error texts", `${n(wire.MAX_ERROR)} characters`],
    ["`release`, and `model` of a step", "300 characters"],
    ["each request and response", `${n(wire.MAX_IO_CHARS)} characters`],
    ["tokens of one class in a step", n(wire.MAX_TOKENS)],
    ["cost of a step", `${n(wire.MAX_COST_MICROUSD)} micro-dollars`],
    ["`started_at` ahead of the server's clock", `${n(wire.MAX_FUTURE_MS)} ms`],
    ["reasons in a report", `${wire.MAX_DROP_REASONS} of ${wire.MAX_DROP_REASON} characters`],
  ])("%s", (what, limit) => expect(rows.get(what)).toBe(limit));

  test("of a key, of step names, and of what is lost are the defaults", async () => {
    const { rows: [key] } = await db.query("select traces_per_minute as n from tracegram.ingest_keys limit 1");
    expect(rows.get("traces of a key in a minute")).toBe(`${n(key.n)} unless set otherwise`);
    const { rows: [settings] } = await db.query(
      "select extract(epoch from lost_after)::int / 60 as lost, io_days from tracegram.settings",
    );
    expect(page).toContain(`not ended after ${settings.lost} minutes (unless set otherwise)`);
    expect(page).toContain(`for ${settings.io_days} days unless set otherwise`);
    expect(page).toContain(`Step names of at most ${wire.MAX_STEP_NAME} characters`);
  });
});

describe("what the schema and the server do not agree on", () => {
  const post = (body: string) =>
    fetch(stack.info.functions["ingest"]!, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.info.ingest_key}`, "content-type": "application/json" },
      body,
    });
  const nested = (depth: number) =>
    JSON.stringify([{ ...makeTrace(), more: 0 }]).replace(
      '"more":0',
      `"more":${"[".repeat(depth)}${"]".repeat(depth)}`,
    );

  test("other JSON where a string is meant is taken as its text, and what is too long says how long it was", async () => {
    const trace = makeTrace({ release: { v: 1 } as never, error: true as never, status: "error" });
    const long = makeTrace({
      release: "r".repeat(301),
      steps: [{ name: "a", offset_ms: 0, duration_ms: 1, model: "m".repeat(301) }],
    });
    expect(await (await post(JSON.stringify([trace, long]))).json()).toMatchObject({ stored: 2 });
    const { rows } = await db.query(
      "select release, error, steps[1].model from tracegram.pipeline_traces where trace_id = any ($1) order by error",
      [[trace.trace_id, long.trace_id]],
    );
    expect(rows[0]).toMatchObject({ release: '{"v": 1}', error: "true" });
    expect([rows[1].release, rows[1].model]).toEqual(["r", "m"].map((of) => `${of.repeat(300)}… [301 characters]`));
    expect(page).toContain("`… [301 characters]`");
  });

  test("nesting over 32 is refused whole by the function", async () => {
    expect((await post(nested(31))).status).toBe(200);
    const response = await post(nested(32));
    expect([response.status, await response.json()]).toMatchObject([400, { code: "nested_too_deeply" }]);
  });

  test("a body may grow when it is written again", async () => {
    const body = JSON.stringify([{ ...makeTrace(), more: 0 }]).replace(
      '"more":0',
      `"more":[${Array(60_000).fill("1e20").join()}]`,
    );
    expect(body.length).toBeLessThan(wire.MAX_BODY_BYTES / 2);
    const response = await post(body);
    expect([response.status, await response.json()]).toMatchObject([413, { code: "TG003" }]);
  });
});

const shell = spawnSync("sh", ["-c", "command -v curl && command -v openssl && date +%s%3N"]).status === 0;

test.skipIf(!shell)("the README's example in the shell is stored", async () => {
  const [, script] = /^```sh\n(ms=\$\(date .*?curl .*?)^```$/ms.exec(read("README.md"))!;
  const { stdout } = await promisify(execFile)("sh", ["-euc", script!], {
    env: {
      ...process.env,
      TRACEGRAM_INGEST_URL: stack.info.functions["ingest"],
      TRACEGRAM_INGEST_KEY: stack.info.ingest_key,
    },
  });
  expect(JSON.parse(stdout)).toMatchObject({ stored: 1, rejected: 0 });
});

test("every code that a sender can meet is there, and no other", async () => {
  const { rows } = await db.query(
    "select distinct m[1] as code from regexp_matches(obj_description('public.ingest_traces(text, json)'::regprocedure), '(TG\\d{3})', 'g') as m",
  );
  const codes = new Set([...page.matchAll(/TG\d{3}/g)].map(([code]) => code));
  expect([...codes].sort()).toEqual(rows.map(({ code }) => code).sort());
  for (const [code, { status }] of Object.entries(SQLSTATES)) {
    if (codes.has(code)) expect(page).toContain(String(status));
  }
});

describe("without the ingest function", () => {
  const post = (batch: unknown, key = stack.info.ingest_key) =>
    fetch(`${stack.info.api_url}/rest/v1/rpc/ingest_traces`, {
      method: "POST",
      headers: { apikey: stack.info.anon_key, "content-type": "application/json" },
      body: typeof batch === "string" ? batch : JSON.stringify({ p_key: key, p_batch: batch }),
    });
  const outcome = async (response: Promise<Response>) => {
    const { status, headers } = await response;
    return [status, ((await (await response).json()) as { code?: string }).code, headers.get("retry-after")];
  };

  test("batches and reports are taken", async () => {
    expect(await (await post([makeTrace()])).json()).toMatchObject({ stored: 1 });
    const report = { sender: crypto.randomUUID(), dropped: {}, traces: [makeTrace()] };
    expect(await (await post(report)).json()).toMatchObject({ stored: 1 });
  });

  test("errors are 400 with their code", async () => {
    expect(await outcome(post([]))).toEqual([400, "TG002", null]);
    expect(await outcome(post(Array.from({ length: 501 }, () => makeTrace())))).toEqual([400, "TG003", null]);
    const limited = (await db.query("select public.create_ingest_key('limited') as key")).rows[0].key;
    await db.query("update tracegram.ingest_keys set traces_per_minute = 1 where name = 'limited'");
    // The minute of the clock may end in between; then it takes one more round.
    await expect.poll(async () => {
      await post([makeTrace()], limited);
      return await outcome(post([makeTrace()], limited));
    }).toEqual([400, "TG004", null]);
    expect(await outcome(post([makeTrace({ pipeline: "\0" }), makeTrace()]))).toEqual([400, "22P05", null]);
  });

  test("a number that Postgres cannot hold is rejected, also in an unknown field", async () => {
    const batch = JSON.stringify([{ ...makeTrace(), more: 0 }, makeTrace()]).replace('"more":0', '"more":1e200000');
    const body = `{"p_key":${JSON.stringify(stack.info.ingest_key)},"p_batch":${batch}}`;
    expect(await (await post(body)).json()).toMatchObject({ rejected: 1, stored: 1, items: [{ code: "TG010" }, {}] });
  });

  test("a whole number with a fraction is rejected, and through the function it is not", async () => {
    const batch = (trace: wire.WireTrace) =>
      JSON.stringify([trace]).replace('"duration_ms":1234', '"duration_ms":1234.0');
    const body = `{"p_key":${JSON.stringify(stack.info.ingest_key)},"p_batch":${batch(makeTrace())}}`;
    expect(await (await post(body)).json()).toMatchObject({ rejected: 1, items: [{ code: "TG010" }] });
    const response = await fetch(stack.info.functions["ingest"]!, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.info.ingest_key}`, "content-type": "application/json" },
      body: batch(makeTrace()),
    });
    expect(await response.json()).toMatchObject({ stored: 1 });
  });
});
