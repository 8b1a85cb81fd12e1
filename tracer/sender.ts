/**
 * Sends what is queued, batch after batch, until nothing is left: one request at a time, with a pause after a failure.
 *
 * Nothing is given up because the server is away, or wants nothing of us. Only what it will never take is dropped.
 *
 * @module
 */
import type { Account } from "./account.ts";
import { newCircuit } from "./circuit.ts";
import type { DeliveryOptions } from "./delivery.ts";
import { jsonOf } from "./item.ts";
import type { Batch, Queue } from "./queue.ts";
import type { Reporter } from "./report.ts";
import { errorText } from "./text.ts";
import { background, timerMs } from "./timers.ts";
import { checked, type Outcome, type Transport } from "./transport.ts";
import { MAX_TRACES_PER_BATCH, type WireReport } from "./wire.ts";

/** A server that asks for a longer pause is not believed. */
const MAX_RETRY_AFTER_MS = 3_600_000;
/** So many records in a row that are refused alone, and the fault is the server's. */
const MAX_REFUSALS = 5;

/** What is waited for at the moment, and how to end that. */
interface Wait {
  /** `retry_after`: the server has asked for this pause. */
  kind: "answer" | "retry" | "retry_after";
  /** As `performance.now()`. */
  due: number;
  end(): void;
}

export function openSender(
  transport: Transport,
  reporter: Reporter,
  account: Account,
  queue: Queue,
  { requestTimeoutMs = 10_000, retryDelayMs = 200 }: DeliveryOptions,
) {
  const circuit = newCircuit(retryDelayMs);
  let sending = false;
  let halted = false;
  let wait: Wait | undefined;
  /** Halved when the server cannot take a batch, doubled when it can. */
  let batchSize = MAX_TRACES_PER_BATCH;
  /** Failures of more than one record, since so many got through. */
  let strikes = 0;
  let refusals = 0;
  let id: string | undefined;
  /** What the server knows of `account.lost`. */
  let reported = 0;
  /** Called after each answer, when it is in the account and the pause after it has begun. */
  const checks = new Set<() => void>();

  /** Never rejects, nor waits for ever: a transport of the author's own may throw, hang, and answer anything. */
  async function send({ items, withIo }: Batch): Promise<Outcome> {
    const abort = new AbortController();
    for (const item of items) item.busy = true;
    const late = until("answer", requestTimeoutMs).then((): Outcome => ({
      kind: "retry",
      code: "timeout",
      message: "no answer in time",
    }));
    try {
      const sent = transport.send(items.map((item) => jsonOf(item, withIo)), abort.signal, report());
      return checked(await Promise.race([sent, late]));
    } catch (error) {
      return { kind: "retry", code: "unreachable", message: errorText(error) };
    } finally {
      // Of no effect where there was an answer.
      abort.abort();
      wait?.end();
      for (const item of items) item.busy = false;
    }
  }

  function report(): Omit<WireReport, "traces"> | undefined {
    if (account.lost === reported) return undefined;
    // Not before it is needed: some platforms have no random numbers while a module loads.
    return { sender: id ??= crypto.randomUUID(), dropped: account.totals() };
  }

  /** Returns the milliseconds to wait before the next request. */
  function settle(batch: Batch, outcome: Outcome): number {
    const { kind } = outcome;
    const { length, 0: first } = batch.items;
    if (kind === "accepted") {
      queue.settled(batch, outcome.rejected, "rejected");
      // A probe tells nothing of what is more than one record.
      if (!circuit.open()) {
        batchSize = Math.min(batchSize * 2, MAX_TRACES_PER_BATCH);
        strikes = 0;
      }
      refusals = 0;
      circuit.succeeded();
      reporter.forget("undelivered");
      reporter.forget("denied");
      return 0;
    }
    // One trace that the server fails at, in whatever way, must not hold up the others: find it, and put it last. A server
    // that is away does not mind the order, and one that asks for a pause has told what is wrong.
    const alone = length === 1;
    const pause = asked(outcome);
    const suspect = kind === "retry" ? outcome.suspect : kind !== "denied";
    if (!alone && pause === 0 && (suspect || ++strikes > 1)) batchSize = length >> 1;
    if (kind === "too_large" || kind === "refused") {
      if (!alone) return 0;
      if (kind === "too_large" || ++refusals <= MAX_REFUSALS) {
        const why = kind === "refused" ? outcome : {};
        queue.settled(batch, [{ ...why, trace_id: first!.traceId }], kind);
        return 0;
      }
    }
    if (alone && pause === 0) queue.putLast(first!);
    account.retries += 1;
    reporter.once(kind === "denied" ? kind : "undelivered", `Traces wait: ${outcome.message} (${outcome.code})`);
    return Math.max(circuit.failed(kind !== "retry"), 1, pause);
  }

  /** A wait that `wait` can end. */
  function until(kind: Wait["kind"], ms: number): Promise<void> {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        wait = undefined;
        resolve();
      };
      const timer = background(end, ms);
      wait = { kind, due: performance.now() + ms, end };
    });
  }

  return {
    /** Resolves when nothing is left up to the `seq`th, after `timeoutMs`, or when a pause will last longer than that. */
    settled: (seq: number, timeoutMs: number): Promise<void> =>
      new Promise((resolve) => {
        const deadline = performance.now() + timeoutMs;
        const done = () => {
          clearTimeout(timer);
          checks.delete(check);
          resolve();
        };
        const check = () => {
          if (!queue.holds(seq) || (wait && wait.kind !== "answer" && wait.due > deadline)) done();
        };
        // Keeps the process alive, as whoever waits for a flush wants it to; though not for longer than this.
        const timer = setTimeout(done, timerMs(timeoutMs));
        checks.add(check);
        check();
      }),

    /**
     * Ends a wait that should be over: a platform may have taken the timer away with the request that it was set in.
     *
     * @param now Ends a pause too, unless the server has asked for it.
     */
    hurry(now: boolean): void {
      if (wait && (performance.now() >= wait.due || (now && wait.kind === "retry"))) wait.end();
    },

    /** Aborts a request that hangs, and starts no other until the next `run`: the process wants to end. */
    halt(): void {
      halted = true;
      wait?.end();
    },

    async run(): Promise<void> {
      halted = false;
      if (sending) return;
      sending = true;
      while (!halted) {
        const refill = queue.spool?.refill();
        // A slow disk does not hold up what is in memory.
        if (queue.idle()) await refill;
        const batch = queue.next(circuit.open() ? 1 : batchSize);
        if (batch.items.length === 0 || halted) break;
        const { lost } = account;
        const outcome = await send(batch);
        if (outcome.kind === "accepted") reported = lost;
        const pause = settle(batch, outcome);
        const over = pause > 0 && !halted && until(asked(outcome) > 0 ? "retry_after" : "retry", pause);
        checks.forEach((check) => check());
        await over;
      }
      sending = false;
    },
  };
}

/** The pause that the server wants, in milliseconds. */
const asked = (outcome: Outcome): number =>
  outcome.kind === "retry" ? Math.min(outcome.afterMs ?? 0, MAX_RETRY_AFTER_MS) : 0;
