import { describe, expect, test } from "vitest";
import { renderAlertHistory, renderAlerts } from "../../../../functions/telegram/render/alerts.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderRule, renderUnknownRule } from "../../../../functions/telegram/render/rule.ts";
import { alert, list, rule } from "../alerts_fixture.ts";
import { shown } from "../traces_fixture.ts";

const NOW = new Date("2025-01-31T12:15:23.500Z");

describe("the alerts", () => {
  test("read like this: the open ones, then how each rule stands", () => {
    const screen = renderAlerts(
      list({
        open: 1,
        alerts: [alert({ acknowledged_at: "2025-01-31T12:05:00.000Z", muted_until: "2025-01-31T13:00:00.000Z" })],
        rules: [
          rule("daily_spend", { value: null, unit: "microusd", threshold: 10_000_000 }),
          rule("dropped", { unit: "records", threshold: 0, value: 1234 }),
          rule("error_rate", { open_alert_id: 17, value: 25, muted_until: "2025-01-31T13:00:00.000Z" }),
          rule("p95", { unit: "ms", threshold: 30_000, value: 2413 }),
          rule("plan", { error: "statement timeout" }),
          rule("quota", { enabled: false }),
        ],
      }),
      NOW,
    );
    expect(shown(screen)).toBe(
      `Alerts · 1 open

1 🔴 Many runs fail ✔️ 🔕
31 Jan 12:03 · 12 m 12 s · worst 31.3 %

Rules
🟢 daily_spend · too little to say
🟠 dropped · 1,234, limit 0 records
🔴 error_rate · 25 %, limit 10 % · 🔕 until 13:00
🟢 p95 · 2.41 s, limit 30.0 s
⚠️ plan · could not be measured
⚪️ quota · off

Change one with /admin alert <rule> <limit>|on|off
[1]
[🕘 History] [🔄 Refresh] [🏠]`,
    );
    expect(screen.keyboard[0]![0]!.action).toEqual({ screen: "alert", alert_id: 17 });
  });

  test("none is open: whether anybody looks is said as well", () => {
    expect(shown(renderAlerts(list(), NOW))).toMatch(/^No alert is open\n\nRules\n/);
    expect(shown(renderAlerts(list(), new Date("2025-01-31T13:15:00.000Z")))).toMatch(
      /^No alert is open\n\n⚠️ The rules are evaluated each minute, and were last 31 Jan 12:15 UTC: pg_cron may stand still\.\n/,
    );
    const never = list({ rules: [rule("p95", { evaluated_at: null })] });
    expect(shown(renderAlerts(never, NOW))).toContain("and were never yet: pg_cron may stand still.");
  });

  test("a full page fits", () => {
    const alerts = Array.from({ length: 10 }, (_, i) => alert({ alert_id: i + 1, summary: "x".repeat(60) }));
    const rules = Array.from(
      { length: 14 },
      (_, i) => rule(`missing_partitions${i}`, { muted_until: NOW.toISOString() }),
    );
    const screen = renderAlerts(list({ open: 12, alerts, rules }), NOW);
    expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
    expect(shown(screen)).not.toContain("…\n");
    expect(screen.keyboard.map((row) => row.length)).toEqual([5, 5, 3]);
  });

  test("the history reads like this, and has pages", () => {
    const page = list({ alerts: [alert({ alert_id: 5, resolved_at: "2025-01-31T12:15:11.000Z" })], has_older: true });
    const screen = renderAlertHistory(page, 9, NOW);
    expect(shown(screen)).toBe(
      `All alerts, newest first

1 ✅ Many runs fail
31 Jan 12:03 · 12 m 00 s · worst 31.3 %
[1]
[⬅️ Newest] [Older ➡️]
[⬅️ Open ones] [🏠]`,
    );
    expect(screen.keyboard[1]!.map(({ action }) => action)).toEqual([
      { screen: "alerts", all: true },
      { screen: "alerts", all: true, before: 5 },
    ]);
    expect(shown(renderAlertHistory(list(), undefined, NOW))).toBe(
      `All alerts, newest first

There was no alert in the last 90 days.
[⬅️ Open ones] [🏠]`,
    );
  });
});

describe("a rule", () => {
  test("reads like this once it was changed", () => {
    const changed = rule("p95", {
      summary: "Runs are slow",
      unit: "ms",
      threshold: 30_000,
      value: 2413,
      detail: "as fast as ever",
    });
    expect(shown(renderRule(changed, { mayChange: true, changed: true }))).toBe(
      `✅ Changed: Runs are slow
p95 · opens above 30.0 s

Now 2.41 s

as fast as ever

Another limit: /admin alert p95 8s, more than 0 s
[⚪️ Switch off]
[⬅️ Alerts] [🏠]`,
    );
  });

  test("reads like this when it is off, or cannot be measured", () => {
    const off = renderRule(rule("quota", { enabled: false, value: null, detail: null }), {
      mayChange: true,
      changed: false,
    });
    expect(shown(off)).toContain("quota · switched off, limit 10 %");
    expect(off.keyboard[0]![0]).toEqual({
      label: "🟢 Switch on",
      action: { screen: "rule", rule: "quota", enabled: true },
    });
    expect(shown(renderRule(rule("plan", { error: "statement timeout" }), { mayChange: true, changed: false })))
      .toContain("It could not be measured: statement timeout");
  });

  test("offers no change to who may not make it", () => {
    expect(shown(renderRule(rule("quota", { detail: null }), { mayChange: false, changed: false }))).toBe(
      `Many runs fail
quota · opens above 10 %

Now 2 %

Only owners change rules.
[⬅️ Alerts] [🏠]`,
    );
  });

  test.each([
    ["percent", "Not changed: a limit here is from 0 % to 100 %."],
    ["ms", "Not changed: a limit here is more than 0 s."],
    ["microusd", "Not changed: a limit here is from $0 on."],
    ["records", "Not changed: a limit here is from 0 on."],
  ])("says which limits it takes: %s", (unit, said) => {
    expect(shown(renderRule(rule("x", { unit }), { mayChange: true, changed: "refused" })).split("\n")[0]).toBe(said);
  });

  test("one that there is not", () => {
    expect(shown(renderUnknownRule("nonsense", [rule("error_rate"), rule("p95")]))).toBe(
      `There is no alert rule nonsense.

There are
error_rate
p95
[⬅️ Alerts] [🏠]`,
    );
  });
});
