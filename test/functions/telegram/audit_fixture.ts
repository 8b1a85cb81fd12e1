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
  { user_id: 1003, role: "viewer", action: "io", allowed: false, detail: { step: 3 } },
  {
    user_id: 1003,
    role: "viewer",
    action: "export",
    allowed: true,
    detail: { of: "traces", filter: null, format: "csv" },
  },
  { user_id: 1004, role: null, action: "set_admin", allowed: false, detail: { user_id: 1004, role: "owner" } },
  { user_id: 1002, role: "operator", action: "alert_mute_1h", allowed: true, detail: { rule: "quota", alert_id: 7 } },
];

export const entries: AuditEntry[] = done.map((entry, i) => ({
  ...entry,
  audit_id: 100 - i,
  at: `2025-01-31T12:0${9 - i}:00.000Z`,
}));

export const widest: AuditEntry[] = Array.from({ length: 12 }, (_, i) => ({
  ...entries[0]!,
  audit_id: 1e15 + i,
  user_id: 1e15 + i,
  role: "operator",
  action: HOSTILE_NAMES[i]!.repeat(3),
  detail: { after: { quota_bytes: HOSTILE_NAMES[19 - i]!.repeat(9) }, before: {} },
  allowed: false,
}));
