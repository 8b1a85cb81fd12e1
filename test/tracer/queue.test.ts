import { describe, expect, test } from "vitest";
import type { WireTrace } from "../../tracer/wire.ts";
import { expectBalanced, setup } from "./_support/delivery.ts";

const shape = (batch: WireTrace[]) => ({
  count: batch.length,
  steps: batch.some((trace) => trace.steps.length > 0),
  io: batch.some((trace) => trace.io),
});

describe("traces before what was said in them", () => {
  test("what fits in one request goes whole", async () => {
    const { ingest, tracer, record } = await setup({ flushAt: 100 });
    record(4, "p", 50_000);
    expect(await tracer.flush()).toBe(true);
    expect(ingest.requests.map(({ batch }) => shape(batch))).toEqual([{ count: 4, steps: true, io: true }]);
  });

  test("in a backlog all traces go first, then their I/O, and both arrive", async () => {
    const { ingest, tracer, record } = await setup({ flushAt: 100 });
    record(20, "p", 30_000);
    record(1, "plain");
    expect(await tracer.flush()).toBe(true);
    const [first, ...rest] = ingest.requests.map(({ batch }) => shape(batch));
    expect(first).toEqual({ count: 21, steps: true, io: false });
    expect(rest.map(({ count }) => count)).toEqual([8, 8, 4]);
    for (const batch of rest) expect(batch).toMatchObject({ steps: false, io: true });
    expect([...ingest.stored.values()].filter((trace) => trace.io?.[0]?.request?.length === 30_000)).toHaveLength(20);
    expect(tracer.stats()).toMatchObject({ delivered: 21, queued: 0, ioDropped: 0 });
  });

  test("a trace that was rejected takes its I/O with it", async () => {
    const { ingest, tracer, record } = await setup({ flushAt: 100 });
    ingest.rejects.add("bad");
    record(10, "p", 30_000);
    record(5, "bad", 30_000);
    expect(await tracer.flush()).toBe(false);
    expect(ingest.requests.slice(1).flatMap(({ batch }) => batch).filter((trace) => trace.pipeline === "bad")).toEqual(
      [],
    );
    expect(tracer.stats()).toMatchObject({ delivered: 10, dropped: { rejected: 5 }, ioDropped: 0 });
  });

  test("I/O that the server will not take is counted, and its trace is delivered", async () => {
    const { ingest, tracer, record } = await setup({ flushAt: 100 });
    ingest.failures = [
      (batch) => batch.some((trace) => trace.pipeline === "bad" && trace.io) ? { status: 400 } : undefined,
    ];
    record(10, "p", 30_000);
    record(1, "bad", 30_000);
    expect(await tracer.flush()).toBe(false);
    expect(tracer.stats()).toMatchObject({ recorded: 11, delivered: 11, queued: 0, dropped: {}, ioDropped: 1 });
    expectBalanced(tracer);
  });

  test("new traces come before I/O that waits, and push it out when there is no room", async () => {
    const { ingest, tracer, record } = await setup({ flushAt: 100, maxQueued: 20 });
    ingest.failures = [(batch) => batch.some((trace) => trace.io) ? { status: 503 } : undefined];
    record(20, "old", 30_000);
    await tracer.flush({ timeoutMs: 0 });
    // Only now does the tracer know that they are stored.
    await ingest.until(() => ingest.requests.length > 1);
    expect(tracer.stats()).toMatchObject({ delivered: 0, queued: 20 });
    record(12, "new");
    await ingest.until(() => ingest.stored.size === 32);
    expect(tracer.stats().dropped).toEqual({});
    expectBalanced(tracer);
    ingest.failures = [];
    while (!await tracer.flush());
    const kept = [...ingest.stored.values()].filter((trace) => trace.io).length;
    const { delivered, ioDropped } = tracer.stats();
    expect({ delivered, kept }).toEqual({ delivered: 32, kept: 20 - ioDropped });
    expect(ioDropped).toBe(12);
  });

  test("what is in a request at the moment is not dropped for new traces", async () => {
    const { ingest, tracer, record } = await setup({ flushAt: 100, maxQueued: 20, requestTimeoutMs: 400 });
    record(20, "old", 30_000);
    void tracer.flush();
    await ingest.until(() => ingest.requests.length === 1);
    ingest.failures = ["hang"];
    await ingest.until(() => ingest.requests.length === 2);
    // Eight of the twenty are in the request that hangs.
    record(15, "new");
    await tracer.flush({ timeoutMs: 0 });
    expect(tracer.stats()).toMatchObject({ delivered: 12, queued: 20, dropped: { queue_full: 3 }, ioDropped: 12 });
    expectBalanced(tracer);
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: 32, queued: 0, dropped: { queue_full: 3 }, ioDropped: 12 });
    expect([...ingest.stored.values()].filter((trace) => trace.io)).toHaveLength(8);
  });

  test("one trace may be larger than a request should be", async () => {
    const { ingest, tracer } = await setup({ flushAt: 100 });
    tracer.trace("p", () => {
      for (let i = 0; i < 5; i++) tracer.step("s", (step) => step.llm({ request: "x".repeat(64_000) }));
    });
    tracer.trace("q", () => {});
    expect(await tracer.flush()).toBe(true);
    expect(ingest.requests.map(({ bytes }) => bytes > 256_000)).toEqual([false, true]);
    expect([...ingest.stored.values()][0]!.io).toHaveLength(5);
  });
});
