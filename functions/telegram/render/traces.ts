/** The list: ten traces a page, two lines each, newest, slowest or dearest first. */
import type { ListView, PageCursor, TraceSummary } from "../../_shared/db.ts";
import type { Action } from "../callback.ts";
import { conditions, filterButtons, listAction, type Order, ORDER_WORDS, windowOf } from "./filter.ts";
import { bold, dotted, type Html, line, lines, message, name, quoted, text } from "./html.ts";
import { type Button, numberRows, type Screen, screen } from "./screen.ts";
import { STATUS_ICON, usage } from "./status.ts";
import { clock, count, day, dayTime, duration, lastDays } from "./units.ts";

/** Columns that an error may take on the second line before a phone wraps it. */
const ERROR_COLUMNS = 32;

export function renderTraces(view: ListView, now: Date): Screen {
  const { traces, filter, filter_lost, searched_to, total, total_exact } = view;
  const { order = "newest" } = filter;
  const window = windowOf(view) ?? lastDays(view.from, now);
  const empty = traces.length === 0 && searched_to === null;
  if (empty && Object.keys(filter).length === 0) return noTraces(window);

  const title = dotted(
    bold(text(ORDER_WORDS[order])),
    ...conditions(filter),
    text(window),
    text(count(total) + plus(total_exact)),
  );
  const blocks = [
    ...(filter_lost ? [line`The filter of this list is no longer known. These are all traces.`] : []),
    title,
    ...(order === "newest" ? days(traces) : ranks(traces, order)),
    ...(empty ? [line`Nothing matches. Change the filter with the buttons below.`] : searched(view)),
  ];
  return screen("traces", message(...blocks), [...openButtons(view), pageButtons(view), ...filterButtons(view)]);
}

function noTraces(window: string): Screen {
  const answer = message(
    bold(line`No traces in the ${text(window)}.`),
    lines(
      line`If your bot has been running, check that`,
      line`• it sends to this project's address,`,
      line`• its ingest key has not been revoked,`,
      line`• its log reports no dropped traces.`,
    ),
  );
  const buttons: Button[] = [
    { label: "🔄 Refresh", action: { screen: "traces" } },
    { label: "🏠", action: { screen: "home" } },
  ];
  return screen("traces", answer, [buttons]);
}

/** How far a search has come that was stopped before the page was full. */
function searched({ searched_to, traces, filter: { order = "newest" } }: ListView): Html[] {
  if (searched_to === null) return [];
  const found = traces.length === 0 ? "Nothing found" : "Nothing more found";
  if (order !== "newest") return [line`${text(found)} so far among the ${text(order)} traces.`];
  return [line`${text(found)} back to ${text(day(searched_to))}, ${text(clock(searched_to))} UTC.`];
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

/** Those that are not in the order of time, in one block. */
const ranks = (traces: readonly TraceSummary[], order: Order): Html[] =>
  traces.length === 0 ? [] : [lines(...traces.map((trace, i) => row(trace, i + 1, order)))];

function row(trace: TraceSummary, number: number, order: Order = "newest"): Html {
  const took = trace.duration_ms === null ? trace.status : duration(trace.duration_ms);
  const [, cost] = usage(trace);
  const first = line`${text(number)} ${text(STATUS_ICON[trace.status])} ${
    dotted(
      name(trace.pipeline, 20),
      // What an error costs stands nowhere else.
      order === "dearest" && trace.status === "error" ? cost : text(took),
      text(order === "newest" ? clock(trace.started_at) : dayTime(trace.started_at)),
    )
  }`;
  const user = trace.user_id === null ? null : line`user ${text(trace.user_id)}`;
  const second = trace.status === "error" ? failure(trace) : dotted(user, ...usage(trace));
  return second.length === 0 ? first : lines(first, line`     ${second}`);
}

/** Where and what. To whom, and what it cost, is on the trace's own screen. */
function failure({ error_step, error }: TraceSummary): Html {
  return quoted([error_step, error ?? "failed"].filter((part) => part?.trim()).join(": "), ERROR_COLUMNS);
}

function openButtons(view: ListView): Button[][] {
  const { filter } = listAction(view);
  const first = view.traces[0]?.trace_id;
  const back = {
    to: "traces" as const,
    ...(filter !== undefined && { filter }),
    ...(first !== undefined && { first }),
  };
  return numberRows(view.traces.map(({ trace_id }) => ({ screen: "trace", trace_id, back })));
}

/** The middle button loads the page again: the newest traces on the first page, the same ones on the others. */
function pageButtons(view: ListView): Button[] {
  const { traces, has_newer, has_older, older_cursor, searched_to } = view;
  const to = (direction: PageCursor["direction"], trace_id: string): Action => (
    { ...listAction(view), cursor: { direction, trace_id } }
  );
  // An empty page stands where its search stopped.
  const first = traces[0]?.trace_id ?? older_cursor;
  const buttons: Button[] = [];
  if (has_newer && first) buttons.push({ label: "⬅️ Prev", action: to("newer", first) });
  if (traces.length > 0) {
    buttons.push({ label: pageLabel(view), action: has_newer && first ? to("from", first) : listAction(view) });
  }
  if (has_older && older_cursor) {
    buttons.push({ label: searched_to === null ? "Next ➡️" : "Search on ➡️", action: to("older", older_cursor) });
  }
  return buttons;
}

/** `Page 3/50`, with `+` after what is only a lower bound. */
const pageLabel = ({ page, page_exact, pages, total_exact }: ListView): string =>
  `Page ${count(page)}${plus(page_exact)}/${count(pages)}${plus(total_exact)}`;

const plus = (exact: boolean): string => exact ? "" : "+";
