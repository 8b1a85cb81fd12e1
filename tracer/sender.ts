/**
 * Sends what is queued, batch after batch, until nothing is left: one request at a time, with a pause after a failure.
 *
 * Nothing is given up because the server is away, or wants nothing of us. Only what it will never take is dropped.
 *
 * @module
 */
import type { Account } from "./account.ts";
import { Circuit } from "./circuit.ts";
import { type Batch, jsonsOf, type Queue } from "./queue.ts";
import type { Reporter } from "./report.ts";
import { errorText } from "./text.ts";
import { background } from "./timers.ts";
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

export class Sender {
  readonly #transport: Transport;
  readonly #reporter: Reporter;
  readonly #account: Account;
  readonly #queue: Queue;
  readonly #settled: () => void;
  readonly #timeoutMs: number;
  readonly #circuit: Circuit;
  #sending = false;
  #closed = false;
  #wait: Wait | undefined;
  /** Halved when the server cannot take a batch, doubled when it can. */
  #batchSize = MAX_TRACES_PER_BATCH;
  #refusals = 0;
  #id: string | undefined;
  /** What the server knows of `Account.total`. */
  #reported = 0;

  /** @param settled Called after each answer, when it is in the account and the pause after it has begun. */
  constructor(
    transport: Transport,
    reporter: Reporter,
    account: Account,
    queue: Queue,
    settled: () => void,
    timeoutMs = 10_000,
    delayMs = 200,
  ) {
    this.#transport = transport;
    this.#reporter = reporter;
    this.#account = account;
    this.#queue = queue;
    this.#settled = settled;
    this.#timeoutMs = timeoutMs;
    this.#circuit = new Circuit(delayMs);
  }

  /** When the pause of the moment ends, as `performance.now()`; 0 when there is none. */
  get pausedUntil(): number {
    return this.#wait === undefined || this.#wait.kind === "answer" ? 0 : this.#wait.due;
  }

  /**
   * Ends a wait that should be over: a platform may have taken the timer away with the request that it was set in.
   *
   * @param now Ends a pause too, unless the server has asked for it.
   */
  hurry(now: boolean): void {
    const wait = this.#wait;
    if (wait && (performance.now() >= wait.due || (now && wait.kind === "retry"))) wait.end();
  }

  /** Stops for good, and aborts a request that hangs. */
  close(): void {
    this.#closed = true;
    this.#wait?.end();
  }

  async run(): Promise<void> {
    if (this.#sending) return;
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
      this.#settled();
      await over;
    }
    this.#sending = false;
  }

  /** Never rejects, nor waits for ever: a transport of the author's own may throw, hang, and answer anything. */
  async #send(batch: Batch): Promise<Outcome> {
    const abort = new AbortController();
    let answered = false;
    for (const item of batch.items) item.busy = true;
    const late = this.#until("answer", this.#timeoutMs).then((): Outcome => {
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

  #report(): Omit<WireReport, "traces"> | undefined {
    const { total } = this.#account;
    if (total === this.#reported) return undefined;
    // Not before it is needed: some platforms have no random numbers while a module loads.
    return { sender: this.#id ??= crypto.randomUUID(), dropped: this.#account.report() };
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
