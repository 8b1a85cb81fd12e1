/**
 * The segments of a spool: written, read back, taken over, deleted. How they come about is told in `spool.ts`.
 *
 * All that touches the disk runs in one line, outside the bot's handlers. An error stops the use of the disk until the next
 * beat of the lock; what should have been written goes back to memory.
 *
 * @module
 */
import { appendFile, mkdir, readdir, rename, stat, unlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Item, jsonOf } from "./item.ts";
import { BEAT_MS, SpoolLock } from "./spool_lock.ts";
import { readSegment } from "./spool_read.ts";
import type { Spool, SpoolHost } from "./spooling.ts";
import { errorText } from "./text.ts";
import { background, type Timer } from "./timers.ts";

interface Segment {
  path: string;
  /** Number of its first record; 0 when an earlier process wrote it. */
  seq: number;
  /** Records in it; not known of an earlier process's until it is read. */
  count: number;
  /** Those that need not be sent any more. */
  settled: number;
  bytes: number;
  /** Its records are in memory too. */
  here: boolean;
  reading: boolean;
  unwritten: Item[];
  unwrittenBytes: number;
}

export class DiskSpool implements Spool {
  readonly #dir: string;
  readonly #maxBytes: number;
  readonly #host: SpoolHost;
  readonly #lock: SpoolLock;
  /** An eighth of what memory holds: some can come while others go, and reading one does not hold up the bot. */
  readonly #segmentCount: number;
  readonly #segmentBytes: number;
  waiting = 0;
  /** Segments whose records are not in memory, in the order in which they are to be sent. */
  #away: Segment[] = [];
  #writing: Segment | undefined;
  /** Those with unwritten records. */
  readonly #dirty = new Set<Segment>();
  #names = 0;
  #bytes = 0;
  #unwritten = 0;
  #broken = false;
  #timer: Timer | undefined;
  #io: Promise<void> = Promise.resolve();
  #refilling: Promise<void> | undefined;

  constructor(dir: string, maxBytes: number, host: SpoolHost) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
    this.#host = host;
    this.#lock = new SpoolLock(dir);
    this.#segmentCount = Math.ceil(host.maxCount / 8);
    this.#segmentBytes = Math.min(host.maxBytes, maxBytes) / 16;
    this.#beat();
  }

  holds(seq: number): boolean {
    return this.#away.some((segment) => segment.seq > 0 && segment.seq <= seq);
  }

  write(item: Item, here: boolean): boolean {
    if (this.#broken || this.#unwritten > this.#host.maxBytes) return false;
    const segment = this.#segmentFor(item.seq, here);
    const bytes = item.bytes + 1;
    segment.count += 1;
    segment.bytes += bytes;
    segment.unwrittenBytes += bytes;
    this.#bytes += bytes;
    this.#unwritten += bytes;
    if (here) item.done = () => this.#settle(segment);
    else this.waiting += 1;
    segment.unwritten.push(item);
    if (this.#dirty.add(segment).size === 1) void this.#run(() => this.#writeOut());
    this.#shrink();
    return true;
  }

  refill(): Promise<void> {
    if (this.#away.length === 0) return Promise.resolve();
    return this.#refilling ??= this.#run(async () => {
      for (let next; (next = this.#away[0]) && !this.#broken;) {
        const { queue } = this.#host;
        if (!queue.idle() && !queue.fits(next.count || this.#segmentCount, next.bytes)) break;
        await this.#read(next);
      }
    }).finally(() => this.#refilling = undefined);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    await this.#run(() => this.#lock.release());
  }

  #run(task: () => Promise<unknown>): Promise<void> {
    return this.#io = this.#io.then(task).then(() => {}, (error) => {
      this.#broken = true;
      this.#host.problem(`The spool fails, and traces are kept in memory only: ${errorText(error)}`);
    });
  }

  /** Shows that this process lives, and looks for what dead ones have left. */
  #beat(): void {
    void this.#run(async () => {
      await makeDir(this.#dir);
      await this.#lock.beat();
      this.#broken = false;
      const dead = await this.#lock.dead();
      if (dead.length > 0) await this.#takeOver(dead);
      if (this.#away.length > 0) this.#host.wake();
    });
    this.#timer = background(() => this.#beat(), BEAT_MS);
  }

  async #takeOver(owners: string[]): Promise<void> {
    const files = (await readdir(this.#dir)).filter((file) => file.endsWith(".jsonl")).sort();
    let place = 0;
    for (const file of files) {
      if (!owners.includes(file.split(".", 1)[0]!)) continue;
      const segment = this.#segment(0, false);
      try {
        // Of two processes that try, one succeeds.
        await rename(join(this.#dir, file), segment.path);
        segment.bytes = (await stat(segment.path)).size;
      } catch (error) {
        if (isMissing(error)) continue;
        throw error;
      }
      this.#bytes += segment.bytes;
      this.#away.splice(place++, 0, segment);
    }
    for (const owner of owners) await this.#lock.release(owner);
    this.#shrink();
  }

  #segment(seq: number, here: boolean): Segment {
    const path = join(this.#dir, `${this.#lock.owner}.${String(++this.#names).padStart(8, "0")}.jsonl`);
    return { path, seq, count: 0, settled: 0, bytes: 0, here, reading: false, unwritten: [], unwrittenBytes: 0 };
  }

  #segmentFor(seq: number, here: boolean): Segment {
    const last = this.#writing;
    if (last?.here === here && last.count < this.#segmentCount && last.bytes < this.#segmentBytes) return last;
    const segment = this.#writing = this.#segment(seq, here);
    if (!here) this.#away.push(segment);
    return segment;
  }

  #takeUnwritten(segment: Segment): Item[] {
    const items = segment.unwritten;
    this.#unwritten -= segment.unwrittenBytes;
    segment.unwritten = [];
    segment.unwrittenBytes = 0;
    return items;
  }

  async #writeOut(): Promise<void> {
    const dirty = [...this.#dirty];
    this.#dirty.clear();
    const results = await Promise.allSettled(dirty.map((segment) => this.#append(segment)));
    for (const result of results) if (result.status === "rejected") throw result.reason;
  }

  async #append(segment: Segment): Promise<void> {
    const items = this.#takeUnwritten(segment);
    if (items.length === 0) return;
    try {
      await appendFile(segment.path, items.map((item) => `${jsonOf(item, true)}\n`).join(""), { mode: 0o600 });
    } catch (error) {
      // It may end in half a line now: nothing may follow that.
      if (this.#writing === segment) this.#writing = undefined;
      if (!segment.here) {
        segment.count -= items.length;
        // Empty, it would be waited for until the disk works again.
        if (segment.count === 0) {
          this.#away = this.#away.filter((other) => other !== segment);
          this.#delete(segment);
        }
        this.waiting -= items.length;
        for (const item of items) this.#host.queue.keep(item);
      }
      throw error;
    }
  }

  async #read(segment: Segment): Promise<void> {
    if (this.#writing === segment) this.#writing = undefined;
    segment.reading = true;
    try {
      await this.#append(segment);
      const { items, damaged } = await readSegment(segment.path);
      const own = segment.seq > 0;
      // What failed to be written has gone back to memory, also what did reach the disk.
      if (own) items.length = Math.min(items.length, segment.count);
      else this.#host.account.recorded += items.length + damaged;
      const lost = own ? segment.count - items.length : damaged;
      if (lost > 0) this.#lose("spool_lost", lost);
      if (own) this.waiting -= segment.count;
      this.#away = this.#away.filter((other) => other !== segment);
      segment.count = items.length;
      segment.here = true;
      for (const item of items) {
        item.seq = segment.seq;
        item.done = () => this.#settle(segment);
        this.#host.queue.add(item);
      }
      if (items.length === 0) this.#delete(segment);
    } finally {
      segment.reading = false;
    }
  }

  #settle(segment: Segment): void {
    segment.settled += 1;
    if (segment.settled < segment.count) return;
    if (this.#writing === segment) this.#writing = undefined;
    this.#delete(segment);
  }

  #delete(segment: Segment): void {
    this.#bytes -= segment.bytes;
    this.#takeUnwritten(segment);
    void this.#run(() => unlink(segment.path).catch((error) => isMissing(error) || Promise.reject(error)));
  }

  #lose(reason: "spool_full" | "spool_lost", count: number): void {
    this.#host.account.drop(reason, undefined, undefined, count);
  }

  /** Drops the oldest of what is only on disk. */
  #shrink(): void {
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#away.find((segment) => !segment.reading && segment !== this.#writing);
      if (oldest === undefined) break;
      this.#away = this.#away.filter((segment) => segment !== oldest);
      this.waiting -= oldest.count;
      if (oldest.seq > 0) this.#lose("spool_full", oldest.count);
      else {
        void this.#run(async () => {
          const { items, damaged } = await readSegment(oldest.path);
          this.#host.account.recorded += items.length + damaged;
          this.#lose("spool_full", items.length + damaged);
        });
      }
      this.#delete(oldest);
    }
  }
}

/** As `mkdir` with `recursive`; but Node's tries for ever, on a thread of its own, where nothing can be made: in `/proc`. */
async function makeDir(dir: string): Promise<void> {
  const make = () => mkdir(dir, { mode: 0o700 });
  try {
    await make().catch(async (error) => {
      if (!isMissing(error) || dirname(dir) === dir) throw error;
      await makeDir(dirname(dir));
      await make();
    });
  } catch (error) {
    if ((error as { code?: string }).code !== "EEXIST") throw error;
  }
}

const isMissing = (error: unknown) => (error as { code?: string }).code === "ENOENT";
