/** Langfuse, on OpenTelemetry, as its documentation sets it up; batched. */
import { LangfuseSpanProcessor } from "@langfuse/otel";
import { startActiveObservation } from "@langfuse/tracing";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { measure, type Work } from "../tracer/worker.ts";
import { BATCH, Sink } from "./sink.ts";

const sink = new Sink();
const processor = new LangfuseSpanProcessor({
  exporter: sink,
  publicKey: "pk-lf-bench",
  secretKey: "sk-lf-bench",
  exportMode: "batched",
  flushAt: BATCH.spans,
  flushInterval: BATCH.ms / 1000,
});
new NodeTracerProvider({ spanProcessors: [processor] }).register();

const observed = (name: string, work: Work): Work => () => startActiveObservation(name, work);

measure({
  step: observed,
  trace: observed,
  settle: () => processor.forceFlush(),
  taken: () => sink.traces,
});
