/** The overview: whether all is well, how the last 24 hours were, and the way to everything else. */
import type { Overview, Series } from "../../_shared/db.ts";
import { change, percent } from "./change.ts";
import { bold, code, dotted, type Html, line, lines, literal, message, pre, text } from "./html.ts";
import { ago, measured, short } from "./measured.ts";
import { type Button, type Screen, screen } from "./screen.ts";
import { sparkline } from "./spark.ts";
import { type Row, table } from "./table.ts";
import { clock, count, duration, money } from "./units.ts";
import { verdict } from "./verdict.ts";

export function renderHome(view: Overview, now: Date): Screen {
  if (view.last_batch_at === null) return firstSteps(view.keys);
  const { icon, words, also } = verdict(view, now);
  const answer = message(
    lines(bold(line`${literal(icon)} ${literal(words)}`), ...also.map((worry) => line`• ${literal(worry)}`)),
    ...openAlerts(view),
    numbers(view),
    lines(charts(view.series), line`by the hour, up to ${literal(clock(now.toISOString()).slice(0, 5))} UTC`),
    standing(view, now),
  );
  return screen("home", answer, buttons);
}

function openAlerts({ alerts: { open, newest } }: Overview): Html[] {
  if (newest.length === 0) return [];
  const rows = newest.map(({ summary, value, threshold, unit }) =>
    line`🔴 ${text(summary, 60)}: ${text(measured(value, unit), 24)}, over ${text(measured(threshold, unit), 24)}`
  );
  return [lines(...rows, ...(open > newest.length ? [line`and ${literal(count(open - newest.length))} more`] : []))];
}

/** The last 24 hours against those before. */
function numbers({ window, before }: Overview): Html {
  const against = (now: number | null, then: number | null) => change(now, then) ?? "–";
  const rate = (of: Overview["window"]) => of.error_rate === null ? "–" : percent(of.error_rate);
  const took = (ms: number | null) => ms === null ? "–" : duration(Math.round(ms));
  const rows: Row[] = [
    { name: "", values: ["24 h", "vs before"] },
    { name: "Runs", values: [short(window.count), against(window.count, before.count)] },
    { name: "Failed", values: [short(window.errors), against(window.errors, before.errors)] },
    {
      name: "Error rate",
      values: [rate(window), before.error_rate === null ? "–" : `was ${percent(before.error_rate)}`],
    },
    { name: "p95", values: [took(window.p95_ms), against(window.p95_ms, before.p95_ms)] },
    { name: "Spend", values: [spent(window), against(window.cost_microusd, before.cost_microusd)] },
  ];
  return table([10, 12], rows);
}

const spent = ({ cost_microusd, unpriced_calls }: { cost_microusd: number | null; unpriced_calls: number }): string =>
  money(cost_microusd, unpriced_calls === 0) ?? "–";

function charts({ points }: Series): Html {
  return pre(lines(
    literal(`Runs  ${sparkline(points.map((point) => point.count))}`),
    literal(`Fail  ${sparkline(points.map((point) => point.errors))}`),
    literal(`p95   ${sparkline(points.map((point) => point.p95_ms))}`),
  ));
}

function standing(view: Overview, now: Date): Html {
  const { today, month, running, storage, last_batch_at } = view;
  const full = storage.days_until_full;
  return lines(
    ...(month.cost_microusd === null
      ? []
      : [line`Spent today ${literal(spent(today))}, month ${literal(spent(month))}`]),
    line`Database ${
      dotted(
        literal(percent(storage.quota_share)),
        full === null ? null : literal(full === 0 ? "full" : `full in ${count(full)} ${full === 1 ? "day" : "days"}`),
      )
    }`,
    dotted(
      literal(`Last batch ${ago(last_batch_at!, now)}`),
      running > 0 ? literal(`⏳ ${count(running)} running`) : null,
    ),
  );
}

/** What an empty project must do next. */
function firstSteps(keys: number): Screen {
  const step = keys === 0
    ? lines(
      line`1. Make a key for your bot, in the SQL editor:`,
      code(line`select public.create_ingest_key('my bot');`),
      line`2. Give it to the tracer in your bot, as its README says.`,
      line`3. Send your bot a message, then press 🔄.`,
    )
    : lines(
      line`There is a key, and no trace has come with it. Check that`,
      line`• your bot runs, with the tracer and this key,`,
      line`• it sends to this project's address,`,
      line`• its log reports no dropped traces.`,
    );
  return screen("home", message(bold(line`⚪ No traces yet`), step), [
    [{ label: "🔄 Refresh", action: { screen: "home" } }, { label: "Help", action: { screen: "help" } }],
  ]);
}

const buttons: Button[][] = [
  [
    { label: "Traces", action: { screen: "traces" } },
    { label: "Errors", action: { screen: "errors", hours: 24 } },
    { label: "Slowest", action: { screen: "traces", change: { order: "slowest" } } },
    { label: "Dearest", action: { screen: "traces", change: { order: "dearest" } } },
  ],
  [
    { label: "Stats", action: { screen: "stats", hours: 24 } },
    { label: "Storage", action: { screen: "storage" } },
    { label: "Alerts", action: { screen: "alerts", all: false } },
    { label: "Tests", action: { screen: "tests" } },
  ],
  [
    { label: "🔄", action: { screen: "home" } },
    { label: "🖼 Chart", action: { screen: "picture", of: "chart", theme: "light" } },
    { label: "Settings", action: { screen: "settings" } },
    { label: "Help", action: { screen: "help" } },
  ],
];
