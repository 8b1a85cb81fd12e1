/** The list: ten traces a page, two lines each, newest first. */
import type { TracePage, TraceSummary } from "../../_shared/db.ts";
import { bold, dotted, type Html, line, lines, message, name, quoted, text } from "./html.ts";
import { type Button, type Screen, screen } from "./screen.ts";
import { STATUS_ICON, usage } from "./status.ts";
import { clock, count, day, duration } from "./units.ts";

/** Columns that an error may take on the second line before a phone wraps it. */
const ERROR_COLUMNS = 32;
const BUTTONS_PER_ROW = 5;

export function renderTraces(page: TracePage): Screen {
  if (page.traces.length === 0) return noTraces();

  const plus = page.total_exact ? "" : "+";
  const title = line`${bold(text("Traces"))} · last 30 days · ${text(count(page.total) + plus)}`;
  return screen("traces", message(title, ...days(page.traces)), [...openButtons(page.traces), pageButtons(page, plus)]);
}

function noTraces(): Screen {
  const text = message(
    line`${bold(line`No traces in the last 30 days.`)}`,
    lines(
      line`If your bot has been running, check that`,
      line`• it sends to this project's address,`,
      line`• its ingest key has not been revoked,`,
      line`• its log reports no dropped traces.`,
    ),
  );
  return screen("traces", text, [[{ label: "🔄 Refresh", action: { screen: "traces" } }]]);
}

/** One block a day: the date, then its traces, numbered through the page. */
function days(traces: readonly TraceSummary[]): Html[] {
  const blocks = new Map<string, Html[]>();
  traces.forEach((trace, i) => {
    const date = day(trace.started_at);
    if (!blocks.has(date)) blocks.set(date, [line`${text(date)}, UTC`]);
    blocks.get(date)!.push(row(trace, i + 1));
  });
  return [...blocks.values()].map((rows) => lines(...rows));
}

function row(trace: TraceSummary, number: number): Html {
  const took = trace.duration_ms === null ? "running" : duration(trace.duration_ms);
  const first = line`${text(number)} ${text(STATUS_ICON[trace.status])} ${
    dotted(name(trace.pipeline, 20), text(took), text(clock(trace.started_at)))
  }`;
  const user = trace.user_id === null ? null : line`user ${text(trace.user_id)}`;
  const second = trace.status === "error" ? failure(trace) : dotted(user, ...usage(trace));
  return second.length === 0 ? first : lines(first, line`     ${second}`);
}

/** Where and what. To whom, and what it cost, is on the trace's own screen. */
function failure({ error_step, error }: TraceSummary): Html {
  return quoted([error_step, error ?? "failed"].filter((part) => part?.trim()).join(": "), ERROR_COLUMNS);
}

function openButtons(traces: readonly TraceSummary[]): Button[][] {
  const buttons = traces.map((trace, i): Button => ({
    label: String(i + 1),
    action: { screen: "trace", trace_id: trace.trace_id, back: traces[0]!.trace_id },
  }));
  return [buttons.slice(0, BUTTONS_PER_ROW), buttons.slice(BUTTONS_PER_ROW)];
}

/** The middle button loads the page again: the newest traces on the first page, the same ones on the others. */
function pageButtons({ traces, page, pages, has_newer, has_older }: TracePage, plus: string): Button[] {
  const first = traces[0]!.trace_id;
  const last = traces.at(-1)!.trace_id;
  const middle: Button = {
    label: `Page ${count(page)}/${count(pages)}${plus}`,
    action: has_newer ? { screen: "traces", cursor: { direction: "from", trace_id: first } } : { screen: "traces" },
  };
  const prev: Button = {
    label: "⬅️ Prev",
    action: { screen: "traces", cursor: { direction: "newer", trace_id: first } },
  };
  const next: Button = {
    label: "Next ➡️",
    action: { screen: "traces", cursor: { direction: "older", trace_id: last } },
  };
  return [...(has_newer ? [prev] : []), middle, ...(has_older ? [next] : [])];
}
