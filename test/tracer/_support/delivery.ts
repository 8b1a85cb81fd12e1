// A tracer before a strict server, and what the tests of its delivery ask of both.
import { expect, onTestFinished } from "vitest";
import { createTracer, type Tracer, type TracerOptions, type TracerProblem } from "../../../tracer/index.ts";
import { type IngestServer, KEY, startIngest } from "./ingest.ts";

export interface Setup {
  ingest: IngestServer;
  tracer: Tracer;
  problems: TracerProblem[];
  /** Records `count` traces, each with a step; with `chars`, the step has a request of that length, which is kept. */
  record(count: number, pipeline?: string, chars?: number): void;
}

export async function setup(options: TracerOptions = {}): Promise<Setup> {
  const ingest = await startIngest();
  const problems: TracerProblem[] = [];
  const tracer = createTracer({
    url: `${ingest.url}/functions/v1/ingest`,
    key: KEY,
    onError: (problem) => problems.push(problem),
    flushOnExit: false,
    retryDelayMs: 1,
    capture: { rate: 1 },
    ...options,
  });
  onTestFinished(async () => void await tracer.close({ timeoutMs: 0 }));
  return {
    ingest,
    tracer,
    problems,
    record: (count, pipeline = "p", chars = 0) => {
      for (let i = 0; i < count; i++) {
        tracer.trace(pipeline, () =>
          tracer.step("s", (step) => {
            if (chars > 0) step.llm({ request: "x".repeat(chars) });
          }));
      }
    },
  };
}

export const codes = (problems: TracerProblem[]) => problems.map((problem) => problem.code);

/** Everything recorded is somewhere. */
export function expectBalanced(tracer: Tracer): void {
  const { recorded, delivered, queued, dropped } = tracer.stats();
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  expect({ delivered, queued, dropped, sum: delivered + queued + lost }).toEqual({
    delivered,
    queued,
    dropped,
    sum: recorded,
  });
}
