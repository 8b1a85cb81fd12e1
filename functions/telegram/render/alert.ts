/**
 * One alert: as a message of its own that finds its way to every admin, and as a screen.
 *
 * Both say the same, and nothing that changes while nobody does anything: a message is edited when there is something new.
 */
import type { Alert } from "../../_shared/db.ts";
import { amount } from "./amount.ts";
import { bold, code, dotted, type Html, line, lines, message, quoted, text } from "./html.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { day, dayTime, duration, minute } from "./units.ts";

const DETAIL_COLUMNS = 300;

export function renderAlertMessage(alert: Alert): Screen {
  const { alert_id } = alert;
  const press = (label: string, press: "reason" | "alerts" | Act): Button => ({
    label,
    action: { screen: "look", alert_id, press },
  });
  return screen("alert_message", told(alert), [
    [press("👀 Look", "reason"), ...acknowledge(alert, press)],
    muting(alert, press),
    [press("📟 Alerts", "alerts")],
  ]);
}

/** @param reason What 👀 opens. */
export function renderAlert(alert: Alert | null, reason: Button["action"] | null): Screen {
  const back: Button[] = [{ label: "⬅️ Alerts", action: { screen: "alerts", all: false } }, HOME];
  if (alert === null) return screen("alert", gone(), [back]);
  const { alert_id } = alert;
  const press = (label: string, act: Act): Button => ({ label, action: { screen: "alert", alert_id, act } });
  return screen("alert", told(alert), [
    [...(reason === null ? [] : [{ label: "👀 Look", action: reason }]), ...acknowledge(alert, press)],
    muting(alert, press),
    [{ label: "⚙️ Rule", action: { screen: "rule", rule: alert.rule } }, ...back],
  ]);
}

type Act = "acknowledge" | "mute_1h" | "mute_24h" | "unmute";
type Press = (label: string, act: Act) => Button;

const gone = (): Html =>
  lines(bold(line`This alert is gone.`), line`Alerts are kept for 90 days after they have resolved.`);

const acknowledge = (alert: Alert, press: Press): Button[] =>
  alert.resolved_at === null && alert.acknowledged_at === null ? [press("✔️ Acknowledge", "acknowledge")] : [];

function muting(alert: Alert, press: Press): Button[] {
  if (alert.muted_until !== null) return [press("🔔 Unmute", "unmute")];
  return [press("🔕 1 h", "mute_1h"), press("🔕 24 h", "mute_24h")];
}

function told(alert: Alert): Html {
  return message(
    lines(line`${text(alert.resolved_at === null ? "🔴" : "✅")} ${bold(text(alert.summary))}`, ...standing(alert)),
    quoted(alert.detail, DETAIL_COLUMNS),
    lines(...times(alert)),
  );
}

/** `now 31 % · worst 35 % · limit 10 %`, or how it ended and then the rest. */
function standing({ resolved_at, opened_at, last_value, worst, threshold, unit }: Alert): Html[] {
  const range = dotted(line`worst ${text(amount(worst, unit))}`, line`limit ${text(amount(threshold, unit))}`);
  if (resolved_at !== null) {
    const lasted = duration(Date.parse(resolved_at) - Date.parse(opened_at));
    return [line`resolved after ${text(lasted)}`, range];
  }
  if (last_value === null) return [line`too little to measure now`, range];
  return [dotted(line`now ${text(amount(last_value, unit))}`, range)];
}

function times(alert: Alert): Html[] {
  const { opened_at, resolved_at, resolved_before_at, acknowledged_at, acknowledged_by, muted_until, muted_by } = alert;
  const rows = [
    line`${text(period(opened_at, resolved_at))} UTC · ${code(text(alert.rule))}`,
  ];
  if (resolved_before_at !== null) rows.push(line`Back again: it had resolved at ${text(minute(resolved_before_at))}`);
  if (acknowledged_at !== null) {
    rows.push(line`✔️ Acknowledged by ${code(text(acknowledged_by ?? "?"))} at ${text(minute(acknowledged_at))}`);
  }
  if (muted_until !== null) {
    rows.push(
      line`🔕 Muted by ${code(text(muted_by ?? "?"))} until ${text(dayTime(muted_until))}`,
    );
  }
  return rows;
}

/** `31 Jan 12:03 – 12:15`; the day of the end, too, where it is another. */
function period(from: string, to: string | null): string {
  if (to === null) return dayTime(from);
  return `${dayTime(from)} – ${day(from) === day(to) ? minute(to) : dayTime(to)}`;
}
