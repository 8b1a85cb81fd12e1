/**
 * What the RPC functions of the admin bot's screens return. Times are ISO 8601 with milliseconds in UTC, durations
 * milliseconds, money micro-dollars; what is not known is null.
 *
 * @module
 */
import type { RunStats, TraceGaps, TracePage, TraceStatus, TraceSummary } from "./answers.ts";

/** Hours that a screen looks back. */
export type Hours = 1 | 24 | 168 | 720;

/** Which traces a list has, in which order; what is left out is no condition. Kept in SQL under a short id. */
export interface ListFilter {
  order?: "newest" | "slowest" | "dearest";
  status?: TraceStatus;
  pipeline?: string;
  user_id?: number;
  chat_id?: number;
  min_duration_ms?: number;
  release?: string;
  /** A part of the error's text, in any case of letters. */
  error?: string;
  /** The last so many. */
  hours?: number;
}

/** Laid over a filter; null takes a condition away. An empty one takes all away. */
export type FilterChange = {
  order?: "newest" | "slowest" | "dearest";
  status?: TraceStatus | null;
  hours?: Hours | null;
};

/** A page of a filtered list. */
export interface ListView extends TracePage {
  /** Id of `filter`: 8 base64url characters; null for the list of all traces. */
  filter_id: string | null;
  filter: ListFilter;
  /** The filter that was asked for by its id is no longer known; these are all traces. */
  filter_lost: boolean;
}

/** What ran in a bucket of time. */
export interface SeriesPoint {
  at: string;
  count: number;
  errors: number;
  p50_ms: number | null;
  p95_ms: number | null;
  cost_microusd: number | null;
}

/** A window in buckets of the same length, none left out, oldest first. */
export interface Series {
  from: string;
  to: string;
  bucket_s: number;
  points: SeriesPoint[];
}

/** What was spent since a time. */
export interface Spend {
  from: string;
  count: number;
  cost_microusd: number | null;
  /** LLM calls whose cost is not known. */
  unpriced_calls: number;
}

export interface OpenAlert {
  alert_id: number;
  rule: string;
  summary: string;
  /** Of the numbers: percent, ms, microusd, or what is counted. */
  unit: string;
  threshold: number;
  value: number;
  opened_at: string;
}

/** How things stand, at a glance. */
export interface Overview {
  /** The last 24 hours, and those before. */
  window: RunStats;
  before: RunStats;
  /** Since midnight, and since the first of the month, UTC. */
  today: Spend;
  month: Spend;
  /** The last 24 hours of the clock. */
  series: Series;
  /** Announced in the last 24 hours and not ended; `lost` no longer expected to. */
  running: number;
  lost: number;
  storage: {
    database_bytes: number;
    quota_bytes: number;
    quota_share: number;
    /** Null: never, or not known yet. */
    days_until_full: number | null;
  };
  /** How many are open, and the newest three. */
  alerts: { open: number; newest: OpenAlert[] };
  /** Records that senders say they had to drop: of those that reported more of it in 24 hours, all since they started. */
  dropped: number;
  /** Ingest keys that are valid. */
  keys: number;
  /** The minute of the last batch; null: none ever came. */
  last_batch_at: string | null;
}

/** One trace, or those that a short prefix fits: the newest five, and whether there are more. */
export type FoundTrace = { trace_id: string } | { candidates: TraceSummary[]; more: boolean };

/** A message that somebody asks about. */
export interface SentMessage {
  /** A private chat has the id of its user. */
  chat_id: number;
  /** Null: Telegram does not tell. */
  message_id: number | null;
  /** By Telegram's clock, which has seconds. Null: not known, or not a bot's. */
  sent_at: Date | null;
}

/** The trace that a message comes from. */
export interface OriginTrace {
  trace_id: string;
  /** Whether the message is the run's last one in the chat. Otherwise it is the run that most likely sent it. */
  exact: boolean;
}

/** Failed runs of one kind, over a window. */
export interface ErrorGroup {
  pipeline: string;
  /** Innermost step that failed; empty: none did. */
  step: string;
  /** The error with `#` for numbers and ids. */
  kind: string;
  count: number;
  /** In the window of the same length before. */
  before: number;
  /** Trace id of the newest, which gives the last time. */
  example: string;
  /** The stretch of time, as long as the rollups' buckets are, in which the first of the window is. */
  first_at: string;
}

export interface ErrorGroups {
  from: string;
  to: string;
  /** All failed runs of the window, and of the one before. */
  errors: number;
  errors_before: number;
  /** All runs that ended in the window. */
  count: number;
  /** How many kinds there are; `groups` are the most frequent. */
  kinds: number;
  groups: ErrorGroup[];
}

/** A step that the quota guard took. */
export interface GuardStep {
  noted_at: string;
  what: string;
  table?: "pipeline_traces" | "trace_io";
  day?: string;
  bytes?: number;
  detail?: string;
}

/** What is stored, what it costs, and how long it will fit. */
export interface TraceStorage {
  database_bytes: number;
  quota_bytes: number;
  /** 0..1, or more. */
  quota_share: number;
  tables: {
    table: "pipeline_traces" | "trace_io";
    bytes: number;
    rows_estimate: number;
    oldest_day: string;
    days: number;
  }[];
  rollup_bytes: number;
  /** Newest first. */
  days: { day: string; trace_bytes: number; io_bytes: number; traces: number }[];
  /** With indexes, over the last seven days that are over. */
  bytes_per_trace: number | null;
  io_bytes_per_trace: number | null;
  growth_bytes_per_day: number | null;
  /** What all will hold when each day brings that and an expired one goes. */
  steady_bytes: number | null;
  /** Null: never, or not known yet. */
  days_until_full: number | null;
  /** Rows over 5 kB of the last seven days and today. */
  large_traces: number;
  cost_microusd_per_1000_traces: number | null;
  /** Of the calls of the last 24 hours. */
  ingest_p95_ms: number | null;
  settings: {
    trace_days: number;
    io_days: number;
    io_sample_percent: number;
    traces_from: string;
    io_from: string;
  };
  guard: {
    /** Null: as the owner has set. */
    io_sample_percent: number | null;
    /** The last five, newest first. */
    steps: GuardStep[];
  };
  /** Of the last 24 hours. */
  gaps: Pick<TraceGaps, "orphan_steps" | "no_steps" | "lost" | "running"> & {
    dropped: Pick<TraceGaps["dropped"], "records" | "reasons">;
  };
}
