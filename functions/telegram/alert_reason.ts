/** Where the reason of an alert is seen. */
import type { Action } from "./callback.ts";

const REASONS: Readonly<Record<string, Action>> = {
  error_rate: { screen: "errors", hours: 1 },
  p95: { screen: "traces", change: { order: "slowest" } },
  daily_spend: { screen: "traces", change: { order: "dearest" } },
  large_trace: { screen: "storage" },
  ingest_p95: { screen: "storage" },
  orphans: { screen: "traces", change: { status: "lost" } },
  dropped: { screen: "stats", hours: 1 },
  missing_partitions: { screen: "storage" },
  quota: { screen: "storage" },
};

/** The screen that shows why a rule is in breach; null where none shows more than the alert itself. */
export const reasonOf = (rule: string): Action | null => Object.hasOwn(REASONS, rule) ? REASONS[rule]! : null;
