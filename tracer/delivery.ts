/**
 * Brings traces to the server in the background, and tells when it has got them.
 *
 * `push` never throws and never waits. What is pushed is serialised a little later, and stays queued until the server has it.
 *
 * @module
 */
import { Account, type DeliveryStats } from "./account.ts";
import type { Recorded } from "./item.ts";
import { Queue } from "./queue.ts";
import type { Reporter } from "./report.ts";
import { Sender } from "./sender.ts";
import type { OpenSpool } from "./spooling.ts";
import { background, type Timer } from "./timers.ts";
import type { Transport } from "./transport.ts";

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

/** The longest that timers can wait. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export class Delivery {
  readonly #reporter: Reporter;
  readonly #account: Account;
  readonly #queue: Queue;
  readonly #sender: Sender;
  readonly #flushAt: number;
  readonly #flushIntervalMs: number;
  #timer: Timer | undefined;
  #timerIsSoon = false;
  #closed = false;
  readonly #flushes = new Set<() => void>();

  constructor(transport: Transport, reporter: Reporter, options: DeliveryOptions) {
    const { maxQueued: maxCount = 1000, maxQueuedBytes: maxBytes = 8 * 1024 * 1024 } = options;
    const account = this.#account = new Account(reporter);
    const queue = this.#queue = new Queue(maxCount, maxBytes, account);
    const settled = () => this.#flushes.forEach((check) => check());
    this.#reporter = reporter;
    this.#sender = new Sender(
      transport,
      reporter,
      account,
      queue,
      settled,
      options.requestTimeoutMs,
      options.retryDelayMs,
    );
    this.#flushAt = options.flushAt ?? 10;
    this.#flushIntervalMs = options.flushIntervalMs ?? 100;
    queue.spool = options.spool?.({
      maxCount,
      maxBytes,
      queue,
      account,
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
    this.#sender.hurry(now);
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
    this.#sender.close();
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
        if (!this.#queue.holds(seq) || this.#sender.pausedUntil > deadline) done();
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
    void this.#sender.run();
  }
}
