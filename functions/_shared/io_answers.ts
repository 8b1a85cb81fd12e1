/**
 * What the RPC functions of `sql/65_read_io.sql` return.
 *
 * @module
 */
import type { TraceIo } from "./answers.ts";
import type { WireStep } from "../../tracer/wire.ts";

export type IoSide = "request" | "response";

/** A page of one side of a step's I/O, and the text around it. Positions and lengths are in characters (code points). */
export interface IoPage {
  step: number;
  name: string | null;
  model: string | null;
  status: NonNullable<WireStep["status"]>;
  side: IoSide;
  /** Length before any cutting; null: this side was not captured. */
  request_chars: number | null;
  response_chars: number | null;
  /** How much of this side is stored. Null when it was not captured. */
  stored_chars: number | null;
  /** Counted from 0. */
  page: number;
  /** A page is `page * page_chars` up to the next one. */
  page_chars: number;
  /** Position of the first character of `text`. */
  from: number;
  text: string | null;
  /** The captured steps before and after this one. */
  previous_step: number | null;
  next_step: number | null;
}

/** Whole requests and responses of some steps. */
export interface IoExport {
  io: TraceIo[];
  /** There may be more after the last of them. */
  more: boolean;
}

/** What an admin takes out, for the audit. */
export type ExportNote =
  | { of: "trace"; trace_id: string }
  | { of: "traces"; format: "csv" | "jsonl"; filter: string | null }
  | { of: "stats"; hours: number };

/** What to read of a step's I/O. */
export interface IoParams {
  trace_id: string;
  step: number;
  side: IoSide;
  page: number;
  page_chars: number;
  around_chars: number;
}
