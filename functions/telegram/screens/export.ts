import type { ExportNote } from "../../_shared/db.ts";
import { allows } from "../access.ts";
import type { Action } from "../callback.ts";
import { rows, ROWS_PER_PAGE, type Written } from "../export/rows.ts";
import { traceJson, type WrittenIo } from "../export/trace.ts";
import {
  renderNothing,
  rowsCaption,
  rowsProgress,
  statsCaption,
  traceCaption,
  traceProgress,
} from "../render/export.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Export, Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

type ExportAction = Extract<Action, { screen: "export" }>;
type Of<Kind extends ExportAction["of"]> = Extract<ExportAction, { of: Kind }>;

const HOUR_MS = 3_600_000;

/** A file of what is on a screen. That it was taken is in the audit: once there is one, and before any of it is sent. @throws {RpcError} */
export async function exportReply(deps: ScreenDeps, action: ExportAction): Promise<Export | Screen> {
  const found = await open(deps, action);
  if (!("content" in found)) return found;
  const noted = await deps.db.adminNoteExport(deps.actor.user_id, noteOf(action));
  return noted.refused ? renderRefusal(noted.refused) : found;
}

function open(deps: ScreenDeps, action: ExportAction): Promise<Export | Screen> {
  switch (action.of) {
    case "trace":
      return traceExport(deps, action);
    case "traces":
      return rowsExport(deps, action);
    case "stats":
      return statsExport(deps, action);
  }
}

function noteOf(action: ExportAction): ExportNote {
  switch (action.of) {
    case "trace":
      return { of: "trace", trace_id: action.trace_id };
    case "traces":
      return { of: "traces", format: action.format, filter: action.filter ?? null };
    case "stats":
      return { of: "stats", hours: action.hours };
  }
}

async function traceExport({ db, actor }: ScreenDeps, { trace_id }: Of<"trace">): Promise<Export | Screen> {
  const trace = await db.getTrace(trace_id);
  if (trace === null) return renderNothing("gone");
  const reader = { user_id: actor.user_id, readsIo: allows(actor.role, "operator") };
  let so: WrittenIo = { steps: 0, capped: false };
  return {
    name: "export_trace",
    filename: `trace-${trace_id}.json`,
    content: (progress) =>
      traceJson(db, trace, reader, (now) => {
        so = now;
        progress(traceProgress(now, trace));
      }),
    get caption() {
      return traceCaption(trace, reader.readsIo, so);
    },
  };
}

async function rowsExport({ db, now }: ScreenDeps, { filter, format }: Of<"traces">): Promise<Export | Screen> {
  const first = await db.listView({ filterId: filter, limit: ROWS_PER_PAGE });
  if (first.filter_lost) return renderNothing("filter_lost");
  let so: Written = { rows: 0, capped: false };
  return {
    name: `export_${format}`,
    filename: `traces-${stamp(now())}.${format}`,
    content: (progress) =>
      rows(db, format, first, filter, (now) => {
        so = now;
        progress(rowsProgress(now, first));
      }),
    get caption() {
      return rowsCaption(so, first);
    },
  };
}

async function statsExport({ db, now }: ScreenDeps, { hours }: Of<"stats">): Promise<Export> {
  const to = now();
  const from = new Date(to.getTime() - hours * HOUR_MS);
  const stats = await db.traceStats({ from: from.toISOString(), to: to.toISOString() });
  const json = new TextEncoder().encode(`${JSON.stringify(stats, null, 2)}\n`);
  return {
    name: "export_stats",
    filename: `stats-${hours}h-${stamp(to)}.json`,
    content: async function* () {
      yield json;
    },
    caption: statsCaption(hours),
  };
}

/** `2025-01-31T1203`, which every file system takes. */
const stamp = (at: Date): string => at.toISOString().slice(0, 16).replace(":", "");
