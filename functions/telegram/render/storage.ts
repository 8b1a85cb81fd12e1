/** What is stored, what it costs, how long it will fit, and what is missing. */
import type { TraceStorage } from "../../_shared/db.ts";
import { percent } from "./change.ts";
import { bold, dotted, type Html, line, lines, literal, message, pre, quoted, text } from "./html.ts";
import { bytes, short } from "./measured.ts";
import { type Screen, screen } from "./screen.ts";
import { bar } from "./spark.ts";
import { table } from "./table.ts";
import { count, day, dayTime, duration, money } from "./units.ts";

const DAYS_SHOWN = 8;
const STEPS_SHOWN = 3;
const TABLES = { pipeline_traces: "traces", trace_io: "I/O" } as const;

const many = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? "" : "s"}`;

export function renderStorage(storage: TraceStorage): Screen {
  const { database_bytes, quota_bytes, quota_share } = storage;
  const answer = message(
    lines(
      dotted(bold(literal("Storage")), literal(`${bytes(database_bytes)} of ${bytes(quota_bytes)}`)),
      pre(literal(`${bar(quota_share, 24)} ${percent(quota_share)}`)),
      literal(forecast(storage)),
    ),
    ...(storage.days.length === 0 ? [] : [daysTable(storage)]),
    costs(storage),
    retention(storage),
    ...guard(storage),
    gaps(storage),
  );
  return screen("storage", answer, [[
    { label: "Settings", action: { screen: "settings" } },
    { label: "🔄 Refresh", action: { screen: "storage" } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}

function forecast({ days_until_full, growth_bytes_per_day, steady_bytes }: TraceStorage): string {
  if (days_until_full === 0) return "It is full.";
  if (growth_bytes_per_day === null) return "How fast it grows is known after the first whole day.";
  const growth = `${bytes(growth_bytes_per_day)} a day`;
  if (days_until_full !== null) {
    return `Full in ${many(days_until_full, "day")}, at ${growth}.`;
  }
  return `It will not fill: at ${growth}, traces level off at ${bytes(steady_bytes!)}.`;
}

function daysTable({ days }: TraceStorage): Html {
  const shown = days.slice(0, DAYS_SHOWN);
  const rows = shown.map((of) => ({
    name: dayTime(`${of.day}T00:00:00Z`).replace(/ \d\d:\d\d$/, ""),
    values: [short(of.traces), bytes(of.trace_bytes), bytes(of.io_bytes)],
  }));
  const more = days.length - shown.length;
  return lines(
    table([8, 8, 8], [{ name: "", values: ["runs", "traces", "I/O"] }, ...rows]),
    ...(more > 0 ? [literal(`and ${many(more, "day")} before`)] : []),
  );
}

/** What one takes, and what all else does. */
function costs(storage: TraceStorage): Html {
  const { bytes_per_trace, io_bytes_per_trace, large_traces, cost_microusd_per_1000_traces, ingest_p95_ms } = storage;
  const rows: [string, string | null][] = [
    ["A trace", bytes_per_trace === null ? null : bytes(bytes_per_trace)],
    ["Its I/O", io_bytes_per_trace === null ? null : bytes(io_bytes_per_trace)],
    ["Traces over 5 kB", large_traces > 0 ? short(large_traces) : null],
    ["Rollups", bytes(storage.rollup_bytes)],
    ["Cost of 1,000 runs", money(cost_microusd_per_1000_traces, true)],
    ["Storing a batch, p95", ingest_p95_ms === null ? null : duration(Math.round(ingest_p95_ms))],
  ];
  return table([10], rows.flatMap(([name, value]) => value === null ? [] : [{ name, values: [value] }]));
}

function retention({ settings }: TraceStorage): Html {
  return lines(
    literal(`Traces: ${many(settings.trace_days, "day")}, since ${day(settings.traces_from)}`),
    literal(`I/O: ${many(settings.io_days, "day")}, errors and ${settings.io_sample_percent} % of others`),
  );
}

function guard({ guard: { io_sample_percent, steps } }: TraceStorage): Html[] {
  if (io_sample_percent === null && steps.length === 0) return [];
  const state = io_sample_percent === null
    ? "The quota guard has nothing to do now."
    : `⚠️ The quota guard stores I/O of only ${io_sample_percent} % of the runs, errors among them.`;
  return [lines(
    literal(state),
    ...steps.slice(0, STEPS_SHOWN).map((step) =>
      line`• ${literal(dayTime(step.noted_at))} ${
        text([step.what, step.table && TABLES[step.table], step.day, step.detail].filter((part) => part).join(", "), 80)
      }`
    ),
  )];
}

function gaps({ gaps: { orphan_steps, no_steps, lost, dropped } }: TraceStorage): Html {
  const missing = [
    lost > 0 ? `${many(lost, "run")} lost` : null,
    orphan_steps > 0 ? `${many(orphan_steps, "step")} without a parent` : null,
    no_steps > 0 ? `${many(no_steps, "run")} without a step` : null,
  ].filter((part) => part !== null);
  return lines(
    literal(
      missing.length === 0
        ? "Nothing is missing in the last 24 h."
        : `Missing in the last 24 h: ${missing.join(", ")}.`,
    ),
    ...(dropped.records === 0 ? [] : [
      line`Senders dropped ${literal(count(dropped.records))}: ${
        dotted(
          ...dropped.reasons.slice(0, 3).map(({ reason, records }) =>
            line`${quoted(reason, 24)} ${literal(count(records))}`
          ),
        )
      }`,
    ]),
  );
}
