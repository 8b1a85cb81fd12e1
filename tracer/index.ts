/**
 * Traces the pipelines of a Telegram bot and sends them to its own Supabase project, in the background.
 *
 * @module
 */
export type { DeliveryStats, DropReason } from "./account.ts";
export type { CaptureOptions, CaptureRule } from "./capture.ts";
export type { DeliveryOptions } from "./delivery.ts";
export { tracedFetch, type TracedFetchOptions } from "./fetch.ts";
export type { LlmCall, StartedStep, Step, StepTracer, Trace, TraceKeys } from "./handles.ts";
export { type LlmOptions, type LlmRecord, type LlmRecorder, type PastLlmCall, recordLlm } from "./llm.ts";
export { type LogFields, traceConsole, type TraceSource } from "./log.ts";
export type { TracerOptions, TracerStats } from "./options.ts";
export type { Price, PriceTable } from "./prices.ts";
export { type Progress, type ProgressOptions, showProgress } from "./progress.ts";
export type { OnError, TracerProblem } from "./report.ts";
export { defineSteps, type StepTable } from "./steps.ts";
export { supabaseFetch } from "./supabase.ts";
export type { Mask } from "./text.ts";
export { createTracer, type Tracer } from "./tracer.ts";
export { httpTransport, type Outcome, rpcTransport, type Transport } from "./transport.ts";
export type * from "./wire.ts";
