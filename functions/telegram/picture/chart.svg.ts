/** How long runs took in a window, and how many there were and failed, as a picture of two panels over one time axis. */
import type { Series, SeriesPoint } from "../../_shared/db.ts";
import type { Theme } from "../callback.ts";
import { count, dayTime, duration, ended } from "../render/units.ts";
import { countMarks, shortTime, timeMarks } from "./scale.ts";
import { CHARACTER, element, label, MARGIN, picture, rectangle, stroke, type Svg, WIDTH } from "./svg.ts";
import { COLOURS, type Colours } from "./theme.ts";

const HEIGHT = 1080;
const SMALL = 28;
const LEFT = 150;
const RIGHT = WIDTH - MARGIN;
const LATENCY = { top: 220, bottom: 600 };
const RUNS = { top: 720, bottom: 980 };
const HOUR_MS = 3_600_000;

type Panel = typeof LATENCY;

export function chartSvg(series: Series, theme: Theme, now: Date): Svg {
  const colours = COLOURS[theme];
  const { points } = series;
  const runs = points.reduce((sum, point) => sum + point.count, 0);
  const errors = points.reduce((sum, point) => sum + point.errors, 0);
  const hours = Math.round((Date.parse(series.to) - Date.parse(series.from)) / HOUR_MS);
  const share = runs === 0 ? "" : ` (${(errors / runs * 100).toFixed(1)} %)`;
  const until = `until ${dayTime(ended(series.to, now))} UTC`;
  const none = runs === 0
    ? [label((LEFT + RIGHT) / 2, (LATENCY.top + LATENCY.bottom) / 2, "No runs ended in this time.", {
      size: 30,
      fill: colours.muted,
      anchor: "middle",
    })]
    : [];
  return picture(
    HEIGHT,
    colours.ground,
    label(MARGIN, 74, `Last ${hours} ${hours === 1 ? "hour" : "hours"}`, { size: 38, fill: colours.text, bold: true }),
    label(RIGHT, 74, until, { size: SMALL, fill: colours.muted, anchor: "end" }),
    label(MARGIN, 120, `${count(runs)} ${runs === 1 ? "run" : "runs"} · ${count(errors)} failed${share}`, {
      size: SMALL,
      fill: colours.muted,
    }),
    latency(points, colours),
    bars(points, colours),
    ...none,
    hourMarks(series, colours),
  );
}

function latency(points: readonly SeriesPoint[], colours: Colours): Svg {
  const slowest = Math.max(...points.map((point) => point.p95_ms ?? 0)) || 1000;
  const marks = timeMarks(slowest, 4, true);
  const y = (ms: number) => LATENCY.bottom - ms / marks.at(-1)! * (LATENCY.bottom - LATENCY.top);
  const last = (key: "p50_ms" | "p95_ms"): string => {
    const value = points.findLast((point) => point[key] !== null)?.[key];
    return value === undefined || value === null ? "" : `, last ${duration(Math.round(value))}`;
  };
  return element(
    "g",
    {},
    legend(
      LATENCY.top - 40,
      [[`p95${last("p95_ms")}`, colours.p95], [`p50${last("p50_ms")}`, colours.p50]],
      "Latency",
      colours,
    ),
    grid(LATENCY, marks.map((ms) => [y(ms), shortTime(ms)]), colours),
    curve(points, "p95_ms", y, colours.p95),
    curve(points, "p50_ms", y, colours.p50),
  );
}

/** A line through what is known, with a gap where nothing ran; a lone bucket is a dot. */
function curve(
  points: readonly SeriesPoint[],
  key: "p50_ms" | "p95_ms",
  y: (ms: number) => number,
  colour: string,
): Svg {
  const pieces: [number, number][][] = [[]];
  points.forEach((point, i) => {
    const value = point[key];
    if (value === null) pieces.push([]);
    else pieces.at(-1)!.push([middle(i, points.length), y(value)]);
  });
  return pieces.filter((piece) => piece.length > 0).map((piece) =>
    piece.length === 1
      ? element("circle", { cx: piece[0]![0], cy: piece[0]![1], r: 5, fill: colour })
      : stroke(piece, colour, { "stroke-width": 4, "stroke-linejoin": "round", "stroke-linecap": "round" })
  ).join("");
}

function bars(points: readonly SeriesPoint[], colours: Colours): Svg {
  const marks = countMarks(Math.max(1, ...points.map((point) => point.count)), 3);
  const height = (n: number) => n / marks.at(-1)! * (RUNS.bottom - RUNS.top);
  const width = (RIGHT - LEFT) / Math.max(1, points.length);
  const gap = Math.min(4, width / 5);
  return element(
    "g",
    {},
    legend(RUNS.top - 40, [["ok", colours.runs], ["failed", colours.error]], "Runs", colours),
    grid(RUNS, marks.map((n) => [RUNS.bottom - height(n), count(n)]), colours),
    ...points.flatMap((point, i) => {
      const x = LEFT + i * width + gap / 2;
      // One failure among thousands is seen, too.
      const failed = point.errors === 0 ? 0 : Math.max(4, height(point.errors));
      return [
        rectangle(x, RUNS.bottom - height(point.count), width - gap, height(point.count), colours.runs),
        ...(failed > 0 ? [rectangle(x, RUNS.bottom - failed, width - gap, failed, colours.error)] : []),
      ];
    }),
  );
}

/** What a panel shows, and what each colour means. */
function legend(y: number, entries: readonly [string, string][], title: string, colours: Colours): Svg {
  let x = RIGHT;
  const drawn = [...entries].reverse().map(([name, fill]) => {
    x -= name.length * SMALL * CHARACTER;
    const entry = label(x, y, name, { size: SMALL, fill: colours.text }) +
      rectangle(x - 34, y - 20, 24, 24, fill, { rx: 4 });
    x -= 34 + 32;
    return entry;
  });
  return label(MARGIN, y, title, { size: 30, fill: colours.text, bold: true }) + drawn.join("");
}

function grid(panel: Panel, rows: readonly (readonly [number, string])[], colours: Colours): Svg {
  return rectangle(LEFT, panel.top, RIGHT - LEFT, panel.bottom - panel.top, colours.panel) +
    rows.map(([y, value]) =>
      rectangle(LEFT, y - 1, RIGHT - LEFT, 2, colours.line) +
      label(LEFT - 14, y + 8, value, { size: SMALL, fill: colours.muted, anchor: "end" })
    ).join("");
}

/** Full hours, every so many that six or fewer stand below both panels. */
function hourMarks({ from, to }: Series, colours: Colours): Svg {
  const start = Date.parse(from);
  const end = Date.parse(to);
  const step = [1 / 6, 1, 2, 4, 6, 12, 24, 48, 96, 168].find((hours) => (end - start) / (hours * HOUR_MS) <= 6.5) ??
    336;
  const marks: Svg[] = [];
  for (let at = Math.ceil(start / (step * HOUR_MS)) * step * HOUR_MS; at <= end; at += step * HOUR_MS) {
    const x = LEFT + (at - start) / Math.max(1, end - start) * (RIGHT - LEFT);
    const iso = new Date(at).toISOString();
    const name = step < 24 ? iso.slice(11, 16) : iso.slice(5, 10);
    for (const { top, bottom } of [LATENCY, RUNS]) {
      marks.push(rectangle(x - 1, top, 2, bottom - top, colours.line, { "fill-opacity": 0.6 }));
      // A name at the edge would be cut off there.
      const edge = x > RIGHT - 40 ? "end" : "middle";
      marks.push(
        label(edge === "end" ? RIGHT : x, bottom + 36, name, { size: SMALL, fill: colours.muted, anchor: edge }),
      );
    }
  }
  return marks.join("");
}

const middle = (i: number, of: number): number => LEFT + (i + 0.5) * (RIGHT - LEFT) / of;
