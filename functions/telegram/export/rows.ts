/**
 * A list of traces as a file, read page by page while it is sent.
 *
 * @module
 */
import type { Db, ListView, TraceSummary } from "../../_shared/db.ts";
import { BOM, type Cell, record } from "./csv.ts";

/** As many as a page has at most. */
export const ROWS_PER_PAGE = 100;
/** Above these a file ends, and says so. Telegram takes 50 MB, a phone opens less. */
const MAX_ROWS = 10_000;
export const MAX_BYTES = 20_000_000;

export type RowsFormat = "csv" | "jsonl";

/** How far the file is. */
export interface Written {
  rows: number;
  /** There were more rows than a file may have. */
  capped: boolean;
}

const COLUMNS = [
  "trace_id",
  "started_at",
  "pipeline",
  "status",
  "duration_ms",
  "error_step",
  "error",
  "user_id",
  "chat_id",
  "step_count",
  "input_tokens",
  "output_tokens",
  "cost_microusd",
  "cost_complete",
] as const satisfies readonly (keyof TraceSummary)[];

const ROW: Record<RowsFormat, (trace: TraceSummary) => string> = {
  csv: (trace) => record(COLUMNS.map((column): Cell => trace[column])),
  jsonl: (trace) => `${JSON.stringify(trace)}\n`,
};

/**
 * The rows from the page `first` on. `written` is told of each page.
 *
 * @param filterId What `first` was asked with.
 * @param max What the file may have.
 */
export async function* rows(
  db: Pick<Db, "listView">,
  format: RowsFormat,
  first: ListView,
  filterId: string | undefined,
  written: (so: Written) => void,
  max = { rows: MAX_ROWS, bytes: MAX_BYTES },
): AsyncIterable<Uint8Array> {
  const encoder = new TextEncoder();
  let bytes = 0;
  let done = 0;
  if (format === "csv") {
    const head = encoder.encode(BOM + record(COLUMNS));
    bytes = head.length;
    yield head;
  }
  for (let page = first;;) {
    let piece = "";
    let capped = false;
    for (const trace of page.traces) {
      const row = ROW[format](trace);
      // Every UTF-16 unit is three bytes at most.
      if (done === max.rows || bytes + (piece.length + row.length) * 3 > max.bytes) {
        capped = true;
        break;
      }
      piece += row;
      done++;
    }
    const cursor = page.older_cursor;
    const isLast = !page.has_older || cursor === null;
    capped ||= !isLast && done === max.rows;
    written({ rows: done, capped });
    const encoded = encoder.encode(piece);
    bytes += encoded.length;
    if (encoded.length > 0) yield encoded;
    if (isLast || capped) break;
    page = await db.listView({ filterId, cursor: { direction: "older", trace_id: cursor }, limit: ROWS_PER_PAGE });
  }
  // Telegram takes no empty file.
  if (bytes === 0) yield encoder.encode("\n");
}
