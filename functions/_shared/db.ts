/**
 * The RPC functions of `sql/`, one method each. The only file that calls PostgREST.
 *
 * @module
 */
import { PostgrestClient } from "@supabase/postgrest-js";
import type { IngestResult } from "../../tracer/wire.ts";
import type {
  AdminChange,
  Admins,
  AuditEntry,
  Lane,
  RefusalCounts,
  Refused,
  UpdateClaim,
  UpdateHead,
} from "./access_answers.ts";
import type {
  ErrorGroups,
  FilterChange,
  FoundTrace,
  ListFilter,
  ListView,
  OriginTrace,
  Overview,
  SentMessage,
  Series,
  TraceStorage,
} from "./admin_answers.ts";
import type {
  Role,
  Settings,
  SettingsChanges,
  TraceDetail,
  TraceGaps,
  TraceIo,
  TracePage,
  TraceStats,
  TraceStatus,
} from "./answers.ts";
import type {
  Alert,
  AlertClaims,
  AlertList,
  AlertOutcome,
  AlertRule,
  RuleChanges,
  SettingsAnswer,
} from "./alert_answers.ts";
import { RpcError } from "./errors.ts";
import type { ExportNote, IoExport, IoPage, IoParams } from "./io_answers.ts";
import { type SyntheticDb, syntheticMethods } from "./synthetic_db.ts";

export type * from "./access_answers.ts";
export type * from "./admin_answers.ts";
export type * from "./alert_answers.ts";
export type * from "./answers.ts";
export type * from "./io_answers.ts";
export type * from "./synthetic_answers.ts";

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

/** What became of an update. */
export interface Answered {
  responses: readonly AdminResponse[];
  /** Telegram did not know what a rich message is. */
  richRefused: boolean;
}

export interface Db extends SyntheticDb {
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
  /** A window, by default the last 24 hours, in equal stretches, by default 24. */
  traceSeries(options?: Window & { points?: number }): Promise<Series>;
  /** @throws {RpcError} TG055: the filter or its change is none. */
  listView(options: ViewOptions): Promise<ListView>;
  /** A page of a step's request or response; null when there is none. Noted in the audit. */
  adminTraceIo(actor: number, params: IoParams): Promise<IoPage | Refused | null>;
  /** Whole requests and responses of the next steps after one. Noted in the audit. */
  adminExportIo(actor: number, traceId: string, after: number): Promise<IoExport | Refused>;
  /** Notes in the audit that an admin takes data out. */
  adminNoteExport(actor: number, what: ExportNote): Promise<Refused | Record<string, never>>;
  /** Judges an update, and claims it and the lane of its chat. `refusals`: as {@link Db.countRefusals}. */
  claimUpdate(update: UpdateHead, refusals?: RefusalCounts): Promise<UpdateClaim>;
  /** The lane of its chat, for an update that was told to wait. */
  takeLane(updateId: number): Promise<Lane>;
  /** Gives the lane back, to send a file, if that may be sent. `wait`: one was sent just now. */
  releaseLane(updateId: number): Promise<Lane>;
  /** Ends a claim, and with it the lane: `handled` false gives the update back, so that its redelivery is handled. */
  finishUpdate(updateId: number, handled: boolean, answered: Answered): Promise<void>;
  /** Adds to what was refused. */
  countRefusals(counts: RefusalCounts): Promise<void>;
  /** Notes in the audit that an action was refused for want of a role. */
  refuseAction(actor: number, needs: Role, action: string, detail: object): Promise<boolean>;
  listAdmins(): Promise<Admins>;
  /** Null takes the role away. `fromSecret`: the secret names the user. @throws {RpcError} TG050: no such role. */
  setAdmin(actor: number, userId: number, role: Role | null, fromSecret: boolean): Promise<AdminChange>;
  allowChat(actor: number, chatId: number, allowed: boolean): Promise<{ allowed: boolean } | Refused>;
  /** What admins did, newest first. `before`: older than this entry. */
  listAudit(actor: number, options: { before?: number; limit: number }): Promise<{ entries: AuditEntry[] } | Refused>;
  /** `before`: alert_id of the last alert of the page before. */
  listAlerts(options: { openOnly: boolean; limit: number; before?: number }): Promise<AlertList>;
  /** Null when there is no such alert, or no longer. */
  getAlert(alertId: number): Promise<Alert | null>;
  /** The alert that the message about `alertId` in a chat tells of now: it, or one that has taken the message over. */
  alertOfMessage(alertId: number, chatId: number): Promise<Alert | null>;
  /** For operators. `act`: acknowledge, mute_1h, mute_24h, unmute. Its messages in all chats follow by themselves. */
  alertAct(actor: number, alertId: number, act: string): Promise<Alert | Refused | null>;
  /** Claims the messages that do not show their alert as it is now; null when there is no such event any more. */
  claimAlertMessages(eventId: number, owners: readonly number[]): Promise<AlertClaims | null>;
  finishAlertMessage(outcome: AlertOutcome): Promise<void>;
  /** For owners. `confirmedDays`: how many may be dropped. @throws {RpcError} TG020: nothing was changed. */
  adminChangeSettings(actor: number, changes: SettingsChanges, confirmedDays: number): Promise<SettingsAnswer>;
  /** For owners. @throws {RpcError} TG040: no such rule, nothing was changed. */
  adminChangeRule(actor: number, rule: string, changes: RuleChanges): Promise<AlertRule | Refused>;
  /** How things stand, at a glance. */
  overview(): Promise<Overview>;
  /** Failed runs by kind of error in a window, by default the last 24 hours. */
  errorGroups(window?: Window): Promise<ErrorGroups>;
  /** What is stored, and how long it will fit. */
  traceStorage(): Promise<TraceStorage>;
  /** A trace by the first characters of its id, at least four hex digits; null: there is none. */
  findTrace(prefix: string): Promise<FoundTrace | null>;
  /** The trace whose run has sent a message of the bot; null: there is none. */
  traceOfMessage(message: SentMessage): Promise<OriginTrace | null>;
}

/** Longer than the statement timeouts of the API roles, so that it is the database that answers what was too slow. */
const TIMEOUT_MS = 10_000;
/** An admin who waits for an answer hears soon that there is none. The statement ends before (sql/60_updates.sql). */
const CLAIM_TIMEOUT_MS = 3000;

/** `url` is the project's address; `key` an API key whose role may execute what is called. */
export function createDb(url: string, key: string): Db {
  const client = new PostgrestClient(`${url}/rest/v1`, {
    headers: { apikey: key, authorization: `Bearer ${key}` },
    fetch: (input, init) =>
      fetch(input, {
        ...init,
        ...(typeof init?.body === "string" && { body: storable(init.body) }),
      }),
  });

  async function rpc<T>(name: string, args: Record<string, unknown>, timeoutMs = TIMEOUT_MS): Promise<T> {
    const { data, error, status } = await client.rpc(name, args).abortSignal(AbortSignal.timeout(timeoutMs));
    if (error) throw new RpcError(error, status);
    return data as T;
  }

  return {
    ...syntheticMethods(rpc),
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
    adminTraceIo: (actor, { trace_id, step, side, page, page_chars, around_chars }) =>
      rpc("admin_trace_io", {
        p_actor: actor,
        p_trace_id: trace_id,
        p_step: step,
        p_side: side,
        p_page: page,
        p_page_chars: page_chars,
        p_around_chars: around_chars,
      }),
    adminExportIo: (actor, traceId, after) =>
      rpc("admin_export_io", { p_actor: actor, p_trace_id: traceId, p_after: after }),
    adminNoteExport: (actor, what) => rpc("admin_note_export", { p_actor: actor, p_what: what }),
    claimUpdate: ({ update_id, user_id, chat_id, chat_type, message_id, bootstrap, allows }, refusals) =>
      rpc("claim_update", {
        p_update_id: update_id,
        p_user_id: user_id,
        p_chat_id: chat_id,
        p_chat_type: chat_type,
        p_message_id: message_id,
        p_bootstrap: bootstrap,
        p_allows: allows,
        p_refusals: refusals,
      }, CLAIM_TIMEOUT_MS),
    takeLane: (updateId) => rpc("take_lane", { p_update_id: updateId }),
    releaseLane: (updateId) => rpc("release_lane", { p_update_id: updateId }),
    finishUpdate: (updateId, handled, { responses, richRefused }) =>
      rpc("finish_update", {
        p_update_id: updateId,
        p_handled: handled,
        p_responses: responses,
        p_rich_refused: richRefused,
      }),
    countRefusals: (counts) => rpc("count_refusals", { p_counts: counts }),
    refuseAction: (actor, needs, action, detail) =>
      rpc("refuse_action", { p_actor: actor, p_role: needs, p_action: action, p_detail: detail }),
    listAdmins: () => rpc("list_admins", {}),
    setAdmin: (actor, userId, role, fromSecret) =>
      rpc("set_admin", { p_actor: actor, p_user_id: userId, p_role: role, p_from_secret: fromSecret }),
    allowChat: (actor, chatId, allowed) => rpc("allow_chat", { p_actor: actor, p_chat_id: chatId, p_allowed: allowed }),
    listAudit: (actor, { before, limit }) => rpc("list_audit", { p_actor: actor, p_before: before, p_limit: limit }),
    listAlerts: ({ openOnly, limit, before }) =>
      rpc("list_alerts", { p_open_only: openOnly, p_limit: limit, p_before: before }),
    getAlert: (alertId) => rpc("get_alert", { p_alert_id: alertId }),
    alertOfMessage: (alertId, chatId) => rpc("alert_of_message", { p_alert_id: alertId, p_chat_id: chatId }),
    alertAct: (actor, alertId, act) => rpc("alert_act", { p_actor: actor, p_alert_id: alertId, p_act: act }),
    claimAlertMessages: (eventId, owners) => rpc("claim_alert_messages", { p_event_id: eventId, p_owners: owners }),
    finishAlertMessage: (outcome) =>
      rpc("finish_alert_message", {
        p_alert_id: outcome.alert_id,
        p_chat_id: outcome.chat_id,
        p_outcome: outcome.outcome,
        p_revision: outcome.revision,
        p_message_id: outcome.message_id,
        p_error: outcome.error,
        p_characters: outcome.characters,
        p_retry_after: outcome.retry_after,
      }),
    adminChangeSettings: (actor, changes, confirmedDays) =>
      rpc("admin_change_settings", { p_actor: actor, p_changes: changes, p_confirmed_days: confirmedDays }),
    adminChangeRule: (actor, rule, changes) =>
      rpc("admin_change_rule", { p_actor: actor, p_rule: rule, p_changes: changes }),
    overview: () => rpc("overview", {}),
    errorGroups: ({ from, to } = {}) => rpc("error_groups", { p_from: from, p_to: to }),
    traceStorage: () => rpc("trace_storage", {}),
    findTrace: (prefix) => rpc("find_trace", { p_prefix: prefix }),
    traceOfMessage: ({ chat_id, message_id, sent_at }) =>
      rpc("trace_of_message", { p_chat_id: chat_id, p_message_id: message_id, p_sent_at: sent_at?.toISOString() }),
  };
}

/**
 * JSON with U+FFFD for what JSON may escape and Postgres cannot store, NUL and half of a surrogate pair: PostgREST would
 * refuse the whole of it. `JSON.stringify` escapes no other surrogates; behind an odd number of backslashes none is escaped.
 */
function storable(json: string): string {
  return json.replace(/(?<!\\)((?:\\\\)*)\\u(?:0000|d[89a-f]..)/g, "$1\\ufffd");
}
