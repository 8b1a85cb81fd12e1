/** One trace as a picture: a row a step, its bar where in time it ran. */
import type { TraceDetail } from "../../_shared/db.ts";
import type { WireStep } from "../../../tracer/wire.ts";
import type { Theme } from "../callback.ts";
import { isCall } from "../render/calls.ts";
import { money, tokens } from "../render/units.ts";
import { clock, count, date, duration } from "../render/units.ts";
import { depths } from "../render/waterfall.ts";
import { shortTime, timeMarks } from "./scale.ts";
import { CHARACTER, drawable, element, label, MARGIN, picture, rectangle, type Svg, WIDTH } from "./svg.ts";
import { COLOURS, type Colours } from "./theme.ts";

/** With more rows, Telegram would shrink the picture until nobody can read it. */
const MAX_ROWS = 40;
const ROOMY_ROWS = 20;
const NAME_COLUMNS = 20;
const NAME_SIZE = 30;
const SMALL = 28;
const BARS = MARGIN + NAME_COLUMNS * NAME_SIZE * CHARACTER + 12;
const TIME_WIDTH = 150;
const BARS_END = WIDTH - MARGIN - TIME_WIDTH;
const MAX_INDENT = 5;

interface Row {
  step: WireStep;
  name: string;
  depth: number;
}

export function waterfallSvg(trace: TraceDetail, theme: Theme): Svg {
  const colours = COLOURS[theme];
  const { rows, left, whole } = chosen(trace.steps);
  const total = Math.max(1, trace.duration_ms ?? 0, ...trace.steps.map((step) => step.offset_ms + step.duration_ms));
  const rowHeight = rows.length <= ROOMY_ROWS ? 56 : 44;

  const head = header(trace, colours);
  const top = head.height + 56;
  const bottom = top + Math.max(1, rows.length) * rowHeight;
  const foot = footer(trace, rows, left, whole, bottom + 52, colours);
  const empty = rows.length === 0
    ? [
      label(WIDTH / 2, top + 36, "No steps were recorded.", { size: NAME_SIZE, fill: colours.muted, anchor: "middle" }),
    ]
    : [];
  return picture(
    foot.bottom + MARGIN,
    colours.ground,
    head.svg,
    ...rows.map((_, i) =>
      i % 2
        ? ""
        : rectangle(MARGIN - 16, top + i * rowHeight, WIDTH - 2 * MARGIN + 32, rowHeight, colours.panel, { rx: 8 })
    ),
    axis(total, top, bottom, colours),
    ...rows.map((row, i) => drawnRow(row, total, top + i * rowHeight, rowHeight, colours)),
    ...empty,
    foot.svg,
  );
}

/** All steps; of too many the failed and then the longest, in their order. */
function chosen(steps: readonly WireStep[]): { rows: Row[]; left: number; whole: boolean } {
  const failed = (i: number) => Number(steps[i]!.status === "error");
  const kept = new Set(
    [...steps.keys()].sort((a, b) => failed(b) - failed(a) || steps[b]!.duration_ms - steps[a]!.duration_ms || a - b)
      .slice(0, MAX_ROWS),
  );
  let whole = true;
  const depth = depths(steps);
  const rows = steps.flatMap((step, i): Row[] => {
    if (!kept.has(i)) return [];
    const indent = Math.min(depth[i]!, MAX_INDENT);
    const name = drawable(step.name, NAME_COLUMNS - indent, `step ${i + 1}`);
    whole &&= name.whole;
    return [{ step, name: name.value, depth: indent }];
  });
  return { rows, left: steps.length - rows.length, whole };
}

function header(trace: TraceDetail, colours: Colours): { svg: Svg; height: number } {
  const took = trace.duration_ms === null ? [] : [duration(trace.duration_ms)];
  const title = [drawable(trace.pipeline, 22, "pipeline").value, trace.status, ...took].join(" · ");
  const used = [tokens(trace.input_tokens, trace.output_tokens), money(trace.cost_microusd, trace.cost_complete)];
  const when = `${date(trace.started_at)}, ${clock(trace.started_at)} UTC`;
  const details = [when, ...used.filter((part) => part !== null)].join(" · ");
  const failed = trace.status === "error"
    ? [[trace.error_step, trace.error ?? "failed"].filter(Boolean).join(": ")]
    : [];
  const svg = [
    label(MARGIN, 74, title, { size: 38, fill: trace.status === "error" ? colours.error : colours.text, bold: true }),
    label(MARGIN, 116, details, { size: SMALL, fill: colours.muted }),
    ...failed.map((text) =>
      label(MARGIN, 158, drawable(text, 58, "failed").value, { size: SMALL, fill: colours.error })
    ),
  ];
  return { svg: svg.join(""), height: 126 + failed.length * 42 };
}

const at = (ms: number, total: number): number => BARS + ms / total * (BARS_END - BARS);

function axis(total: number, top: number, bottom: number, colours: Colours): Svg {
  return timeMarks(total, 5).map((ms) => {
    const x = at(ms, total);
    return rectangle(x - 1, top - 10, 2, bottom - top + 10, colours.line) +
      label(x, top - 20, shortTime(ms), { size: SMALL, fill: colours.muted, anchor: ms === 0 ? "start" : "middle" });
  }).join("");
}

function colourOf({ step }: Row, colours: Colours): string {
  if (step.status === "error") return colours.error;
  if (step.status === "detached") return colours.detached;
  return isCall(step) ? colours.call : colours.step;
}

function drawnRow(row: Row, total: number, y: number, height: number, colours: Colours): Svg {
  const { step } = row;
  const fill = colourOf(row, colours);
  const base = y + height / 2 + 10;
  const start = Math.min(at(step.offset_ms, total), BARS_END - 4);
  // Short ones are seen, too.
  const end = Math.max(start + 4, at(step.offset_ms + step.duration_ms, total));
  const waited = step.first_token_ms === undefined
    ? start
    : Math.min(end, at(step.offset_ms + step.first_token_ms, total));
  const bar = { y: y + 10, height: height - 20 };
  return [
    label(MARGIN + row.depth * NAME_SIZE * CHARACTER, base, row.name, {
      size: NAME_SIZE,
      fill: step.status === "error" ? colours.error : colours.text,
    }),
    step.status === "detached"
      ? rectangle(start, bar.y, end - start, bar.height, fill, {
        rx: 4,
        "fill-opacity": 0.25,
        stroke: fill,
        "stroke-width": 2,
      })
      : rectangle(start, bar.y, end - start, bar.height, fill, {
        rx: 4,
        ...(waited > start && { "fill-opacity": 0.4 }),
      }),
    ...(waited > start && step.status !== "detached"
      ? [rectangle(waited, bar.y, end - waited, bar.height, fill, { rx: 4 })]
      : []),
    label(WIDTH - MARGIN, base, duration(step.duration_ms), { size: SMALL, fill: colours.text, anchor: "end" }),
  ].join("");
}

/** What the colours mean, of those that are there, and what is not shown. */
function footer(
  { steps }: TraceDetail,
  rows: readonly Row[],
  left: number,
  whole: boolean,
  y: number,
  colours: Colours,
): { svg: Svg; bottom: number } {
  const has = (test: (step: WireStep) => boolean) => rows.some(({ step }) => test(step));
  const entries: [string, string][] = [
    ...(has((step) => !step.status || step.status === "ok" ? !isCall(step) : false)
      ? [["step", colours.step]]
      : []) as [string, string][],
    ...(has((step) => (step.status ?? "ok") === "ok" && isCall(step)) ? [["LLM call", colours.call]] : []) as [
      string,
      string,
    ][],
    ...(has((step) => step.status === "error") ? [["failed", colours.error]] : []) as [string, string][],
    ...(has((step) => step.status === "detached") ? [["detached", colours.detached]] : []) as [string, string][],
  ];
  let x = MARGIN;
  const legend = entries.map(([name, fill]) => {
    const drawn = rectangle(x, y - 20, 24, 24, fill, { rx: 4 }) +
      label(x + 34, y, name, { size: SMALL, fill: colours.muted });
    x += 34 + name.length * SMALL * CHARACTER + 36;
    return drawn;
  });
  const notes = [
    ...(has((step) => step.first_token_ms !== undefined) ? ["Pale: until the first token."] : []),
    ...(left > 0
      ? [`${count(left)} shorter ${left === 1 ? "step" : "steps"} of ${count(steps.length)} not shown.`]
      : []),
    ...(whole ? [] : ["… stands for letters that have no font here."]),
  ];
  const first = entries.length > 0 ? y + 42 : y;
  return {
    svg: element(
      "g",
      {},
      ...legend,
      ...notes.map((note, i) => label(MARGIN, first + i * 36, note, { size: SMALL, fill: colours.muted })),
    ),
    bottom: (notes.length > 0 ? first + (notes.length - 1) * 36 : y) + 4,
  };
}
