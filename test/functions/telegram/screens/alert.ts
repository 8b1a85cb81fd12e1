import { renderAlert, renderAlertMessage } from "../../../../functions/telegram/render/alert.ts";
import { alert } from "../alerts_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const resolved = { resolved_at: "2025-01-31T12:15:11.000Z" };
const acknowledged = { acknowledged_at: "2025-01-31T12:05:00.000Z", acknowledged_by: 1001 };
const muted = { muted_until: "2025-02-01T12:05:00.000Z", muted_by: 1002 };
const reason = { screen: "errors", hours: 1 } as const;

export const examples: Example[] = [
  { title: "message: open", reply: renderAlertMessage(alert()) },
  { title: "message: acknowledged", reply: renderAlertMessage(alert(acknowledged)) },
  { title: "message: muted", reply: renderAlertMessage(alert(muted)) },
  {
    title: "message: acknowledged, muted, back again, nothing to measure",
    reply: renderAlertMessage(
      alert({ ...acknowledged, ...muted, last_value: null, resolved_before_at: "2025-01-31T12:00:00.000Z" }),
    ),
  },
  { title: "message: resolved", reply: renderAlertMessage(alert(resolved)) },
  {
    title: "message: hostile names",
    reply: renderAlertMessage(alert({ detail: `most of them in ${HOSTILE.join(" ")}` })),
  },
  { title: "screen: open", reply: renderAlert(alert(), reason) },
  {
    title: "screen: of money, resolved on another day",
    reply: renderAlert(
      alert({
        rule: "daily_spend",
        summary: "LLM calls cost more than planned today",
        unit: "microusd",
        threshold: 10_000_000,
        worst: 41_500_000,
        resolved_at: "2025-02-01T00:01:00.000Z",
      }),
      reason,
    ),
  },
  { title: "screen: gone", reply: renderAlert(null, null) },
];
