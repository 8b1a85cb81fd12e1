/** Steps as a text waterfall: name, duration and a bar, in 32 columns of a monospace font, which a phone does not wrap. */
import type { WireStep } from "../../../tracer/wire.ts";
import { cut } from "./graphemes.ts";
import { type Html, line, lines, literal, padded, pre, text } from "./html.ts";
import { duration } from "./units.ts";

/** More rows than this are no longer read on a phone. */
const MAX_ROWS = 60;
const COLUMNS = 32;
const NAME_COLUMNS = 20;
const MIN_BAR_COLUMNS = 4;
/** Mark of a step that was still running, as its author wanted, when the trace was sent. */
export const DETACHED = "→";
/** Deeper steps are indented no further. */
const MAX_INDENT = 6;

/**
 * Up to 60 steps, and no more than fit in `budget` visible UTF-16 units, in their order; then how many more there are.
 * Failed steps are kept before others.
 *
 * @param total_ms How long the trace took; null while it runs.
 */
export function waterfall(steps: readonly WireStep[], total_ms: number | null, budget: number): Html {
  const rows = allRows(steps, total_ms);
  const failedFirst = [...rows.keys()].sort((a, b) => Number(failed(steps[b]!)) - Number(failed(steps[a]!)) || a - b);

  const kept = new Set<number>();
  let left = budget - more(steps.length).length;
  for (const i of failedFirst.slice(0, MAX_ROWS)) {
    left -= rows[i]!.length + 1;
    if (left < 0) break;
    kept.add(i);
  }
  const shown = rows.filter((_, i) => kept.has(i));
  return pre(lines(...shown, ...(kept.size < rows.length ? [more(rows.length - kept.size)] : [])));
}

const more = (n: number): Html => line`… and ${text(n)} more ${text(n === 1 ? "step" : "steps")}`;

const failed = (step: WireStep): boolean => step.status === "error";

const MARKS = { ok: "", error: " ✗", detached: ` ${DETACHED}` } as const;

const markOf = (step: WireStep): string => MARKS[step.status ?? "ok"];

function allRows(steps: readonly WireStep[], total_ms: number | null): Html[] {
  // A step may outlive its trace, when nobody awaited it.
  const total = Math.max(total_ms ?? 0, ...steps.map((step) => step.offset_ms + step.duration_ms));
  const times = steps.map((step) => duration(step.duration_ms));
  const timeColumns = Math.max(...times.map((time) => time.length));
  // A mark stands after the bar, where a glyph of unusual width shifts nothing.
  const markColumns = Math.max(...steps.map((step) => markOf(step).length));
  const room = COLUMNS - timeColumns - markColumns - 2;
  const indents = depths(steps).map((depth) => Math.min(depth, MAX_INDENT));
  const longest = Math.max(...steps.map((step, i) => indents[i]! + cut(step.name, NAME_COLUMNS).columns));
  const nameColumns = Math.min(longest, NAME_COLUMNS, room - MIN_BAR_COLUMNS);

  return steps.map((step, i) => {
    const name = padded(step.name, nameColumns - indents[i]!);
    const time = times[i]!.padStart(timeColumns);
    return line`${literal(" ".repeat(indents[i]!))}${name} ${
      literal(`${time} ${bar(step, total, room - nameColumns)}${markOf(step)}`)
    }`;
  });
}

/** Eighths of a block, from one to seven. */
const EIGHTHS = "▏▎▍▌▋▊▉";

/**
 * Where in the trace the step ran: spaces up to its start, then as much of a bar as it took, to an eighth of a column
 * and at least that. There are no blocks that start within a column, so a bar stands up to a column early.
 */
function bar(step: WireStep, total: number, columns: number): string {
  const scale = total === 0 ? 0 : columns / total;
  const start = Math.min(Math.floor(step.offset_ms * scale), columns - 1);
  const eighths = Math.min(Math.max(1, Math.round(step.duration_ms * scale * 8)), (columns - start) * 8);
  return " ".repeat(start) + "█".repeat(Math.floor(eighths / 8)) + (EIGHTHS[eighths % 8 - 1] ?? "");
}

/** How many steps enclose each step. `parent` counts from 1; where no earlier step is there, the step is at the top level. */
export function depths(steps: readonly WireStep[]): number[] {
  const found: number[] = [];
  for (const { parent } of steps) found.push((found[(parent ?? 0) - 1] ?? -1) + 1);
  return found;
}
