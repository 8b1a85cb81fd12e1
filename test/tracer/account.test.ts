import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { diskSpool } from "../../tracer/spool.ts";
import { expectBalanced, setup } from "./_support/delivery.ts";
import type { Failure } from "./_support/ingest.ts";

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
function randomOf(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

const FAILURES: Failure[] = [
  { status: 503 },
  { status: 500 },
  { status: 502, headers: { "retry-after": "0" } },
  { status: 429, code: "TG004" },
  { status: 401, code: "TG001" },
  { status: 404 },
  { status: 200 },
  "reset",
  "hang",
];

const seeds = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => seed * 7919);

describe.each(["in memory", "with a spool"])("the books balance %s", (kind) => {
  test.each(seeds)("whatever happens, and the server knows them (seed %i)", async (seed) => {
    const random = randomOf(seed);
    const upTo = (max: number) => Math.floor(random() * max);
    const dir = mkdtempSync(join(tmpdir(), "tracegram-books-"));
    onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
    const { ingest, tracer, record } = await setup({
      flushIntervalMs: 2,
      requestTimeoutMs: 30,
      maxQueued: 50 + upTo(200),
      maxQueuedBytes: 50_000 + upTo(300_000),
      ...(kind === "with a spool" && { spool: diskSpool({ dir, maxBytes: 300_000 }) }),
    });
    ingest.rejects.add("bad");
    const strict: Failure = (batch) => {
      if (batch.length > 30) return { status: 413, code: "TG003" };
      return batch.some((trace) => trace.pipeline === "poison") ? { status: 400, code: "TG002" } : undefined;
    };

    for (let round = 0; round < 25; round++) {
      ingest.failures = [
        ...Array.from({ length: upTo(6) }, () => FAILURES[upTo(FAILURES.length)]!),
        random() < 0.2 ? () => ({ status: 503 }) : strict,
      ];
      record(upTo(20), random() < 0.3 ? "bad" : "p", upTo(3) * 5000);
      record(upTo(40), "p", upTo(2) * 300);
      record(random() < 0.2 ? 1 : 0, "poison", upTo(2) * 3000);
      expectBalanced(tracer);
      await new Promise((resolve) => setTimeout(resolve, upTo(10)));
      expectBalanced(tracer);
      if (random() < 0.5) await tracer.flush({ timeoutMs: upTo(20) });
      expectBalanced(tracer);
    }
    ingest.failures = [strict];
    while (tracer.stats().queued > 0) await tracer.flush();
    record(1);
    await tracer.flush();

    const { recorded, delivered, queued, dropped, ioDropped } = tracer.stats();
    expectBalanced(tracer);
    expect({ queued, stored: ingest.stored.size }).toEqual({ queued: 0, stored: delivered });
    expect(recorded).toBeGreaterThan(300);
    // Nothing is dropped but what had no room, or what the server will never take.
    for (const reason of Object.keys(dropped)) {
      expect(["queue_full", "rejected", "refused", "spool_full"]).toContain(reason);
    }
    const lost = { ...dropped, ...(ioDropped > 0 && { io_dropped: ioDropped }) };
    expect([...ingest.dropped.values()]).toEqual(Object.keys(lost).length > 0 ? [lost] : []);
  });
});
