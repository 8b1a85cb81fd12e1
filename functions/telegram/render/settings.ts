/** Settings: what each is, and buttons with what else it may be. */
import type { Settings, SettingsChanges } from "../../_shared/db.ts";
import { bold, type Html, line, lines, literal, message, text } from "./html.ts";
import { type Button, type Screen, screen } from "./screen.ts";
import { day, dollars } from "./units.ts";

/** A setting that buttons change. Its position and those of its choices are in buttons: add at the end. */
interface Choice {
  setting:
    | "trace_days"
    | "io_days"
    | "io_sample_percent"
    | "synthetic_run_cap_microusd"
    | "synthetic_day_cap_microusd"
    | "synthetic_month_cap_microusd"
    | "synthetic_concurrency";
  /** Of its row of buttons. */
  icon: string;
  title: string;
  values: readonly number[];
  label: (value: number) => string;
}

const days = (value: number): string => `${value} d`;
const share = (value: number): string => `${value} %`;
const usd = (value: number): string => dollars(value).replace(/\.00$/, "");
const usdOf = (...values: number[]): number[] => values.map((value) => value * 1_000_000);

const CHOICES: readonly Choice[] = [
  { setting: "trace_days", icon: "📈", title: "Traces kept", values: [7, 14, 30, 90], label: days },
  { setting: "io_days", icon: "💬", title: "Requests and responses kept", values: [1, 3, 7, 14, 30], label: days },
  {
    setting: "io_sample_percent",
    icon: "🎲",
    title: "Good runs that have them",
    values: [0, 10, 50, 100],
    label: share,
  },
  {
    setting: "synthetic_run_cap_microusd",
    icon: "🧪",
    title: "A run of tests may spend",
    values: usdOf(0, 0.25, 1, 5, 20),
    label: usd,
  },
  {
    setting: "synthetic_day_cap_microusd",
    icon: "☀️",
    title: "All tests of a day",
    values: usdOf(0, 1, 3, 10, 50),
    label: usd,
  },
  {
    setting: "synthetic_month_cap_microusd",
    icon: "🗓",
    title: "All tests of a month",
    values: usdOf(0, 5, 20, 100, 500),
    label: usd,
  },
  {
    setting: "synthetic_concurrency",
    icon: "⏩",
    title: "Scenarios at once",
    values: [1, 2, 4, 8, 16],
    label: String,
  },
];

/** Positions of a setting and of a value among its choices. */
export interface Picked {
  setting: number;
  choice: number;
}

/** The setting of a button, and what it would be; nothing when there is no such button any more. */
export function valueOf({ setting, choice }: Picked): SettingsChanges {
  const picked = CHOICES[setting];
  const value = picked?.values[choice];
  return picked === undefined || value === undefined ? {} : { [picked.setting]: value };
}

/** What the button asks to be changed; null when there is no such button any more. */
export function changesOf(picked: Picked, now: Settings): SettingsChanges | null {
  const change = valueOf(picked);
  const { trace_days } = change;
  // Requests and responses are kept at most as long as their traces.
  if (trace_days !== undefined && now.io_days > trace_days) return { trace_days, io_days: trace_days };
  return Object.keys(change).length === 0 ? null : change;
}

/** @param mayChange Whether there are buttons. @param changed It was, by the press that this answers. */
export function renderSettings(
  settings: Settings,
  { mayChange, changed }: { mayChange: boolean; changed: boolean },
): Screen {
  const rows = CHOICES.map(({ setting, icon, title, label }) =>
    line`${literal(icon)} ${literal(title)} ${bold(text(label(settings[setting])))}`
  );
  const blocks = [
    bold(changed ? line`✅ Settings, changed` : line`Settings`),
    lines(
      ...rows,
      line`The plan allows ${bold(text(megabytes(settings.quota_bytes)))}`,
      line`Runs count as lost after ${bold(text(settings.lost_after))}`,
    ),
    ...guarded(settings),
    lines(
      line`Traces since ${text(day(settings.traces_from))}, requests and responses since ${
        text(day(settings.io_from))
      }`,
      delivery(settings),
    ),
    ...(mayChange ? [] : [line`Only owners change settings.`]),
  ];
  return screen("settings", message(...blocks), [...(mayChange ? buttons(settings) : []), [
    { label: "🔄 Refresh", action: { screen: "settings" } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}

/** What a change would drop, and a second press that does it: no more than is said here. */
export function renderDrops(
  picked: Picked,
  changes: SettingsChanges,
  drops: { trace_days: number; io_days: number; bytes: number },
): Screen {
  const named = CHOICES.filter(({ setting }) => changes[setting] !== undefined)
    .map(({ setting, title, label }) => line`${literal(title)} ${bold(text(label(changes[setting]!)))}`);
  const lost = [
    ...(drops.trace_days > 0 ? [`${drops.trace_days} ${drops.trace_days === 1 ? "day" : "days"} of traces`] : []),
    ...(drops.io_days > 0
      ? [`${drops.io_days} ${drops.io_days === 1 ? "day" : "days"} of requests and responses`]
      : []),
  ].join(" and ");
  const answer = message(
    bold(line`That deletes data. Sure?`),
    lines(...named),
    line`It drops ${text(lost)}, about ${text(megabytes(drops.bytes))}. They do not come back.`,
  );
  return screen("settings", answer, [[
    {
      label: "🗑 Yes, drop them",
      action: { screen: "settings", set: { ...picked, sure: drops.trace_days + drops.io_days } },
    },
    { label: "No", action: { screen: "settings" } },
  ], [{ label: "🏠", action: { screen: "home" } }]]);
}

const megabytes = (bytes: number): string =>
  bytes < 100_000 ? "0.1 MB" : `${(bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0)} MB`;

function guarded({ guard_io_sample_percent: percent }: Settings): Html[] {
  if (percent === null) return [];
  return [
    line`⚠️ The database is nearly full: requests and responses are stored of only ${
      text(percent)
    } % of the runs, errors among them.`,
  ];
}

function delivery({ alert_url, alert_secret_set }: Settings): Html {
  if (alert_url === null) return line`Alerts are posted nowhere: there is no alert_url`;
  const host = URL.canParse(alert_url) ? new URL(alert_url).host : alert_url;
  return line`Alerts are posted to ${text(host)}, ${alert_secret_set ? line`with` : line`without`} a secret`;
}

/** A row a setting, with its icon at the start; what it is now has a dot. */
function buttons(settings: Settings): Button[][] {
  return CHOICES.map(({ setting, icon, values, label }, i) =>
    values.flatMap((value, choice): Button[] => {
      if (setting === "io_days" && value > settings.trace_days) return [];
      const named = choice === 0 ? `${icon} ${label(value)}` : label(value);
      return [{
        label: settings[setting] === value ? `• ${named}` : named,
        action: { screen: "settings", set: { setting: i, choice } },
      }];
    })
  );
}
