/** Entries of the audit as the database returns them, newest first. */
import type { AuditEntry } from "../../../functions/_shared/db.ts";
import { HOSTILE_NAMES } from "../../_support/hostile.ts";

const done: Omit<AuditEntry, "audit_id" | "at">[] = [
  {
    user_id: 1001,
    role: "owner",
    action: "change_settings",
    allowed: true,
    detail: { after: { trace_days: 14 }, before: { trace_days: 30 } },
  },
  {
    user_id: 1001,
    role: "owner",
    action: "change_rule",
    allowed: true,
    detail: { rule: "p95", after: { threshold: 8000 }, before: { enabled: true, threshold: 30_000 } },
  },
  {
    user_id: 1002,
    role: "operator",
    action: "read_io",
    allowed: true,
    detail: { page: 0, side: "request", step: 3, trace_id: "019525be-1f07-7ac0-8000-000000000001" },
  },
  { user_id: 1003, role: "viewer", action: "read_io", allowed: false, detail: { step: 3 } },
  {
    user_id: 1003,
    role: "viewer",
    action: "export",
    allowed: true,
    detail: { of: "traces", filter: null, format: "csv" },
  },
  {
    user_id: 1003,
    role: "viewer",
    action: "export",
    allowed: true,
    detail: { of: "traces", filter: { hours: 24, status: "error" }, format: "jsonl" },
  },
  {
    user_id: 1004,
    role: null,
    action: "set_admin",
    allowed: false,
    detail: { user_id: 1004, was: null, role: "owner" },
  },
  { user_id: 1002, role: "operator", action: "alert_mute_1h", allowed: true, detail: { rule: "quota", alert_id: 7 } },
];

export const entries: AuditEntry[] = done.map((entry, i) => ({
  ...entry,
  audit_id: 100 - i,
  at: `2025-01-31T12:0${9 - i}:00.000Z`,
}));

const change = (action: string, detail: object, allowed = true) => ({
  audit_id: 1,
  at: "2025-01-31T12:00:00.000Z",
  user_id: 1001,
  role: "owner" as const,
  action,
  detail,
  allowed,
});

/** What became of admins and of groups. */
export const changes: AuditEntry[] = [
  change("set_admin", { user_id: 5555, was: "owner", role: null }),
  change("set_admin", { user_id: 5555, was: null, role: null }),
  change("set_admin", { user_id: 42, was: "viewer", role: "operator" }),
  change("set_admin", { user_id: 42, was: null, role: "viewer" }),
  change("set_admin", { user_id: 42, was: "viewer", role: "viewer" }),
  change("set_admin", { user_id: 1001, was: "owner", role: null, unchanged: "from_secret" }),
  change("set_admin", { user_id: 1001, was: "owner", role: "viewer", unchanged: "last_owner" }),
  change("set_admin", { user_id: 5555, was: "owner", role: null }, false),
  change("allow_chat", { chat_id: -100, was: false, allowed: true }),
  change("allow_chat", { chat_id: -100, was: true, allowed: false }),
  change("allow_chat", { chat_id: -100, was: false, allowed: false }),
  change("allow_chat", { chat_id: -100, was: false, allowed: true }, false),
];

export const widest: AuditEntry[] = Array.from({ length: 12 }, (_, i) => ({
  ...entries[0]!,
  audit_id: 1e15 + i,
  user_id: 1e15 + i,
  role: "operator",
  action: HOSTILE_NAMES[i]!.repeat(3),
  detail: { after: { quota_bytes: HOSTILE_NAMES[19 - i]!.repeat(9) }, before: {} },
  allowed: false,
}));
