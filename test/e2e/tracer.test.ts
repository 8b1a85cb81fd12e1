// Over 300 lines, because it is one way: every test sends traces through one stack, and starting one takes longest.
//
// The real tracer, the real ingest function and PostgREST, the real Postgres: what was recorded in the bot's process is what the
// product's RPCs answer. Between them stands a gate that sees what travels and fails on demand. One file, for it takes one stack.
import { randomInt } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { PostgrestClient } from "@supabase/postgrest-js";
import OpenAI from "openai";
import type pg from "pg";
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from "vitest";
import { createDb, type Db, type TraceDetail, type TraceIo } from "../../functions/_shared/db.ts";
import { createTracer, defineSteps, type Tracer, type TracerOptions } from "../../tracer/index.ts";
import { rpcTransport } from "../../tracer/rpc.ts";
import { recordLlm } from "../../tracer/llm.ts";
import { traceOpenAI } from "../../tracer/openai.ts";
import { diskSpool } from "../../tracer/spool.ts";
import { supabaseFetch } from "../../tracer/supabase.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { type Gate, startGate } from "../_support/gate.ts";
import { endStack, stopPostgrest } from "../_support/outage.ts";
import { startTestStack, type TestStack } from "../_support/stack.ts";
import { expectBalanced } from "../tracer/_support/delivery.ts";
import { startProvider } from "../tracer/_support/openai.ts";
import { runtimes, start } from "../tracer/_support/runtimes.ts";
import { ADA, startBot, startTelegram, written } from "../tracer/_support/telegram.ts";

const WAYS = ["the ingest function", "PostgREST directly"] as const;
type Way = typeof WAYS[number];

let stack: TestStack;
let sql: pg.Client;
let db: Db;
beforeAll(async () => {
  stack = await startTestStack();
  sql = stack.client("postgres");
  await sql.connect();
  db = createDb(stack.info.api_url, stack.info.service_role_key);
});
afterAll(async () => {
  await sql?.end();
  await endStack(stack);
});

/** However busy the machine is. */
const soon = <T>(read: () => T) => expect.poll(read, { interval: 10, timeout: 20_000 });

let names = 0;
const newName = () => `e2e ${++names}`;
const newKey = async (name: string): Promise<string> =>
  (await sql.query("select public.create_ingest_key($1) as key", [name])).rows[0].key;

async function gateOf(): Promise<Gate> {
  const gate = await startGate(stack.info.api_url);
  onTestFinished(() => gate.close());
  return gate;
}

function tracerOf(way: Way, gate: Gate, key: string, options: TracerOptions = {}) {
  const problems: string[] = [];
  const target = way === "PostgREST directly"
    ? { transport: rpcTransport(gate.url, stack.info.anon_key, key) }
    : { url: `${gate.url}/functions/v1/ingest`, key };
  const tracer = createTracer({
    ...target,
    flushOnExit: false,
    retryDelayMs: 1,
    capture: { rate: 1 },
    onError: ({ code }) => problems.push(code),
    ...options,
  });
  onTestFinished(async () => void await tracer.close({ timeoutMs: 0 }));
  return { tracer, problems };
}

/** A tracer with a key and a gate of its own. Its pipeline is called as its key. */
async function setUp(way: Way, options: TracerOptions = {}) {
  const name = newName();
  const gate = await gateOf();
  return { name, gate, ...tracerOf(way, gate, await newKey(name), options) };
}

/** Fails so often that the tracer tries with one trace at a time. */
const oneAtATime = (tracer: Tracer) =>
  soon(() => {
    void tracer.flush({ timeoutMs: 0 });
    return tracer.stats().retries;
  }).toBeGreaterThan(5);

/** Records `count` traces with a step and what was said in it, and gives their ids. */
function record(tracer: Tracer, pipeline: string, count: number, chars = 40): string[] {
  return Array.from({ length: count }, () =>
    tracer.trace(pipeline, (trace) => {
      tracer.step("s", (step) => step.llm({ request: textOf(trace.id, chars) }));
      return trace.id;
    }));
}

const textOf = (id: string, chars: number) => `${id} `.padEnd(chars, "x");
const last16 = (id: string) => parseInt(id.slice(-4), 16);

/** All rows of a pipeline, so that one stored twice would be seen; in the order of their ids. */
async function stored(pipeline: string): Promise<string[]> {
  const { rows } = await sql.query(
    "select trace_id from tracegram.pipeline_traces where pipeline = $1 order by trace_id",
    [pipeline],
  );
  return rows.map(({ trace_id }) => trace_id);
}

/** Requests that are stored of a pipeline's traces, by trace id. Throws where a step has two. */
async function requests(pipeline: string): Promise<Record<string, string>> {
  const { rows } = await sql.query(
    `select t.trace_id, io.step, io.request from tracegram.pipeline_traces as t
     join tracegram.trace_io as io using (started_at, trace_id) where t.pipeline = $1`,
    [pipeline],
  );
  expect(new Set(rows.map(({ trace_id }) => trace_id)).size).toBe(rows.length);
  return Object.fromEntries(rows.map(({ trace_id, request }) => [trace_id, request]));
}

const said = (ids: string[], chars = 40) => Object.fromEntries(ids.map((id) => [id, textOf(id, chars)]));

/** The RPCs that count have so many of the pipeline, each once, and of all no more than there are. */
async function expectCounted(pipeline: string, count: number): Promise<void> {
  expect(await db.listTraces({ limit: 1, pipeline })).toMatchObject({ total: count, total_exact: true });
  const { rows } = await sql.query(`
    select count(*)::int, count(*) filter (where status = 'error')::int as errors
    from tracegram.pipeline_traces where status in ('ok', 'error')`);
  expect((await db.traceStats()).window).toMatchObject(rows[0]);
}

const droppedOf = async (key: string) => (await db.traceGaps()).dropped.senders.filter((sender) => sender.key === key);

test.each(WAYS)(
  "one update, through %s: all that was recorded is what get_trace and get_trace_io answer",
  async (way) => {
    const { gate, tracer, name, problems } = await setUp(way, {
      backgroundMs: 100,
      release: "v1.2.3",
      capture: { rate: 0, steps: { "llm.chat": "always", "llm.other": "always" } },
      mask: (text) => text.replaceAll("Project X", "[project]"),
    });
    const telegram = await startTelegram();
    const provider = await startProvider();
    onTestFinished(() => provider.close());
    const openai = traceOpenAI(new OpenAI({ apiKey: "sk-test", baseURL: provider.url }), tracer);
    const { api_url, service_role_key } = stack.info;
    const rest = new PostgrestClient(`${api_url}/rest/v1`, {
      headers: { apikey: service_role_key },
      fetch: supabaseFetch(tracer),
    });
    const LABELS = defineSteps({ "db.get_settings": "Looking…", answer: "Writing…" });

    const model = "gpt-4o-mini";
    const usage = { input: 1000, cached: 400, output: 90, reasoning: 50 };
    let speak!: () => void;
    const silence = new Promise<void>((resolve) => speak = resolve);
    provider.reply = ({ body, attempt }) => {
      // The second half of an emoji never came.
      if (body.stream) return { text: "Dear Ada \ud83d", usage, at: 1, until: silence };
      if (attempt === 0) return { status: 429, message: "Slow down", headers: { "retry-after-ms": "1" } };
      return { text: "Project X is late 📦", usage: { input: 11, cached: 0, output: 4, reasoning: 0 } };
    };

    const clock = { handlerOver: 0, called: 0, calling: 0, spoke: 0, heard: 0, start: 0, loaded: 0, startedAt: 0 };
    const messages = [
      { role: "user" as const, content: "I am ada@example.com, sk-proj-abcDEF1234567890abcd. Project X?" },
    ];
    const asked = { model, messages, stream: true as const, stream_options: { include_usage: true } };
    const again = { model, messages: [{ role: "user" as const, content: "Again 📦" }] };
    let release!: () => void;
    const endless = new Promise<void>((resolve) => release = resolve);
    let late!: Promise<void>;
    let shownId: number | undefined;

    const bot = startBot("Telegraf", tracer, telegram.url, async (ctx) => {
      clock.start = performance.now();
      const shown = ctx.progress(LABELS);
      shownId = await shown.message;
      await rest.rpc("get_settings");
      clock.loaded = performance.now();
      const { error } = await rest.from("nowhere").select();
      expect(error).not.toBeNull();

      const text = await tracer.step("answer", async () => {
        clock.calling = performance.now();
        const creating = openai.chat.completions.create(asked);
        clock.called = performance.now();
        let text = "";
        for await (const { choices: [choice] } of await creating) {
          if (choice?.delta.role) {
            // A time to be told apart from none.
            await new Promise((resolve) => setTimeout(resolve, 30));
            clock.spoke = performance.now();
            speak();
          }
          if (choice?.delta.content) clock.heard ||= performance.now();
          text += choice?.delta.content ?? "";
        }
        return text;
      });
      expect(text).toBe("Dear Ada \ud83d");
      await openai.chat.completions.create(again);
      recordLlm(tracer, "llm.other", {
        model: "nobody-knows",
        usage: { prompt_tokens: 7, completion_tokens: 3 },
        request: { prompt: "p" },
        response: "y".repeat(100_000),
        duration_ms: 0,
      });

      // Never awaited: one outlives the trace, the other only the handler.
      late = new Promise((resolve) => {
        tracer.background(async () => {
          await tracer.step("slow", () => endless);
          tracer.step("too.late", () => {});
          resolve();
        });
      });
      let remember!: () => void;
      const over = new Promise<void>((resolve) => remember = resolve);
      ctx.trace.background(async () => {
        await over;
        await tracer.step("memory.save", async () => {
          await Promise.resolve();
          tracer.step("memory.index", () => {});
        });
      });
      await shown.done("Here you are");
      // The handler ends within this turn of the event loop, and no timer goes off before its next one.
      setImmediate(remember);
      clock.handlerOver = performance.now();
    }, { pipeline: () => name });

    const before = await db.traceStats();
    clock.startedAt = Date.now();
    await bot.handle(written("/ask", 7_000_001, ADA, 900));
    await soon(() => tracer.stats().recorded).toBe(1);
    expect(await tracer.flush()).toBe(true);

    const wire = gate.passed.at(-1)!.traces[0]!;
    const id = wire.trace_id;
    const read = async (): Promise<{ trace: TraceDetail; io: TraceIo[] }> => ({
      trace: (await db.getTrace(id))!,
      io: await db.getTraceIo(id),
    });
    const { trace, io } = await read();

    const tokens = (input_tokens: number, cached_tokens: number, output_tokens: number, reasoning_tokens: number) => ({
      input_tokens,
      cached_tokens,
      output_tokens,
      reasoning_tokens,
    });
    const times = { offset_ms: expect.any(Number), duration_ms: expect.any(Number) };
    const cost = 600 * 0.15 + 400 * 0.075 + 90 * 0.6;
    const ok = times; // what is ok is not said
    expect(trace.steps).toEqual([
      { name: "db.get_settings", ...ok },
      { name: "db.nowhere", ...times, status: "error", error: expect.stringMatching(/^(42P01|PGRST205) .*nowhere/) },
      { name: "answer", ...ok },
      {
        name: "llm.chat",
        parent: 3,
        ...ok,
        model,
        ...tokens(1000, 400, 90, 50),
        cost_microusd: cost,
        first_token_ms: expect.any(Number),
      },
      { name: "llm.chat", ...ok, model, ...tokens(11, 0, 4, 0), cost_microusd: Math.round(11 * 0.15 + 4 * 0.6) },
      { name: "llm.retry", parent: 5, ...times, status: "error", error: "429 Slow down" },
      { name: "llm.other", ...ok, model: "nobody-knows", input_tokens: 7, output_tokens: 3 },
      { name: "slow", ...times, status: "detached" },
      { name: "tg.editMessageText", ...ok },
      { name: "memory.save", ...ok },
      { name: "memory.index", parent: 10, ...ok },
    ]);
    // To the millisecond what the process has sent, and that is what its clock said.
    expect(trace.steps).toEqual(wire.steps);
    const [load, , answer, streamed, call, retry, , slow, , save] = trace.steps;
    expect(streamed!.first_token_ms).toBeGreaterThanOrEqual(Math.floor(clock.spoke - clock.called));
    expect(streamed!.first_token_ms).toBeLessThanOrEqual(Math.ceil(clock.heard - clock.calling));
    expect(streamed!.duration_ms).toBeLessThanOrEqual(answer!.duration_ms);
    expect(retry!.offset_ms).toBeGreaterThanOrEqual(call!.offset_ms);
    expect(retry!.offset_ms + retry!.duration_ms).toBeLessThanOrEqual(call!.offset_ms + call!.duration_ms);
    expect(load!.duration_ms).toBeLessThanOrEqual(Math.ceil(clock.loaded - clock.start) + 1);
    expect(save!.offset_ms).toBeGreaterThanOrEqual(Math.floor(clock.handlerOver - clock.start));
    expect(slow!.offset_ms + slow!.duration_ms).toBe(trace.duration_ms);
    expect(trace.duration_ms).toBeGreaterThanOrEqual(Math.floor(clock.handlerOver - clock.start) + 99);
    expect(Math.abs(Date.parse(trace.started_at) - clock.startedAt)).toBeLessThan(1000);
    expect(parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(Date.parse(trace.started_at));

    expect(shownId).toEqual(expect.any(Number));
    expect(telegram.shown()).toEqual(["Here you are"]);
    expect(trace).toMatchObject({
      pipeline: name,
      status: "ok",
      error: null,
      release: "v1.2.3",
      update_id: 7_000_001,
      chat_id: ADA.id,
      user_id: ADA.id,
      message_id: shownId,
      input_tokens: 1018,
      output_tokens: 97,
      cost_microusd: cost + 4,
      cost_complete: false,
      io_steps: [4, 5, 7],
    });

    const length = (text: string) => ({ text, chars: [...text].length });
    const masked = JSON.stringify(asked)
      .replace("ada@example.com", "[email]").replace("sk-proj-abcDEF1234567890abcd", "[secret]")
      .replace("Project X", "[project]");
    expect(io.map(({ step, request, request_chars, response, response_chars }) => ({
      step,
      request: { text: request, chars: request_chars },
      response: { text: response, chars: response_chars },
    }))).toEqual([
      { step: 4, request: length(masked), response: length("Dear Ada \ufffd") },
      { step: 5, request: length(JSON.stringify(again)), response: length("[project] is late 📦") },
      { step: 7, request: length('{"prompt":"p"}'), response: { text: "y".repeat(65_536), chars: 100_000 } },
    ]);

    // What ends after the trace was sent is counted and changes nothing.
    release();
    await late;
    await tracer.flush();
    expect(tracer.stats()).toMatchObject({ recorded: 1, delivered: 1, queued: 0, dropped: {}, orphanSteps: 1 });
    expect(problems).toEqual(["orphan_step"]);
    expect(await read()).toEqual({ trace, io });

    const page = await db.listTraces({ limit: 5, pipeline: name });
    expect(page).toMatchObject({ total: 1, traces: [{ trace_id: id, step_count: 11, cost_microusd: cost + 4 }] });
    const after = await db.traceStats();
    const grown =
      (["count", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_microusd"] as const)
        .map((field) => (after.window[field] ?? 0) - (before.window[field] ?? 0));
    expect(grown).toEqual([1, 1018, 400, 97, 50, cost + 4]);
    expect(after.window.unpriced_calls - before.window.unpriced_calls).toBe(1);
    expect((await db.traceGaps()).examples.filter((example) => example.trace_id === id)).toEqual([]);
  },
);

test.each(WAYS)(
  "a backlog, through %s: traces first, what was said in the sampled ones later, nothing twice",
  async (way) => {
    const { gate, tracer, name, problems } = await setUp(way, { capture: { rate: 0.5 } });
    const back = await stopPostgrest(stack);
    const ids = record(tracer, name, 150, 6000);
    const failed = Array.from({ length: 10 }, () =>
      tracer.trace(name, (trace) => {
        tracer.step("s", (step) => {
          step.llm({ request: textOf(trace.id, 6000) });
          step.fail("boom");
        });
        trace.fail("boom");
        return trace.id;
      }));
    await soon(() => tracer.stats().retries).toBeGreaterThan(0);
    expect(gate.passed[0]!.status).toBe(503);
    expect(tracer.stats()).toMatchObject({ recorded: 160, queued: 160, delivered: 0, dropped: {} });
    const away = gate.passed.length;
    // Every other answer is lost on its way back.
    gate.passage = (before) => before % 2 === 1 ? "lost" : "open";
    await back();

    expect(await tracer.flush({ timeoutMs: 20_000 })).toBe(true);
    expect(tracer.stats()).toMatchObject({ recorded: 160, delivered: 160, queued: 0, dropped: {}, ioDropped: 0 });
    expectBalanced(tracer);
    expect(new Set(problems)).toEqual(new Set(["undelivered"]));
    const all = [...ids, ...failed].sort();
    const sampled = all.filter((id) => failed.includes(id) || last16(id) < 0.5 * 65536);
    expect(sampled.length * 6000).toBeGreaterThan(256_000);
    expect(await stored(name)).toEqual(all);
    expect(await requests(name)).toEqual(said(sampled, 6000));
    await expectCounted(name, 160);

    // And so it travelled: no request or response before the last trace, and then each in a request of its own kind.
    const sent = gate.passed.slice(away).filter(({ result }) => result !== undefined);
    const kinds = sent.map(({ traces }) => [...new Set(traces.map(kindOf))].join());
    expect(kinds.join(" ")).toMatch(/^(trace )+io( io)+$/);
    expect(gate.results("stored").sort()).toEqual(all);
    // Besides, what had to be sent again.
    expect(gate.results("duplicate")).toEqual(expect.arrayContaining(sampled));
    expect(gate.results("duplicate").length).toBeGreaterThan(sampled.length);
    expect(gate.results("rejected")).toEqual([]);
  },
);

test.each(WAYS)("announced while the server was away, through %s: each becomes one whole trace", async (way) => {
  const { gate, tracer, name } = await setUp(way, { announceAfterMs: 5 });
  gate.passage = () => "away";
  let end!: () => void;
  const over = new Promise<void>((resolve) => end = resolve);
  const running = Array.from({ length: 60 }, () =>
    tracer.trace(name, async (trace) => {
      await tracer.step("s", async (step) => {
        step.llm({ request: textOf(trace.id, 6000) });
        await over;
      });
      return trace.id;
    }));
  await soon(() => tracer.stats().recorded).toBe(60);
  // It is announced at the server; the others' ends come while their announcements wait.
  await oneAtATime(tracer);
  gate.passage = (before) => before === 0 ? "lost" : "away";
  void tracer.flush({ timeoutMs: 0 });
  await soon(() => gate.results("stored").length).toBe(1);
  expect((await db.traceGaps()).running).toBe(1);
  end();
  const ids = (await Promise.all(running)).sort();
  gate.passage = (before) => before % 2 === 1 ? "lost" : "open";
  await soon(() => tracer.flush()).toBe(true);
  expect(tracer.stats()).toMatchObject({ recorded: 120, delivered: 120, queued: 0, dropped: {}, ioDropped: 0 });
  expect(await stored(name)).toEqual(ids);
  expect(await requests(name)).toEqual(said(ids, 6000));
  expect(gate.results("updated").sort()).toEqual(ids);
  expect(gate.results("rejected")).toEqual([]);
  expect((await db.traceGaps()).running).toBe(0);
  const { rows } = await sql.query("select public.get_trace(id) as trace from unnest($1::uuid[]) as id", [ids]);
  for (const { trace } of rows) {
    expect(trace).toMatchObject({ status: "ok", steps: [{ name: "s" }], io_steps: [1] });
    expect(trace.duration_ms).toBeGreaterThanOrEqual(5);
  }
  await expectCounted(name, 60);
});

test.each(WAYS)("whatever a bot records, through %s: nothing of it is refused", async (way) => {
  const texts = [
    "",
    " ",
    "\t",
    "\0",
    "\ud83d",
    "\\u0000",
    "\\",
    '"',
    "💥".repeat(3000),
    "\u202e\ufeff",
    "{}",
    "null",
    "x".repeat(70_000),
  ];
  const numbers = [
    NaN,
    Infinity,
    -1,
    -0,
    0.4,
    1.5,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 53,
    1e308,
    1e8,
    1e8 + 1,
    1e9 + 1,
    -(2 ** 52),
  ];
  const name = newName();
  const gate = await gateOf();
  const key = await newKey(name);
  const ids: string[] = [];
  for (const text of texts) {
    const { tracer, problems } = tracerOf(way, gate, key, { release: text });
    tracer.trace(text, (trace) => {
      ids.push(trace.id);
      tracer.step(text, (step) => {
        step.llm({ model: text, request: text, response: { [text]: [text] } });
        tracer.step("in", (inner) => inner.fail(text));
      });
      trace.fail(text);
    });
    for (const number of numbers) {
      const keys = { update_id: number, chat_id: number, user_id: number, message_id: number };
      tracer.trace(name, (trace) => {
        ids.push(trace.id);
        const call = { input_tokens: number, cached_tokens: number, output_tokens: number, reasoning_tokens: number };
        tracer.step("s", (step) => step.llm({ ...call, cost_microusd: number, first_token_ms: number }));
        recordLlm(tracer, "past", { started_at: number, duration_ms: number, error: text, usage: { cost: number } });
        recordLlm(tracer, "past", { duration_ms: number });
      }, keys);
    }
    expect(await tracer.close()).toBe(true);
    expect(tracer.stats()).toMatchObject({ delivered: numbers.length + 1, queued: 0, dropped: {}, ioDropped: 0 });
    expect(problems.filter((code) => code !== "step_name")).toEqual([]);
  }
  expect(gate.results("rejected")).toEqual([]);
  const { rows } = await sql.query(
    "select count(*)::int from unnest($1::uuid[]) as id where public.get_trace(id) is not null",
    [ids],
  );
  expect(rows).toEqual([{ count: texts.length * (numbers.length + 1) }]);
});

test.each(WAYS)("as large as it gets, through %s: all steps, and the head of what was said in each", async (way) => {
  const { gate, tracer, name } = await setUp(way);
  const large = tracer.trace(name, (trace) => {
    for (let i = 0; i < 30; i++) tracer.step("s", (step) => step.llm({ request: `${i} `.padEnd(60_000, "é") }));
    return trace.id;
  });
  const long = tracer.trace(name, (trace) => {
    for (let i = 0; i < 1200; i++) tracer.step(`s${i}`, (step) => step.llm({ response: `${i}` }));
    return trace.id;
  });
  expect(await tracer.flush()).toBe(true);
  expect(tracer.stats()).toMatchObject({ delivered: 2, dropped: {}, ioDropped: 0, excessSteps: 200 });
  expect(new Set(gate.passed.map(({ status }) => status))).toEqual(new Set([200]));
  const io = await db.getTraceIo(large);
  expect(io.map(({ request_chars }) => request_chars)).toEqual(Array(30).fill(60_000));
  expect(io.map(({ request }) => request)).toEqual(io.map((_, i) => `${i} `.padEnd(16_384, "é")));
  const { steps } = (await db.getTrace(long))!;
  expect(steps.map((step) => step.name)).toEqual(Array.from({ length: 1000 }, (_, i) => `s${i}`));
  expect((await db.getTraceIo(long)).map(({ response }) => response)).toEqual(steps.map((_, i) => `${i}`));
});

const kindOf = ({ steps, io }: WireTrace) => [steps.length > 0 && "trace", io && "io"].filter(Boolean).join("+");

test.each(WAYS)("drops, through %s: trace_gaps has the numbers of stats(), also when answers get lost", async (way) => {
  const { gate, tracer, name } = await setUp(way, { maxQueued: 40, maxQueuedBytes: 100_000 });
  gate.passage = () => "away";
  const ids = record(tracer, name, 1, 5000);
  await oneAtATime(tracer);
  // Serialised as they come, as in a bot that lives on meanwhile: the bound is met by bytes, and then by count.
  while (ids.length < 65) {
    ids.push(...record(tracer, name, 1, 5000));
    await tracer.flush({ timeoutMs: 0 });
  }
  const { dropped, ioDropped } = tracer.stats();
  expect(dropped).toEqual({ queue_full: 25 });
  expect(ioDropped).toBeGreaterThan(15);
  expect(ioDropped).toBeLessThan(40);
  expect(await droppedOf(name)).toEqual([]);

  // One trace, to see whether the server is back, three times; then the rest, twice.
  gate.passage = (before) => before < 3 || before === 4 || before === 5 ? "lost" : "open";
  const first = gate.passed.length;
  // After so many failures the pauses are long; each flush cuts one short.
  await soon(() => tracer.flush()).toBe(true);
  expectBalanced(tracer);
  expect(tracer.stats()).toMatchObject({ recorded: 65, delivered: 40, queued: 0, dropped, ioDropped });
  const sent = gate.passed.slice(first);
  const told = { ...dropped, io_dropped: ioDropped };
  // Each probe another trace, since one alone may be what the server fails at.
  expect(sent.slice(0, 4).map(({ traces, result, report }) => [traces.length, result?.stored, report?.dropped]))
    .toEqual(Array(4).fill([1, 1, told]));
  // The fourth answer has come: the server knows.
  expect(sent.slice(4).map(({ report }) => report)).toEqual(sent.slice(4).map(() => undefined));
  const sum = (numbers: (number | undefined)[]) => numbers.reduce<number>((all, n) => all + (n ?? 0), 0);
  expect(sum(sent.map(({ result }) => result?.stored))).toBe(40);
  // What was lost was sent again: the three of the probes, and the first batch.
  expect(sum(sent.map(({ traces }) => traces.length))).toBeGreaterThan(40 + 3 + 30);
  const reports = await droppedOf(name);
  expect(reports).toMatchObject([{ records: 25 + ioDropped, reasons: told }]);
  const kept = ids.slice(0, 40);
  expect(await stored(name)).toEqual([...kept].sort());
  // The oldest requests went, but for one that was on its way just then.
  const io = await requests(name);
  expect(Object.keys(io)).toHaveLength(40 - ioDropped);
  expect(Object.keys(io)).toEqual(expect.arrayContaining(kept.slice(ioDropped + 1)));
  expect(io).toEqual(said(Object.keys(io), 5000));
  await expectCounted(name, 40);

  // The server's clock is two hours behind: it says no, and hears of that with the next batch.
  const { now } = Date;
  vi.spyOn(Date, "now").mockImplementation(() => now() + 7_200_000);
  onTestFinished(() => void vi.restoreAllMocks());
  const [ahead] = record(tracer, name, 1);
  vi.restoreAllMocks();
  expect(await tracer.flush()).toBe(false);
  const more = record(tracer, name, 3);
  expect(await tracer.flush()).toBe(true);
  expect(gate.results("rejected")).toEqual([ahead]);
  const total = { ...dropped, rejected: 1 };
  expect(tracer.stats()).toMatchObject({ recorded: 69, delivered: 43, queued: 0, dropped: total, ioDropped });
  const reported = await droppedOf(name);
  expect(reported).toMatchObject([{
    sender: reports[0]!.sender,
    records: 26 + ioDropped,
    reasons: { ...total, io_dropped: ioDropped },
  }]);

  // The first report once more, after the last: nothing changes, neither there nor in the traces.
  expect(await sent[0]!.again()).toMatchObject({ stored: 0, rejected: 0 });
  expect(await droppedOf(name)).toEqual([{ ...reported[0]!, last_seen_at: expect.any(String) }]);
  expect(await stored(name)).toEqual([...kept, ...more].sort());
  await expectCounted(name, 43);
});

test.each(WAYS)("a wrong key, through %s: traces wait until it is one", async (way) => {
  const name = newName();
  const key = `tgk_${"5".repeat(32)}${names}`;
  const gate = await gateOf();
  const { tracer, problems } = tracerOf(way, gate, key);
  const ids = record(tracer, name, 30);
  await soon(() => problems).toEqual(["denied"]);
  expect(await tracer.flush({ timeoutMs: 0 })).toBe(false);
  expect(gate.passed[0]!.status).toBe(way === "PostgREST directly" ? 400 : 401);
  expect(tracer.stats()).toMatchObject({ recorded: 30, queued: 30, delivered: 0, dropped: {} });
  expect(await stored(name)).toEqual([]);

  await sql.query("insert into tracegram.ingest_keys (name, key_sha256) values ($1, tracegram.hash_key($2))", [
    name,
    key,
  ]);
  expect(await tracer.flush()).toBe(true);
  expect(tracer.stats()).toMatchObject({ recorded: 30, queued: 0, delivered: 30, dropped: {}, ioDropped: 0 });
  expect(await stored(name)).toEqual(ids.sort());
  expect(await requests(name)).toEqual(said(ids));
  await expectCounted(name, 30);
});

test.each(WAYS)(
  "a key replaced, through %s: a new tracer sends what the old one had to leave in the spool",
  async (way) => {
    const name = newName();
    const gate = await gateOf();
    const spool = diskSpool({ dir: folder() });
    const old = tracerOf(way, gate, await newKey(name), { spool });
    // The first batch is stored, and nobody hears of it.
    gate.passage = (before) => before === 0 ? "lost" : "away";
    const ids = record(old.tracer, name, 5);
    await soon(() => old.tracer.stats().retries).toBeGreaterThan(0);
    const { rows } = await sql.query("select public.rotate_ingest_key($1, '0') as key", [name]);
    gate.passage = () => "open";
    ids.push(...record(old.tracer, name, 10));
    void old.tracer.flush({ timeoutMs: 0 });
    await soon(() => gate.passed.at(-1)!.status).toBe(way === "PostgREST directly" ? 400 : 401);
    expect(await old.tracer.close({ timeoutMs: 0 })).toBe(false);
    expect(old.tracer.stats()).toMatchObject({ recorded: 15, queued: 15, delivered: 0, dropped: {} });
    expect(await stored(name)).toEqual(ids.slice(0, 5).sort());

    const { tracer, problems } = tracerOf(way, gate, rows[0].key, { spool });
    await soon(() => tracer.stats().delivered).toBe(15);
    expect(tracer.stats()).toMatchObject({ recorded: 15, queued: 0, dropped: {}, ioDropped: 0 });
    expect(problems).toEqual([]);
    expect(await stored(name)).toEqual(ids.sort());
    expect(await requests(name)).toEqual(said(ids));
    await expectCounted(name, 15);
    expect(gate.results("duplicate")).toHaveLength(5);
  },
);

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "tracegram-e2e-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

test("kill -9: what the process had recorded is in Postgres exactly once", async () => {
  const key = await newKey(newName());
  const gate = await gateOf();
  const dir = folder();
  const bot = fileURLToPath(new URL("../tracer/_support/spool_bot.ts", import.meta.url));
  const run = (mode: string) => start([...runtimes.Node, bot, `${gate.url}/functions/v1/ingest`, dir, mode, key]);
  const files = () => readdirSync(dir).filter((file) => file.endsWith(".jsonl"));

  // Some of it gets there, and the process never hears of it.
  gate.passage = (before) => before < 2 ? "lost" : "away";
  const { child, output, ended } = await run("300");
  await soon(output).toContain("done\n");
  const idsOf = (text: string) => [...text.matchAll(/^([\da-f-]{36}) \d+\n/gm)].map(([, id]) => id!);
  await soon(() => idsOf(output())).toHaveLength(300);
  const ids = idsOf(output()).sort();
  const onDisk = () => files().map((file) => readFileSync(join(dir, file), "utf8")).join("");
  await soon(() => ids.filter((id) => !onDisk().includes(`question ${id}`))).toEqual([]);
  await soon(() => gate.passed.length).toBeGreaterThan(2);
  child.kill("SIGKILL");
  expect((await ended).signal).toBe("SIGKILL");
  const early = gate.results("stored");
  expect(early.length).toBeGreaterThan(0);
  expect(early.length).toBeLessThan(300);

  gate.passage = () => "open";
  const second = await run("idle");
  await soon(files).toEqual([]);
  second.child.kill("SIGTERM");
  // A line that was half written at the end would be told as spool_lost.
  expect((await second.ended).stderr).toBe("");
  expect(await stored("bot")).toEqual(ids);
  expect(await requests("bot")).toEqual(
    Object.fromEntries(ids.map((id) => [id, `question ${id} `.repeat(20)])),
  );
  expect(new Set(gate.results("duplicate"))).toEqual(new Set([...gate.results("duplicate"), ...early]));
  await expectCounted("bot", 300);
});

test("the samples of tracer and server are one: a smaller share is a part of a larger one, by id", async () => {
  const { tracer, name } = await setUp("the ingest function", { capture: { rate: 1 } });
  onTestFinished(async () => void await db.changeSettings({ io_sample_percent: 100 }));
  await db.changeSettings({ io_sample_percent: 50 });
  const ids = record(tracer, name, 900);
  expect(await tracer.flush()).toBe(true);
  expect(await stored(name)).toEqual([...ids].sort());
  const half = ids.filter((id) => last16(id) < 32768);
  expect(await requests(name)).toEqual(said(half));
  // Six standard deviations on either side.
  expect(Math.abs(half.length - 450)).toBeLessThan(90);

  // The same traces from tracers of different rates: ids at the edges of each share, and one that has failed.
  const edges = [0, 6553, 6554, 13107, 13108, 32767, 32768, 52428, 52429, 65534, 65535];
  const pipeline = newName();
  const gate = await gateOf();
  const key = await newKey(pipeline);
  const startedAt = Date.now();
  const random = edges.map(() => crypto.randomUUID());
  const run = async (rate: number) => {
    const { tracer } = tracerOf("the ingest function", gate, key, { capture: { rate } });
    const ids = edges.map((edge, i) => {
      vi.spyOn(Date, "now").mockReturnValueOnce(startedAt);
      const uuid = random[i]!.slice(0, -4) + edge.toString(16).padStart(4, "0");
      vi.spyOn(crypto, "randomUUID").mockReturnValueOnce(uuid as ReturnType<typeof crypto.randomUUID>);
      return tracer.trace(pipeline, (trace) => {
        const { id } = trace;
        tracer.step("s", (step) => step.llm({ request: textOf(id, 40) }));
        if (edge === 65535) trace.fail("boom");
        return id;
      });
    });
    vi.restoreAllMocks();
    expect(await tracer.close()).toBe(true);
    expect(ids.map(last16)).toEqual(edges);
    expect(await stored(pipeline)).toEqual([...ids].sort());
    return Object.keys(await requests(pipeline)).map(last16).sort((a, b) => a - b);
  };
  await db.changeSettings({ io_sample_percent: 100 });
  expect(await run(0)).toEqual([65535]);
  expect(await run(0.1)).toEqual([0, 6553, 65535]);
  await db.changeSettings({ io_sample_percent: 20 });
  expect(await run(0.5)).toEqual([0, 6553, 6554, 13107, 65535]);
  await db.changeSettings({ io_sample_percent: 100 });
  expect(await run(0.5)).toEqual([0, 6553, 6554, 13107, 13108, 32767, 65535]);
  await db.changeSettings({ io_sample_percent: 80 });
  expect(await run(1)).toEqual([0, 6553, 6554, 13107, 13108, 32767, 32768, 52428, 65535]);
  await db.changeSettings({ io_sample_percent: 100 });
  expect(await run(1)).toEqual(edges);
});

test.each(WAYS)(
  "1,000 interleaved updates, through %s: no step in another's trace, and ids that tell the time",
  async (way) => {
    const { gate, tracer, name, problems } = await setUp(way, { announceAfterMs: 60_000 });
    const hop = () => {
      const kind = randomInt(3);
      if (kind === 0) return new Promise((resolve) => setTimeout(resolve, randomInt(20)));
      return kind === 1 ? new Promise((resolve) => setImmediate(resolve)) : Promise.resolve();
    };
    /** A pool that runs what it was given in a context of its own. */
    const pool: (() => void)[] = [];
    const worker = setInterval(() => pool.splice(0).forEach((job) => job()), 1);
    onTestFinished(() => clearInterval(worker));

    let last = -1;
    let switches = 0;
    const started = (n: number) => {
      if (n !== last) switches += 1;
      last = n;
    };
    const step = <T>(n: number, name: string, fn: () => Promise<T>) =>
      tracer.step(name, async (step) => {
        started(n);
        step.llm({ model: `m${n}`, request: `of ${n}` });
        return await fn();
      });
    const ids: string[] = [];
    const bot = startBot("Telegraf", tracer, "http://127.0.0.1:1", async (ctx) => {
      const n = ctx.update.update_id;
      ids[n] = ctx.trace.id;
      await hop();
      await step(n, "outer", async () => {
        await hop();
        await Promise.all(["a", "b"].map((name) =>
          step(n, name, async () => {
            await hop();
            await step(n, `${name}.in`, hop);
          })
        ));
      });
      await new Promise<void>((resolve) => {
        const handle = tracer.startStep("pooled");
        handle.llm({ model: `m${n}`, request: `of ${n}` });
        pool.push(() => handle.run(() => void step(n, "job", hop).then(() => (handle.end(), resolve()))));
      });
      ctx.trace.background(async () => {
        await hop();
        await step(n, "after", hop);
      });
    }, { pipeline: () => name });

    const from = Date.now();
    await Promise.all(
      Array.from({ length: 1000 }, (_, n) => bot.handle(written(`text ${n}`, n, { ...ADA, id: 5000 + n }))),
    );
    await soon(() => tracer.stats().recorded).toBe(1000);
    const to = Date.now();
    expect(switches).toBeGreaterThan(3000);
    expect(await tracer.flush()).toBe(true);
    expect(tracer.stats()).toMatchObject({
      recorded: 1000,
      delivered: 1000,
      dropped: {},
      ioDropped: 0,
      orphanSteps: 0,
    });
    expect(problems).toEqual([]);
    expect(gate.results("rejected")).toEqual([]);

    expect(await stored(name)).toEqual([...ids].sort());
    const { rows } = await sql.query<{ trace: TraceDetail; io: TraceIo[] }>(
      "select public.get_trace(t.id) as trace, public.get_trace_io(t.id) as io from unnest($1::uuid[]) as t(id)",
      [ids],
    );
    const wrong = rows.filter(({ trace, io }, n) => {
      const { steps } = trace;
      const tree = steps.map((step) => `${step.parent ? steps[step.parent - 1]!.name : ""}>${step.name}`).sort().join(
        " ",
      );
      const at = Date.parse(trace.started_at);
      return !(tree === ">after >outer >pooled a>a.in b>b.in outer>a outer>b pooled>job" &&
        steps.every((step) => step.model === `m${n}` && step.status === undefined) &&
        io.length === 8 && io.every(({ request }) => request === `of ${n}`) &&
        trace.trace_id === ids[n] && trace.update_id === n && trace.user_id === 5000 + n && trace.status === "ok" &&
        at >= from && at <= to && parseInt(trace.trace_id.replace("-", "").slice(0, 12), 16) === at);
    });
    expect(wrong).toEqual([]);
    await expectCounted(name, 1000);
  },
);
