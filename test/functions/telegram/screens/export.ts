import type { ListView } from "../../../../functions/_shared/db.ts";
import {
  renderNothing,
  rowsCaption,
  rowsProgress,
  statsCaption,
  traceCaption,
  traceProgress,
} from "../../../../functions/telegram/render/export.ts";
import { literal } from "../../../../functions/telegram/render/html.ts";
import { screen } from "../../../../functions/telegram/render/screen.ts";
import { detail, HOSTILE, page, step, summary } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const file = (title: string, filename: string, caption: string): Example => ({
  title,
  reply: {
    name: "export",
    filename,
    caption,
    async *content() {
      yield new TextEncoder().encode("the file\n");
    },
  },
});

const view = (change: Partial<ListView>) => page([summary(1)], change);
const trace = detail(2, { steps: [1, 2, 3].map((n) => step(`step ${n}`, n, 1)), io_steps: [1, 3] });

export const examples: Example[] = [
  file("a list", "traces-2025-01-31T1203.csv", rowsCaption({ rows: 57, capped: false }, view({ total: 57 }))),
  file(
    "a list that is too long",
    "traces-2025-01-31T1203.jsonl",
    rowsCaption({ rows: 10_000, capped: true }, view({ total: 12_345, total_exact: false })),
  ),
  file("a trace", "trace-0194bc1f.json", traceCaption(trace, true, { steps: 2, capped: false })),
  file("a trace to a viewer", "trace-0194bc1f.json", traceCaption(trace, false, { steps: 0, capped: false })),
  file(
    "a trace of much text, of a hostile name",
    "trace-0194bc1f.json",
    traceCaption({ ...trace, pipeline: HOSTILE[1]! }, true, { steps: 1, capped: true }),
  ),
  file(
    "a trace to who was made a viewer meanwhile",
    "trace-0194bc1f.json",
    traceCaption(trace, true, { steps: 1, capped: false, refused: true }),
  ),
  file("stats", "stats-24h-2025-01-31T1203.json", statsCaption(24)),
  {
    title: "progress of a list",
    reply: screen("progress", literal(rowsProgress({ rows: 2300, capped: false }, view({ total: 10_000 }))), []),
  },
  {
    title: "progress of a trace",
    reply: screen("progress", literal(traceProgress({ steps: 1, capped: false }, trace)), []),
  },
  { title: "the trace is gone", reply: renderNothing("gone") },
  { title: "the filter is gone", reply: renderNothing("filter_lost") },
];
