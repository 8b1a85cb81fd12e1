/** Rows as the database returns them, for the renderers' tests. */
import type { ListView, TraceDetail, TraceSummary } from "../../../functions/_shared/db.ts";
import type { Screen } from "../../../functions/telegram/render/screen.ts";
import type { WireStep } from "../../../tracer/wire.ts";

export const id = (n: number): string => `0194bc1f-9d00-7000-8000-${String(n).padStart(12, "0")}`;

export const summary = (n: number, change: Partial<TraceSummary> = {}): TraceSummary => ({
  trace_id: id(n),
  started_at: "2025-01-31T12:03:11.042+00:00",
  pipeline: "support",
  status: "ok",
  duration_ms: 2413,
  error: null,
  error_step: null,
  chat_id: 1001,
  user_id: 1001,
  step_count: 5,
  input_tokens: 1500,
  output_tokens: 301,
  cost_microusd: 2100,
  cost_complete: true,
  ...change,
});

export const page = (traces: TraceSummary[], change: Partial<ListView> = {}): ListView => ({
  from: "2025-01-01T00:00:00.000Z",
  to: "2025-01-31T13:05:00.000Z",
  page: 1,
  page_exact: true,
  pages: 1,
  total: traces.length,
  total_exact: true,
  has_newer: false,
  has_older: false,
  older_cursor: traces.at(-1)?.trace_id ?? null,
  searched_to: null,
  traces,
  filter_id: null,
  filter: {},
  filter_lost: false,
  ...change,
});

export const detail = (n: number, change: Partial<TraceDetail> = {}): TraceDetail => ({
  ...summary(n),
  release: null,
  update_id: null,
  message_id: null,
  steps: [],
  io_steps: [],
  ...change,
});

export const step = (
  name: string,
  offset_ms: number,
  duration_ms: number,
  change: Partial<WireStep> = {},
): WireStep => ({
  name,
  offset_ms,
  duration_ms,
  ...change,
});

/** What a reader sees: the text without its markup, then the buttons. */
export function shown(screen: Screen): string {
  const rows = screen.keyboard.map((row) => row.map((button) => `[${button.label}]`).join(" "));
  return [visible(screen.html), ...rows].join("\n");
}

export function visible(html: string): string {
  return html
    .replace(/<\/?(b|code|pre|blockquote|blockquote expandable)>/g, "")
    .replace(/&(lt|gt|quot|amp);/g, (_, name: string) => ({ lt: "<", gt: ">", quot: '"', amp: "&" })[name]!);
}

/** Text a hostile or careless sender could send: markup, joiners, towers of marks, right-to-left, controls, halves. */
export const HOSTILE = [
  "<b>bold</b>",
  "</pre></code>&lt;&amp;&",
  "👨‍👩‍👧‍👦".repeat(40),
  "👩🏽‍❤️‍💋‍👨🏻".repeat(40),
  "🏴󠁧󠁢󠁥󠁮󠁧󠁿🇩🇪".repeat(50),
  `Z${"\u0335\u0489\u0310".repeat(100)}algo`.repeat(3),
  "👨\u200d".repeat(150),
  `a${"\u200d".repeat(299)}`,
  "نظام الدعم الفني للعملاء ".repeat(12),
  "שלום\u202eevil\u2066\u2067x",
  "x".repeat(300),
  "支持管道".repeat(75),
  "null\u0000new\nline\ttab\u0085\u2028end",
  "\ud83d half \udc00",
  "",
  " \u200b\u200e\ufeff ",
  "\u0301\u0301",
  "\"quoted\" 'text'",
];
