/**
 * The RPC functions of `sql/`, one method each. The only file that calls PostgREST.
 *
 * @module
 */
import { PostgrestClient } from "@supabase/postgrest-js";
import type { IngestResult } from "../../tracer/wire.ts";
import type {
  ErrorGroups,
  FilterChange,
  FoundTrace,
  ListFilter,
  ListView,
  Overview,
  Series,
  TraceStorage,
} from "./admin_answers.ts";
import type {
  Settings,
  SettingsChanges,
  TraceDetail,
  TraceGaps,
  TraceIo,
  TracePage,
  TraceStats,
  TraceStatus,
  UpdateClaim,
} from "./answers.ts";
import { RpcError } from "./errors.ts";

export type * from "./admin_answers.ts";
export type * from "./answers.ts";

/** Where a page starts: at the newest trace, or relative to the trace id of a page already shown. */
export interface PageCursor {
  /** `from`: at this trace. `older` / `newer`: the page after / before it. */
  direction: "older" | "newer" | "from";
  trace_id: string;
}

/** A window of time, ISO 8601: [from, to). */
export interface Window {
  from?: string;
  to?: string;
}

/** Which traces are listed, in which order. What is left out is no condition; the window is then all that is kept. */
export interface ListOptions extends Window {
  cursor?: PageCursor;
  limit: number;
  /** `slowest` lists those that have ended, `dearest` those whose cost is known. Default: `newest`. */
  order?: "newest" | "slowest" | "dearest";
  status?: TraceStatus;
  pipeline?: string;
  userId?: number;
  chatId?: number;
  minDurationMs?: number;
  release?: string;
  /** A part of the error's text, in any case of letters. */
  error?: string;
}

/** A page of a list whose filter is kept: one that is given, or by its id, or neither for all traces. */
export interface ViewOptions {
  filter?: ListFilter;
  filterId?: string | undefined;
  change?: FilterChange | undefined;
  cursor?: PageCursor | undefined;
  limit: number;
}

/** What was answered to an update, for `tracegram.admin_responses`. */
export interface AdminResponse {
  /** Name of the screen. */
  screen: string;
  /** Visible UTF-16 units. */
  characters: number;
  /** How long its RPC took; null without one. */
  query_ms: number | null;
  /** Longest wait in seconds that Telegram asked for with a 429. */
  retry_after?: number;
}

export interface Db {
  /** @throws {RpcError} TG001–TG004, see `errors.ts`. */
  ingestTraces(key: string, batch: unknown): Promise<IngestResult>;
  listTraces(options: ListOptions): Promise<TracePage>;
  /** Null when there is no such trace, or its day has been dropped. */
  getTrace(traceId: string): Promise<TraceDetail | null>;
  getTraceIo(traceId: string, step?: number): Promise<TraceIo[]>;
  /** How the bot did in a window, by default the last 24 hours, and in the one before. */
  traceStats(window?: Window): Promise<TraceStats>;
  /** What is missing in a window, by default the last 24 hours. */
  traceGaps(window?: Window): Promise<TraceGaps>;
  getSettings(): Promise<Settings>;
  /** @returns All settings. @throws {RpcError} TG020: nothing was changed. */
  changeSettings(changes: SettingsChanges): Promise<Settings>;
  /** Replaces the bot's table of steps, names and labels. @returns How many. @throws {RpcError} TG021: nothing was changed. */
  defineSteps(steps: Readonly<Record<string, string | null>>): Promise<number>;
  claimUpdate(updateId: number): Promise<UpdateClaim>;
  /** Ends a claim: `handled` false gives the update back, so that its redelivery is handled. */
  finishUpdate(updateId: number, handled: boolean, responses: readonly AdminResponse[]): Promise<void>;
  /** A window, by default the last 24 hours, in equal stretches, by default 24. */
  traceSeries(options?: Window & { points?: number }): Promise<Series>;
  /** @throws {RpcError} TG055: the filter or its change is none. */
  listView(options: ViewOptions): Promise<ListView>;
  /** How things stand, at a glance. */
  overview(): Promise<Overview>;
  /** Failed runs by kind of error in a window, by default the last 24 hours. */
  errorGroups(window?: Window): Promise<ErrorGroups>;
  /** What is stored, and how long it will fit. */
  traceStorage(): Promise<TraceStorage>;
  /** A trace by the first characters of its id, at least four hex digits; null: there is none. */
  findTrace(prefix: string): Promise<FoundTrace | null>;
  /** Id of the newest trace whose run has sent that message last; null: there is none. */
  traceOfMessage(chatId: number, messageId: number): Promise<string | null>;
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
    // What is undefined is not sent, and takes the default in SQL.
    listTraces: ({ cursor, ...options }) =>
      rpc("list_traces", {
        p_cursor: cursor?.trace_id,
        p_direction: cursor?.direction,
        p_limit: options.limit,
        p_from: options.from,
        p_to: options.to,
        p_order: options.order,
        p_status: options.status,
        p_pipeline: options.pipeline,
        p_user_id: options.userId,
        p_chat_id: options.chatId,
        p_min_duration_ms: options.minDurationMs,
        p_release: options.release,
        p_error: options.error,
      }),
    getTrace: (traceId) => rpc("get_trace", { p_trace_id: traceId }),
    getTraceIo: (traceId, step) => rpc("get_trace_io", { p_trace_id: traceId, p_step: step }),
    traceStats: ({ from, to } = {}) => rpc("trace_stats", { p_from: from, p_to: to }),
    traceGaps: ({ from, to } = {}) => rpc("trace_gaps", { p_from: from, p_to: to }),
    getSettings: () => rpc("get_settings", {}),
    changeSettings: (changes) => rpc("change_settings", { p_changes: changes }),
    defineSteps: (steps) => rpc("define_steps", { p_steps: steps }),
    claimUpdate: (updateId) => rpc("claim_update", { p_update_id: updateId }),
    finishUpdate: (updateId, handled, responses) =>
      rpc("finish_update", { p_update_id: updateId, p_handled: handled, p_responses: responses }),
    traceSeries: ({ from, to, points } = {}) => rpc("trace_series", { p_from: from, p_to: to, p_points: points }),
    listView: ({ filter, filterId, change, cursor, limit }) =>
      rpc("list_view", {
        p_filter: filter,
        p_filter_id: filterId,
        p_change: change,
        p_cursor: cursor?.trace_id,
        p_direction: cursor?.direction,
        p_limit: limit,
      }),
    overview: () => rpc("overview", {}),
    errorGroups: ({ from, to } = {}) => rpc("error_groups", { p_from: from, p_to: to }),
    traceStorage: () => rpc("trace_storage", {}),
    findTrace: (prefix) => rpc("find_trace", { p_prefix: prefix }),
    traceOfMessage: (chatId, messageId) => rpc("trace_of_message", { p_chat_id: chatId, p_message_id: messageId }),
  };
}

/**
 * JSON with U+FFFD for what JSON may escape and Postgres cannot store, NUL and half of a surrogate pair: PostgREST would
 * refuse the whole of it. `JSON.stringify` escapes no other surrogates; behind an odd number of backslashes none is escaped.
 */
function storable(json: string): string {
  return json.replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f]..)/g, "$1\\ufffd");
}
