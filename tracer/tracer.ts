/**
 * The tracer: starts traces and steps, and hands what has ended to `Delivery`.
 *
 * @module
 */
import { captureRules } from "./capture.ts";
import { Delivery } from "./delivery.ts";
import { encodeEnded, type EncodeOptions, encodeRunning } from "./encode.ts";
import { flushOnExit } from "./exit.ts";
import type { Step, Trace, TraceKeys } from "./handles.ts";
import { type LogFields, logFields } from "./log.ts";
import { maskOf } from "./mask.ts";
import { OpenTraces } from "./open.ts";
import type { TracerOptions, TracerStats } from "./options.ts";
import type { Recorded } from "./item.ts";
import { KeepAlive } from "./platform.ts";
import { Reporter } from "./report.ts";
import { runAndEnd } from "./run.ts";
import { OpenStep, OpenTask } from "./step.ts";
import { stepName, type StepTable } from "./steps.ts";
import { errorText } from "./text.ts";
import { context, type Node, OpenTrace, type TraceOwner } from "./trace.ts";
import { httpTransport, type Transport } from "./transport.ts";
import { MAX_STEPS } from "./wire.ts";

/** `flush` and `close` wait this long unless told otherwise. */
const FLUSH_TIMEOUT_MS = 10_000;

export class Tracer<Name extends string = string> {
  readonly #reporter: Reporter;
  readonly #delivery: Delivery;
  readonly #encoding: EncodeOptions;
  readonly #keepAlive: KeepAlive;
  readonly #leaveExit: () => void;
  readonly #owner: TraceOwner;
  /** Where steps outside any trace go: it has ended before it began, so nothing of them is kept. */
  readonly #nowhere: OpenTrace;
  readonly #open: OpenTraces;
  #orphanSteps = 0;
  #excessSteps = 0;

  constructor(options: TracerOptions) {
    this.#reporter = new Reporter(options.onError);
    this.#delivery = new Delivery(transportOf(options), this.#reporter, options);
    this.#encoding = {
      mask: maskOf(options.mask, options.defaultMasks),
      release: options.release,
      captureRate: options.capture?.rate ?? 0.1,
      captureRules: captureRules(options.capture ?? {}),
    };
    this.#keepAlive = new KeepAlive(
      options.waitUntil,
      () => context.run(undefined, () => this.#delivery.flush(FLUSH_TIMEOUT_MS, false)),
      (error) => this.#report("wait_until", "waitUntil failed", error),
    );
    this.#open = new OpenTraces(
      options.announceAfterMs ?? 10_000,
      (trace) => this.#push(() => encodeRunning(trace, this.#encoding)),
      this.#reporter,
    );
    this.#owner = {
      captureRules: this.#encoding.captureRules,
      backgroundMs: options.backgroundMs ?? 30_000,
      startStep: (name, parent) => {
        const step = this.#startStep(name, parent);
        // A handle's step hangs where it is told to, but it runs here.
        if (context.getStore()?.inTask) step.inTask = true;
        return step;
      },
      background: (fn, parent) => this.#background(fn, parent),
      taskFailed: (error) => this.#report("background_failed", "A background task without a trace failed", error),
      ended: (trace) => {
        this.#open.delete(trace);
        this.#push((maxChars) => encodeEnded(trace, this.#encoding, maxChars));
      },
    };
    this.#nowhere = new OpenTrace("", undefined, this.#owner);
    this.#nowhere.ended = true;
    this.#nowhere.endTime = 0;
    this.#leaveExit = options.flushOnExit ?? options.waitUntil === undefined ? flushOnExit(this) : () => {};
  }

  /**
   * Runs `fn` as a trace. What it returns or throws passes through; a throw marks the trace as failed. The trace lasts as long
   * as `fn` and the background tasks that it has started.
   */
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
   * is recorded up to the trace's end, as failed with "still running when the trace ended"; see {@link background}.
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

  /**
   * As {@link Trace.background}, of the current trace. Outside any trace, `fn` runs all the same, and its error goes to
   * `onError`.
   */
  background(fn: () => unknown): void {
    this.#background(fn, context.getStore() ?? this.#nowhere);
  }

  currentTrace(): Trace<Name> | undefined {
    const trace = context.getStore()?.trace;
    return trace === this.#nowhere ? undefined : trace;
  }

  /** For logs; see {@link logFields} too. */
  currentTraceId(): string | undefined {
    return this.currentTrace()?.id;
  }

  /** The trace id and step that run here, for structured logs: `pino({ mixin: tracer.logFields })`. `{}` outside any trace. */
  readonly logFields = (): LogFields => logFields(this);

  /**
   * Sends what has been recorded. Resolves to whether the server has taken all of it; to false after `timeoutMs`
   * (default 10,000), and then sending goes on. Never rejects.
   */
  flush({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<boolean> {
    return context.run(undefined, () => this.#delivery.flush(timeoutMs));
  }

  /**
   * Ends what still runs, as failed, then flushes as {@link flush} does and stops. Traces that wait for their background tasks
   * wait no longer. Later traces are dropped, counted.
   */
  async close({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<boolean> {
    this.#open.close();
    const delivered = await context.run(undefined, () => this.#delivery.close(timeoutMs));
    this.#leaveExit();
    return delivered;
  }

  stats(): TracerStats {
    return { ...this.#delivery.stats(), orphanSteps: this.#orphanSteps, excessSteps: this.#excessSteps };
  }

  #startTrace(pipeline: string, keys: TraceKeys | undefined): OpenTrace {
    const trace = new OpenTrace(pipeline, keys, this.#owner);
    this.#open.add(trace);
    return trace;
  }

  #startStep(name: string, parent: Node = this.#nowhere): OpenStep {
    const { trace } = parent;
    const short = stepName(name);
    if (short !== name) {
      this.#reporter.once("step_name", `A step name has 1 to 20 characters; recorded: ${short}`, short);
    }
    if (trace.endTime !== undefined) {
      this.#orphanSteps += 1;
      this.#reporter.once("orphan_step", `A step ran outside any trace: ${short}`, short);
    } else if (trace.steps.length >= MAX_STEPS) {
      this.#excessSteps += 1;
      this.#reporter.once("excess_step", `A trace has more than ${MAX_STEPS} steps: ${trace.pipeline}`, trace.pipeline);
    } else {
      const step = new OpenStep(short, parent, trace.steps.length + 1);
      trace.steps.push(step);
      if (trace.listener !== undefined && !trace.ended) this.#tell(step);
      return step;
    }
    // Not recorded: what starts below it attaches to the step around it.
    return new OpenStep(short, parent, parent.position);
  }

  #tell({ trace, name, startTime }: OpenStep): void {
    try {
      trace.listener?.({ name, offset_ms: trace.offsetMs(startTime) });
    } catch (error) {
      this.#report("step_listener", "A step listener failed", error);
    }
  }

  #background(fn: () => unknown, parent: Node): void {
    try {
      const running = runAndEnd<OpenTask, unknown>(new OpenTask(parent), () => fn());
      if (!(running instanceof Promise)) return;
      // Also where nobody waits for it: the task has told its trace, and nobody else holds the promise.
      const settled = running.catch(() => {});
      this.#keepAlive.until(() => settled);
    } catch {
      // The task has told its trace.
    }
  }

  #push(record: Recorded): void {
    // Outside the trace, or else the timers and sockets of the delivery would keep it as their context. Most end there.
    if (context.getStore() !== undefined) return context.run(undefined, () => this.#push(record));
    this.#delivery.push(record);
    this.#keepAlive.recorded();
  }

  #report(code: string, message: string, error: unknown): void {
    this.#reporter.once(code, `${message}: ${errorText(error)}`);
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
