/**
 * Traces the pipelines of a Telegram bot and sends them to its own Supabase project, in the background.
 *
 * @module
 */
export type { DeliveryStats, DropReason } from "./account.ts";
export type { CaptureOptions, CaptureRule } from "./capture.ts";
export type { DeliveryOptions } from "./delivery.ts";
export type { LlmCall, LogFields, StartedStep, Step, StepTracer, Trace, TraceKeys } from "./handles.ts";
export type { TracerOptions, TracerStats } from "./options.ts";
export type { OnError, TracerProblem } from "./report.ts";
export { defineSteps, type StepTable } from "./steps.ts";
export type { Mask } from "./text.ts";
export { createTracer, type Tracer } from "./tracer.ts";
export type { OpenSpool } from "./spooling.ts";
export { httpTransport, type Outcome, type Rejected, type Transport } from "./transport.ts";
export type * from "./wire.ts";
