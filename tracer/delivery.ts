/**
 * Brings traces to the server in the background: batches, retries, and a word to the author when something is lost.
 *
 * - `push` never throws and never waits.
 * - One request is in flight at a time. What it carries stays in the queue until the server has answered.
 * - Nothing is given up because the server is away, or wants nothing of us; only a full queue drops.
 *
 * @module
 */
import { Account, type DeliveryStats } from "./account.ts";
import { Circuit } from "./circuit.ts";
import type { Recorded } from "./item.ts";
import { type Batch, jsonsOf, Queue } from "./queue.ts";
import type { Reporter } from "./report.ts";
import type { OpenSpool } from "./spooling.ts";
import { errorText } from "./text.ts";
import { background, type Timer } from "./timers.ts";
import { checked, type Outcome, type Transport } from "./transport.ts";
import { MAX_TRACES_PER_BATCH } from "./wire.ts";

export interface DeliveryOptions {
  /** Records held in memory; beyond it new ones are dropped. @default 1000 */
  maxQueued?: number;
  /**
   * Bytes of JSON held in memory; beyond it the oldest requests and responses are dropped, then new records.
   * @default 8388608
   */
  maxQueuedBytes?: number;
  /** Records that start a flush at once. @default 10 */
  flushAt?: number;
  /** Longest that a record waits for others, in milliseconds. @default 100 */
  flushIntervalMs?: number;
  /** Longest that a request may take, in milliseconds. @default 10000 */
  requestTimeoutMs?: number;
  /**
   * First pause after a failure, in milliseconds, at most; doubles up to 30 s, with jitter. After five failures in a row, or
   * when the server wants nothing of us, pauses start at 25 of these and double up to 5 minutes.
   * @default 200
   */
  retryDelayMs?: number;
  /** For a bot that runs long: `diskSpool()` of `tracegram/spool`. Records then survive `kill -9` and a day offline. */
  spool?: OpenSpool | undefined;
}

/** A server that asks for a longer pause is not believed. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** So many records in a row that are refused alone, and the fault is the server's. */
const MAX_REFUSALS = 5;
/** The longest that timers can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** What the delivery waits for at the moment, and how to end that. */
interface Wait {
  /** `retry_after`: the server has asked for this pause. */
  kind: "answer" | "retry" | "retry_after";
  /** As `performance.now()`. */
  due: number;
  end(): void;
}

export class Delivery {
  readonly #transport: Transport;
  readonly #reporter: Reporter;
  readonly #account: Account;
  readonly #queue: Queue;
  readonly #circuit: Circuit;
  readonly #flushAt: number;
  readonly #flushIntervalMs: number;
  readonly #requestTimeoutMs: number;

  #timer: Timer | undefined;
  #timerIsSoon = false;
  #sending = false;
  #closed = false;
  #wait: Wait | undefined;
  /** Halved when the server cannot take a batch, doubled when it can. */
  #batchSize = MAX_TRACES_PER_BATCH;
  #refusals = 0;
  #sender: string | undefined;
  /** What the server knows of `Account.total`. */
  #reported = 0;
  /** Called after each answer, when it is settled and the pause after it has begun. */
  readonly #flushes = new Set<() => void>();

  constructor(transport: Transport, reporter: Reporter, options: DeliveryOptions) {
    const { maxQueued: maxCount = 1000, maxQueuedBytes: maxBytes = 8 * 1024 * 1024 } = options;
    const account = this.#account = new Account(reporter);
    const queue = this.#queue = new Queue(maxCount, maxBytes, account);
    this.#transport = transport;
    this.#reporter = reporter;
    this.#circuit = new Circuit(options.retryDelayMs ?? 200);
    this.#flushAt = options.flushAt ?? 10;
    this.#flushIntervalMs = options.flushIntervalMs ?? 100;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
    queue.spool = options.spool?.({
      maxCount,
      maxBytes,
      fits: (count, bytes) => queue.fits(count, bytes) || queue.fits(maxCount, 0),
      add: (item) => queue.add(item),
      keep: (item) => queue.keep(item),
      found: (count) => account.recorded += count,
      lost: (reason, count) => account.lose(reason, undefined, undefined, count),
      wake: () => this.#closed || this.#tick(),
      problem: (message) => reporter.once("spool", message),
    });
  }

  stats(): DeliveryStats {
    return this.#account.stats(this.#queue.size);
  }

  push(record: Recorded): void {
    this.#account.recorded += 1;
    if (this.#closed) return this.#account.drop("closed");
    if (!this.#queue.push(record)) return this.#account.drop("queue_full");
    this.#arm(this.#queue.fresh >= this.#flushAt);
  }

  /**
   * Sends what is queued now. Resolves to whether the server has taken all of it; to false after `timeoutMs`, or as soon as
   * it is clear that there will be no other attempt until then. Sending goes on in the background. Never rejects.
   *
   * @param now Cuts short a pause that the server has not asked for: one more attempt at once.
   */
  async flush(timeoutMs: number, now = true): Promise<boolean> {
    const { lost } = this.#account;
    this.#tick();
    const wait = this.#wait;
    // A platform may have taken the timer away with the request that it was set in.
    if (wait && (performance.now() >= wait.due || (now && wait.kind === "retry"))) wait.end();
    const { seq } = this.#queue;
    await this.#settledOr(seq, timeoutMs);
    return !this.#queue.holds(seq) && this.#account.lost === lost;
  }

  /** Flushes, then stops for good and aborts a request that hangs. What is left stays `queued` in the account. */
  async close(timeoutMs: number): Promise<boolean> {
    const start = performance.now();
    const delivered = await this.flush(timeoutMs);
    const { size, spool } = this.#queue;
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#wait?.end();
    // A disk that hangs must not hold up the end of the process.
    const rest = Math.max(timeoutMs - (performance.now() - start), 1000);
    if (spool) await Promise.race([spool.close(), new Promise((resolve) => background(() => resolve(0), rest))]);
    else if (size > 0) this.#reporter.once("unsent", `The tracer was closed with ${size} records unsent.`);
    return delivered;
  }

  #settledOr(seq: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const deadline = performance.now() + timeoutMs;
      const done = () => {
        clearTimeout(timer);
        this.#flushes.delete(check);
        resolve();
      };
      const check = () => {
        const wait = this.#wait;
        if (!this.#queue.holds(seq) || (wait && wait.kind !== "answer" && wait.due > deadline)) done();
      };
      // Keeps the process alive, as whoever waits for a flush wants it to; though not for longer than this.
      const timer = setTimeout(done, Math.min(timeoutMs, MAX_TIMER_MS));
      this.#flushes.add(check);
      check();
    });
  }

  #arm(soon: boolean): void {
    if (this.#timer !== undefined) {
      if (this.#timerIsSoon || !soon) return;
      clearTimeout(this.#timer);
    }
    this.#timerIsSoon = soon;
    this.#timer = background(() => this.#tick(), soon ? 0 : this.#flushIntervalMs);
  }

  #tick(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#queue.serialise();
    if (!this.#sending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    while (!this.#closed) {
      const refill = this.#queue.spool?.refill();
      // A slow disk does not hold up what is in memory.
      if (this.#queue.idle) await refill;
      const batch = this.#queue.next(this.#circuit.open ? 1 : this.#batchSize);
      if (batch.items.length === 0 || this.#closed) break;
      const { total } = this.#account;
      const outcome = await this.#send(batch);
      if (outcome.kind === "accepted") this.#reported = total;
      const pause = this.#settle(batch, outcome);
      const over = pause > 0 && !this.#closed && this.#until(asked(outcome) ? "retry_after" : "retry", pause);
      for (const check of this.#flushes) check();
      await over;
    }
    this.#sending = false;
  }

  /** Never rejects, nor waits for ever: a transport of the author's own may throw, hang, and answer anything. */
  async #send(batch: Batch): Promise<Outcome> {
    const abort = new AbortController();
    let answered = false;
    for (const item of batch.items) item.busy = true;
    const late = this.#until("answer", this.#requestTimeoutMs).then((): Outcome => {
      if (!answered) abort.abort();
      return { kind: "retry", code: "timeout", message: "The server does not answer in time." };
    });
    try {
      const sent = this.#transport.send(jsonsOf(batch), abort.signal, this.#report());
      return checked(await Promise.race([sent, late]));
    } catch (error) {
      return { kind: "retry", code: "unreachable", message: `The server cannot be reached: ${errorText(error)}` };
    } finally {
      answered = true;
      this.#wait?.end();
      for (const item of batch.items) item.busy = false;
    }
  }

  #report() {
    const { total } = this.#account;
    if (total === this.#reported) return undefined;
    // Not before it is needed: some platforms have no random numbers while a module loads.
    return { sender: this.#sender ??= crypto.randomUUID(), dropped: this.#account.report() };
  }

  /** Returns the milliseconds to wait before the next request. */
  #settle(batch: Batch, outcome: Outcome): number {
    const { items } = batch;
    const [first] = items;
    const alone = items.length === 1;
    switch (outcome.kind) {
      case "accepted":
        this.#queue.taken(batch, new Map(outcome.rejected.map((item) => [item.trace_id, item])));
        this.#batchSize = Math.min(this.#batchSize * 2, MAX_TRACES_PER_BATCH);
        this.#refusals = 0;
        this.#circuit.succeeded();
        this.#reporter.forget("undelivered");
        this.#reporter.forget("denied");
        return 0;
      case "too_large":
        this.#batchSize = Math.max(1, items.length >> 1);
        if (alone) this.#queue.giveUp(first!, "too_large");
        return 0;
      case "refused": {
        this.#batchSize = Math.max(1, items.length >> 1);
        if (!alone) return 0;
        const message = `Traces are dropped: ${outcome.message} (${outcome.code})`;
        if (++this.#refusals > MAX_REFUSALS) break;
        this.#queue.giveUp(first!, "refused", message, outcome.code);
        return 0;
      }
      case "retry":
        if (!outcome.suspect) break;
        // One trace that the server fails at must not hold up the others: find it, and let it come last.
        this.#batchSize = Math.max(1, items.length >> 1);
    }
    if (alone && (outcome.kind === "refused" || asSuspect(outcome))) this.#queue.putLast(first!);
    this.#account.retries += 1;
    this.#reporter.once(
      outcome.kind === "denied" ? "denied" : "undelivered",
      `Traces wait: ${outcome.message} (${outcome.code})`,
    );
    const pause = this.#circuit.failed(outcome.kind !== "retry");
    return Math.max(pause, 1, asked(outcome) ?? 0);
  }

  /** A wait that `#wait` can end. */
  #until(kind: Wait["kind"], ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#wait = undefined;
        resolve();
      };
      const timer = background(end, ms);
      this.#wait = { kind, due: performance.now() + ms, end };
    });
  }
}

const asSuspect = (outcome: Outcome) => outcome.kind === "retry" && outcome.suspect === true;

/** The pause that the server wants, in milliseconds. */
function asked(outcome: Outcome): number | undefined {
  return outcome.kind === "retry" && outcome.afterMs !== undefined
    ? Math.min(outcome.afterMs, MAX_RETRY_AFTER_MS)
    : undefined;
}
