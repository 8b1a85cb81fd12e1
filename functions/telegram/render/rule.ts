/** An alert rule: when it is in breach, how it stands, and that it was changed. */
import type { AlertRule } from "../../_shared/db.ts";
import { amount } from "./amount.ts";
import { bold, code, type Html, line, lines, message, quoted, text } from "./html.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";

const BACK: Button[] = [{ label: "⬅️ Alerts", action: { screen: "alerts", all: false } }, HOME];

/**
 * @param mayChange Whether there is a button that does.
 * @param changed It was, by the press or the command that this answers; `refused`: its limit makes no sense.
 */
export function renderRule(
  rule: AlertRule,
  { mayChange, changed }: { mayChange: boolean; changed: boolean | "refused" },
): Screen {
  const { threshold, unit, enabled, value, detail, error } = rule;
  const limit = text(amount(threshold, unit));
  const blocks = [
    ...(changed === "refused" ? [line`Not changed: a limit here is ${range(unit)}.`] : []),
    lines(
      line`${changed === true ? line`✅ Changed: ` : line``}${bold(text(rule.summary))}`,
      enabled
        ? line`${code(text(rule.rule))} · opens above ${limit}`
        : line`${code(text(rule.rule))} · switched off, limit ${limit}`,
    ),
  ];
  if (value !== null) blocks.push(line`Now ${text(amount(value, unit))}`);
  if (error !== null) blocks.push(line`It could not be measured: ${quoted(error, 200)}`);
  else if (detail !== null) blocks.push(quoted(detail, 300));
  blocks.push(mayChange ? usage(rule.rule, unit) : line`Only owners change rules.`);
  const other: Button = {
    label: enabled ? "⚪️ Switch off" : "🟢 Switch on",
    action: { screen: "rule", rule: rule.rule, enabled: !enabled },
  };
  return screen("rule", message(...blocks), [...(mayChange ? [[other]] : []), BACK]);
}

export function renderUnknownRule(rule: string, rules: readonly AlertRule[]): Screen {
  const names = rules.map((known) => code(text(known.rule)));
  return screen("rule", message(line`There is no alert rule ${quoted(rule)}.`, lines(line`There are`, ...names)), [
    BACK,
  ]);
}

function usage(rule: string, unit: string): Html {
  const example = unit === "ms" ? "8s" : unit === "microusd" ? "$5" : unit === "percent" ? "15%" : "10";
  return line`Another limit: ${code(text(`/admin alert ${rule} ${example}`))}, ${range(unit)}`;
}

/** What change_alert_rule takes (sql/85_list_alerts.sql). */
function range(unit: string): Html {
  if (unit === "percent") return line`from 0 % to 100 %`;
  if (unit === "ms") return line`more than 0 s`;
  return unit === "microusd" ? line`from $0 on` : line`from 0 on`;
}
