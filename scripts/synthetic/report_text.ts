/** The report for people. */
import { change } from "../../functions/telegram/render/change.ts";
import { count, duration } from "../../functions/telegram/render/units.ts";
import type { Failure } from "../../functions/_shared/synthetic_work.ts";
import { notEnded, type ReportLine, type SuiteReport } from "./report.ts";
import { counted, dollars, shortId } from "./units.ts";

export type Paint = (colour: "red" | "green" | "yellow" | "grey", text: string) => string;

const MAX_TRACES = 3;
const CODES = { red: 31, green: 32, yellow: 33, grey: 2 };

export const painter = (colours: boolean): Paint => (colour, text) =>
  colours ? `\x1b[${CODES[colour]}m${text}\x1b[0m` : text;

export function textReport(report: SuiteReport, paint: Paint): string {
  const width = Math.max(...report.results.map((line) => nameOf(line, report).length), 8);
  const lines = report.results.flatMap((line) => [
    headLine(line, nameOf(line, report).padEnd(width), paint),
    ...details(line, paint).map((detail) => `    ${detail}`),
  ]);
  return [...lines, "", ...summary(report, paint)].map((line) => `${line}\n`).join("");
}

const nameOf = (line: ReportLine, { repeat }: SuiteReport) =>
  repeat > 1 ? `${line.scenario} #${line.repeat}` : line.scenario;

function headLine(line: ReportLine, name: string, paint: Paint): string {
  const { state, duration_ms, input_tokens, output_tokens, cost_microusd } = line;
  if (state !== "passed" && state !== "failed") {
    return paint("yellow", `- ${name}  ${notEnded(line)}`);
  }
  const mark = state === "passed" ? paint("green", "✓") : paint("red", "✗");
  const amounts = [
    duration(duration_ms ?? 0).padStart(8),
    `${count(input_tokens + output_tokens)} tokens`.padStart(13),
    dollars(cost_microusd).padStart(10),
  ];
  return `${mark} ${name}  ${paint("grey", amounts.join("  "))}`;
}

function details(line: ReportLine, paint: Paint): string[] {
  const changes = changesOf(line);
  return [
    ...line.failures.flatMap((failure) => failureLines(failure, paint)),
    ...line.state === "failed" ? line.judged.map(({ score, reason }) => `judged ${score}: ${reason}`) : [],
    ...traceLines(line, paint),
    ...changes ? [paint("grey", changes)] : [],
    // A real provider answers otherwise each time.
    ...line.drift.length > 0 ? [paint("grey", `${counted(line.drift.length, "answer")} other than recorded`)] : [],
    ...line.saved_microusd > 0 ? [`the cache saved ${dollars(line.saved_microusd)}`] : [],
    ...line.unconfirmed_microusd > 0 ? [paint("yellow", `${dollars(line.unconfirmed_microusd)} unconfirmed`)] : [],
    ...line.attempts > 1 ? [paint("yellow", `taken ${line.attempts} times: whoever had it before was cut off`)] : [],
  ].flatMap((text) => text.split("\n"));
}

/** Of a failure to be copied one by one; else on a line of their own. */
function traceLines({ state, trace_ids }: ReportLine, paint: Paint): string[] {
  if (state === "failed") return trace_ids.map((id) => `/admin trace ${shortId(id)}`);
  if (state !== "passed") return [];
  const shown = trace_ids.slice(0, MAX_TRACES).map(shortId).join(" ");
  const more = trace_ids.length - MAX_TRACES;
  return shown === "" ? [] : [paint("grey", `/admin trace ${shown}${more > 0 ? ` and ${more} more` : ""}`)];
}

function failureLines({ turn, expectation, message, diff = [] }: Failure, paint: Paint): string[] {
  const where = turn === 0 ? "whole conversation" : `turn ${turn}`;
  const coloured = diff.map((row) =>
    row.startsWith("- ") ? paint("green", row) : row.startsWith("+ ") ? paint("red", row) : row
  );
  return [`${paint("red", `${where}, ${expectation}:`)} ${message}`, ...coloured.map((row) => `  ${row}`)];
}

/** Against the last run, and the median of the last ten. What was broken off is as short and as cheap as it is by chance. */
function changesOf({ state, duration_ms, cost_microusd, last, median }: ReportLine): string | undefined {
  if (!last || duration_ms === null || (state !== "passed" && state !== "failed")) return undefined;
  const against = (before: { duration_ms: number; cost_microusd: number | null }) =>
    [["time", change(duration_ms, before.duration_ms)], ["cost", change(cost_microusd, before.cost_microusd)]]
      .flatMap(([what, by]) => by === null ? [] : [`${what} ${by}`]);
  const parts = [
    `last run${last.state === state ? "" : ` ${last.state}`}${
      last.same_hash ? "" : ", the scenario or its models were others"
    }: ${against(last).join(", ") || "the same"}`,
    ...median ? [`median of ${median.runs}: ${against(median).join(", ") || "the same"}`] : [],
  ];
  return `against the ${parts.join("; ")}`;
}

function summary(report: SuiteReport, paint: Paint): string[] {
  const { totals, mode, results, ceiling_microusd, run_id } = report;
  const neverBegun = totals.not_run - totals.broken_off;
  const counts = [
    paint("green", `${totals.passed} passed`),
    ...totals.failed > 0 ? [paint("red", `${totals.failed} failed`)] : [],
    ...totals.broken_off > 0 ? [paint("yellow", `${totals.broken_off} broken off`)] : [],
    ...neverBegun > 0 ? [paint("yellow", `${neverBegun} not run`)] : [],
  ];
  const tokens = `${counted(totals.calls, "call")}, ${count(totals.input_tokens)} tokens in, ${
    count(totals.output_tokens)
  } out`;
  const flaky = flakyOf(results);
  const unrecorded = unrecordedOf(results);
  const only = [report.tier, ...unrecorded.length > MAX_NAMED ? [] : unrecorded].join(" ");
  return [
    `${report.tier}, ${MODES[mode]}: ${counts.join(", ")}; ${duration(totals.duration_ms)}, ${tokens}`,
    mode === "replay"
      ? `recorded cost ${dollars(totals.cost_microusd)}, spent nothing`
      : `spent ${dollars(totals.spent_microusd)} of ${dollars(ceiling_microusd)}${
        totals.unconfirmed_microusd > 0 ? `, of it ${dollars(totals.unconfirmed_microusd)} unconfirmed` : ""
      }${totals.saved_microusd > 0 ? `; the cache saved ${dollars(totals.saved_microusd)}` : ""}`,
    ...unrecorded.length > 0
      ? [paint("yellow", `record what is missing, which costs: npm run synthetic -- ${only} --record missing`)]
      : [],
    ...totals.excess_microusd > 0
      ? [
        paint("red", `${dollars(totals.excess_microusd)} was billed above the most that prices allow.`) +
        " Look at the provider's bill and at `prices` in bot.ts. It counts against the caps of today and this month: docs/synthetic.md.",
      ]
      : [],
    ...flaky.length > 0 ? [paint("yellow", `flaky: ${flaky.join(", ")}`)] : [],
    ...STATES[report.state] ? [paint("yellow", STATES[report.state]!)] : [],
    // Where more was billed than agreed to, more is no advice.
    ...report.crossed && totals.excess_microusd === 0 ? [paint("yellow", CROSSED[report.crossed])] : [],
    ...run_id ? [paint("grey", `run ${run_id}`)] : [],
  ];
}

const MODES = { live: "live", replay: "dry run", missing: "recordings and live" };

const STATES: Partial<Record<SuiteReport["state"], string>> = {
  stopped: "The run was stopped.",
  abandoned: "The run was given up: nobody worked on it.",
};

const CROSSED = {
  cap_run: "The run ended before the call that would have crossed its ceiling. Give it more with --spend.",
  cap_day:
    "The run ended before the call that would have crossed the cap of the day (UTC). An owner can raise it: docs/synthetic.md.",
  cap_month:
    "The run ended before the call that would have crossed the cap of the month (UTC). An owner can raise it: docs/synthetic.md.",
};

/** What a person still reads before they run it; with more of them the tier is named. */
const MAX_NAMED = 5;

/** Scenarios of which a recording is missing. */
const unrecordedOf = (results: readonly ReportLine[]): string[] => [
  ...new Set(
    results.filter(({ failures }) => failures.some(({ expectation }) => expectation === "recording"))
      .map(({ scenario }) => scenario),
  ),
];

/** Scenarios that both passed and failed. */
function flakyOf(results: readonly ReportLine[]): string[] {
  const names = [...new Set(results.map(({ scenario }) => scenario))];
  return names.flatMap((name) => {
    const ran = results.filter(({ scenario, state }) =>
      scenario === name && (state === "passed" || state === "failed")
    );
    const passed = ran.filter(({ state }) => state === "passed").length;
    return passed > 0 && passed < ran.length ? [`${name} (${passed} of ${ran.length} passed)`] : [];
  });
}
