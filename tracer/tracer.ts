/**
 * The tracer: starts traces and steps, and hands what has ended to `Delivery`.
 *
 * @module
 */
import { Delivery } from "./delivery.ts";
import { encodeEnded, type EncodeOptions, encodeRunning } from "./encode.ts";
import { flushOnExit } from "./exit.ts";
import type { Step, Trace, TraceKeys } from "./handles.ts";
import type { TracerOptions, TracerStats } from "./options.ts";
import type { Recorded } from "./item.ts";
import { keepAlive } from "./platform.ts";
import { Reporter } from "./report.ts";
import { runAndEnd } from "./run.ts";
import { stepName, type StepTable } from "./steps.ts";
import { errorText } from "./text.ts";
import { background, type Timer } from "./timers.ts";
import { context, type Node, OpenStep, OpenTrace, type TraceOwner } from "./trace.ts";
import { httpTransport, type Transport } from "./transport.ts";
import { MAX_STEPS } from "./wire.ts";

/** `flush` and `close` wait this long unless told otherwise. */
const FLUSH_TIMEOUT_MS = 10_000;
/** Traces that may run at once; beyond it, the oldest is one that nobody will end. */
const MAX_OPEN = 10_000;

export class Tracer<Name extends string = string> {
  readonly #reporter: Reporter;
  readonly #delivery: Delivery;
  readonly #encoding: EncodeOptions;
  readonly #announceAfterMs: number;
  readonly #keepAlive: () => void;
  readonly #leaveExit: () => void;
  readonly #owner: TraceOwner = {
    startStep: (name, parent) => this.#startStep(name, parent),
    ended: (trace) => this.#ended(trace),
  };
  /** Where steps outside any trace go: it has ended before it began, so nothing of them is kept. */
  readonly #nowhere = new OpenTrace("", undefined, this.#owner);
  /** In order of their start. */
  readonly #open = new Set<OpenTrace>();
  #announcer: Timer | undefined;
  #orphanSteps = 0;
  #excessSteps = 0;

  constructor(options: TracerOptions) {
    this.#reporter = new Reporter(options.onError);
    this.#delivery = new Delivery(transportOf(options), this.#reporter, options);
    this.#encoding = {
      mask: options.mask,
      release: options.release,
      ioSampleRate: options.ioSampleRate ?? 0.1,
    };
    this.#announceAfterMs = options.announceAfterMs ?? 10_000;
    this.#keepAlive = keepAlive(
      options.waitUntil,
      () => context.run(undefined, () => this.#delivery.flush(FLUSH_TIMEOUT_MS, false)),
      (error) => this.#reporter.once("wait_until", `waitUntil failed: ${errorText(error)}`),
    );
    this.#nowhere.endTime = 0;
    this.#leaveExit = options.flushOnExit ?? options.waitUntil === undefined ? flushOnExit(this) : () => {};
  }

  /** Runs `fn` as a trace. What it returns or throws passes through; a throw marks the trace as failed. */
  trace<T>(pipeline: string, fn: (trace: Trace<Name>) => PromiseLike<T>, keys?: TraceKeys): Promise<T>;
  trace<T>(pipeline: string, fn: (trace: Trace<Name>) => T, keys?: TraceKeys): T;
  trace<T>(pipeline: string, fn: (trace: OpenTrace) => T, keys?: TraceKeys): T {
    return runAndEnd(this.#startTrace(pipeline, keys), fn);
  }

  /**
   * Runs `fn` as a step of the trace around it, below the step around it. What it returns or throws passes through; a
   * throw marks the step as failed, and the trace too unless the bot catches it.
   *
   * Outside any trace, `fn` runs all the same, and the step is counted in {@link stats}. A step that outlives its trace
   * is recorded up to the trace's end, as failed with "still running when the trace ended".
   */
  step<T>(name: Name, fn: (step: Step<Name>) => PromiseLike<T>): Promise<T>;
  step<T>(name: Name, fn: (step: Step<Name>) => T): T;
  step<T>(name: Name, fn: (step: OpenStep) => T): T {
    const step = this.#startStep(name, context.getStore());
    return step.trace === this.#nowhere ? fn(step) : runAndEnd(step, fn);
  }

  /** Starts a trace to be ended by hand. Its `run` makes it the current one. */
  startTrace(pipeline: string, keys?: TraceKeys): Trace<Name> {
    return this.#startTrace(pipeline, keys);
  }

  /** Starts a step of the current trace, to be ended by hand. Its `run` makes it the current one. */
  startStep(name: Name): Step<Name> {
    return this.#startStep(name, context.getStore());
  }

  currentTrace(): Trace<Name> | undefined {
    const trace = context.getStore()?.trace;
    return trace === this.#nowhere ? undefined : trace;
  }

  /** For logs. */
  currentTraceId(): string | undefined {
    return this.currentTrace()?.id;
  }

  /**
   * Sends what has been recorded. Resolves to whether the server has taken all of it; to false after `timeoutMs`
   * (default 10,000), and then sending goes on. Never rejects.
   */
  flush({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<boolean> {
    return context.run(undefined, () => this.#delivery.flush(timeoutMs));
  }

  /** Ends what still runs, as failed, then flushes as {@link flush} does and stops. Later traces are dropped, counted. */
  async close({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<boolean> {
    for (const trace of this.#open) abandon(trace, "still running when the tracer was closed");
    const delivered = await context.run(undefined, () => this.#delivery.close(timeoutMs));
    clearTimeout(this.#announcer);
    this.#leaveExit();
    return delivered;
  }

  stats(): TracerStats {
    return { ...this.#delivery.stats(), orphanSteps: this.#orphanSteps, excessSteps: this.#excessSteps };
  }

  #startTrace(pipeline: string, keys: TraceKeys | undefined): OpenTrace {
    const trace = new OpenTrace(pipeline, keys, this.#owner);
    if (this.#open.size >= MAX_OPEN) {
      for (const oldest of this.#open) {
        this.#reporter.once("never_ended", `A trace was never ended: ${oldest.pipeline}.`, oldest.pipeline);
        abandon(oldest, "never ended");
        break;
      }
    }
    this.#open.add(trace);
    if (this.#announcer === undefined) this.#armAnnouncer(this.#announceAfterMs);
    return trace;
  }

  #startStep(name: string, parent: Node = this.#nowhere): OpenStep {
    const { trace } = parent;
    const short = stepName(name);
    if (short !== name) {
      this.#reporter.once("step_name", `A step name has 1 to 20 characters; recorded: ${short}`, short);
    }
    if (trace.ended) {
      this.#orphanSteps += 1;
      this.#reporter.once("orphan_step", `A step ran outside any trace: ${short}`, short);
    } else if (trace.steps.length >= MAX_STEPS) {
      this.#excessSteps += 1;
      this.#reporter.once("excess_step", `A trace has more than ${MAX_STEPS} steps: ${trace.pipeline}`, trace.pipeline);
    } else {
      const step = new OpenStep(short, parent, trace.steps.length + 1);
      trace.steps.push(step);
      this.#tell(step);
      return step;
    }
    // Not recorded: what starts below it attaches to the step around it.
    return new OpenStep(short, parent, parent.position);
  }

  #tell({ trace, name, startTime }: OpenStep): void {
    if (trace.listener === undefined) return;
    try {
      trace.listener({ name, offset_ms: trace.offsetMs(startTime) });
    } catch (error) {
      this.#reporter.once("step_listener", `A step listener failed: ${errorText(error)}`);
    }
  }

  #ended(trace: OpenTrace): void {
    this.#open.delete(trace);
    this.#push((maxChars) => encodeEnded(trace, this.#encoding, maxChars));
  }

  #push(record: Recorded): void {
    // Outside the trace, or else the timers and sockets of the delivery would keep it as their context.
    context.run(undefined, () => {
      this.#delivery.push(record);
      this.#keepAlive();
    });
  }

  #armAnnouncer(ms: number): void {
    this.#announcer = context.run(undefined, () => background(() => this.#announce(), ms));
  }

  /** One timer for all traces: it goes off when the oldest one not yet announced is due. */
  #announce(): void {
    this.#announcer = undefined;
    for (const trace of this.#open) {
      if (trace.announced) continue;
      const restMs = this.#announceAfterMs - (performance.now() - trace.startTime);
      if (restMs > 0) return this.#armAnnouncer(restMs);
      trace.announced = true;
      this.#push(() => encodeRunning(trace, this.#encoding));
    }
  }
}

/** Starts the tracer of a bot; one is enough for a process. Never throws: what is wrong goes to `onError`. */
export function createTracer<Steps extends StepTable = StepTable>(
  options: TracerOptions<Steps>,
): Tracer<keyof Steps & string> {
  return new Tracer(options);
}

function transportOf({ transport, url, key }: TracerOptions): Transport {
  if (transport !== undefined) return transport;
  if (url && key && URL.canParse(url)) return httpTransport(url, key);
  const message = "The tracer has no valid url and key.";
  return { send: () => Promise.resolve({ kind: "refused", code: "not_configured", message }) };
}

function abandon(trace: OpenTrace, why: string): void {
  trace.fail(why);
  trace.end();
}
