// Over 300 lines, because it is one list: what a sender must do, a script each.
//
// The Python example against the real ingest function, in a Python of its own each time. What stands between the two can refuse.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import type { TraceDetail, TraceIo } from "../../../functions/_shared/db.ts";
import { freePort } from "../../../scripts/stack/ports.ts";
import * as wire from "../../../tracer/wire.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";

const FOLDER = fileURLToPath(new URL("../../../examples/python/", import.meta.url));
const found = spawnSync("python3", ["-c", "import sys, asyncio; print(sys.version_info >= (3, 9))"], {
  encoding: "utf8",
});
const why = found.error
  ? "there is no python3 here"
  : found.stdout.trim() === "True"
  ? ""
  : "python3 is older than 3.9";

if (why !== "") test(`skipped: ${why}`, ({ skip }) => skip(why));

describe.skipIf(why !== "")("examples/python/tracegram.py", () => {
  let stack: TestStack;
  let db: pg.Client;
  beforeAll(async () => {
    stack = await startTestStack();
    db = stack.client("postgres");
    await db.connect();
    await db.query("update tracegram.ingest_keys set traces_per_minute = 1000000");
  });
  afterAll(async () => {
    await db?.end();
    await stack?.end();
  });

  interface Python {
    child: ChildProcess;
    /** What it has printed so far, both streams. */
    output(): string;
    /** Resolves when it has ended: its exit code, and its last line as JSON. */
    // deno-lint-ignore no-explicit-any -- whatever the script prints
    ended: Promise<{ code: number | null; last: any; output: string }>;
  }

  /** Runs a script with `tracer` made for `url`; all that is not of the test's business is an error. */
  function python(script: string, url: string, options = ""): Python {
    const head = `
import asyncio, contextvars, json, logging, os, signal, sys, threading, time
from tracegram import *
logging.basicConfig(stream=sys.stderr)
def say(value): print(json.dumps(value), flush=True)
tracer = Tracegram(${options})
`;
    const child = spawn("python3", ["-W", "error", "-c", head + script], {
      env: {
        ...process.env,
        PYTHONPATH: FOLDER,
        PYTHONDONTWRITEBYTECODE: "1",
        TRACEGRAM_INGEST_URL: url,
        TRACEGRAM_INGEST_KEY: stack.info.ingest_key,
      },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let [out, all] = ["", ""];
    child.stdout.on("data", (chunk) => [out, all] = [out + chunk, all + chunk]);
    child.stderr.on("data", (chunk) => all += chunk);
    const ended = once(child, "close").then(([code]) => ({
      code: code as number | null,
      last: JSON.parse(out.trim().split("\n").at(-1) || "null"),
      output: all,
    }));
    return { child, output: () => all, ended };
  }

  type Batch = wire.WireTrace[] | wire.WireReport;
  const tracesOf = (batch: Batch) => Array.isArray(batch) ? batch : batch.traces;

  /** Stands before the function. `refuse` answers a request itself: a status, with Retry-After. */
  async function gate(port: number, refuse: (batch: Batch, n: number) => [number, string?] | undefined) {
    const batches: Batch[] = [];
    const times: number[] = [];
    const answer = async (req: IncomingMessage, res: ServerResponse) => {
      const body = Buffer.concat(await req.toArray());
      const batch = JSON.parse(gunzipSync(body).toString()) as Batch;
      times.push(Date.now());
      const refused = refuse(batch, batches.push(batch));
      if (refused) {
        res.writeHead(refused[0], refused[1] === undefined ? {} : { "retry-after": refused[1] });
        return res.end(JSON.stringify({ code: "test", message: "told so" }));
      }
      const response = await fetch(stack.info.functions["ingest"]!, {
        method: "POST",
        headers: Object.fromEntries(
          Object.entries(req.headers).filter(([name]) =>
            /^(authorization|content-)/.test(name) && name !== "content-length"
          ),
        ) as Record<string, string>,
        body: new Uint8Array(body),
      });
      res.writeHead(response.status, { "content-type": "application/json" }).end(await response.text());
    };
    const server: Server = createServer((req, res) => void answer(req, res)).listen(port, "127.0.0.1");
    await once(server, "listening");
    onTestFinished(() =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      })
    );
    return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, batches, times };
  }

  const direct = () => stack.info.functions["ingest"]!;
  const get = async (id: string): Promise<TraceDetail> =>
    (await db.query("select public.get_trace($1) as trace", [id])).rows[0].trace;
  const io = async (id: string): Promise<TraceIo[]> =>
    (await db.query("select public.get_trace_io($1) as io", [id])).rows[0].io;
  const stored = async (pipeline: string): Promise<number> =>
    (await db.query("select count(*)::int as n from tracegram.pipeline_traces where pipeline = $1", [pipeline])).rows[0]
      .n;

  test("sends what a run was", async () => {
    const script = `
with tracer.trace("py.whole", announce=True, update_id=7, chat_id=-1001500000000, user_id=501, message_id=2**40) as trace:
    with tracer.step("answer"):
        with tracer.step("llm.generate") as step:
            step.llm(model="gpt-x", input_tokens=812, cached_tokens=512, output_tokens=64, reasoning_tokens=-1, cost_microusd=160,
                     first_token_ms=12.6, request=[{"role": "user", "content": "secret 🔑"}], response="x" * 70000)
        try:
            with tracer.step("tg.send"): raise ValueError("secret: blocked")
        except ValueError: pass
    background = tracer.step("db.log", detached=True)
    background.__enter__()
    forgotten = tracer.step("forgotten")
    forgotten.__enter__()
ok = tracer.close()
say([ok, trace.id, tracer.stats()])`;
    const { code, last: [ok, id, stats], output } = await python(
      script,
      direct(),
      `release="v1", mask=lambda text: text.replace("secret", "[masked]")`,
    ).ended;
    expect({ code, ok, output }).toMatchObject({ code: 0, ok: true });
    expect(stats).toEqual({ recorded: 2, delivered: 2, outside: 0, steps_cut: 0, queued: 0, dropped: {} });
    const trace = await get(id);
    expect(trace).toMatchObject({
      pipeline: "py.whole",
      status: "ok",
      release: "v1",
      update_id: 7,
      message_id: null,
      chat_id: -1_001_500_000_000,
      user_id: 501,
      error: null,
      io_steps: [2],
    });
    const times = { offset_ms: expect.any(Number), duration_ms: expect.any(Number) };
    expect(trace.steps).toEqual([
      { name: "answer", ...times },
      {
        name: "llm.generate",
        parent: 1,
        ...times,
        model: "gpt-x",
        ...{ input_tokens: 812, cached_tokens: 512, output_tokens: 64, cost_microusd: 160, first_token_ms: 13 },
      },
      { name: "tg.send", parent: 1, ...times, status: "error", error: "ValueError: [masked]: blocked" },
      { name: "db.log", ...times, status: "detached" },
      { name: "forgotten", parent: 4, ...times, status: "error", error: "still running when the trace ended" },
    ]);
    const request = '[{"role": "user", "content": "[masked] 🔑"}]';
    expect(await io(id)).toEqual([
      { step: 2, request, request_chars: [...request].length, response: "x".repeat(65_536), response_chars: 70_000 },
    ]);
  });

  test("an exception fails the trace and goes on to whoever waits for it", async () => {
    const script = `
try:
    with tracer.trace("py.failed") as trace:
        with tracer.step("llm.generate"): raise KeyError("nothing there")
except KeyError as error:
    tracer.flush()
    say([trace.id, str(error)])`;
    const { last: [id, error] } = await python(script, direct()).ended;
    expect(error).toBe("'nothing there'");
    expect(await get(id)).toMatchObject({
      status: "error",
      error: "KeyError: 'nothing there'",
      error_step: "llm.generate",
    });
  });

  test("steps of concurrent tasks and threads stay apart", async () => {
    const script = `
ids = {}
async def tool(n, i):
    with tracer.step(f"tool {n}.{i}"):
        await asyncio.sleep(0.001 * ((n * 7 + i) % 5))
        with tracer.step(f"inner {n}.{i}"):
            await asyncio.sleep(0)
async def update(n):
    with tracer.trace("py.async") as trace:
        ids[n] = trace.id
        with tracer.step(f"outer {n}"):
            await asyncio.gather(*(tool(n, i) for i in range(4)))
            await asyncio.to_thread(lambda: tracer.step(f"thread {n}").__enter__())
async def main():
    await asyncio.gather(*(update(n) for n in range(200)))
asyncio.run(main())
def worker(n):
    with tracer.trace("py.threads") as trace:
        ids[n] = trace.id
        with tracer.step(f"outer {n}"):
            for i in range(4):
                with tracer.step(f"tool {n}.{i}"):
                    time.sleep(0.001)
                    with tracer.step(f"inner {n}.{i}"): pass
            run = contextvars.copy_context().run
            child = threading.Thread(target=run, args=(lambda: tracer.step(f"thread {n}").__enter__(),))
            child.start(); child.join()
threads = [threading.Thread(target=worker, args=(n,)) for n in range(200, 250)]
for thread in threads: thread.start()
for thread in threads: thread.join()
with tracer.step("nowhere"): pass
tracer.close(20)
say([ids, tracer.stats()])`;
    const { last: [ids, stats], output } = await python(script, direct()).ended;
    expect(output).not.toContain("Traceback");
    expect(stats).toMatchObject({ recorded: 250, delivered: 250, queued: 0, outside: 1, dropped: {} });
    for (const [n, id] of Object.entries(ids as Record<string, string>)) {
      const { steps } = await get(id);
      const outer = (name: string) => steps.findIndex((step) => step.name === name) + 1;
      const parents = Object.fromEntries(steps.map(({ name, parent }) => [name, parent ?? 0]));
      expect(parents).toEqual({
        [`outer ${n}`]: 0,
        [`thread ${n}`]: outer(`outer ${n}`),
        ...Object.fromEntries([0, 1, 2, 3].flatMap((i) => [
          [`tool ${n}.${i}`, outer(`outer ${n}`)],
          [`inner ${n}.${i}`, outer(`tool ${n}.${i}`)],
        ])),
      });
      expect(steps).toHaveLength(10);
    }
  });

  test("waits for a server that is away; what the queue has no room for is counted, and reported when it is back", async () => {
    const port = await freePort();
    const script = `
for n in range(30):
    with tracer.trace("py.away"): pass
say("recorded")
ok = tracer.close(25)
say([ok, tracer.sender, tracer.stats()])`;
    const running = python(script, `http://127.0.0.1:${port}`, "max_queued=20");
    await expect.poll(running.output, { timeout: 10_000 }).toMatch(
      /cannot be delivered[^]*"recorded"|"recorded"[^]*cannot be delivered/,
    );
    const { batches } = await gate(port, () => undefined);
    const { last: [ok, sender, stats], output } = await running.ended;
    expect({ ok, output }).toMatchObject({ ok: true });
    expect(stats).toMatchObject({ recorded: 30, delivered: 20, queued: 0, dropped: { queue_full: 10 } });
    expect(await stored("py.away")).toBe(20);
    expect(batches.some((batch) => !Array.isArray(batch))).toBe(true);
    const { rows } = await db.query("select reason, records::int from tracegram.dropped where sender = $1", [sender]);
    expect(rows).toEqual([{ reason: "queue_full", records: 10 }]);
    // Once per cause, however often it happens.
    expect(output.match(/cannot be delivered/g)).toHaveLength(1);
    expect(output.match(/traces are dropped: queue_full/g)).toHaveLength(1);
  });

  test("says what it has dropped until it was heard, and then no more", async () => {
    const { url, batches } = await gate(0, (_, n) => n === 2 ? [503] : undefined);
    const script = `
def send(name):
    with tracer.trace(name): pass
    tracer.flush(20)
send("py.reports")
tracer._dropped["queue_full"] += 3
send("py.reports"); send("py.reports")
say(tracer.stats())`;
    expect((await python(script, url).ended).last).toMatchObject({ delivered: 3 });
    const told = batches.map((batch) => Array.isArray(batch) ? null : batch.dropped);
    expect(told).toEqual([null, { queue_full: 3 }, { queue_full: 3 }, null]);
  });

  test("obeys Retry-After, also while it is asked to flush", async () => {
    const { url, times } = await gate(0, (_, n) => n === 1 ? [429, "2"] : undefined);
    const script = `
with tracer.trace("py.429"): pass
first = tracer.flush(0.5)
say([first, tracer.flush(20), tracer.stats()])`;
    const { last } = await python(script, url).ended;
    expect(last).toMatchObject([false, true, { delivered: 1, dropped: {} }]);
    expect(times).toHaveLength(2);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(1950);
  });

  test("halves what is too large, and drops the one that is", async () => {
    const { url, batches } = await gate(
      0,
      (batch) =>
        tracesOf(batch).length > 2 || tracesOf(batch).some((trace) => trace.pipeline === "py.huge") ? [413] : undefined,
    );
    const script = `
for n in range(7):
    with tracer.trace("py.huge" if n == 3 else "py.halves"): pass
say([tracer.close(20), tracer.stats()])`;
    const { last } = await python(script, url, "flush_at=7, flush_interval=5").ended;
    expect(last).toMatchObject([false, { recorded: 7, delivered: 6, queued: 0, dropped: { too_large: 1 } }]);
    expect(batches[0]).toHaveLength(7);
    expect(await stored("py.halves")).toBe(6);
  });

  test("one trace that the server fails on does not hold up the others", async () => {
    const { url } = await gate(
      0,
      (batch) => tracesOf(batch).some((trace) => trace.pipeline === "py.poison") ? [500] : undefined,
    );
    const script = `
for n in range(4):
    with tracer.trace("py.poison" if n == 0 else "py.healthy"): pass
for _ in range(40):
    tracer.flush(0.25)
    if tracer.stats()["delivered"] == 3: break
say(tracer.stats())
os._exit(0)`;
    const { last } = await python(script, url).ended;
    expect(last).toMatchObject({ recorded: 4, delivered: 3, queued: 1, dropped: {} });
  });

  test("drops what is refused, once said, and counts what is rejected", async () => {
    const script = `
tracer.key = "tgk_unknown"
for n in range(3):
    with tracer.trace("py.refused"): pass
    tracer.flush()
tracer.key = os.environ["TRACEGRAM_INGEST_KEY"]
with tracer.trace("py.rejected") as trace: trace.wire["trace_id"] = "no uuid"
with tracer.trace("py.rejected"): pass
say([tracer.close(), tracer.stats()])`;
    const { last, output } = await python(script, direct()).ended;
    expect(last).toMatchObject([false, { recorded: 5, delivered: 1, dropped: { refused: 3, rejected: 1 } }]);
    expect(output.match(/TG001/g)).toHaveLength(1);
    expect(output).toContain("TG010");
    expect(await stored("py.rejected")).toBe(1);
  });

  test("SIGTERM ends the bot as ever, and what was recorded arrives, the run that it cut off among it", async () => {
    const script = `
with tracer.trace("py.term"): pass
with tracer.trace("py.term") as trace:
    with tracer.step("llm.generate"):
        say(trace.id)
        time.sleep(60)`;
    const running = python(script, direct(), "flush_at=100, flush_interval=60");
    await expect.poll(running.output, { timeout: 10_000 }).toContain("\n");
    expect(await stored("py.term")).toBe(0);
    running.child.kill("SIGTERM");
    const { code, last: id } = await running.ended;
    expect(code).toBe(143);
    expect(await stored("py.term")).toBe(2);
    expect(await get(id)).toMatchObject({ status: "error", error: "SystemExit: 143", error_step: "llm.generate" });
  });

  test("a handler of the bot's own stays, and the end of the program flushes", async () => {
    const script = `
say(signal.getsignal(signal.SIGTERM).__name__)
with tracer.trace("py.end"): pass`;
    const before = "*(signal.signal(signal.SIGTERM, lambda *_: None), [])[1], flush_interval=60";
    const { last, code } = await python(script, direct(), before).ended;
    expect([code, last, await stored("py.end")]).toEqual([0, "<lambda>", 1]);
  });

  test("a server that hangs holds up neither the bot nor its end for longer than it may", async () => {
    const silent = createServer(() => {}).listen(0, "127.0.0.1");
    await once(silent, "listening");
    onTestFinished(() => void (silent.close(), silent.closeAllConnections()));
    const script = `
began = time.monotonic()
for n in range(1000):
    with tracer.trace("py.hangs"):
        with tracer.step("a"): pass
say(time.monotonic() - began)`;
    const began = Date.now();
    const { last, code } = await python(
      script,
      `http://127.0.0.1:${(silent.address() as AddressInfo).port}`,
      "exit_timeout=0.5, max_queued=100",
    ).ended;
    expect(code).toBe(0);
    expect(last).toBeLessThan(2);
    expect(Date.now() - began).toBeLessThan(8000);
  });

  test("a fork sends what is its own, and not what its parent will", async () => {
    const script = `
with tracer.trace("py.fork.parent"): pass
child = os.fork()
if child == 0:
    with tracer.trace("py.fork.child"): pass
    ok = tracer.close() and tracer.stats()["recorded"] == 1
    os._exit(0 if ok else 1)
_, status = os.waitpid(child, 0)
say([status, tracer.close(), tracer.stats()["recorded"]])`;
    // From 3.12 on Python warns of forks with threads, which is what this is about.
    const { last, output } = await python(
      `import warnings; warnings.simplefilter("ignore")\n${script}`,
      direct(),
      "flush_interval=0.3",
    ).ended;
    expect({ last, output }).toMatchObject({ last: [0, true, 1] });
    expect([await stored("py.fork.parent"), await stored("py.fork.child")]).toEqual([1, 1]);
  });

  test("whatever it is given, the bot goes on", async () => {
    const script = `
def broken(text): raise RuntimeError("mask")
class Odd:
    def __str__(self): raise RuntimeError("odd")
off = Tracegram(url="", key="")
off.url = off.key = None
with off.trace("off"):
    with off.step("off"): pass
off.close()
tracer.mask = broken
with tracer.trace("py.odd", update_id="7", chat_id=float("nan"), user_id=True) as trace:
    with tracer.step("") as step:
        step.llm(model=5, input_tokens="many", output_tokens=float("inf"), cost_microusd=1e12, request=object(), response={1: b"x"})
        step.fail("\\ud800 \\0")
with tracer.trace("  ") as blank:
    with tracer.step("Шаг \\ud83d 👋"): pass
with tracer.trace("py.odd") as many:
    for n in range(1005):
        with tracer.step("s"): pass
with tracer.trace("py.odd") as large:
    for n in range(20):
        with tracer.step("s") as step: step.llm(request="ы" * 65536); step.fail("x")
say([tracer.close(), trace.id, blank.id, many.id, large.id, tracer.stats()])`;
    const { code, last, output } = await python(script, direct(), "io_share=1").ended;
    expect({ code, output }).toMatchObject({ code: 0, output: expect.not.stringContaining("Traceback") });
    const [ok, odd, blank, many, large, stats] = last;
    expect([ok, stats]).toMatchObject([true, { recorded: 4, delivered: 4, steps_cut: 5, dropped: {} }]);
    expect(await get(odd)).toMatchObject({
      update_id: null,
      chat_id: null,
      user_id: null,
      steps: [{ name: "(unnamed)", model: "5", status: "error", error: "[the mask failed]" }],
    });
    expect((await io(odd))[0]).toMatchObject({ request: "[the mask failed]", response: "[the mask failed]" });
    expect(await get(blank)).toMatchObject({ pipeline: "(unnamed)", steps: [{ name: "Шаг ? 👋" }] });
    expect((await get(many)).steps).toHaveLength(1000);
    expect((await get(large)).steps).toHaveLength(20);
  });

  test("samples requests and responses by the trace's id, and keeps those of errors", async () => {
    const script = `
ids = []
for n in range(40):
    with tracer.trace("py.sample") as trace:
        with tracer.step("s") as step: step.llm(request="q")
    ids.append(trace.id)
with tracer.trace("py.sample") as failed:
    with tracer.step("s") as step: step.llm(request="q"); step.fail("x")
tracer.close()
say([ids, failed.id])`;
    const { last: [ids, failed] } = await python(script, direct(), "io_share=0.5").ended;
    for (const id of ids) {
      const kept = parseInt(id.slice(-8), 16) < 0.5 * 2 ** 32;
      expect(await io(id)).toHaveLength(kept ? 1 : 0);
    }
    expect(await io(failed)).toHaveLength(1);
  });

  test("a request is what it was when it was said", async () => {
    const script = `
class Odd:
    def __str__(self): raise RuntimeError("odd")
messages = [{"role": "user", "content": "q1"}]
circle = []; circle.append(circle)
with tracer.trace("py.said") as trace:
    with tracer.step("a") as step:
        step.llm(request=messages, response=circle)
        messages.append({"role": "user", "content": "q2"})
    with tracer.step("b") as step: step.llm(request=[Odd()], response={(1, 2): 3})
say([tracer.close(), trace.id])`;
    const { last: [ok, id] } = await python(script, direct(), "io_share=1").ended;
    expect(ok).toBe(true);
    expect(await io(id)).toMatchObject([
      { request: '[{"role": "user", "content": "q1"}]', response: "[[...]]" },
      { request: '["[no text: Odd]"]', response: "{(1, 2): 3}" },
    ]);
  });

  test("a log handler that is slow, raises or records traces is no matter of the bot's", async () => {
    const { url } = await gate(0, (_, n) => n === 1 ? [503] : undefined);
    const script = `
class Slow(logging.Handler):
    def emit(self, record):
        with tracer.trace("py.log"): pass
        heard.set()
        time.sleep(1.5)
        with tracer.trace("py.log"): pass
class Broken(logging.Handler):
    def emit(self, record): raise OSError("disk full")
heard = threading.Event()
logging.getLogger("tracegram").addHandler(Slow())
with tracer.trace("py.log"): pass
heard.wait(5)
began = time.monotonic()
with tracer.trace("py.log"): pass
took = time.monotonic() - began
full = Tracegram(max_queued=0)
logging.getLogger("tracegram").handlers = [Broken()]
with full.trace("py.log"): pass
logging.getLogger("tracegram").handlers = []
time.sleep(1.5)
say([took, full.stats()["dropped"], tracer.close(), tracer.stats()])`;
    const { last: [took, dropped, ...rest] } = await python(script, url).ended;
    expect(took).toBeLessThan(0.5);
    expect([dropped, ...rest]).toMatchObject([{ queue_full: 1 }, true, { recorded: 4, delivered: 4 }]);
  });

  test("white space around the key does no harm, and no message shows the key", async () => {
    const script = `
with tracer.trace("py.key"): pass
ok = tracer.close()
for key in ("tgk_secret\\nx", "tgk_secretы"):
    other = Tracegram(key=key, exit_timeout=0)
    with other.trace("py.key"): pass
    other.flush(0.5)
say(ok)`;
    const { last, output } = await python(script, direct(), `key=os.environ["TRACEGRAM_INGEST_KEY"] + "\\n"`).ended;
    expect(last).toBe(true);
    expect(output.match(/has characters that no key has/g)).toHaveLength(2);
    expect(output).not.toContain("tgk_secret");
  });

  test("a redirect is not followed: the key is for one host", async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer((req, res) => void (seen.push(req.headers.authorization), res.writeHead(405).end()));
    await once(other.listen(0, "127.0.0.1"), "listening");
    const to = `http://localhost:${(other.address() as AddressInfo).port}/x`;
    const moved = createServer((_, res) => void res.writeHead(302, { location: to, connection: "close" }).end());
    await once(moved.listen(0, "127.0.0.1"), "listening");
    onTestFinished(() => void (other.close(), moved.close()));
    const script = `
with tracer.trace("py.moved"): pass
say([tracer.flush(1), tracer.stats()])`;
    const { last, output } = await python(
      script,
      `http://127.0.0.1:${(moved.address() as AddressInfo).port}`,
      "exit_timeout=0",
    ).ended;
    expect(last).toMatchObject([false, { queued: 1, dropped: {} }]);
    expect(output).toMatch(new RegExp(`${to}.*302`));
    expect(seen).toEqual([]);
  });

  test("a detached step may speak while its trace is encoded", async () => {
    const script = `
def mask(text):
    for step in trace.steps: step.llm(response="r", model="m", output_tokens=5)
    return text
tracer.mask = mask
with tracer.trace("py.race") as trace:
    step = tracer.step("bg", detached=True).__enter__()
    step.llm(request="q")
say([tracer.close(), tracer.stats()])`;
    const { last } = await python(script, direct(), "io_share=1").ended;
    expect(last).toMatchObject([true, { delivered: 1, dropped: {} }]);
  });

  test("an ended trace takes no more steps, an open one no more than it may send, and each is counted once", async () => {
    const script = `
def stream():
    with tracer.step("llm"): yield 1; yield 2
with tracer.trace("py.late") as late:
    reader = stream(); next(reader)
with tracer.trace("py.late") as live:
    reader.close()
    with tracer.step("mine"): pass
def task():
    go.wait(5)
    for _ in range(20):
        with tracer.step("poll"): pass
go = threading.Event()
with tracer.trace("py.late") as ended:
    thread = threading.Thread(target=contextvars.copy_context().run, args=(task,))
    thread.start()
go.set()
thread.join()
with tracer.trace("py.many") as many:
    for _ in range(1100):
        with tracer.step("s") as step: step.llm(request="ы" * 1000)
say([*(len(trace.steps) for trace in (late, live, ended, many)), tracer.close(), tracer.stats()])`;
    const { last } = await python(script, direct(), "io_share=1").ended;
    expect(last).toMatchObject([1, 1, 0, 1000, true, { delivered: 4, outside: 20, steps_cut: 100 }]);
  });

  test("what str() fails on costs nothing, and an exception of the bot's goes on as it is", async () => {
    const script = `
class Odd(Exception):
    def __str__(self): raise RuntimeError("odd")
try:
    with tracer.trace(Odd()) as trace:
        with tracer.step(Odd()) as step:
            step.llm(model=Odd())
            raise Odd()
except Odd as error: passed = type(error).__name__
say([passed, tracer.close(), trace.id])`;
    const { last: [passed, ok, id] } = await python(
      script,
      direct(),
      "release=type('R', (), {'__str__': lambda _: 1 / 0})()",
    ).ended;
    expect([passed, ok]).toEqual(["Odd", true]);
    const odd = "[no text: Odd]";
    expect(await get(id)).toMatchObject({
      ...{ pipeline: odd, release: "[no text: R]", error: `Odd: ${odd}` },
      steps: [{ name: odd, model: odd }],
    });
  });

  test("whatever goes wrong in it, the delivery goes on", async () => {
    const { url } = await gate(0, (_, n) => n === 1 ? [429, "²"] : n === 2 ? [429, "9".repeat(5000)] : undefined);
    const script = `
settle, faults = tracer._settle, [1, 1]
def faulty(*given):
    if faults: raise RuntimeError(f"fault {faults.pop()}")
    return settle(*given)
tracer._settle = faulty
with tracer.trace("py.fault"): pass
say([tracer.close(20), tracer.stats()])`;
    const { last, output } = await python(script, url).ended;
    expect(last).toMatchObject([true, { recorded: 1, dropped: {} }]);
    expect(output.match(/RuntimeError: fault/g)).toHaveLength(1);
  });

  test("every kind of number counts; a generator that is closed has not failed", async () => {
    const script = `
from decimal import Decimal
from fractions import Fraction
def stream():
    with tracer.trace("py.closed") as trace:
        ids.append(trace.id)
        with tracer.step("llm") as step:
            step.llm(input_tokens=Decimal("5"), output_tokens=Fraction(13, 2), cached_tokens=Decimal("nan"), reasoning_tokens=1j)
            yield 1; yield 2
ids = []
for _ in stream(): break
say([tracer.close(), *ids])`;
    const { last: [ok, id] } = await python(script, direct()).ended;
    expect(ok).toBe(true);
    const trace = await get(id);
    expect(trace).toMatchObject({ status: "ok", error: null, steps: [{ input_tokens: 5, output_tokens: 6 }] });
    expect(Object.keys(trace.steps[0]!)).not.toContain("error");
    expect(Object.keys(trace.steps[0]!)).not.toContain("cached_tokens");
  });

  test("a process of multiprocessing sends what it recorded", async () => {
    const script = `
import multiprocessing, warnings
warnings.simplefilter("ignore")
def work():
    with tracer.trace("py.process"): pass
    with Tracegram().trace("py.process"): pass
process = multiprocessing.get_context("fork").Process(target=work)
process.start(); process.join(20)
say(process.exitcode)`;
    expect((await python(script, direct()).ended).last).toBe(0);
    expect(await stored("py.process")).toBe(2);
  });

  test("its limits are those of the wire, and it fits Python 3.9", () => {
    const source = readFileSync(`${FOLDER}tracegram.py`, "utf8");
    const script = `
import ast, json, sys
sys.path.insert(0, ${JSON.stringify(FOLDER)})
ast.parse(open(${JSON.stringify(`${FOLDER}tracegram.py`)}).read(), feature_version=(3, 9))
import tracegram as t
print(json.dumps([t.MAX_TRACES_PER_BATCH, t.MAX_BODY_BYTES, t.MAX_STEPS, t.MAX_NAME, t.MAX_ERROR, t.MAX_IO_CHARS, t.MOST]))`;
    const { stdout } = spawnSync("python3", ["-B", "-c", script], { encoding: "utf8" });
    const tokens = wire.MAX_TOKENS;
    expect(JSON.parse(stdout)).toEqual([
      wire.MAX_TRACES_PER_BATCH,
      wire.MAX_BODY_BYTES,
      wire.MAX_STEPS,
      wire.MAX_NAME,
      wire.MAX_ERROR,
      wire.MAX_IO_CHARS,
      {
        ...{ input_tokens: tokens, cached_tokens: tokens, output_tokens: tokens, reasoning_tokens: tokens },
        cost_microusd: wire.MAX_COST_MICROUSD,
        first_token_ms: 2 ** 31 - 1,
      },
    ]);
    expect(source.split("\n").length).toBeLessThan(400);
  });
});
