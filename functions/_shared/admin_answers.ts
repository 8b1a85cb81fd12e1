/**
 * What the RPC functions of the admin bot's screens return. Times are ISO 8601 with milliseconds in UTC, durations
 * milliseconds, money micro-dollars; what is not known is null.
 *
 * @module
 */
import type { TracePage, TraceStatus } from "./answers.ts";

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
