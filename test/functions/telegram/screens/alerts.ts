import { renderAlertHistory, renderAlerts } from "../../../../functions/telegram/render/alerts.ts";
import { alert, list, rule } from "../alerts_fixture.ts";
import type { Example } from "./examples.ts";

const now = new Date("2025-01-31T12:15:23.500Z");
const ten = Array.from({ length: 10 }, (_, i) => alert({ alert_id: i + 1 }));
const resolved = { resolved_at: "2025-01-31T12:15:11.000Z" };

export const examples: Example[] = [
  { title: "none is open", reply: renderAlerts(list(), now) },
  {
    title: "some are open, and rules of all kinds",
    reply: renderAlerts(
      list({
        open: 2,
        alerts: [
          alert({ acknowledged_at: "2025-01-31T12:05:00.000Z", muted_until: "2025-01-31T13:00:00.000Z" }),
          alert({
            rule: "dropped",
            summary: "Senders drop records",
            unit: "records",
            threshold: 0,
            worst: 1234,
            opened_at: "2025-01-30T09:00:00.000Z",
          }),
        ],
        rules: [
          rule("daily_spend", { value: null, unit: "microusd", threshold: 10_000_000 }),
          rule("dropped", { unit: "records", threshold: 0, value: 1234, open_alert_id: 18 }),
          rule("error_rate", { open_alert_id: 17, value: 25, muted_until: "2025-01-31T13:00:00.000Z" }),
          rule("missing_partitions", { unit: "days", threshold: 0, value: 0 }),
          rule("p95", { unit: "ms", threshold: 30_000, value: 2413 }),
          rule("plan", { error: "statement timeout" }),
          rule("quota", { enabled: false }),
        ],
      }),
      now,
    ),
  },
  {
    title: "ten of twelve open, and nobody evaluates",
    reply: renderAlerts(list({ open: 12, alerts: ten }), new Date("2025-01-31T14:00:00Z")),
  },
  {
    title: "history, a page in the middle",
    reply: renderAlertHistory(
      list({ alerts: ten.slice(0, 5).map((open, i) => ({ ...open, ...(i > 0 && resolved) })), has_older: true }),
      9,
      now,
    ),
  },
  { title: "history, without one", reply: renderAlertHistory(list(), undefined, now) },
];
