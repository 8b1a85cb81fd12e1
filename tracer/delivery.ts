/**
 * Brings traces to the server in the background: batches, retries, and a word to the author when something is lost.
 *
 * - `push` never throws and never waits.
 * - One request is in flight at a time. What it carries stays in the queue until the server has answered.
 * - Nothing is given up because the server is away; only a full queue drops, and then what is newest.
 *
 * @module
 */
import { Account, type DeliveryStats } from "./account.ts";
import { type Item, Queue, type Recorded } from "./queue.ts";
import type { Reporter } from "./report.ts";
import { background, type Timer } from "./timers.ts";
import type { Outcome, Transport } from "./transport.ts";
import { MAX_TRACES_PER_BATCH } from "./wire.ts";

export interface DeliveryOptions {
  /** Records held in memory; beyond it new ones are dropped. @default 1000 */
  maxQueued?: number;
  /** Bytes of JSON held in memory; beyond it new ones are dropped. @default 8388608 */
  maxQueuedBytes?: number;
  /** Records that start a flush at once. @default 10 */
  flushAt?: number;
  /** Longest that a record waits for others, in milliseconds. @default 100 */
  flushIntervalMs?: number;
  /** Longest that a request may take, in milliseconds. @default 10000 */
  requestTimeoutMs?: number;
  /** First pause after a failure, in milliseconds; doubles up to 30 s, with jitter. @default 200 */
  retryDelayMs?: number;
}

/** Best size of a batch, in bytes of JSON; a single larger trace travels alone. */
const MAX_BATCH_BYTES = 256_000;
const MAX_RETRY_DELAY_MS = 30_000;
/** A server that asks for a longer pause is not believed. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export class Delivery {
  readonly #transport: Transport;
  readonly #reporter: Reporter;
  readonly #queue: Queue;
  readonly #flushAt: number;
  readonly #flushIntervalMs: number;
  readonly #requestTimeoutMs: number;
  readonly #retryDelayMs: number;
  readonly #account = new Account();

  #timer: Timer | undefined;
  #timerIsSoon = false;
  #sending = false;
  #closed = false;
  #inFlight: AbortController | undefined;
  /** The pause before a retry, and whether the server asked for it. */
  #pause: { end: () => void; asked: boolean } | undefined;
  #failures = 0;
  /** Halved when the server cannot take a batch, doubled when it can. */
  #batchSize = MAX_TRACES_PER_BATCH;
  /** Called after each settled batch. */
  readonly #flushes = new Set<() => void>();

  constructor(transport: Transport, reporter: Reporter, options: DeliveryOptions) {
    this.#transport = transport;
    this.#reporter = reporter;
    this.#queue = new Queue(options.maxQueued ?? 1000, options.maxQueuedBytes ?? 8 * 1024 * 1024);
    this.#flushAt = options.flushAt ?? 10;
    this.#flushIntervalMs = options.flushIntervalMs ?? 100;
    this.#requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
    this.#retryDelayMs = options.retryDelayMs ?? 200;
  }

  stats(): DeliveryStats {
    return this.#account.stats(this.#queue.size);
  }

  push(record: Recorded): void {
    this.#account.recorded += 1;
    if (this.#closed) return this.#account.drop("closed");
    if (!this.#queue.push(record)) {
      this.#reporter.once("queue_full", "The queue is full: traces are dropped.");
      return this.#account.drop("queue_full");
    }
    this.#account.taken += 1;
    this.#arm(this.#queue.fresh >= this.#flushAt);
  }

  /**
   * Sends what is queued now. Resolves to whether the server has taken all of it; to false after `timeoutMs` at the
   * latest, and then sending goes on in the background. Never rejects.
   */
  async flush(timeoutMs: number): Promise<boolean> {
    const { taken, lost } = this.#account;
    this.#tick();
    if (this.#pause?.asked === false) this.#pause.end();
    if (this.#account.settled < taken) await this.#settledOr(taken, timeoutMs);
    return this.#account.settled >= taken && this.#account.lost === lost;
  }

  /** Flushes, then stops for good and aborts a request that hangs. What is left stays `queued` in the account. */
  async close(timeoutMs: number): Promise<boolean> {
    const delivered = await this.flush(timeoutMs);
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#pause?.end();
    this.#inFlight?.abort();
    const left = this.#queue.size;
    if (left > 0) this.#reporter.once("unsent", `The tracer was closed with ${left} records unsent.`);
    return delivered;
  }

  #settledOr(target: number, timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer);
        this.#flushes.delete(check);
        resolve();
      };
      const check = () => this.#account.settled >= target && done();
      // Keeps the process alive, as whoever waits for a flush wants it to; though not for longer than this.
      const timer = setTimeout(done, timeoutMs);
      this.#flushes.add(check);
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
    this.#queue.serialise((reason) => {
      this.#reporter.once(reason, `A trace was dropped: ${reason}.`);
      this.#account.lose(reason, 1);
    });
    if (!this.#sending) void this.#sendAll();
  }

  async #sendAll(): Promise<void> {
    this.#sending = true;
    while (!this.#closed) {
      const batch = this.#queue.head(this.#batchSize, MAX_BATCH_BYTES);
      if (batch.length === 0) break;
      const outcome = await this.#send(batch);
      this.#settle(batch, outcome);
      for (const check of this.#flushes) check();
      if (outcome.kind === "retry" && !this.#closed) await this.#wait(outcome.afterMs);
    }
    this.#sending = false;
  }

  async #send(batch: Item[]): Promise<Outcome> {
    const inFlight = this.#inFlight = new AbortController();
    const timer = setTimeout(() => inFlight.abort(), this.#requestTimeoutMs);
    try {
      return await this.#transport.send(batch.map((item) => item.json), inFlight.signal);
    } catch (error) {
      return { kind: "retry", code: "unreachable", message: `The server cannot be reached: ${error}` };
    } finally {
      clearTimeout(timer);
    }
  }

  #settle(batch: Item[], outcome: Outcome): void {
    const account = this.#account;
    switch (outcome.kind) {
      case "accepted": {
        for (const { code, message } of outcome.rejected) {
          this.#reporter.once("rejected", `The server rejected a trace: ${message} (${code})`, code);
        }
        const rejected = Math.min(outcome.rejected.length, batch.length);
        this.#queue.remove(batch.length);
        account.delivered += batch.length - rejected;
        account.lose("rejected", rejected);
        this.#failures = 0;
        this.#batchSize = Math.min(this.#batchSize * 2, MAX_TRACES_PER_BATCH);
        this.#reporter.forget("undelivered");
        break;
      }
      case "refused":
        this.#reporter.once("refused", `Traces are dropped: ${outcome.message} (${outcome.code})`, outcome.code);
        this.#queue.remove(batch.length);
        account.lose("refused", batch.length);
        break;
      case "too_large":
        this.#batchSize = Math.max(1, batch.length >> 1);
        if (batch.length > 1) break;
        this.#reporter.once("too_large", "A trace was dropped: too_large.");
        this.#queue.remove(1);
        account.lose("too_large", 1);
        break;
      case "retry":
        account.retries += 1;
        this.#failures += 1;
        this.#reporter.once("undelivered", `Traces wait: ${outcome.message} (${outcome.code})`);
        if (!outcome.suspect) break;
        // One trace that the server fails at must not hold up the others: find it, and let it come last.
        this.#batchSize = Math.max(1, batch.length >> 1);
        if (batch.length === 1) this.#queue.rotate();
    }
  }

  /** Pauses before a retry: exponentially longer with each failure, and as long as the server asks at least. */
  #wait(afterMs: number | undefined): Promise<void> {
    const longest = Math.min(this.#retryDelayMs * 2 ** (this.#failures - 1), MAX_RETRY_DELAY_MS);
    const ms = Math.max(longest * (0.5 + Math.random() / 2), Math.min(afterMs ?? 0, MAX_RETRY_AFTER_MS));
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#pause = undefined;
        resolve();
      };
      const timer = background(end, ms);
      this.#pause = { end, asked: afterMs !== undefined };
    });
  }
}
