/**
 * A trace as it travels: rounded, masked, cleaned and cut.
 *
 * This runs on the bot's own thread, after its handlers: objects are built field by field, since spreading them costs more.
 *
 * @module
 */
import type { Captured } from "./capture.ts";
import type { OpenStep } from "./step.ts";
import { stepName } from "./steps.ts";
import { cut, MARGIN, type Mask, masked, maskedError } from "./text.ts";
import { KEYS, type OpenTrace, type TraceOwner } from "./trace.ts";
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

/** Names remembered. */
const MAX_NAMES = 200;

/** The largest of each that the server takes. */
const AMOUNTS = [
  ["input_tokens", MAX_TOKENS],
  ["cached_tokens", MAX_TOKENS],
  ["output_tokens", MAX_TOKENS],
  ["reasoning_tokens", MAX_TOKENS],
  ["cost_microusd", MAX_COST_MICROUSD],
] as const;

/** What is known while the trace runs. Its steps follow when it has ended, since none of their durations is final. */
export function encodeRunning(trace: OpenTrace): WireTrace {
  const { owner } = trace;
  const wire: WireTrace = {
    trace_id: trace.id,
    started_at: trace.startedAt,
    // The server refuses a trace whose pipeline has no name.
    pipeline: name(trace.pipeline, owner).trim() || "(unnamed)",
    status: "running",
    steps: [],
  };
  if (owner.release !== undefined) wire.release = name(owner.release, owner);
  for (const key of KEYS) {
    const max = key === "chat_id" || key === "user_id" ? Number.MAX_SAFE_INTEGER : 2 ** 31 - 1;
    const id = whole(trace.keys[key], -max, max);
    if (id !== undefined) wire[key] = id;
  }
  return wire;
}

/** @param maxChars Cap of each request, response and error; lowered when the whole would not fit into one request. */
export function encodeEnded(trace: OpenTrace, maxChars = MAX_IO_CHARS): WireTrace {
  const { mask, captureRate, captureRules } = trace.owner;
  const maxError = Math.min(maxChars, MAX_ERROR);
  const endTime = trace.endTime ?? trace.startTime;
  const wire = encodeRunning(trace);
  wire.status = "ok";
  wire.duration_ms = trace.offsetMs(endTime);
  if (trace.error !== undefined) {
    wire.status = "error";
    wire.error = maskedError(trace.error, maxError, mask);
  }
  let keepsIo = trace.failed || inSample(trace.id, captureRate);
  for (const step of trace.steps) {
    const wireStep = encodeStep(step, endTime);
    if (wireStep.error !== undefined) {
      wireStep.error = maskedError(wireStep.error, maxError, mask);
      keepsIo = true;
    }
    wire.steps.push(wireStep);
  }
  const io: WireIo[] = [];
  for (const step of trace.steps) {
    if (step.request === undefined && step.response === undefined) continue;
    if (!keepsIo && captureRules.get(step.name) !== "always") continue;
    io.push(encodeIo(step, mask, maxChars));
  }
  if (io.length > 0) wire.io = io;
  return wire;
}

function encodeStep(step: OpenStep, traceEnd: number): WireStep {
  const { trace, call } = step;
  const offset_ms = trace.offsetMs(step.startTime);
  const duration_ms = Math.max(0, trace.offsetMs(step.endTime ?? traceEnd) - offset_ms);
  const wire: WireStep = { name: stepName(name(step.name, trace.owner)), offset_ms, duration_ms };
  if (step.parent > 0) wire.parent = step.parent;
  if (step.error !== undefined) {
    wire.status = "error";
    wire.error = step.error;
  } else if (step.endTime === undefined) {
    wire.status = step.inTask ? "detached" : "error";
    if (!step.inTask) wire.error = UNFINISHED;
  }
  if (call === undefined) return wire;
  if (typeof call.model === "string") wire.model = name(call.model, trace.owner);
  for (const [field, max] of AMOUNTS) {
    const amount = whole(call[field], 0, max);
    if (amount !== undefined) wire[field] = amount;
  }
  // Rounding can bring it a millisecond past the end.
  const first = whole(call.first_token_ms, 0, duration_ms + 1);
  if (first !== undefined) wire.first_token_ms = Math.min(first, duration_ms);
  return wire;
}

function encodeIo(step: OpenStep, mask: Mask, maxChars: number): WireIo {
  const io: WireIo = { step: step.position };
  for (const field of ["request", "response"] as const) {
    const captured = step[field];
    if (captured === undefined) continue;
    const text = jsonOf(captured);
    const length = text.length + captured.omitted;
    const safe = masked(text, maxChars, mask, length);
    io[field] = cut(safe, maxChars);
    if (safe.length > maxChars || length > maxChars + MARGIN) io[`${field}_chars`] = length;
  }
  return io;
}

/** Of what an author's `toJSON` made nothing of, there is no JSON. */
const jsonOf = ({ value }: Captured): string =>
  typeof value === "string" ? value : JSON.stringify(value) ?? "[not serialisable]";

/** Names are few, and each is masked once; unless somebody makes them of what users write. */
function name(text: string, { names, mask }: TraceOwner): string {
  if (names.size > MAX_NAMES) names.clear();
  const safe = names.get(text) ?? cut(masked(String(text), MAX_NAME, mask), MAX_NAME);
  names.set(text, safe);
  return safe;
}

/** Rounded; undefined when the server would refuse it, which must not cost the trace. */
function whole(value: unknown, min: number, max: number): number | undefined {
  const rounded = typeof value === "number" ? Math.round(value) : NaN;
  return rounded >= min && rounded <= max ? rounded : undefined;
}
