/**
 * The tracer that a bot is given: what it records is seen here at once, and goes on to where the run keeps it.
 *
 * @module
 */
import { openDelivery } from "../../../tracer/delivery.ts";
import { createTracer, type Tracer } from "../../../tracer/index.ts";
import type { Trace, TraceKeys } from "../../../tracer/handles.ts";
import { openReporter } from "../../../tracer/report.ts";
import type { OpenTrace } from "../../../tracer/trace.ts";
import type { Transport } from "../../../tracer/transport.ts";
import type { WireTrace } from "../../../tracer/wire.ts";

export interface Traces {
  /** For the bot. */
  tracer: Tracer;
  /** Those that have ended, oldest first, once they were collected. */
  readonly ended: readonly WireTrace[];
  collect(): Promise<void>;
  /** Whether a trace runs, or a background task. */
  busy(): boolean;
  /** Pipelines of those that have not ended. */
  open(): string[];
  /** Ends those that are open. Resolves to why not all could be sent, if so. */
  close(timeoutMs: number): Promise<string | undefined>;
}

interface Known {
  trace: OpenTrace;
  byHand: boolean;
}

const COLLECT_MS = 1000;

export function openTraces(transport: Transport): Traces {
  const ended: WireTrace[] = [];
  const problems: string[] = [];
  const onward = openDelivery(transport, openReporter((problem) => problems.push(problem.message)), {});
  const inner = createTracer({
    transport: {
      send(traces) {
        for (const json of traces) {
          const trace = JSON.parse(json) as WireTrace;
          ended.push(trace);
          onward.push(() => trace);
        }
        return Promise.resolve({ kind: "accepted", rejected: [] });
      },
    },
    capture: { rate: 1 },
    release: "synthetic",
    announceAfterMs: Infinity,
    flushOnExit: false,
    waitUntil: () => {},
    onError: () => {},
  });
  const known = new Set<Known>();
  /** Background tasks outside any trace. */
  let tasks = 0;

  function know(trace: unknown, byHand: boolean): void {
    known.add({ trace: trace as OpenTrace, byHand });
  }
  function open(): Known[] {
    for (const one of known) if (one.trace.endTime !== undefined) known.delete(one);
    return [...known];
  }

  return {
    tracer: {
      ...inner,
      trace: <T>(pipeline: string, fn: (trace: Trace) => T, keys?: TraceKeys): T =>
        inner.trace(pipeline, (trace) => {
          know(trace, false);
          return fn(trace);
        }, keys),
      startTrace(...args) {
        const trace = inner.startTrace(...args);
        know(trace, true);
        return trace;
      },
      background(fn) {
        if (inner.currentTrace()) return inner.background(fn);
        inner.background(async () => {
          tasks += 1;
          try {
            await fn();
          } finally {
            tasks -= 1;
          }
        });
      },
    } as Tracer,
    ended,
    // One that is ended by hand may wait for the next turn.
    busy: () => tasks > 0 || open().some(({ trace, byHand }) => !byHand || trace.tasks > 0),
    open: () => open().map(({ trace }) => trace.pipeline),
    async collect() {
      await inner.flush({ timeoutMs: COLLECT_MS });
    },
    async close(timeoutMs) {
      await inner.close({ timeoutMs: COLLECT_MS });
      const delivered = await onward.close(timeoutMs);
      const lost = Object.values(inner.stats().dropped).some((count) => count > 0);
      return delivered && !lost ? undefined : problems[0] ?? "they were not taken in time";
    },
  };
}
