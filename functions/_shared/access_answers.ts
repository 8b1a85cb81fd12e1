/**
 * What the RPC functions return that decide who may do what (`sql/60`–`63`).
 *
 * @module
 */
import type { Role } from "./answers.ts";

/** An update as the database judges it. */
export interface UpdateHead {
  update_id: number;
  user_id: number;
  chat_id: number;
  /** `private`, `group`, `supergroup` … */
  chat_type: string;
  /** The message whose button was pressed; null where the answer is a new message. */
  message_id: number | null;
  /** The secret names the sender, who is an owner by that. */
  bootstrap: boolean;
  /** It asks to allow this group, which an owner may in any. */
  allows: boolean;
}

/**
 * `claimed`: handle it. `done`: handled before. `busy`: another isolate is at it now. `refused`: from whom, or where, the
 * bot does not answer.
 */
export type UpdateClaim =
  | { claim: "claimed"; role: Role; lane: Lane; /** Whether the chat may be sent rich messages. */ rich: boolean }
  | { claim: "done" | "busy" | "refused" };

/** `yours`: edit. `wait`: somebody edits in this chat. `superseded`: a newer press of the same message will be shown. */
export type Lane = "yours" | "wait" | "superseded";

export type RefusalReason = "stranger" | "group" | "wrong_secret" | "not_an_update" | "forged_data" | "forbidden";

/** How often each was refused. */
export type RefusalCounts = Partial<Record<RefusalReason, number>>;

/** Given in place of an answer to somebody who lacks a role: which one it takes. */
export interface Refused {
  refused: Role;
}

export interface Admins {
  admins: AdminEntry[];
  /** Groups in which admins are answered. */
  chats: { chat_id: number; added_by: number; added_at: string }[];
  /** Of the last 7 days. */
  refusals: RefusalCounts;
}

export interface AdminEntry {
  user_id: number;
  role: Role;
  /** An owner because TELEGRAM_ADMIN_IDS said so when they last wrote. */
  from_secret: boolean;
  added_by: number | null;
  added_at: string;
}

/** `unchanged` says why: the secret makes the user an owner, or there would be no owner left. */
export type AdminChange =
  | { was: Role | null; role: Role | null }
  | { unchanged: "from_secret" | "last_owner" }
  | Refused;

export interface AuditEntry {
  audit_id: number;
  at: string;
  user_id: number;
  role: Role | null;
  action: string;
  detail: unknown;
  /** False: it needed another role, and was not done. */
  allowed: boolean;
}
