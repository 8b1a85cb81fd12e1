/**
 * The RPC functions of `sql/`, one method each. The only file that calls PostgREST.
 *
 * @module
 */
import { PostgrestClient } from "@supabase/postgrest-js";
import type { IngestResult, TraceStatus, WireStep } from "../../tracer/wire.ts";
import { RpcError } from "./errors.ts";

/** One row of a page. Times are ISO 8601 with milliseconds, in UTC. */
export interface TraceSummary {
  trace_id: string;
  started_at: string;
  pipeline: string;
  status: TraceStatus;
  /** Null while running. */
  duration_ms: number | null;
  error: string | null;
  /** Name of the first step that failed. */
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

/** Where a page starts: at the newest trace, or relative to the trace id of a page already shown. */
export interface PageCursor {
  /** `from`: at this trace. `older` / `newer`: the page after / before it. */
  direction: "older" | "newer" | "from";
  trace_id: string;
}

export interface TracePage {
  /** Page number counted from 1, and the number of pages (at least 1). */
  page: number;
  pages: number;
  /** Traces in the window; a lower bound when `total_exact` is false (so is `pages`). */
  total: number;
  total_exact: boolean;
  has_newer: boolean;
  has_older: boolean;
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

/** `claimed`: handle it. `done`: handled before. `busy`: another isolate is at it now. */
export type UpdateClaim = "claimed" | "done" | "busy";

export interface Db {
  /** @throws {RpcError} TG001–TG004, see `errors.ts`. */
  ingestTraces(key: string, batch: unknown): Promise<IngestResult>;
  listTraces(options: { cursor?: PageCursor; limit: number }): Promise<TracePage>;
  /** Null when there is no such trace, or its day has been dropped. */
  getTrace(traceId: string): Promise<TraceDetail | null>;
  getTraceIo(traceId: string, step?: number): Promise<TraceIo[]>;
  claimUpdate(updateId: number): Promise<UpdateClaim>;
  /** Ends a claim: `handled` false gives the update back, so that its redelivery is handled. */
  finishUpdate(updateId: number, handled: boolean): Promise<void>;
}

/** Longer than the statement timeouts of the API roles, so that it is the database that answers what was too slow. */
const TIMEOUT_MS = 10_000;

/** `url` is the project's address; `key` an API key whose role may execute what is called. */
export function createDb(url: string, key: string): Db {
  const client = new PostgrestClient(`${url}/rest/v1`, {
    headers: { apikey: key, authorization: `Bearer ${key}` },
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        ...(typeof init?.body === "string" && { body: storable(init.body) }),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      }),
  });

  async function rpc<T>(name: string, args: Record<string, unknown>): Promise<T> {
    const { data, error, status } = await client.rpc(name, args);
    if (error) throw new RpcError(error, status);
    return data as T;
  }

  return {
    ingestTraces: (key, batch) => rpc("ingest_traces", { p_key: key, p_batch: batch }),
    listTraces: ({ cursor, limit }) =>
      rpc("list_traces", {
        p_limit: limit,
        ...(cursor && { p_cursor: cursor.trace_id, p_direction: cursor.direction }),
      }),
    getTrace: (traceId) => rpc("get_trace", { p_trace_id: traceId }),
    getTraceIo: (traceId, step) => rpc("get_trace_io", { p_trace_id: traceId, ...(step && { p_step: step }) }),
    claimUpdate: (updateId) => rpc("claim_update", { p_update_id: updateId }),
    finishUpdate: (updateId, handled) => rpc("finish_update", { p_update_id: updateId, p_handled: handled }),
  };
}

/**
 * JSON with U+FFFD for what JSON may escape and Postgres cannot store, NUL and half of a surrogate pair: PostgREST would
 * refuse the whole of it. `JSON.stringify` escapes no other surrogates; behind an odd number of backslashes none is escaped.
 */
function storable(json: string): string {
  return json.replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f]..)/g, "$1\\ufffd");
}
