/** What a list is of: in words, for its title, and as buttons that change one thing each. */
import type { FilterChange, Hours, ListFilter, ListView, TraceStatus } from "../../_shared/db.ts";
import type { Action } from "../callback.ts";
import { type Html, line, name, quoted, text } from "./html.ts";
import type { Button } from "./screen.ts";
import { STATUS_ICON } from "./status.ts";
import { duration, lastHours } from "./units.ts";

export type Order = NonNullable<ListFilter["order"]>;

export const ORDER_WORDS: Record<Order, string> = { newest: "Traces", slowest: "Slowest", dearest: "Dearest" };

const STATUS_WORDS: Record<TraceStatus, string> = { ok: "ok", error: "errors", running: "running", lost: "lost" };

/** Its conditions, but for the order and the window. */
export function conditions(filter: ListFilter): Html[] {
  const { status, pipeline, user_id, chat_id, min_duration_ms, release, error } = filter;
  const words: (Html | false)[] = [
    status !== undefined && text(`${STATUS_ICON[status]} ${STATUS_WORDS[status]}`),
    pipeline !== undefined && name(pipeline, 20),
    user_id !== undefined && text(`user ${user_id}`),
    chat_id !== undefined && text(`chat ${chat_id}`),
    min_duration_ms !== undefined && text(`≥ ${duration(min_duration_ms)}`),
    release !== undefined && line`release ${quoted(release, 20)}`,
    error !== undefined && line`“${quoted(error, 24)}”`,
  ];
  return words.filter((word) => word !== false);
}

/** The actions of a list that keep its filter. */
export const listAction = ({ filter_id }: ListView): Extract<Action, { screen: "traces" }> => ({
  screen: "traces",
  ...(filter_id !== null && { filter: filter_id }),
});

const ORDERS: readonly [string, Order][] = [["Newest", "newest"], ["Slowest", "slowest"], ["Dearest", "dearest"]];
const STATUSES: readonly [string, TraceStatus | null][] = [
  ["All", null],
  ["✅", "ok"],
  ["❌", "error"],
  ["⏳", "running"],
  ["❓", "lost"],
];
const WINDOWS: readonly [string, Hours | null][] = [["1 h", 1], ["24 h", 24], ["7 d", 168], ["Ever", null]];

/** Rows of buttons; what is chosen has a `•`. */
export function filterButtons(view: ListView): Button[][] {
  const { order = "newest", status = null, hours = null } = view.filter;
  const chip = (label: string, chosen: boolean, change: FilterChange): Button => ({
    label: chosen ? `• ${label}` : label,
    action: { ...listAction(view), change },
  });
  const filtered = Object.keys(view.filter).length > 0;
  const { filter } = listAction(view);
  const file = (format: "csv" | "jsonl"): Button => ({
    label: format === "csv" ? "📤 CSV" : "📤 JSON",
    action: { screen: "export", of: "traces", format, ...(filter !== undefined && { filter }) },
  });
  return [
    ORDERS.map(([label, value]) => chip(label, value === order, { order: value })),
    STATUSES.map(([label, value]) => chip(label, value === status, { status: value })),
    WINDOWS.map(([label, value]) => chip(label, value === hours, { hours: value })),
    [
      ...(filtered ? [{ label: "✖ Clear", action: { screen: "traces" } } satisfies Button] : []),
      ...(view.traces.length > 0 ? [file("csv"), file("jsonl")] : []),
      { label: "🏠", action: { screen: "home" } },
    ],
  ];
}

/** `last 24 h`; null when the list is of all days that are kept. */
export const windowOf = ({ filter }: ListView): string | null =>
  filter.hours === undefined ? null : lastHours(filter.hours);
