/**
 * A trace as it travels: rounded, masked, cleaned and cut.
 *
 * @module
 */
import { clean, cut, cutError, type Mask, masked } from "./text.ts";
import type { OpenStep, OpenTrace } from "./trace.ts";
import { inSample } from "./uuid.ts";
import {
  MAX_COST_MICROUSD,
  MAX_ERROR,
  MAX_IO_CHARS,
  MAX_NAME,
  MAX_TOKENS,
  type WireIo,
  type WireStep,
  type WireTrace,
} from "./wire.ts";

/** Recorded of a step that outlives its trace; the step itself runs on unharmed. */
export const UNFINISHED = "still running when the trace ended";

const AMOUNTS = ["input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost_microusd"] as const;

export interface EncodeOptions {
  mask: Mask | undefined;
  release: string | undefined;
  /** Share of the traces without an error whose requests and responses are kept. */
  ioSampleRate: number;
}

/** What is known while the trace runs. Its steps follow when it has ended, since none of their durations is final. */
export function encodeRunning(trace: OpenTrace, { release }: EncodeOptions): WireTrace {
  return {
    trace_id: trace.id,
    started_at: trace.startedAt,
    // The server refuses a trace whose pipeline has no name.
    pipeline: name(trace.pipeline).trim() || "(unnamed)",
    status: "running",
    ...(release !== undefined && { release: name(release) }),
    ...keysOf(trace),
    steps: [],
  };
}

/** @param maxChars Cap of each request, response and error; lowered when the whole would not fit into one request. */
export function encodeEnded(trace: OpenTrace, options: EncodeOptions, maxChars = MAX_IO_CHARS): WireTrace {
  const { mask } = options;
  const endTime = trace.endTime ?? trace.startTime;
  const error = (text: string) => cutError(masked(text, mask), Math.min(maxChars, MAX_ERROR));
  const keepIo = trace.failed || inSample(trace.id, options.ioSampleRate);
  const io = keepIo ? trace.steps.flatMap((step) => ioOf(step, mask, maxChars)) : [];
  return {
    ...encodeRunning(trace, options),
    status: trace.error === undefined ? "ok" : "error",
    duration_ms: trace.offsetMs(endTime),
    ...(trace.error !== undefined && { error: error(trace.error) }),
    steps: trace.steps.map((step) => encodeStep(step, endTime, error)),
    ...(io.length > 0 && { io }),
  };
}

function encodeStep(step: OpenStep, traceEnd: number, errorOf: (text: string) => string): WireStep {
  const { trace, call } = step;
  const offset_ms = trace.offsetMs(step.startTime);
  const wire: WireStep = {
    name: clean(step.name),
    offset_ms,
    duration_ms: trace.offsetMs(step.endTime ?? traceEnd) - offset_ms,
  };
  if (step.parent > 0) wire.parent = step.parent;
  const error = step.error ?? (step.endTime === undefined ? UNFINISHED : undefined);
  if (error !== undefined) {
    wire.status = "error";
    wire.error = errorOf(error);
  }
  if (call === undefined) return wire;
  if (typeof call.model === "string") wire.model = name(call.model);
  for (const field of AMOUNTS) {
    const amount = whole(call[field]);
    const most = field === "cost_microusd" ? MAX_COST_MICROUSD : MAX_TOKENS;
    if (amount !== undefined && amount >= 0 && amount <= most) wire[field] = amount;
  }
  return wire;
}

function ioOf(step: OpenStep, mask: Mask | undefined, maxChars: number): WireIo[] {
  if (step.request === undefined && step.response === undefined) return [];
  const io: WireIo = { step: step.position };
  for (const field of ["request", "response"] as const) {
    const text = step[field];
    if (text === undefined) continue;
    // Masked before it is cut: half a secret at the edge would no longer look like one.
    const whole = masked(text, mask);
    io[field] = cut(whole, maxChars);
    if (whole.length > maxChars) io[`${field}_chars`] = whole.length;
  }
  return [io];
}

function keysOf({ keys }: OpenTrace): Partial<WireTrace> {
  const wire: Partial<WireTrace> = {};
  for (const key of ["update_id", "chat_id", "user_id", "message_id"] as const) {
    const id = whole(keys[key]);
    const fits = key === "chat_id" || key === "user_id" || Math.abs(id ?? 0) < 2 ** 31;
    if (id !== undefined && fits) wire[key] = id;
  }
  return wire;
}

const name = (text: string): string => cut(clean(String(text)), MAX_NAME);

/** A number that the server would refuse must not cost the trace. */
function whole(value: unknown): number | undefined {
  const rounded = typeof value === "number" ? Math.round(value) : NaN;
  return Number.isSafeInteger(rounded) ? rounded : undefined;
}
