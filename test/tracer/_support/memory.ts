// A transport that keeps what it is given, for tests that are not about the way there.
import { onTestFinished } from "vitest";
import type { TracerOptions } from "../../../tracer/index.ts";
import { createTracer, type StepTable, type Tracer, type TracerProblem } from "../../../tracer/index.ts";
import type { WireTrace } from "../../../tracer/wire.ts";

export interface MemoryTracer<Name extends string> {
  tracer: Tracer<Name>;
  problems: TracerProblem[];
  /** Flushes, and gives what has ended so far, in order. */
  sent(): Promise<WireTrace[]>;
}

export function memoryTracer<Steps extends StepTable = StepTable>(
  options: TracerOptions<Steps> = {},
): MemoryTracer<keyof Steps & string> {
  const traces: WireTrace[] = [];
  const problems: TracerProblem[] = [];
  const tracer = createTracer<Steps>({
    transport: {
      send: (batch) => {
        for (const trace of batch.map((json): WireTrace => JSON.parse(json))) {
          // In a backlog, what was said in a trace comes after it.
          const before = traces.find((other) => other.trace_id === trace.trace_id && other.status === trace.status);
          if (before && trace.io) before.io = trace.io;
          else traces.push(trace);
        }
        return Promise.resolve({ kind: "accepted", rejected: [] });
      },
    },
    onError: (problem) => problems.push(problem),
    flushOnExit: false,
    ...options,
  });
  onTestFinished(async () => void await tracer.close());
  return {
    tracer,
    problems,
    sent: async () => {
      await tracer.flush();
      return traces;
    },
  };
}
