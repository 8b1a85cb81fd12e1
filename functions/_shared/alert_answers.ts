/**
 * What the RPC functions about alerts return, and those that change settings for an admin (`sql/85`, `88`, `89`).
 *
 * @module
 */
import type { Refused } from "./access_answers.ts";
import type { Settings } from "./answers.ts";

/** A rule that was in breach for a while. Values are in `unit`: percent, ms, microusd, or what is counted. */
export interface Alert {
  alert_id: number;
  rule: string;
  /** What is wrong, for people. */
  summary: string;
  unit: string;
  opened_at: string;
  /** Null while it is open. */
  resolved_at: string | null;
  threshold: number;
  value: number;
  worst: number;
  last_value: number | null;
  /** What was measured when it was worst. */
  detail: string;
  acknowledged_at: string | null;
  /** Telegram's id of the admin, as `muted_by`. */
  acknowledged_by: number | null;
  /** Of its rule; null when that is not muted now. */
  muted_until: string | null;
  muted_by: number | null;
  /** Grows with each change that its messages show. */
  revision: number;
  /** When the rule's alert before it resolved, within the hour before it opened. */
  resolved_before_at: string | null;
  /** What was told of it, and what came of that; null when nothing was to be told. */
  events: {
    kind: "opened" | "resolved" | "changed";
    attempts: number;
    delivered_at: string | null;
    last_error: string | null;
  }[] | null;
}

/** What is watched, and how it stands. */
export interface AlertRule {
  rule: string;
  summary: string;
  threshold: number;
  unit: string;
  enabled: boolean;
  opens_after: number;
  resolves_after: number;
  /** Null where there was too little to measure. */
  value: number | null;
  detail: string | null;
  /** Why it could not be measured. */
  error: string | null;
  evaluated_at: string | null;
  muted_until: string | null;
  open_alert_id: number | null;
}

export interface AlertList {
  rules: AlertRule[];
  /** How many are open in all. */
  open: number;
  /** Newest first. */
  alerts: Alert[];
  has_older: boolean;
}

export interface RuleChanges {
  /** In the rule's unit. */
  threshold?: number;
  enabled?: boolean;
}

/** Messages to send, or to edit where there is one, each claimed for a minute. */
export interface AlertClaims {
  alert: Alert;
  /** What the messages will show; it grows with each change. */
  revision: number;
  claims: { chat_id: number; message_id: number | null }[];
  /** How many somebody else is at. */
  held: number;
}

/** What became of a claimed message. `unreachable`: the chat cannot be written to, and is left alone. */
export interface AlertOutcome {
  alert_id: number;
  chat_id: number;
  outcome: "shown" | "later" | "unreachable";
  revision: number;
  message_id?: number;
  error?: string;
  characters: number;
  /** Longest wait in seconds that Telegram asked for. */
  retry_after?: number;
}

/** With `drops`, nothing was changed: so many days and bytes would go, more than was confirmed. */
export type SettingsAnswer =
  | { settings: Settings; drops?: { trace_days: number; io_days: number; bytes: number } }
  | Refused;
