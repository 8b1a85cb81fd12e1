/**
 * The contract between a bot and the server: what one batch of traces looks like, and what comes back.
 *
 * Both sides import this file, so a change here breaks the build of whichever side forgot it. Field names equal the
 * SQL columns; `sql/40_wire.sql` and `sql/41_judge_traces.sql` are where the limits are enforced.
 *
 * Durations and offsets are whole milliseconds, money is whole micro-dollars, and what is unknown is left out, never 0.
 *
 * @module
 */

/** Most traces in one batch. A larger one is refused whole (TG003). */
export const MAX_TRACES_PER_BATCH = 500;

/** Largest request body, in bytes, after decompression. A larger one is refused whole (413, TG003). */
export const MAX_BODY_BYTES = 1024 * 1024;

/** Most steps in one trace. A trace with more is refused (TG013). */
export const MAX_STEPS = 1000;

/** Longest step name our own tracer accepts, in characters. */
export const MAX_STEP_NAME = 20;

/** Pipeline and step names of foreign senders are cut to this many characters. */
export const MAX_NAME = 100;

/** Error texts are cut to this many characters, and then end in `… [N characters]`. */
export const MAX_ERROR = 2000;

/** Most tokens of one class, and most micro-dollars, that one step may have. A trace with more is refused (TG013). */
export const MAX_TOKENS = 100_000_000;
export const MAX_COST_MICROUSD = 1_000_000_000;

/** Each captured request or response is cut to this many characters; `*_chars` keeps the original length. */
export const MAX_IO_CHARS = 64 * 1024;

/** How far ahead of the server's clock `started_at` may be, in milliseconds (TG012 beyond it). */
export const MAX_FUTURE_MS = 3_600_000;

/** `running` announces a trace that takes long; the same trace arrives again when it has ended. */
export type WireStatus = "ok" | "error" | "running";

/** One step of a trace. Its position in `steps`, counted from 1, is what `parent` and {@link WireIo.step} refer to. */
export interface WireStep {
  /** Short and of low cardinality, such as `llm.generate`. */
  name: string;
  /**
   * Position of the enclosing step, counted from 1; absent at the top level. A step whose parent is not the position of an
   * earlier step is taken, counted as an orphan, and shown at the top level.
   */
  parent?: number;
  /** Absent: ok. `detached`: it was still running, as its author wanted, when the trace was sent; its duration ends there. */
  status?: "ok" | "error" | "detached";
  /** Milliseconds from the start of the trace to the start of the step. */
  offset_ms: number;
  duration_ms: number;
  error?: string;
  /** LLM calls: the model that answered. */
  model?: string;
  input_tokens?: number;
  /** Those of `input_tokens` that came from a cache. */
  cached_tokens?: number;
  output_tokens?: number;
  /** Those of `output_tokens` that were reasoning. */
  reasoning_tokens?: number;
  /** Micro-dollars. Absent when the price is not known. */
  cost_microusd?: number;
  /** Milliseconds from the start of the step to the first token of a streamed answer. */
  first_token_ms?: number;
}

/** The full request and response of one step, captured for errors and for a sample of the rest. Kept 7 days by default. */
export interface WireIo {
  /** Position of the step in `steps`, counted from 1. */
  step: number;
  request?: string;
  response?: string;
  /** Length before cutting, in characters, when the sender has cut the text itself. */
  request_chars?: number;
  response_chars?: number;
}

/** One pipeline run. */
export interface WireTrace {
  /**
   * A UUIDv7 (version 7, variant 10xx) made from the same clock reading as `started_at`; the two must agree to the
   * millisecond (TG011).
   */
  trace_id: string;
  /** Epoch milliseconds, or ISO 8601 with an offset. */
  started_at: number | string;
  /** Which pipeline ran, such as `support`. */
  pipeline: string;
  status: WireStatus;
  /** Absent while `running`, required otherwise. */
  duration_ms?: number;
  error?: string;
  /** Version of the bot, such as a git revision. */
  release?: string;
  /** Telegram's own keys of the update that started the run. `update_id` and `message_id` have 32 bits. */
  update_id?: number;
  chat_id?: number;
  user_id?: number;
  /** The message that the bot answered with, or else the one that it answered to. */
  message_id?: number;
  /** In order of their start. */
  steps: WireStep[];
  io?: WireIo[];
}

/** Body of a request to the ingest function, and `p_batch` of the `ingest_traces` RPC. */
export type WireBatch = WireTrace[] | WireReport;

/** A batch of a sender that has had to drop traces, and says so. */
export interface WireReport {
  /** A UUID of the sender's process, the same in all its reports. */
  sender: string;
  /**
   * How many records it has dropped since it started, by reason, such as `queue_full`. Totals, not differences: a report that
   * comes twice changes nothing.
   */
  dropped: Record<string, number>;
  traces: WireTrace[];
}

/**
 * What became of one trace. `updated`: an announced trace is now complete. `duplicate`: it was stored before; its I/O is taken
 * where there was none, so that a sender in need can send traces first and what was said in them later.
 */
export type ItemResult =
  | { trace_id: string; result: "stored" | "updated" | "duplicate" }
  | { trace_id: string | null; result: "rejected"; code: string; message: string };

/** Answer to a batch: one result per trace, in the order sent. */
export interface IngestResult {
  stored: number;
  updated: number;
  duplicate: number;
  rejected: number;
  items: ItemResult[];
}

/** Error body of the ingest function. `code` is for programs, the rest for people. */
export interface Problem {
  code: string;
  message: string;
  /** What the caller should do about it. */
  hint?: string;
}
