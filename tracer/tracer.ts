/**
 * The tracer: starts traces and steps, and hands what has ended to `Delivery`.
 *
 * @module
 */
import { captureRules } from "./capture.ts";
import { openDelivery } from "./delivery.ts";
import { encodeEnded, encodeRunning } from "./encode.ts";
import { flushOnExit } from "./exit.ts";
import type { LogFields, Step, Trace, TraceKeys } from "./handles.ts";
import { maskOf } from "./mask.ts";
import { openTraces } from "./open.ts";
import type { TracerOptions, TracerStats } from "./options.ts";
import type { Recorded } from "./item.ts";
import { keepAlive } from "./platform.ts";
import { openReporter } from "./report.ts";
import { runAndEnd } from "./run.ts";
import { OpenStep, OpenTask } from "./step.ts";
import { stepName, type StepTable } from "./steps.ts";
import { errorText } from "./text.ts";
import { context, type Node, OpenTrace, type TraceOwner } from "./trace.ts";
import { httpTransport, type Transport } from "./transport.ts";
import { MAX_STEPS } from "./wire.ts";

/** `flush` and `close` wait this long unless told otherwise. */
const FLUSH_TIMEOUT_MS = 10_000;

/** Made by {@link createTracer}. */
export interface Tracer<Name extends string = string> {
  /**
   * Runs `fn` as a trace. What it returns or throws passes through; a throw marks the trace as failed. The trace lasts as long
   * as `fn` and the background tasks that it has started.
   */
  trace<T>(pipeline: string, fn: (trace: Trace<Name>) => PromiseLike<T>, keys?: TraceKeys): Promise<T>;
  trace<T>(pipeline: string, fn: (trace: Trace<Name>) => T, keys?: TraceKeys): T;

  /**
   * Runs `fn` as a step of the trace around it, below the step around it. What it returns or throws passes through; a
   * throw marks the step as failed, and the trace too unless the bot catches it.
   *
   * Outside any trace, `fn` runs all the same, and the step is counted in {@link stats}. A step that outlives its trace
   * is recorded up to the trace's end, as failed with "still running when the trace ended"; see {@link background}.
   */
  step<T>(name: Name, fn: (step: Step<Name>) => PromiseLike<T>): Promise<T>;
  step<T>(name: Name, fn: (step: Step<Name>) => T): T;

  /** Starts a trace to be ended by hand. Its `run` makes it the current one. */
  startTrace(pipeline: string, keys?: TraceKeys): Trace<Name>;

  /** Starts a step of the current trace, to be ended by hand. Its `run` makes it the current one. */
  startStep(name: Name): Step<Name>;

  /**
   * As {@link Trace.background}, of the current trace. Outside any trace, `fn` runs all the same, and its error goes to
   * `onError`.
   */
  background(fn: () => unknown): void;

  /** The trace that runs here. */
  currentTrace(): Trace<Name> | undefined;

  /** For logs; see {@link logFields} too. */
  currentTraceId(): string | undefined;

  /** The trace id and step that run here, for structured logs: `pino({ mixin: tracer.logFields })`. `{}` outside any trace. */
  readonly logFields: () => LogFields;

  /**
   * Sends what has been recorded. Resolves to whether the server has taken all of it; to false after `timeoutMs`
   * (default 10,000), and then sending goes on. Never rejects.
   */
  flush(options?: { timeoutMs?: number }): Promise<boolean>;

  /**
   * Ends what still runs, as failed, then flushes as {@link flush} does and stops. Traces that wait for their background tasks
   * wait no longer. Later traces are dropped, counted.
   */
  close(options?: { timeoutMs?: number }): Promise<boolean>;

  /** What was recorded, delivered and dropped so far. */
  stats(): TracerStats;
}

/** Starts the tracer of a bot; one is enough for a process. Never throws: what is wrong goes to `onError`. */
export function createTracer<Steps extends StepTable = StepTable>(
  options: TracerOptions<Steps> = {},
): Tracer<keyof Steps & string> {
  const reporter = openReporter(options.onError);
  const delivery = openDelivery(transportOf(options), reporter, options);
  const platform = keepAlive(
    options.waitUntil,
    () => context.run(undefined, delivery.flush, FLUSH_TIMEOUT_MS, false),
    (error) => report("wait_until", "waitUntil failed", error),
  );
  const open = openTraces(
    options.announceAfterMs ?? 10_000,
    (trace) => push(() => encodeRunning(trace)),
    reporter,
  );
  let orphanSteps = 0;
  let excessSteps = 0;

  const owner: TraceOwner = {
    release: options.release,
    mask: maskOf(options.mask, options.defaultMasks),
    names: new Map(),
    captureRate: options.capture?.rate ?? 0.1,
    captureRules: captureRules(options.capture),
    backgroundMs: options.backgroundMs ?? 30_000,
    startStep: (name, parent) => {
      const step = startStep(name, parent);
      // A handle's step hangs where it is told to, but it runs here.
      if (context.getStore()?.inTask) step.inTask = true;
      return step;
    },
    background,
    taskFailed: (error) => report("background_failed", "A background task failed", error),
    ended: (trace) => {
      open.delete(trace);
      push((maxChars) => encodeEnded(trace, maxChars));
    },
  };
  /** Where steps outside any trace go: it has ended before it began, so nothing of them is kept. */
  const nowhere = new OpenTrace("", undefined, owner);
  nowhere.ended = true;
  nowhere.endTime = 0;

  function startTrace(pipeline: string, keys?: TraceKeys): OpenTrace {
    const trace = new OpenTrace(pipeline, keys, owner);
    open.add(trace);
    return trace;
  }

  function startStep(name: string, parent: Node = context.getStore() ?? nowhere): OpenStep {
    const { trace } = parent;
    const short = stepName(name);
    if (short !== name) reporter.once("step_name", `A step name must have 1 to 20 characters: ${short}`, short);
    if (trace.endTime !== undefined) {
      orphanSteps += 1;
      reporter.once("orphan_step", `A step ran outside any trace: ${short}`, short);
    } else if (trace.steps.length >= MAX_STEPS) {
      excessSteps += 1;
      reporter.once("excess_step", `More than ${MAX_STEPS} steps: ${trace.pipeline}`, trace.pipeline);
    } else {
      const step = new OpenStep(short, parent, trace.steps.length + 1);
      trace.steps.push(step);
      if (trace.listener !== undefined && !trace.ended) tell(step);
      return step;
    }
    // Not recorded: what starts below it attaches to the step around it.
    return new OpenStep(short, parent, parent.position);
  }

  function tell({ trace, name, startTime }: OpenStep): void {
    try {
      trace.listener?.({ name, offset_ms: trace.offsetMs(startTime) });
    } catch (error) {
      report("step_listener", "A step listener failed", error);
    }
  }

  function background(fn: () => unknown, parent: Node = context.getStore() ?? nowhere): void {
    try {
      const running = runAndEnd<OpenTask, unknown>(new OpenTask(parent), () => fn());
      if (!(running instanceof Promise)) return;
      // Also where nobody waits for it: the task has told its trace, and nobody else holds the promise.
      const settled = running.catch(() => {});
      platform.until(() => settled);
    } catch {
      // The task has told its trace.
    }
  }

  function push(record: Recorded): void {
    // Outside the trace, or else the timers and sockets of the delivery would keep it as their context. Most end there.
    if (context.getStore() !== undefined) return context.run(undefined, push, record);
    delivery.push(record);
    platform.recorded();
  }

  function report(code: string, message: string, error: unknown): void {
    reporter.once(code, `${message}: ${errorText(error)}`);
  }

  function currentTrace(): OpenTrace | undefined {
    const trace = context.getStore()?.trace;
    return trace === nowhere ? undefined : trace;
  }

  const tracer = {
    trace: <T>(pipeline: string, fn: (trace: OpenTrace) => T, keys?: TraceKeys): T =>
      runAndEnd(startTrace(pipeline, keys), fn),
    step: <T>(name: string, fn: (step: OpenStep) => T): T => {
      const step = startStep(name);
      return step.trace === nowhere ? fn(step) : runAndEnd(step, fn);
    },
    startTrace,
    startStep: (name: string) => startStep(name),
    background: (fn: () => unknown) => background(fn),
    currentTrace,
    currentTraceId: () => currentTrace()?.id,
    // A new object each time, since loggers add to it.
    logFields: (): LogFields => {
      const trace_id = currentTrace()?.id;
      if (trace_id === undefined) return {};
      const step = context.getStore()?.name;
      return step === undefined ? { trace_id } : { trace_id, step };
    },
    flush: ({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<boolean> =>
      context.run(undefined, delivery.flush, timeoutMs),
    async close({ timeoutMs = FLUSH_TIMEOUT_MS } = {}): Promise<boolean> {
      open.close();
      const delivered = await context.run(undefined, delivery.close, timeoutMs);
      leaveExit?.();
      return delivered;
    },
    stats: (): TracerStats => ({ ...delivery.stats(), orphanSteps, excessSteps }),
  };
  const leaveExit = (options.flushOnExit ?? options.waitUntil === undefined)
    ? flushOnExit({ ...tracer, halt: delivery.halt })
    : undefined;
  return tracer as Tracer<keyof Steps & string>;
}

function transportOf({ transport, url, key }: TracerOptions): Transport {
  if (transport !== undefined) return transport;
  if (url && key && URL.canParse(url)) return httpTransport(url, key);
  const message = "no valid url and key";
  return { send: () => Promise.resolve({ kind: "refused", code: "not_configured", message }) };
}
