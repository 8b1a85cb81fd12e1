/**
 * The contract between a bot and the server: what one batch of traces looks like, and what comes back.
 *
 * Both sides import this file, so a change here breaks the build of whichever side forgot it. Field names equal the
 * SQL columns; `sql/40_wire.sql` and `sql/41_judge_traces.sql` are where the limits are enforced.
 *
 * Durations and offsets are whole milliseconds, money is whole micro-dollars, and what is unknown is left out, never 0.
 *
 * `docs/wire.schema.json` is made from this file by `npm run docs:wire`: the tags say what a type cannot, and a test compares
 * them with the constants. `docs/wire.md` is for senders in other languages.
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
/** As {@link MAX_TOKENS}, in micro-dollars. */
export const MAX_COST_MICROUSD = 1_000_000_000;

/** Each captured request or response is cut to this many characters; `*_chars` keeps the original length. */
export const MAX_IO_CHARS = 64 * 1024;

/** Most reasons in a report, and longest name of one. What is beyond is left out. */
export const MAX_DROP_REASONS = 20;
/** As {@link MAX_DROP_REASONS}: the length of a name. */
export const MAX_DROP_REASON = 40;

/** How far ahead of the server's clock `started_at` may be, in milliseconds (TG012 beyond it). */
export const MAX_FUTURE_MS = 3_600_000;

// Whole numbers, and what each holds. They are no types of their own: only the schema tells them apart.

/** @asType integer @minimum 0 @maximum 2147483647 */
type Ms = number;
/** @asType integer @minimum 0 @maximum 2147483647 */
type Chars = number;
/** @asType integer @minimum 0 @maximum 100000000 */
type Tokens = number;
/** @asType integer @minimum 0 @maximum 1000000000 */
type MicroUsd = number;
/** @asType integer @minimum 0 @maximum 9007199254740991 */
type Count = number;
/** @asType integer @minimum 1 @maximum 1000 */
type Position = number;
/** @asType integer @minimum -32768 @maximum 32767 */
type Int16 = number;
/** @asType integer @minimum -2147483648 @maximum 2147483647 */
type Int32 = number;
/** @asType integer @minimum -9007199254740991 @maximum 9007199254740991 */
type Int53 = number;

/** `running` announces a trace that takes long; the same trace arrives again when it has ended. */
export type WireStatus = "ok" | "error" | "running";

/** One step of a trace. Its position in `steps`, counted from 1, is what `parent` and {@link WireIo.step} refer to. */
export interface WireStep {
  /**
   * Short and of low cardinality, such as `llm.generate`.
   *
   * @minLength 1
   */
  name: string;
  /**
   * Position of the enclosing step, counted from 1; absent at the top level. A step whose parent is not the position of an
   * earlier step is taken, counted as an orphan, and shown at the top level.
   */
  parent?: Int16;
  /** Absent: ok. `detached`: it was still running, as its author wanted, when the trace was sent; its duration ends there. */
  status?: "ok" | "error" | "detached";
  /** Milliseconds from the start of the trace to the start of the step. */
  offset_ms: Ms;
  /** Milliseconds. */
  duration_ms: Ms;
  /** Why it failed, at most {@link MAX_ERROR} characters. */
  error?: string;
  /** LLM calls: the model that answered. */
  model?: string;
  /** Of the request, cached ones included. */
  input_tokens?: Tokens;
  /** Those of `input_tokens` that came from a cache. */
  cached_tokens?: Tokens;
  /** Of the answer, reasoning included. */
  output_tokens?: Tokens;
  /** Those of `output_tokens` that were reasoning. */
  reasoning_tokens?: Tokens;
  /** Micro-dollars. Absent when the price is not known. */
  cost_microusd?: MicroUsd;
  /** Milliseconds from the start of the step to the first token of a streamed answer. */
  first_token_ms?: Ms;
}

/** The full request and response of one step, captured for errors and for a sample of the rest. Kept 7 days by default. */
export interface WireIo {
  /** Position of the step in `steps`, counted from 1. */
  step: Position;
  /** What was sent, at most {@link MAX_IO_CHARS} characters of it. */
  request?: string;
  /** What came back, as much of it. */
  response?: string;
  /** Length before cutting, in characters, when the sender has cut the text itself. */
  request_chars?: Chars;
  /** As `request_chars`. */
  response_chars?: Chars;
}

/**
 * One pipeline run.
 *
 * @if { "properties": { "status": { "const": "running" } } }
 * @then { "properties": { "duration_ms": false } }
 * @else { "required": ["duration_ms"] }
 */
export interface WireTrace {
  /**
   * A UUIDv7 (version 7, variant 10xx) made from the same clock reading as `started_at`; the two must agree to the
   * millisecond (TG011).
   *
   * @pattern ^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-7[0-9A-Fa-f]{3}-[89ABab][0-9A-Fa-f]{3}-[0-9A-Fa-f]{12}$
   */
  trace_id: string;
  /** Epoch milliseconds, or ISO 8601 with an offset. */
  started_at: number | WireTime;
  /**
   * Which pipeline ran, such as `support`. Not blank.
   *
   * @pattern [^ ]
   */
  pipeline: string;
  /** How it ended, or that it runs. */
  status: WireStatus;
  /** Milliseconds. Absent while `running`, required otherwise. */
  duration_ms?: Ms;
  /** Why it failed, at most {@link MAX_ERROR} characters. */
  error?: string;
  /** Version of the bot, such as a git revision. */
  release?: string;
  /** Telegram's own keys of the update that started the run. `update_id` and `message_id` have 32 bits. */
  update_id?: Int32;
  /** Negative of groups and channels. */
  chat_id?: Int53;
  /** Who wrote or pressed. */
  user_id?: Int53;
  /** The message that the bot answered with, or else the one that it answered to. */
  message_id?: Int32;
  /**
   * In order of their start. None of them, but `io`: that is the I/O of a trace that is stored (`duplicate`), which changes in
   * nothing else. Where it is not stored, such an item is refused (TG013), so send it when the trace was acknowledged.
   *
   * @maxItems 1000
   */
  steps: WireStep[];
  /** Requests and responses of its steps. */
  io?: WireIo[];
}

/**
 * ISO 8601 with an offset, such as `2026-01-31T12:00:00.000Z`. Finer than milliseconds is cut.
 *
 * @pattern ^\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d(?::?\d\d)?)$
 */
export type WireTime = string;

/** Body of a request to the ingest function, and `p_batch` of the `ingest_traces` RPC. */
export type WireBatch = WireTraces | WireReport;

/**
 * Traces without a report.
 *
 * @minItems 1
 * @maxItems 500
 */
export type WireTraces = WireTrace[];

/** A batch of a sender that has had to drop traces, and says so. */
export interface WireReport {
  /**
   * A UUID of the sender's process, the same in all its reports.
   *
   * @pattern ^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$
   */
  sender: string;
  /**
   * How many records it has dropped since it started, by reason, such as `queue_full`. Totals, not differences: a report that
   * comes twice changes nothing. Whatever is wrong with `sender` or with a reason is left out; the traces are taken all the same.
   *
   * @maxProperties 20
   * @propertyNames { "minLength": 1, "maxLength": 40 }
   */
  dropped: Record<string, Count>;
  /** As in a batch without a report. */
  traces: WireTraces;
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
  /** Traces that are new. */
  stored: number;
  /** Announced ones that have ended. */
  updated: number;
  /** Traces that were stored before. */
  duplicate: number;
  /** Traces that are refused. */
  rejected: number;
  /** One for each trace. */
  items: ItemResult[];
}

/** Error body of the ingest function. `code` is for programs, the rest for people. */
export interface Problem {
  /** Such as `TG003`, or `body_too_large`. */
  code: string;
  /** What is wrong. */
  message: string;
  /** What the caller should do about it. */
  hint?: string;
}
