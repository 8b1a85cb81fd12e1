/**
 * Brings traces to the server in the background, and tells when it has got them.
 *
 * `push` never throws and never waits. What is pushed is serialised a little later, and stays queued until the server has it.
 *
 * @module
 */
import { type DeliveryStats, openAccount } from "./account.ts";
import type { Recorded } from "./item.ts";
import { openQueue } from "./queue.ts";
import type { Reporter } from "./report.ts";
import { openSender } from "./sender.ts";
import type { OpenSpool } from "./spooling.ts";
import { errorText } from "./text.ts";
import { background, type Timer } from "./timers.ts";
import type { Transport } from "./transport.ts";

/** Bounds and times of the delivery. */
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

export function openDelivery(transport: Transport, reporter: Reporter, options: DeliveryOptions) {
  const { maxQueued: maxCount = 1000, maxQueuedBytes: maxBytes = 8 * 1024 * 1024 } = options;
  const { flushAt = 10, flushIntervalMs = 100 } = options;
  const account = openAccount(reporter);
  const queue = openQueue(maxCount, maxBytes, account);
  const sender = openSender(transport, reporter, account, queue, options);
  let timer: Timer | undefined;
  let timerIsSoon = false;
  let closed = false;
  const problem = (message: string) => reporter.once("spool", message);
  try {
    queue.spool = options.spool?.({ maxCount, maxBytes, queue, account, wake: tick, problem });
  } catch (error) {
    problem(`No spool: ${errorText(error)}`);
  }

  function tick(): void {
    clearTimeout(timer);
    timer = undefined;
    if (closed) return;
    queue.serialise();
    void sender.run();
  }

  function arm(soon: boolean): void {
    if (timer !== undefined) {
      if (timerIsSoon || !soon) return;
      clearTimeout(timer);
    }
    timerIsSoon = soon;
    timer = background(tick, soon ? 0 : flushIntervalMs);
  }

  const delivery = {
    stats: (): DeliveryStats => account.stats(queue.size()),

    push(record: Recorded): void {
      account.recorded += 1;
      if (closed) return account.drop("closed");
      const fresh = queue.push(record);
      if (fresh === 0) return account.drop("queue_full");
      arm(fresh >= flushAt);
    },

    /**
     * Sends what is queued now. Resolves to whether the server has taken all of it, and nothing was dropped meanwhile; to
     * false after `timeoutMs`, or as soon as it is clear that there will be no other attempt until then. Sending goes on in
     * the background. Never rejects.
     *
     * @param now Cuts short a pause that the server has not asked for: one more attempt at once.
     */
    async flush(timeoutMs: number, now = true): Promise<boolean> {
      const { lost } = account;
      tick();
      sender.hurry(now);
      const { seq } = queue;
      await sender.settled(seq, timeoutMs);
      return !queue.holds(seq) && account.lost === lost;
    },

    halt: sender.halt,

    /** Flushes, then stops for good and aborts a request that hangs. What is left stays `queued` in the account. */
    async close(timeoutMs: number): Promise<boolean> {
      const start = performance.now();
      const delivered = await delivery.flush(timeoutMs);
      const { spool } = queue;
      const size = queue.size();
      closed = true;
      clearTimeout(timer);
      sender.halt();
      // A disk that hangs must not hold up the end of the process.
      const rest = Math.max(timeoutMs - (performance.now() - start), 1000);
      if (spool) await Promise.race([spool.close(), new Promise((resolve) => background(() => resolve(0), rest))]);
      else if (size > 0) reporter.once("unsent", `Closed with ${size} records unsent.`);
      return delivered;
    },
  };
  return delivery;
}
