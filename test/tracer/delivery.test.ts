// Over 300 lines, because it is one list: what may go wrong on the way to the server, against the same strict one.
import { describe, expect, onTestFinished, test } from "vitest";
import { createTracer, type Outcome, type TracerProblem, type Transport } from "../../tracer/index.ts";
import { codes, expectBalanced, setup } from "./_support/delivery.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { type Failure, KEY } from "./_support/ingest.ts";

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
    const { ingest, tracer, record } = await setup();
    record(600);
    record(10, "io", 60_000);
    expect(await tracer.flush()).toBe(true);
    expect(ingest.stored.size).toBe(610);
    for (const { batch, bytes } of ingest.requests) {
      expect(batch.length).toBeLessThanOrEqual(500);
      expect(bytes).toBeLessThanOrEqual(256_000);
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

  test.each<[string, Failure]>([
    ["502", { status: 502 }],
    ["504", { status: 504 }],
    ["546", { status: 546 }],
    ["no answer", "hang"],
    ["a reset connection", "reset"],
    ["a 200 of somebody else", { status: 200 }],
    ["a firewall's 403", { status: 403, code: "" }],
    ["a 400 without a code", { status: 400, code: "" }],
  ])("%s for one trace for ever holds up no other, and nothing is dropped", async (_, failure) => {
    const { ingest, tracer, record } = await setup({ requestTimeoutMs: 50 });
    const poison = (batch: WireTrace[]) => batch.some((trace) => trace.pipeline === "poison") ? failure : undefined;
    ingest.failures = [poison];
    record(15);
    record(1, "poison");
    record(15);
    await ingest.until(() => ingest.stored.size === 30);
    record(5);
    await ingest.until(() => ingest.stored.size === 35);
    ingest.failures = [];
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ recorded: 36, delivered: 36, dropped: {} });
  });

  test("400: the batch is halved until what the server will never take is alone; only that is dropped", async () => {
    const { ingest, tracer, problems, record } = await setup();
    ingest.failures = [(batch) => batch.some((trace) => trace.pipeline === "poison") ? { status: 400 } : undefined];
    record(4);
    record(1, "poison");
    record(6);
    expect(await tracer.flush()).toBe(false);
    expect(ingest.stored.size).toBe(10);
    expect(tracer.stats()).toMatchObject({ recorded: 11, delivered: 10, queued: 0, dropped: { refused: 1 } });
    expect(problems).toEqual([{
      code: "refused",
      message: "Traces are dropped: told to answer 400 Do better. (http_400)",
    }]);
  });

  test("400 for everything is the server's fault: after five, the rest waits", async () => {
    const { ingest, tracer, record } = await setup();
    ingest.failures = [() => ({ status: 400 })];
    record(20);
    expect(await tracer.flush({ timeoutMs: 0 })).toBe(false);
    await ingest.until(() => ingest.requests.length > 10);
    expect(tracer.stats()).toMatchObject({ queued: 15, dropped: { refused: 5 } });
    ingest.failures = [];
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: 15, queued: 0, dropped: { refused: 5 } });
  });

  test("a rejected trace is counted and reported, and its batch goes through", async () => {
    const { ingest, tracer, problems, record } = await setup();
    ingest.rejects.add("bad");
    record(3);
    record(2, "bad");
    expect(await tracer.flush()).toBe(false);
    expect(tracer.stats()).toMatchObject({ recorded: 5, delivered: 3, queued: 0, dropped: { rejected: 2 } });
    expect(problems).toEqual([{ code: "rejected", message: "Traces are dropped: no (TG012)" }]);
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

  test("bytes are bounded as well: the oldest requests and responses go, the traces stay", async () => {
    const { ingest, tracer, problems } = await setup({ maxQueuedBytes: 100_000, flushAt: 100 });
    ingest.failures = [{ status: 503 }];
    for (let i = 0; i < 10; i++) {
      tracer.trace(`p${i}`, () => tracer.step("llm", (step) => step.llm({ response: "語".repeat(10_000) })));
    }
    expect(await tracer.flush({ timeoutMs: 0 })).toBe(false);
    // 30 kB of UTF-8 each: three fit.
    expect(tracer.stats()).toMatchObject({ recorded: 10, queued: 10, dropped: {}, ioDropped: 7 });
    while (!await tracer.flush());
    const kept = [...ingest.stored.values()].filter((trace) => trace.io).map((trace) => trace.pipeline);
    expect(kept).toEqual(["p7", "p8", "p9"]);
    expect(tracer.stats()).toMatchObject({ delivered: 10, queued: 0, ioDropped: 7 });
    expect([...ingest.dropped.values()]).toEqual([{ io_dropped: 7 }]);
    expect(codes(problems)).toContain("io_dropped");
  });

  test("when there is no more I/O to drop, new traces are", async () => {
    const { ingest, tracer, record } = await setup({ maxQueuedBytes: 2000, flushAt: 100 });
    ingest.failures = [() => ({ status: 503 })];
    record(20, "p", 500);
    await tracer.flush({ timeoutMs: 0 });
    const { queued, dropped, ioDropped } = tracer.stats();
    expect(queued).toBeGreaterThan(5);
    expect(dropped).toEqual({ queue_full: 20 - queued });
    expect(ioDropped).toBe(queued);
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

describe("a server that wants nothing of us", () => {
  test.each([401, 403, 404, 405, 415])("%i: traces wait, and the author hears of it once", async (status) => {
    const { ingest, tracer, problems, record } = await setup({ retryDelayMs: 10_000 });
    ingest.failures = [() => ({ status, code: "TG00X" })];
    record(12);
    // There will be no other attempt until then: why wait.
    const start = performance.now();
    expect(await tracer.flush()).toBe(false);
    expect(performance.now() - start).toBeLessThan(5000);
    expect(tracer.stats()).toMatchObject({ recorded: 12, queued: 12, dropped: {} });
    // A flush may look whether it has changed, with one small request.
    expect(await tracer.flush()).toBe(false);
    expect(ingest.requests.map(({ batch }) => batch.length)).toEqual([12, 1]);
    ingest.failures = [];
    expect(await tracer.flush()).toBe(true);
    expect(ingest.requests.slice(2).map(({ batch }) => batch.length)).toEqual([1, 11]);
    expect(problems).toEqual([{ code: "denied", message: `Traces wait: told to answer ${status} Do better. (TG00X)` }]);
  });

  test("the circuit opens after five failures of any kind, and a probe closes it", async () => {
    const { ingest, tracer, record } = await setup({ retryDelayMs: 2, requestTimeoutMs: 100 });
    ingest.failures = [{ status: 503 }, "reset", "hang", { status: 200 }, { status: 429 }, { status: 502 }];
    record(30);
    while (!await tracer.flush());
    const sizes = ingest.requests.map(({ batch }) => batch.length);
    expect(sizes.slice(0, 5)).toEqual([30, 30, 15, 7, 3]);
    expect(sizes.slice(5, 8)).toEqual([1, 1, 1]);
    expect(tracer.stats()).toMatchObject({ delivered: 30, retries: 6 });
  });
});

describe("a report of drops", () => {
  test("goes with the next batch that gets through, once, with totals", async () => {
    const { ingest, tracer, record } = await setup({ maxQueued: 20, flushAt: 100 });
    ingest.failures = [{ status: 503 }];
    record(25);
    while (!await tracer.flush());
    record(1);
    expect(await tracer.flush()).toBe(true);
    ingest.rejects.add("bad");
    record(1, "bad");
    expect(await tracer.flush()).toBe(false);
    record(1);
    expect(await tracer.flush()).toBe(true);
    const reports = ingest.requests.map(({ report }) => report?.dropped);
    expect(reports).toEqual([{ queue_full: 5 }, { queue_full: 5 }, undefined, undefined, {
      queue_full: 5,
      rejected: 1,
    }]);
    expect(ingest.dropped.size).toBe(1);
  });
});

describe("a transport of the author's own", () => {
  const trace = async (send: Transport["send"]) => {
    const tracer = createTracer({
      transport: { send },
      onError: () => {},
      flushOnExit: false,
      retryDelayMs: 1,
      requestTimeoutMs: 20,
    });
    onTestFinished(async () => void await tracer.close({ timeoutMs: 0 }));
    tracer.trace("p", () => {});
    tracer.trace("p", () => {});
    while (!await tracer.flush());
    return { stats: tracer.stats() };
  };
  const bad: Record<string, () => unknown> = {
    "throws at once": () => {
      throw new Error("no");
    },
    "throws what cannot be printed": () => {
      throw Object.create(null);
    },
    "hangs, and ignores the signal": () => new Promise(() => {}),
    "resolves to nothing": () => Promise.resolve(),
    "returns no promise": () => 7,
    "resolves to an unknown outcome": () => Promise.resolve({ kind: "maybe" }),
    "accepts without saying what it rejects": () => Promise.resolve({ kind: "accepted" }),
    "rejects nonsense": () => Promise.resolve({ kind: "accepted", rejected: [null] }),
    "retries with no reason and a strange pause": () =>
      Promise.resolve({ kind: "retry", code: Symbol(), afterMs: "x" }),
    "is denied with no reason": () => Promise.resolve({ kind: "denied" }),
  };

  test.each(Object.entries(bad))("%s: nothing is lost", async (_, fail) => {
    let count = 0;
    const { stats } = await trace(() =>
      (++count <= 2 ? fail() : Promise.resolve({ kind: "accepted", rejected: [] })) as Promise<Outcome>
    );
    expect(stats).toMatchObject({ delivered: 2, queued: 0, dropped: {}, retries: 2 });
  });

  test("a rejection of ids that were not sent costs nothing", async () => {
    const rejected = [{ trace_id: null, code: "c", message: "m" }, { trace_id: "other", code: "d", message: "m" }];
    const { stats } = await trace(() => Promise.resolve({ kind: "accepted", rejected }));
    expect(stats).toMatchObject({ delivered: 2, dropped: {} });
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

test("close gives up a request that hangs, and says so", async () => {
  const { ingest, tracer, problems, record } = await setup();
  ingest.failures = ["hang"];
  record(2);
  expect(await tracer.close({ timeoutMs: 50 })).toBe(false);
  expect(problems[0]).toEqual({ code: "unsent", message: "Closed with 2 records unsent." });
  expect(tracer.stats()).toMatchObject({ recorded: 2, delivered: 0, queued: 2 });
});
