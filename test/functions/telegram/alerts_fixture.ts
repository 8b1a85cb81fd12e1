/** Alerts and rules as the database returns them, for the renderers' tests. */
import type { Alert, AlertList, AlertRule } from "../../../functions/_shared/db.ts";

export const alert = (change: Partial<Alert> = {}): Alert => ({
  alert_id: 17,
  rule: "error_rate",
  summary: "Many runs fail",
  unit: "percent",
  opened_at: "2025-01-31T12:03:11.000Z",
  resolved_at: null,
  threshold: 10,
  value: 12.5,
  worst: 31.25,
  last_value: 25,
  detail: "26 of 84 runs failed in 15 minutes, most of them in support: 26 of 60",
  acknowledged_at: null,
  acknowledged_by: null,
  muted_until: null,
  muted_by: null,
  revision: 1,
  resolved_before_at: null,
  events: [{ kind: "opened", attempts: 1, delivered_at: "2025-01-31T12:04:00.000Z", last_error: null }],
  ...change,
});

export const rule = (name: string, change: Partial<AlertRule> = {}): AlertRule => ({
  rule: name,
  summary: "Many runs fail",
  threshold: 10,
  unit: "percent",
  enabled: true,
  opens_after: 2,
  resolves_after: 5,
  value: 2,
  detail: "2 of 100 runs failed in 15 minutes",
  error: null,
  evaluated_at: "2025-01-31T12:15:00.000Z",
  muted_until: null,
  open_alert_id: null,
  ...change,
});

export const list = (change: Partial<AlertList> = {}): AlertList => ({
  rules: [rule("error_rate"), rule("p95", { unit: "ms", threshold: 30_000, value: 2413 })],
  open: 0,
  alerts: [],
  has_older: false,
  ...change,
});
