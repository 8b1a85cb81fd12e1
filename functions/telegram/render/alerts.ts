/** Alerts: the open ones and how each rule stands; or all there were, page by page. */
import type { Alert, AlertList, AlertRule } from "../../_shared/db.ts";
import { amount, amountOf } from "./amount.ts";
import { bold, code, dotted, type Html, line, lines, literal, message, text } from "./html.ts";
import { type Button, HOME, numberRows, type Screen, screen } from "./screen.ts";
import { dayTime, duration, minute } from "./units.ts";

/** A minute's evaluation that is later than this has not come. */
const LATE_MS = 5 * 60_000;

/** The open alerts, then the rules. */
export function renderAlerts(list: AlertList, now: Date): Screen {
  const { alerts, rules, open } = list;
  const title = open === 0 ? bold(line`No alert is open`) : bold(line`Alerts · ${text(open)} open`);
  const blocks = [
    title,
    ...asleep(rules, now),
    ...(alerts.length === 0 ? [] : [lines(...alerts.map((alert, i) => row(alert, i + 1, now)))]),
    lines(bold(line`Rules`), ...rules.map(ruleRow)),
    line`Change one with ${code(line`/admin alert <rule> <limit>|on|off`)}`,
  ];
  return screen("alerts", message(...blocks), [
    ...openButtons(alerts),
    [{ label: "🕘 History", action: { screen: "alerts", all: true } }, {
      label: "🔄 Refresh",
      action: { screen: "alerts", all: false },
    }, HOME],
  ]);
}

/** A page of all alerts. @param before The last alert of the page before; its page is not known any more. */
export function renderAlertHistory(list: AlertList, before: number | undefined, now: Date): Screen {
  const { alerts, has_older } = list;
  const none = before === undefined ? line`There was no alert in the last 90 days.` : line`There was none before.`;
  const rows = alerts.length === 0 ? none : lines(...alerts.map((alert, i) => row(alert, i + 1, now)));
  const older: Button[] = has_older
    ? [{ label: "Older ➡️", action: { screen: "alerts", all: true, before: alerts.at(-1)!.alert_id } }]
    : [];
  const newest: Button[] = before === undefined
    ? []
    : [{ label: "⬅️ Newest", action: { screen: "alerts", all: true } }];
  return screen("alerts", message(bold(line`All alerts, newest first`), rows), [
    ...openButtons(alerts),
    [...newest, ...older],
    [{ label: "⬅️ Open ones", action: { screen: "alerts", all: false } }, HOME],
  ]);
}

/** Nobody evaluates: then nothing is open because nobody has looked. */
function asleep(rules: readonly AlertRule[], now: Date): Html[] {
  const last = Math.max(...rules.map((rule) => Date.parse(rule.evaluated_at ?? "") || 0));
  if (now.getTime() - last <= LATE_MS) return [];
  const since = last === 0 ? line`never yet` : line`last ${text(dayTime(new Date(last).toISOString()))} UTC`;
  return [line`⚠️ The rules are evaluated each minute, and were ${since}: pg_cron may stand still.`];
}

function row(alert: Alert, number: number, now: Date): Html {
  const { opened_at, resolved_at, acknowledged_at, muted_until, unit, worst } = alert;
  const lasted = duration(
    Math.max(0, (resolved_at === null ? now.getTime() : Date.parse(resolved_at)) - Date.parse(opened_at)),
  );
  const marks = [acknowledged_at === null ? "" : " ✔️", muted_until === null ? "" : " 🔕"];
  return lines(
    line`${text(number)} ${text(resolved_at === null ? "🔴" : "✅")} ${bold(text(alert.summary))}${
      literal(marks.join(""))
    }`,
    dotted(text(dayTime(opened_at)), text(lasted), line`worst ${text(amount(worst, unit))}`),
  );
}

/** `🟢 p95 · 2.41 s, limit 30.0 s`. */
function ruleRow(rule: AlertRule): Html {
  const { threshold, unit, value, enabled, error, open_alert_id, muted_until } = rule;
  const name = code(text(rule.rule, 20));
  if (!enabled) return line`⚪️ ${dotted(name, line`off`)}`;
  if (error !== null) return line`⚠️ ${dotted(name, line`could not be measured`)}`;
  const stands = value === null ? line`too little to say` : text(amountOf(value, threshold, unit));
  const muted = muted_until === null ? null : line`🔕 until ${text(minute(muted_until))}`;
  // Over its limit, and not for long enough to open an alert.
  const calm = value !== null && value > threshold ? "🟠" : "🟢";
  return line`${text(open_alert_id === null ? calm : "🔴")} ${dotted(name, stands, muted)}`;
}

const openButtons = (alerts: readonly Alert[]): Button[][] =>
  numberRows(alerts.map(({ alert_id }) => ({ screen: "alert", alert_id })));
