/** Traces as a sender would send them. */
import { randomBytes } from "node:crypto";
import type { WireTrace } from "../../tracer/wire.ts";

/** A UUIDv7 of a time, made here and not by the tracer, so that the server's rule is tested against the standard. */
export function traceIdAt(epochMs: number): string {
  const random = randomBytes(10);
  random[0] = 0x70 | (random[0]! & 0x0f);
  random[2] = 0x80 | (random[2]! & 0x3f);
  const hex = epochMs.toString(16).padStart(12, "0") + random.toString("hex");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A finished trace of one step; `started_at` gives the id its time. */
export function makeTrace(over: Partial<WireTrace> = {}): WireTrace {
  const started = over.started_at ?? Date.now();
  return {
    trace_id: traceIdAt(typeof started === "number" ? started : Date.parse(started)),
    started_at: started,
    pipeline: "support",
    status: "ok",
    duration_ms: 1234,
    chat_id: 501,
    user_id: 601,
    steps: [{ name: "llm.generate", status: "ok", offset_ms: 1, duration_ms: 1200 }],
    ...over,
  };
}
