/** The request or the response of one step, a page of its text at a time. */
import type { IoPage, IoSide } from "../../_shared/db.ts";
import type { Action, Back } from "../callback.ts";
import { bold, dotted, type Html, line, lines, message, name, quote, quoted, text } from "./html.ts";
import { pagesOf, pageText } from "./io_text.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { count } from "./units.ts";

export interface IoScreenParams {
  trace_id: string;
  step: number;
  side: IoSide;
  page: number;
  back: Back;
}

export function renderIo(io: IoPage | null, params: IoScreenParams): Screen {
  const { trace_id, back } = params;
  const trace: Button = { label: "⬅️ Trace", action: { screen: "trace", trace_id, back } };
  if (io === null) return screen("io", gone(), [[trace, HOME]]);
  const opens = (change: Partial<IoScreenParams>): Action => (
    { screen: "io", ...params, page: io.page, ...change }
  );
  return screen("io", message(head(io), body(io)), [
    tabs(io, opens),
    pageButtons(io, opens),
    stepButtons(io, opens),
    [trace, HOME],
  ]);
}

function gone(): Html {
  return lines(
    bold(line`Nothing is kept of this step.`),
    line`Its request and response were not captured, or their day was dropped: the setting io_days says how many are kept.`,
  );
}

function head(io: IoPage): Html {
  const title = io.name === null ? line`step ${text(io.step)}` : name(io.name, 40);
  const model = io.model === null ? null : quoted(io.model, 40);
  return lines(
    line`💬 ${dotted(title, model, line`step ${text(io.step)}`)}`,
    line`${bold(text(io.side === "request" ? "Request" : "Response"))}${size(io)}`,
  );
}

/** ` · 1,234 characters`, and how many of them are kept where that is not all. */
function size({ side, stored_chars, request_chars, response_chars }: IoPage): Html {
  const all = side === "request" ? request_chars : response_chars;
  if (stored_chars === null || all === null) return line``;
  return all > stored_chars
    ? line` · first ${text(count(stored_chars))} of ${text(count(all))} characters`
    : line` · ${text(count(all))} ${text(all === 1 ? "character" : "characters")}`;
}

function body(io: IoPage): Html {
  const { text: around, stored_chars } = io;
  if (around === null || stored_chars === null) return line`No ${text(io.side)} was captured.`;
  return quote(pageText({ ...io, text: around, stored: stored_chars }));
}

type Opens = (change: Partial<IoScreenParams>) => Action;

/** Both sides, the shown one marked. */
function tabs(io: IoPage, opens: Opens): Button[] {
  const tab = (side: IoSide, label: string): Button => ({
    label: side === io.side ? `• ${label}` : label,
    action: opens({ side, page: side === io.side ? io.page : 0 }),
  });
  return [tab("request", "Request"), tab("response", "Response")];
}

function pageButtons(io: IoPage, opens: Opens): Button[] {
  const pages = pagesOf(io.stored_chars ?? 0, io.page_chars);
  if (pages === 1) return [];
  return [
    ...(io.page > 0 ? [{ label: "⬅️ Prev", action: opens({ page: io.page - 1 }) }] : []),
    { label: `Page ${count(io.page + 1)}/${count(pages)}`, action: opens({}) },
    ...(io.page < pages - 1 ? [{ label: "Next ➡️", action: opens({ page: io.page + 1 }) }] : []),
  ];
}

/** To the captured steps before and after this one. */
function stepButtons({ previous_step, next_step }: IoPage, opens: Opens): Button[] {
  const to = (step: number | null, label: string): Button[] =>
    step === null ? [] : [{ label, action: opens({ step, page: 0 }) }];
  return [...to(previous_step, `⏮ Step ${previous_step}`), ...to(next_step, `Step ${next_step} ⏭`)];
}
