/** The words around a file: above it, and while it is made. Plain text. */
import type { Hours, ListView, TraceDetail } from "../../_shared/db.ts";
import type { Written } from "../export/rows.ts";
import type { WrittenIo } from "../export/trace.ts";
import { cut } from "./graphemes.ts";
import { bold, line, lines } from "./html.ts";
import { HOME, type Screen, screen } from "./screen.ts";
import { count } from "./units.ts";

const many = (n: number, one: string): string => `${count(n)} ${one}${n === 1 ? "" : "s"}`;

export function rowsCaption({ rows, capped }: Written, { total, total_exact }: ListView): string {
  const of = `${total_exact ? "" : "about "}${count(Math.max(total, rows))}`;
  return capped ? `The first ${many(rows, "trace")} of ${of}: a file has no more.` : `${many(rows, "trace")}.`;
}

export const rowsProgress = ({ rows }: Written, { total, total_exact }: ListView): string =>
  `Exporting… ${count(rows)} of ${total_exact ? "" : "~"}${count(Math.max(total, rows))}`;

/** A caption has no code in it, so a name is left out in which Telegram could find a link or a command. */
const ofPipeline = (name: string): string => /^[\p{L}\p{M}\p{N} :_-]*$/u.test(name) ? ` of ${cut(name, 40).value}` : "";

export function traceCaption(trace: TraceDetail, readsIo: boolean, { steps, capped, refused }: WrittenIo): string {
  const what = `Trace${ofPipeline(trace.pipeline)}, ${many(trace.steps.length, "step")}`;
  if (!readsIo) return `${what}. What was sent and received is for operators.`;
  if (refused) {
    const read = steps === 0
      ? "without its texts"
      : `the texts of the first ${count(steps)} of ${count(trace.io_steps.length)}`;
    return `${what}, ${read}: you are no operator any more.`;
  }
  if (capped) {
    return `${what}, the texts of the first ${count(steps)} of ${count(trace.io_steps.length)}: a file has no more.`;
  }
  return steps === 0 ? `${what}; no texts are kept.` : `${what}, with the texts of ${count(steps)}.`;
}

export const traceProgress = ({ steps }: WrittenIo, { io_steps }: TraceDetail): string =>
  `Exporting… texts of ${count(steps)} of ${many(io_steps.length, "step")}`;

const PERIODS: Record<Hours, string> = { 1: "hour", 24: "24 hours", 168: "7 days", 720: "30 days" };

export const statsCaption = (hours: Hours): string => `Stats of the last ${PERIODS[hours]}.`;

/** @param said Whether it is known what the person wrote. */
export function fixtureCaption(said: boolean): string {
  const turn = said
    ? "What the person wrote is in it, with secrets masked: look at it before you keep it."
    : "What the person wrote is not kept: write it where the file says TODO.";
  return `A scenario. Put it into functions/synthetic/scenarios. ${turn}`;
}

/** There is nothing that could be put in a file. */
export function renderNothing(why: "filter_lost" | "gone"): Screen {
  const words = why === "gone"
    ? lines(bold(line`This trace is gone.`), line`Its day was dropped, so there is nothing to export.`)
    : lines(bold(line`This filter is no longer kept.`), line`Open the list anew, then export it.`);
  return screen("export", words, [[HOME]]);
}
