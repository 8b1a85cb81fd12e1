/**
 * What the RPC functions of `sql/` return, but for the ingest. Times are ISO 8601 with milliseconds in UTC, durations
 * milliseconds, money micro-dollars; what is not known is null.
 *
 * @module
 */
import type { WireStatus, WireStep } from "../../tracer/wire.ts";

/** As it is stored. `lost`: announced, and not ended in time; it has no duration. */
export type TraceStatus = WireStatus | "lost";

/** One row of a page. */
export interface TraceSummary {
  trace_id: string;
  started_at: string;
  pipeline: string;
  status: TraceStatus;
  /** Null while running, and when lost. */
  duration_ms: number | null;
  error: string | null;
  /** Name of the innermost step that failed first. */
  error_step: string | null;
  chat_id: number | null;
  user_id: number | null;
  step_count: number;
  /** Sums over the steps that know; null when none does. */
  input_tokens: number | null;
  output_tokens: number | null;
  cost_microusd: number | null;
  /** False when a step names a model but not its cost, so that `cost_microusd` is a lower bound. */
  cost_complete: boolean;
}

export interface TracePage {
  /** The window: `started_at` is in [from, to). */
  from: string;
  to: string;
  /** Counted from 1; a lower bound when `page_exact` is false. */
  page: number;
  page_exact: boolean;
  /** At least 1. As `total`, a lower bound when `total_exact` is false. */
  pages: number;
  total: number;
  total_exact: boolean;
  has_newer: boolean;
  has_older: boolean;
  /** What the next page is older than. Null when there is no trace at all. */
  older_cursor: string | null;
  /** Not null: the search stopped here, having looked at many traces that did not match; `older_cursor` goes on with it. */
  searched_to: string | null;
  traces: TraceSummary[];
}

export interface TraceDetail extends TraceSummary {
  release: string | null;
  update_id: number | null;
  message_id: number | null;
  steps: WireStep[];
  /** Positions, counted from 1, of the steps whose request or response was captured. */
  io_steps: number[];
}

export interface TraceIo {
  step: number;
  request: string | null;
  /** Length before cutting. */
  request_chars: number | null;
  response: string | null;
  response_chars: number | null;
}

/** Each within 5 %. */
export interface Percentiles {
  p50_ms: number | null;
  p95_ms: number | null;
  p99_ms: number | null;
}

/** All runs of a window that have ended. */
export interface RunStats extends Percentiles {
  from: string;
  to: string;
  count: number;
  errors: number;
  /** 0..1; null without a run. */
  error_rate: number | null;
  per_hour: number;
  input_tokens: number | null;
  /** Those of `input_tokens` that came from a cache. */
  cached_tokens: number | null;
  output_tokens: number | null;
  /** Those of `output_tokens` that were reasoning. */
  reasoning_tokens: number | null;
  cost_microusd: number | null;
  /** LLM calls whose cost is not known. */
  unpriced_calls: number;
}

export interface PipelineStats extends Percentiles {
  pipeline: string;
  count: number;
  errors: number;
  mean_ms: number;
  cost_microusd: number | null;
}

export interface StepStats extends PipelineStats {
  step: string;
}

/** Failed runs of one kind. */
export interface ErrorStats {
  pipeline: string;
  /** Innermost step that failed; empty: none did. */
  step: string;
  /** The error with `#` for numbers and ids. */
  kind: string;
  count: number;
  /** In the window before. */
  before: number;
  /** Trace id of the newest. */
  example: string;
}

export interface TraceStats {
  window: RunStats;
  /** The window of the same length before it. */
  before: RunStats;
  /** Announced in the window and not ended; `lost` no longer expected to. */
  running: number;
  lost: number;
  /** The ten with most runs. */
  pipelines: PipelineStats[];
  /** The five of the highest mean duration. */
  slowest_steps: StepStats[];
  /** The ten most frequent. */
  top_errors: ErrorStats[];
}

export interface TraceGaps {
  from: string;
  to: string;
  /** Steps whose parent does not exist. */
  orphan_steps: number;
  /** Runs without steps. */
  no_steps: number;
  lost: number;
  running: number;
  /** What senders say they had to drop: of those that reported more of it in the window, all since they started. */
  dropped: {
    records: number;
    reasons: { reason: string; records: number }[];
    /** The ten that reported last. */
    senders: {
      sender: string;
      /** Name of the ingest key. */
      key: string;
      records: number;
      reasons: Record<string, number>;
      first_seen_at: string;
      last_seen_at: string;
    }[];
  };
  /** Steps that the bot's table does not know; none as long as it was not told. */
  unknown_steps: { pipeline: string; step: string; count: number }[];
  /** The newest ten of each kind. */
  examples: {
    gap: "orphan_step" | "no_steps" | "lost";
    trace_id: string;
    started_at: string;
    pipeline: string;
    detail: string;
  }[];
}

/** What the owner decides. The columns of `tracegram.settings` say what each takes. */
export interface Settings {
  trace_days: number;
  io_days: number;
  io_sample_percent: number;
  /** What the quota guard has lowered that share to. */
  guard_io_sample_percent: number | null;
  quota_bytes: number;
  /** `hh:mm:ss`. */
  lost_after: string;
  /** Start of the oldest day of traces that is kept. */
  traces_from: string;
  /** Start of the oldest day of requests and responses that is kept. */
  io_from: string;
  alert_url: string | null;
  alert_secret_set: boolean;
  /** Most that synthetic tests may spend: one run, all of a UTC day, all of a UTC month. 0: nothing. */
  synthetic_run_cap_microusd: number;
  synthetic_day_cap_microusd: number;
  synthetic_month_cap_microusd: number;
  /** How many scenarios of a run are run at once, unless it is asked for with another number. */
  synthetic_concurrency: number;
}

/** Settings by name; those that are left out stay as they are. */
export type SettingsChanges =
  & Partial<
    Pick<
      Settings,
      | "trace_days"
      | "io_days"
      | "io_sample_percent"
      | "quota_bytes"
      | "lost_after"
      | "alert_url"
      | "synthetic_run_cap_microusd"
      | "synthetic_day_cap_microusd"
      | "synthetic_month_cap_microusd"
      | "synthetic_concurrency"
    >
  >
  & { alert_secret?: string | null };

/** What an admin may do. Each may do what those before it may. */
export type Role = "viewer" | "operator" | "owner";
