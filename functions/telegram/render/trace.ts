/** One trace: what ran, when, for whom, what it cost, what failed, and its steps. */
import type { TraceDetail } from "../../_shared/db.ts";
import type { Back } from "../callback.ts";
import { lastRow } from "./back.ts";
import { calls, tokenClasses, totalTokens } from "./calls.ts";
import { cut } from "./graphemes.ts";
import { bold, code, dotted, type Html, line, lines, MAX_VISIBLE, message, name, quoted, text } from "./html.ts";
import { richTrace } from "./rich_trace.ts";
import { type Button, type Screen, screen } from "./screen.ts";
import { STATUS_ICON } from "./status.ts";
import { clockMs, count, day, duration, money } from "./units.ts";
import { DETACHED, waterfall } from "./waterfall.ts";

const ERROR_COLUMNS = 300;
/** Buttons of captured steps. The others are reached from these, from step to step. */
const MAX_IO_BUTTONS = 8;
const IO_BUTTONS_PER_ROW = 2;
/** Of a proportional font, before a phone wraps. */
const PHONE_COLUMNS = 38;

/** What is asked for: a trace, and where to go back to. */
export interface TraceParams {
  trace_id: string;
  back: Back;
  /** It was asked for by a message that is not known to be this run's. */
  likely?: boolean;
}

/** @param readsIo Whether the reader may open requests and responses. */
export function renderTrace(trace: TraceDetail | null, params: TraceParams, now: Date, readsIo: boolean): Screen {
  if (trace === null) return screen("trace", gone(params.trace_id), [lastRow(params.back)]);

  const [first, ...about] = head(trace, now);
  const said = [
    ...(params.likely ? [line`Likely: this message was not the run's last`] : []),
    ...notes(trace, readsIo),
  ];
  const blocks = [
    lines(first!, ...about),
    lines(...origin(trace)),
    ...outcome(trace),
    ...calls(trace),
    ...(said.length === 0 ? [] : [lines(...said)]),
  ];
  // Two line breaks stand between the blocks and the steps.
  const budget = MAX_VISIBLE - message(...blocks).length - 2;
  const steps = trace.steps.length === 0
    ? line`No steps were recorded.`
    : waterfall(trace.steps, trace.duration_ms, budget);
  const keyboard = [...(readsIo ? [...ioButtons(trace, params), fixtureRow(trace)] : []), ...actions(params)];
  const rich = richTrace(trace, first!, [...about, ...origin(trace), ...said], outcome(trace)[0] ?? null);
  return { ...screen("trace", message(...blocks, steps), keyboard), rich };
}

/** Of the captured steps the failed ones first, then in their order. */
function ioButtons({ io_steps, steps }: TraceDetail, { trace_id, back }: TraceParams): Button[][] {
  const failed = (step: number) => steps[step - 1]?.status === "error";
  const order = [...io_steps].sort((a, b) => Number(failed(b)) - Number(failed(a)) || a - b);
  const buttons = order.slice(0, MAX_IO_BUTTONS).map((step): Button => ({
    label: `${failed(step) ? "❌" : "💬"} ${step} ${cut(steps[step - 1]?.name ?? "", 13).value}`,
    action: { screen: "io", trace_id, step, side: "request", page: 0, back },
  }));
  return Array.from(
    { length: Math.ceil(buttons.length / IO_BUTTONS_PER_ROW) },
    (_, row) => buttons.slice(row * IO_BUTTONS_PER_ROW, (row + 1) * IO_BUTTONS_PER_ROW),
  );
}

/** While what the person wrote may still be kept. */
const fixtureRow = ({ trace_id, io_steps }: TraceDetail): Button[] =>
  io_steps.length === 0 ? [] : [{ label: "🧪 Make a test of this", action: { screen: "fixture", trace_id } }];

function actions({ trace_id, back }: TraceParams): Button[][] {
  return [
    [
      { label: "🖼 Picture", action: { screen: "picture", of: "trace", theme: "light", trace_id, back } },
      { label: "📤 JSON", action: { screen: "export", of: "trace", trace_id } },
    ],
    lastRow(back, { label: "🔄 Refresh", action: { screen: "trace", trace_id, back } }),
  ];
}

function gone(trace_id: string): Html {
  return lines(
    line`${bold(line`This trace is gone.`)}`,
    line`Its day was dropped: the setting trace_days says how many are kept.`,
    code(text(trace_id)),
  );
}

function head(trace: TraceDetail, now: Date): Html[] {
  const age = Math.max(0, now.getTime() - Date.parse(trace.started_at));
  const stands = trace.status === "running" ? line`running for ${text(duration(age))}` : text(trace.status);
  const took = trace.duration_ms === null ? null : text(duration(trace.duration_ms));
  return [
    line`${text(STATUS_ICON[trace.status])} ${dotted(name(trace.pipeline, 40), stands, took)}`,
    line`${text(day(trace.started_at))}, ${text(clockMs(trace.started_at))} UTC`,
    ...used(trace),
  ];
}

/** Tokens and cost: on one line where a phone shows it, or else on one for what went in and one for what came out. */
function used(trace: TraceDetail): Html[] {
  const { input, cached, output, reasoning } = totalTokens(trace);
  const none = { input: null, cached: null, output: null, reasoning: null };
  const went = tokenClasses({ ...none, input, cached });
  const came = tokenClasses({ ...none, output, reasoning });
  const cost = money(trace.cost_microusd, trace.cost_complete);
  const [first, ...rest] = [went, came, cost ?? ""].filter((part) => part !== "");
  if (first === undefined) return [];
  const words = first === cost ? first : `tokens ${first}`;
  const all = [words, ...rest].join(" · ");
  return all.length <= PHONE_COLUMNS ? [text(all)] : [text(words), text(rest.join(" · "))];
}

function origin(trace: TraceDetail): Html[] {
  const id = (what: string, value: number | null) => value === null ? null : line`${text(what)} ${text(value)}`;
  return [
    code(text(trace.trace_id)),
    ...nonEmpty(dotted(id("user", trace.user_id), id("chat", trace.chat_id))),
    ...nonEmpty(dotted(id("message", trace.message_id), id("update", trace.update_id))),
    ...(trace.release === null ? [] : [line`release ${quoted(trace.release, 40)}`]),
  ];
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

/** What a mark means that does not speak for itself, and what is there but not shown. */
function notes({ steps, io_steps }: TraceDetail, readsIo: boolean): Html[] {
  const captured = io_steps.length;
  return [
    ...(steps.some((step) => step.status === "detached")
      ? [line`${text(DETACHED)} was still running when the trace was sent`]
      : []),
    ...(captured > 0 && !readsIo
      ? [
        line`💬 What ${
          text(captured === 1 ? "1 step" : `${count(captured)} steps`)
        } sent and received is for operators`,
      ]
      : []),
    ...(captured > MAX_IO_BUTTONS && readsIo
      ? [
        line`💬 ${text(count(captured))} steps have texts. The buttons open ${
          text(MAX_IO_BUTTONS)
        }; from there on, step by step`,
      ]
      : []),
  ];
}

const nonEmpty = (row: Html): Html[] => row.length === 0 ? [] : [row];
