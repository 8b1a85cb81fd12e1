import { describe, expect, onTestFinished, test } from "vitest";
import { createTracer, type Tracer, type TracerOptions, type TracerProblem } from "../../tracer/index.ts";
import { type IngestServer, KEY, startIngest } from "./_support/ingest.ts";

interface Setup {
  ingest: IngestServer;
  tracer: Tracer;
  problems: TracerProblem[];
  /** Records `count` traces, each with a step. */
  record(count: number, pipeline?: string): void;
}

async function setup(options: TracerOptions = {}): Promise<Setup> {
  const ingest = await startIngest();
  const problems: TracerProblem[] = [];
  const tracer = createTracer({
    url: `${ingest.url}/functions/v1/ingest`,
    key: KEY,
    onError: (problem) => problems.push(problem),
    flushOnExit: false,
    retryDelayMs: 1,
    ...options,
  });
  onTestFinished(async () => void await tracer.close({ timeoutMs: 0 }));
  return {
    ingest,
    tracer,
    problems,
    record: (count, pipeline = "p") => {
      for (let i = 0; i < count; i++) tracer.trace(pipeline, () => tracer.step("s", () => {}));
    },
  };
}

const codes = (problems: TracerProblem[]) => problems.map((problem) => problem.code);

/** Everything recorded is somewhere. */
function expectBalanced(tracer: Tracer): void {
  const { recorded, delivered, queued, dropped } = tracer.stats();
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  expect(delivered + queued + lost).toBe(recorded);
}

describe("batches", () => {
  test("ten traces go at once, before the interval is over", async () => {
    const { ingest, record } = await setup({ flushIntervalMs: 60_000 });
    record(9);
    record(1);
    await ingest.until(() => ingest.stored.size === 10);
    expect(ingest.requests.map((request) => request.batch.length)).toEqual([10]);
  });

  test("fewer go when the interval is over", async () => {
    const { ingest, record } = await setup({ flushIntervalMs: 20 });
    record(3);
    await ingest.until(() => ingest.stored.size === 3);
    expect(ingest.requests).toHaveLength(1);
  });

  test("are at most 500 traces, and near 256 kB", async () => {
    const { ingest, tracer, record } = await setup({ capture: { rate: 1 } });
    record(600);
    for (let i = 0; i < 10; i++) {
      tracer.trace("io", () => tracer.step("llm", (step) => step.llm({ request: "x".repeat(60_000) })));
    }
    expect(await tracer.flush()).toBe(true);
    expect(ingest.stored.size).toBe(610);
    for (const { batch } of ingest.requests) {
      expect(batch.length).toBeLessThanOrEqual(500);
      expect(JSON.stringify(batch).length).toBeLessThanOrEqual(256_000);
    }
  });

  test("an announcement and its completion never share a batch", async () => {
    const { ingest, tracer } = await setup({ announceAfterMs: 1, flushIntervalMs: 60_000 });
    const trace = tracer.startTrace("long");
    const other = tracer.startTrace("other");
    // The tracer's timer was set before this one, for the same time.
    await new Promise((resolve) => setTimeout(resolve, 20));
    trace.end();
    other.end();
    tracer.trace("short", () => {});
    expect(await tracer.flush()).toBe(true);
    expect(ingest.requests.map(({ batch }) => batch.map((item) => item.status))).toEqual([
      ["running", "running"],
      ["ok", "ok", "ok"],
    ]);
    expect([...ingest.stored.values()].map((item) => item.status)).toEqual(["ok", "ok", "ok"]);
  });
});

describe("a server that fails", () => {
  test.each(
    [
      ["503", { status: 503 }],
      ["500", { status: 500 }],
      ["429", { status: 429 }],
      ["a reset connection", "reset"],
      ["an answer that is no result", { status: 200 }],
    ] as const,
  )("%s: the traces stay and come through later, once", async (_, failure) => {
    const { ingest, tracer, problems, record } = await setup();
    ingest.failures = [failure, failure, failure];
    record(25);
    while (!await tracer.flush());
    expect(ingest.stored.size).toBe(25);
    expect(tracer.stats()).toMatchObject({ recorded: 25, delivered: 25, queued: 0, dropped: {}, retries: 3 });
    expect(codes(problems)).toEqual(["undelivered"]);
  });

  test("Retry-After is obeyed, even by a flush", async () => {
    const { ingest, tracer, record } = await setup();
    ingest.failures = [{ status: 429, code: "TG004", headers: { "retry-after": "1" } }];
    record(1);
    expect(await tracer.flush({ timeoutMs: 50 })).toBe(false);
    expect(await tracer.flush()).toBe(true);
    const [first, second, ...more] = ingest.requests;
    expect(more).toEqual([]);
    // Timers may go off a millisecond early.
    expect(second!.at - first!.at).toBeGreaterThan(990);
  });

  test("a server that hangs costs the bot nothing, and a timed-out request is repeated", async () => {
    const { ingest, tracer } = await setup({ flushAt: 1, requestTimeoutMs: 100 });
    ingest.failures = ["hang"];
    const answer = await tracer.trace("p", () => tracer.step("s", () => Promise.resolve("answer")));
    await ingest.until(() => ingest.requests.length === 1);
    // The server holds the first trace; the second still resolves, and so does what follows.
    expect(await tracer.trace("p", () => Promise.resolve(answer))).toBe("answer");
    expect(tracer.stats()).toMatchObject({ delivered: 0, queued: 2 });
    while (!await tracer.flush());
    expect(ingest.stored.size).toBe(2);
  });

  test("413: the batch is halved until it fits; what never fits is dropped", async () => {
    const { ingest, tracer, record } = await setup();
    ingest.failures = [
      (batch) =>
        batch.length > 3 || batch.some((trace) => trace.pipeline === "huge")
          ? { status: 413, code: "TG003" }
          : undefined,
    ];
    record(5);
    record(1, "huge");
    record(5);
    expect(await tracer.flush()).toBe(false);
    expect(ingest.stored.size).toBe(10);
    expect(tracer.stats()).toMatchObject({ delivered: 10, queued: 0, dropped: { too_large: 1 } });
    expectBalanced(tracer);
  });

  test("500 for one trace does not hold up the others", async () => {
    const { ingest, tracer, record } = await setup();
    ingest.failures = [(batch) => batch.some((trace) => trace.pipeline === "poison") ? { status: 500 } : undefined];
    record(1, "poison");
    record(8);
    await ingest.until(() => ingest.stored.size === 8);
    ingest.failures = [];
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: 9, dropped: {} });
  });

  test.each([400, 401, 404])(
    "%i: the batch is dropped and counted, and the author hears of it once",
    async (status) => {
      const { ingest, tracer, problems, record } = await setup();
      ingest.failures = [{ status, code: "TG00X" }, { status, code: "TG00X" }];
      for (let i = 0; i < 3; i++) {
        record(4);
        expect(await tracer.flush()).toBe(i === 2);
      }
      expect(tracer.stats()).toMatchObject({ recorded: 12, delivered: 4, queued: 0, dropped: { refused: 8 } });
      expect(problems).toEqual([{
        code: "refused",
        message: `Traces are dropped: told to answer ${status} Do better. (TG00X)`,
      }]);
    },
  );

  test("a rejected trace is counted and reported, and its batch goes through", async () => {
    const { ingest, tracer, problems, record } = await setup();
    ingest.rejects.add("bad");
    record(3);
    record(2, "bad");
    expect(await tracer.flush()).toBe(false);
    expect(tracer.stats()).toMatchObject({ recorded: 5, delivered: 3, queued: 0, dropped: { rejected: 2 } });
    expect(problems).toEqual([{ code: "rejected", message: "The server rejected a trace: no (TG012)" }]);
  });
});

describe("bounds", () => {
  test("a full queue drops the newest, and the account adds up at every moment", async () => {
    const { ingest, tracer, problems, record } = await setup({ maxQueued: 50 });
    ingest.failures = [() => ({ status: 503 })];
    record(30, "old");
    await ingest.until(() => ingest.requests.length > 0);
    record(30, "new");
    expect(tracer.stats()).toMatchObject({ recorded: 60, queued: 50, dropped: { queue_full: 10 } });
    expectBalanced(tracer);
    ingest.failures = [];
    while (!await tracer.flush());
    expectBalanced(tracer);
    expect(codes(problems).sort()).toEqual(["queue_full", "undelivered"]);
    const pipelines = [...ingest.stored.values()].map((trace) => trace.pipeline);
    expect(pipelines.filter((name) => name === "old")).toHaveLength(30);
    expect(pipelines.filter((name) => name === "new")).toHaveLength(20);
  });

  test("bytes are bounded as well as the count", async () => {
    const { ingest, tracer } = await setup({ maxQueuedBytes: 100_000, capture: { rate: 1 } });
    ingest.failures = ["hang"];
    for (let i = 0; i < 10; i++) {
      tracer.trace("p", () => tracer.step("llm", (step) => step.llm({ response: "語".repeat(10_000) })));
    }
    expect(await tracer.flush({ timeoutMs: 1 })).toBe(false);
    // 30 kB of UTF-8 each: three fit.
    expect(tracer.stats()).toMatchObject({ recorded: 10, queued: 3, dropped: { queue_full: 7 } });
    expectBalanced(tracer);
  });

  test("bad weather: every fourth request fails in another way, and nothing is lost or doubled", async () => {
    const { ingest, tracer, record } = await setup({ flushIntervalMs: 1, maxQueued: 5000, requestTimeoutMs: 200 });
    let count = 0;
    const statuses = [503, 429, 500, 502];
    ingest.failures = [() => ++count % 4 === 0 ? { status: statuses[count / 4 % 4]! } : undefined];
    for (let round = 0; round < 100; round++) {
      record(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    while (!await tracer.flush());
    expect(ingest.stored.size).toBe(2000);
    expect(tracer.stats()).toMatchObject({ recorded: 2000, delivered: 2000, queued: 0, dropped: {} });
  });
});

describe("a tracer set up wrongly", () => {
  test.each([
    ["without url and key", {}],
    ["with no url", { url: undefined, key: KEY }],
    ["with a url that is none", { url: "nonsense", key: KEY }],
  ])("%s runs the bot, and tells once", async (_, options) => {
    const problems: TracerProblem[] = [];
    const tracer = createTracer({ ...options, flushOnExit: false, onError: (problem) => problems.push(problem) });
    expect(tracer.trace("p", () => 1)).toBe(1);
    expect(tracer.trace("p", () => 2)).toBe(2);
    expect(await tracer.close()).toBe(false);
    expect(tracer.stats()).toMatchObject({ recorded: 2, dropped: { refused: 2 } });
    expect(codes(problems)).toEqual(["refused"]);
  });

  test("an onError that throws does not reach the bot", async () => {
    const { tracer } = await setup({
      onError: () => {
        throw new Error("hook");
      },
    });
    expect(tracer.step("orphan", () => 1)).toBe(1);
  });
});

test("waitUntil is given a promise that settles when the trace is with the server", async () => {
  const sent: Promise<unknown>[] = [];
  const { ingest, tracer } = await setup({ waitUntil: (promise) => sent.push(promise), flushIntervalMs: 60_000 });
  await tracer.trace("p", () => Promise.resolve());
  expect(sent).toHaveLength(1);
  expect(await sent[0]).toBe(true);
  expect(ingest.stored.size).toBe(1);
});

test("close gives up a request that hangs, and says so", async () => {
  const { ingest, tracer, problems, record } = await setup();
  ingest.failures = ["hang"];
  record(2);
  expect(await tracer.close({ timeoutMs: 50 })).toBe(false);
  expect(problems[0]).toEqual({ code: "unsent", message: "The tracer was closed with 2 records unsent." });
  expect(tracer.stats()).toMatchObject({ recorded: 2, delivered: 0, queued: 2 });
});
