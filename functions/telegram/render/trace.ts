/** One trace: what ran, when, for whom, what it cost, what failed, and its steps. */
import type { TraceDetail } from "../../_shared/db.ts";
import type { Action, Back } from "../callback.ts";
import { bold, code, dotted, type Html, line, lines, MAX_VISIBLE, message, name, quoted, text } from "./html.ts";
import { type Button, type Screen, screen } from "./screen.ts";
import { STATUS_ICON, usage } from "./status.ts";
import { clockMs, day, duration } from "./units.ts";
import { DETACHED, waterfall } from "./waterfall.ts";

const ERROR_COLUMNS = 300;

/** What is asked for: a trace, and where to go back to. */
export interface TraceParams {
  trace_id: string;
  back: Back;
}

export function renderTrace(trace: TraceDetail | null, params: TraceParams, now: Date): Screen {
  const back: Button = { label: "⬅️ Back", action: wayBack(params.back) };
  if (trace === null) return screen("trace", gone(params.trace_id), [[back]]);

  const refresh: Button = { label: "🔄 Refresh", action: { screen: "trace", ...params } };
  const blocks = [head(trace, now), origin(trace), ...outcome(trace), ...legend(trace)];
  // Two line breaks stand between the blocks and the steps.
  const budget = MAX_VISIBLE - message(...blocks).length - 2;
  const steps = trace.steps.length === 0
    ? line`No steps were recorded.`
    : waterfall(trace.steps, trace.duration_ms, budget);
  return screen("trace", message(...blocks, steps), [[back, refresh]]);
}

/** What opens the screen that a trace was opened from. */
export function wayBack(back: Back): Action {
  if (back.to !== "traces") {
    return back.to === "home"
      ? { screen: "home" }
      : back.to === "alerts"
      ? { screen: "alerts", all: false }
      : { screen: back.to, hours: 24 };
  }
  const { filter, first } = back;
  return {
    screen: "traces",
    ...(filter !== undefined && { filter }),
    ...(first !== undefined && { cursor: { direction: "from", trace_id: first } }),
  };
}

function gone(trace_id: string): Html {
  return lines(
    line`${bold(line`This trace is gone.`)}`,
    line`Its day was dropped: the setting trace_days says how many are kept.`,
    code(text(trace_id)),
  );
}

function head(trace: TraceDetail, now: Date): Html {
  const age = Math.max(0, now.getTime() - Date.parse(trace.started_at));
  const running = trace.status === "running" ? line`running for ${text(duration(age))}` : null;
  const took = trace.duration_ms === null ? running : text(duration(trace.duration_ms));
  return lines(
    line`${text(STATUS_ICON[trace.status])} ${dotted(name(trace.pipeline, 40), text(trace.status), took)}`,
    line`${text(day(trace.started_at))}, ${text(clockMs(trace.started_at))} UTC`,
    ...nonEmpty(dotted(...usage(trace))),
  );
}

function origin(trace: TraceDetail): Html {
  const id = (what: string, value: number | null) => value === null ? null : line`${text(what)} ${text(value)}`;
  return lines(
    code(text(trace.trace_id)),
    ...nonEmpty(dotted(id("user", trace.user_id), id("chat", trace.chat_id))),
    ...nonEmpty(dotted(id("message", trace.message_id), id("update", trace.update_id))),
    ...(trace.release === null ? [] : [line`release ${quoted(trace.release, 40)}`]),
  );
}

/** What went wrong, if anything did. */
function outcome(trace: TraceDetail): Html[] {
  if (trace.status === "error") return [failure(trace)];
  if (trace.status === "lost") {
    return [line`It was announced, and its end has not come in time. Its bot may have stopped.`];
  }
  return [];
}

function failure(trace: TraceDetail): Html {
  const what = trace.error === null ? line`It failed without an error text.` : quoted(trace.error, ERROR_COLUMNS);
  return trace.error_step === null ? what : line`${name(trace.error_step, 40)}: ${what}`;
}

/** What a mark means that does not speak for itself. */
function legend({ steps }: TraceDetail): Html[] {
  if (!steps.some((step) => step.status === "detached")) return [];
  return [line`${text(DETACHED)} was still running when the trace was sent`];
}

const nonEmpty = (row: Html): Html[] => row.length === 0 ? [] : [row];
