/** How the bot did in a window, against the one before: numbers, pipelines, slowest steps. */
import type { Hours, RunStats, TraceStats } from "../../_shared/db.ts";
import { percent } from "./change.ts";
import { bold, dotted, type Html, line, lines, literal, message } from "./html.ts";
import { short } from "./measured.ts";
import { type Screen, screen } from "./screen.ts";
import { type Row, table } from "./table.ts";
import { count, dayTime, duration, ended, lastHours, money } from "./units.ts";
import { windowButtons } from "./windows.ts";

const UNKNOWN = "–";

/** Of a window. With less of it to come, its numbers are comparable with those of the window before. */
const NOTABLE_SHARE = 0.05;

export function renderStats(stats: TraceStats, hours: Hours, now: Date): Screen {
  const { window, running, lost, pipelines, slowest_steps } = stats;
  const answer = message(
    lines(
      dotted(bold(literal("Stats")), literal(lastHours(hours))),
      ...period(window, now),
    ),
    numbers(stats),
    ...(running + lost === 0 ? [] : [literal(`⏳ ${count(running)} running · ❓ ${count(lost)} lost`)]),
    ...(pipelines.length === 0 ? [] : [titled("Pipelines", pipelineRows(stats), [8, 6, 8])]),
    ...(slowest_steps.length === 0 ? [] : [titled("Slowest steps", stepRows(stats), [8, 8])]),
    ...(window.unpriced_calls === 0 ? [] : [literal(unpriced(window.unpriced_calls))]),
  );
  return screen("stats", answer, [
    windowButtons("stats", hours),
    [
      { label: "📤 Export", action: { screen: "export", of: "stats", hours } },
      { label: "🖼 Chart", action: { screen: "picture", of: "chart", theme: "light" } },
    ],
    [
      { label: "Errors", action: { screen: "errors", hours } },
      { label: "🔄 Refresh", action: { screen: "stats", hours } },
      { label: "🏠", action: { screen: "home" } },
    ],
  ]);
}

/** The window has whole buckets, so its last one may not be over. */
function period({ from, to }: RunStats, now: Date): Html[] {
  const until = ended(to, now);
  const missing_ms = Date.parse(to) - Date.parse(until);
  const isNotable = missing_ms > NOTABLE_SHARE * (Date.parse(to) - Date.parse(from));
  return [
    line`${literal(dayTime(from))} – ${literal(dayTime(until))} UTC`,
    ...(isNotable ? [literal(`${duration(missing_ms)} shorter than the window before`)] : []),
  ];
}

const unpriced = (calls: number): string =>
  `${count(calls)} LLM ${calls === 1 ? "call has" : "calls have"} no price: the cost is a lower bound.`;

const titled = (title: string, rows: readonly Row[], widths: readonly number[]): Html =>
  lines(bold(literal(title)), table(widths, rows));

function numbers({ window, before }: TraceStats): Html {
  const both = (name: string, of: (stats: RunStats) => string): Row => ({ name, values: [of(window), of(before)] });
  const known = (name: string, of: (stats: RunStats) => number | null): Row[] =>
    of(window) === null && of(before) === null ? [] : [both(name, (stats) => shortOf(of(stats)))];
  return table([10, 10], [
    { name: "", values: ["now", "before"] },
    both("Runs", (stats) => short(stats.count)),
    both(
      "Per hour",
      (stats) => stats.per_hour < 100 ? String(Math.round(stats.per_hour * 10) / 10) : short(stats.per_hour),
    ),
    both("Failed", (stats) => short(stats.errors)),
    both("Error rate", (stats) => stats.error_rate === null ? UNKNOWN : percent(stats.error_rate)),
    both("p50", (stats) => took(stats.p50_ms)),
    both("p95", (stats) => took(stats.p95_ms)),
    both("p99", (stats) => took(stats.p99_ms)),
    ...known("Tokens in", (stats) => stats.input_tokens),
    ...known("↳ cached", (stats) => stats.cached_tokens),
    ...known("Tokens out", (stats) => stats.output_tokens),
    ...known("↳ reasoning", (stats) => stats.reasoning_tokens),
    both("Cost", (stats) => money(stats.cost_microusd, true) ?? UNKNOWN),
  ]);
}

const took = (ms: number | null): string => ms === null ? UNKNOWN : duration(Math.round(ms));
const shortOf = (value: number | null): string => value === null ? UNKNOWN : short(value);

function pipelineRows({ pipelines }: TraceStats): Row[] {
  return [
    { name: "", values: ["runs", "fail", "p95"] },
    ...pipelines.map((of) => ({
      name: of.pipeline,
      values: [short(of.count), percent(of.errors / of.count).replace(" %", "%"), took(of.p95_ms)],
    })),
  ];
}

function stepRows({ slowest_steps }: TraceStats): Row[] {
  return [
    { name: "", values: ["mean", "p95"] },
    ...slowest_steps.map((of) => ({ name: of.step, values: [took(of.mean_ms), took(of.p95_ms)] })),
  ];
}
