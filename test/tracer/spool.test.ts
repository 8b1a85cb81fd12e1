// Over 300 lines, because it is one list: what may happen to a folder, under the same tracer and server.
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import type { TracerOptions } from "../../tracer/index.ts";
import { diskSpool, type DiskSpoolOptions } from "../../tracer/spool.ts";
import { uuidv7 } from "../../tracer/uuid.ts";
import { codes, expectBalanced, setup as setupTracer } from "./_support/delivery.ts";

function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), "tracegram-spool-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

const setup = (dir: string, options: TracerOptions = {}, spool: Partial<DiskSpoolOptions> = {}) =>
  setupTracer({ flushIntervalMs: 5, ...options, spool: diskSpool({ dir, ...spool }) });

const segments = (dir: string) => readdirSync(dir).filter((file) => file.endsWith(".jsonl"));
const turn = () => new Promise((resolve) => setImmediate(resolve));
/** It asks for a pause, so that the order stays: what fails alone without one is put last. */
const down = [() => ({ status: 503, headers: { "retry-after": "0.02" } })];
const until = (ready: () => unknown) => vi.waitFor(() => expect(ready()).toBe(true), { timeout: 20_000, interval: 5 });

const line = (pipeline: string, started_at = Date.now()) => {
  const io = [{ step: 1, request: "q" }];
  const steps = [{ name: "s", offset_ms: 0, duration_ms: 1 }];
  return JSON.stringify(
    { trace_id: uuidv7(started_at), started_at, pipeline, status: "ok", duration_ms: 1, steps, io },
  );
};

/** Leaves a segment as a process that was killed would. */
function leave(dir: string, text: string, lock?: string): string {
  const owner = crypto.randomUUID();
  writeFileSync(join(dir, `${owner}.00000001.jsonl`), text);
  if (lock !== undefined) writeFileSync(join(dir, `${owner}.lock`), lock);
  return owner;
}

describe("diskSpool", () => {
  test("what is delivered leaves nothing on disk, and files are for their owner only", async () => {
    const dir = folder();
    const { ingest, tracer, record } = await setup(dir);
    ingest.failures = [{ status: 503, headers: { "retry-after": "1" } }];
    record(5, "p", 100);
    await until(() => segments(dir).length === 1 && statSync(join(dir, segments(dir)[0]!)).size > 0);
    for (const file of readdirSync(dir)) expect(statSync(join(dir, file)).mode & 0o777).toBe(0o600);
    expect(await tracer.flush()).toBe(true);
    await until(() => segments(dir).length === 0);
    expect(tracer.stats()).toMatchObject({ recorded: 5, delivered: 5, queued: 0, dropped: {} });
    await tracer.close();
    expect(readdirSync(dir)).toEqual([]);
  });

  test("ten thousand traces wait on disk, memory stays bounded, and all arrive in order", async () => {
    const dir = folder();
    const { ingest, tracer, record } = await setup(dir, { maxQueued: 200 });
    ingest.failures = down;
    const batch = async () => {
      for (let i = 0; i < 50; i++) {
        record(100, "p", 200);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
      await until(() => tracer.stats().queued === tracer.stats().recorded);
    };
    await batch();
    await batch();
    expect(tracer.stats()).toMatchObject({ recorded: 10_000, queued: 10_000, delivered: 0, dropped: {} });
    // What the memory holds is on disk as well.
    await until(() => segments(dir).length >= 10_000 / 25);
    ingest.failures = [];
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: 10_000, queued: 0, dropped: {}, ioDropped: 0 });
    const starts = [...ingest.stored.values()].map((trace) => trace.started_at as number);
    expect(starts).toHaveLength(10_000);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
    expect([...ingest.stored.values()].every((trace) => trace.io?.[0]?.request?.length === 200)).toBe(true);
    await until(() => segments(dir).length === 0);
  });

  test("what is recorded while the backlog comes back gets into line behind it", async () => {
    const dir = folder();
    const { ingest, tracer, record } = await setup(dir, { maxQueued: 40, flushIntervalMs: 1 });
    ingest.failures = down;
    for (let i = 0; i < 20; i++) {
      record(10);
      await tracer.flush({ timeoutMs: 0 });
    }
    ingest.failures = [];
    while (tracer.stats().recorded < 1500) {
      record(2);
      await new Promise((resolve) => setTimeout(resolve, tracer.stats().queued > 100 ? 5 : 0));
    }
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: tracer.stats().recorded, queued: 0, dropped: {} });
    const starts = [...ingest.stored.values()].map((trace) => trace.started_at as number);
    expect(starts).toEqual(starts.toSorted((a, b) => a - b));
  });

  test("more than memory holds may end in one tick", async () => {
    const { tracer, record } = await setup(folder(), { maxQueued: 20 });
    record(100);
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: 100, queued: 0, dropped: {} });
  });

  test("beyond its bound the oldest go, counted and told to the server", async () => {
    const dir = folder();
    const { ingest, tracer, record } = await setup(dir, { maxQueued: 40 }, { maxBytes: 100_000 });
    ingest.failures = down;
    for (let i = 0; i < 100; i++) {
      record(10, `p${i}`, 500);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await until(() => (tracer.stats().dropped.spool_full ?? 0) > 700);
    expectBalanced(tracer);
    // Files are deleted a little later than they are given up.
    const size = () => segments(dir).reduce((sum, file) => sum + statSync(join(dir, file)).size, 0);
    await vi.waitFor(() => expect(size()).toBeLessThanOrEqual(100_000), { timeout: 20_000 });
    ingest.failures = [];
    while (!await tracer.flush());
    const { delivered, dropped } = tracer.stats();
    expect(delivered + dropped.spool_full!).toBe(1000);
    expect([...ingest.dropped.values()]).toEqual([{ spool_full: dropped.spool_full }]);
    const names = [...ingest.stored.values()].map((trace) => trace.pipeline);
    expect(names).toEqual(expect.arrayContaining(["p0", "p99", "p98"]));
    expect(names).not.toContain("p20");
  });

  test("what close could not send, the next process does", async () => {
    const dir = folder();
    const first = await setup(dir, { maxQueued: 20 });
    first.ingest.failures = down;
    first.record(15);
    await turn();
    await first.tracer.flush({ timeoutMs: 0 });
    first.record(15, "late");
    expect(await first.tracer.close({ timeoutMs: 50 })).toBe(false);
    expect(codes(first.problems)).toEqual(["undelivered"]);
    const second = await setup(dir);
    await second.ingest.until(() => second.ingest.stored.size === 30);
    await until(() => readdirSync(dir).length === 1);
    expect(second.tracer.stats()).toMatchObject({ recorded: 30, delivered: 30, queued: 0, dropped: {} });
  });

  test("damaged and half-written lines are skipped and counted", async () => {
    const dir = folder();
    leave(dir, [line("a"), "{nonsense", "\0\0\0", "[]", line("b"), line("c").slice(0, 50)].join("\n"));
    writeFileSync(join(dir, "notes.jsonl"), "not ours");
    const { ingest, tracer } = await setup(dir);
    await until(() => tracer.stats().delivered === 2);
    expect([...ingest.stored.values()].map((trace) => trace.pipeline)).toEqual(["a", "b"]);
    expect(tracer.stats()).toMatchObject({ recorded: 6, delivered: 2, queued: 0, dropped: { spool_lost: 4 } });
    await until(() => segments(dir).length === 1);
    expect(segments(dir)).toEqual(["notes.jsonl"]);
  });
});

describe("processes that share a directory", () => {
  test("leave each other's files alone; when one has ended, its files are taken over", async () => {
    const dir = folder();
    const offline = await setup(dir, { maxQueued: 20 });
    offline.ingest.failures = down;
    offline.record(20, "offline");
    await turn();
    await offline.tracer.flush({ timeoutMs: 0 });
    offline.record(20, "offline");
    await until(() => segments(dir).length === 14);
    const online = await setup(dir);
    online.ingest.failures = [{ status: 503, headers: { "retry-after": "1" } }];
    online.record(3, "online");
    // It writes only after it has looked at what is there.
    await until(() => segments(dir).length === 15);
    expect(await online.tracer.flush()).toBe(true);
    await until(() => segments(dir).length === 14);
    expect(online.ingest.stored.size).toBe(3);
    await offline.tracer.close({ timeoutMs: 0 });
    const third = await setup(dir);
    await third.ingest.until(() => third.ingest.stored.size === 40);
    await until(() => segments(dir).length === 0);
  });

  test("of two that start at once, each file goes to one", async () => {
    const dir = folder();
    for (let i = 0; i < 40; i++) leave(dir, `${line("left")}\n`);
    const [a, b] = await Promise.all([setup(dir), setup(dir)]);
    await until(() => a.tracer.stats().delivered + b.tracer.stats().delivered === 40);
    expect(new Set([...a.ingest.stored.keys(), ...b.ingest.stored.keys()]).size).toBe(40);
    expect([a.tracer.stats().dropped, b.tracer.stats().dropped]).toEqual([{}, {}]);
  });

  test("a lock of another machine holds until it is a minute old", async () => {
    const dir = folder();
    // That pid is not in use here; but this is not there.
    const fresh = leave(dir, `${line("fresh")}\n`, "4194300 elsewhere/pid:[1]");
    const stale = leave(dir, `${line("stale")}\n`, "1 elsewhere/pid:[1]");
    const before = Date.now() / 1000 - 61;
    utimesSync(join(dir, `${stale}.lock`), before, before);
    const { ingest, tracer } = await setup(dir);
    await until(() => tracer.stats().delivered === 1);
    expect([...ingest.stored.values()].map((trace) => trace.pipeline)).toEqual(["stale"]);
    await until(() => segments(dir).length === 1);
    expect(readdirSync(dir)).toEqual(expect.arrayContaining([`${fresh}.lock`, `${fresh}.00000001.jsonl`]));
    expect(readdirSync(dir)).not.toContain(`${stale}.lock`);
  });
});

describe("a disk that fails", () => {
  test("a directory that cannot be: the tracer goes on in memory, and tells once", async () => {
    const dir = join(folder(), "file");
    writeFileSync(dir, "");
    const { ingest, tracer, problems, record } = await setup(dir, { maxQueued: 20 });
    ingest.failures = down;
    for (let i = 0; i < 6; i++) {
      record(5);
      await tracer.flush({ timeoutMs: 0 });
      expectBalanced(tracer);
    }
    // What was to be written comes back.
    await until(() => tracer.stats().queued === 20);
    expect(tracer.stats()).toMatchObject({ recorded: 30, queued: 20, dropped: { queue_full: 10 } });
    expect(codes(problems).filter((code) => code === "spool")).toHaveLength(1);
    ingest.failures = [];
    while (!await tracer.flush());
    expect(tracer.stats()).toMatchObject({ delivered: 20, queued: 0 });
  });

  test.each(["file", "/proc/nope"])("%s: what was to be on disk only comes back, and is waited for", async (name) => {
    const dir = name === "file" ? join(folder(), name) : name;
    if (name === "file") writeFileSync(dir, "");
    const { ingest, tracer, problems, record } = await setup(dir, { maxQueued: 20 });
    ingest.failures = down;
    // All of it before the disk has said a word.
    for (let i = 0; i < 3; i++) {
      record(10);
      void tracer.flush({ timeoutMs: 0 });
    }
    expect(tracer.stats().queued).toBe(30);
    await until(() => tracer.stats().queued === 20);
    ingest.failures = [];
    await until(() => tracer.stats().delivered === 20);
    expect(await tracer.flush({ timeoutMs: 1000 })).toBe(true);
    expect(await tracer.close()).toBe(true);
    expect(tracer.stats()).toMatchObject({ recorded: 30, queued: 0, dropped: { queue_full: 10 } });
    expect(codes(problems).filter((code) => code === "spool")).toHaveLength(1);
  });

  test("a full disk: what does not fit in memory is dropped, counted; nothing else is", async () => {
    const dir = folder();
    const { ingest, tracer, problems, record } = await setup(dir, { maxQueued: 16 });
    ingest.failures = down;
    await until(() => readdirSync(dir).length === 1);
    const owner = readdirSync(dir)[0]!.replace(".lock", "");
    // The first segments are in memory too; of those that are only on disk, one works.
    for (let i = 10; i < 40; i++) symlinkSync("/dev/full", join(dir, `${owner}.${String(i).padStart(8, "0")}.jsonl`));
    for (let i = 0; i < 10; i++) {
      record(4);
      await tracer.flush({ timeoutMs: 0 });
    }
    await until(() => codes(problems).includes("spool"));
    await until(() => (tracer.stats().dropped.queue_full ?? 0) > 0);
    expectBalanced(tracer);
    ingest.failures = [];
    while (!await tracer.flush({ timeoutMs: 100 }) && tracer.stats().queued > 2);
    expectBalanced(tracer);
    const { delivered, dropped } = tracer.stats();
    expect(ingest.stored.size).toBe(delivered);
    expect(delivered).toBeGreaterThanOrEqual(16);
    expect(Object.keys(dropped)).toEqual(["queue_full"]);
  });

  test("a directory that vanishes: what was only there is counted as lost, the rest arrives", async () => {
    const dir = folder();
    const { ingest, tracer, problems, record } = await setup(dir, { maxQueued: 16 });
    ingest.failures = down;
    for (let i = 0; i < 10; i++) {
      record(4);
      await tracer.flush({ timeoutMs: 0 });
    }
    await until(() => segments(dir).length >= 20);
    rmSync(dir, { recursive: true });
    record(4, "after");
    await tracer.flush({ timeoutMs: 0 });
    await until(() => codes(problems).includes("spool"));
    expectBalanced(tracer);
    ingest.failures = [];
    await until(() => tracer.stats().queued === 0);
    expectBalanced(tracer);
    const { delivered, dropped } = tracer.stats();
    expect({ delivered, dropped }).toEqual({ delivered: 16, dropped: { queue_full: 4, spool_lost: 24 } });
    expect(existsSync(dir)).toBe(true);
  });
});
