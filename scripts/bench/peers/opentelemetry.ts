/** OpenTelemetry JS with its batch processor, as its documentation sets it up for Node and handles errors. */
import { SpanStatusCode, trace } from "@opentelemetry/api";
import { BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { measure, type Work } from "../tracer/worker.ts";
import { BATCH, Sink } from "./sink.ts";

interface Span {
  recordException(error: unknown): void;
  setStatus(status: { code: number }): void;
  end(): void;
}

const sink = new Sink();
const processor = new BatchSpanProcessor(sink, {
  maxExportBatchSize: BATCH.spans,
  scheduledDelayMillis: BATCH.ms,
});
const provider = new NodeTracerProvider({ spanProcessors: [processor] });
provider.register();
const tracer = trace.getTracer("bot");

const spanned = (name: string, work: Work): Work => () =>
  tracer.startActiveSpan(name, async (span: Span) => {
    try {
      return await work();
    } catch (error) {
      span.recordException(error);
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  });

measure({
  step: spanned,
  trace: spanned,
  settle: () => provider.forceFlush(),
  taken: () => sink.traces,
});
