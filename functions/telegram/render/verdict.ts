/** How the bot does, in one line, and why. */
import type { Overview } from "../../_shared/db.ts";
import { percent } from "./change.ts";
import { ago } from "./measured.ts";
import { count } from "./units.ts";

export interface Verdict {
  icon: "🟢" | "🟠" | "🔴" | "⚪";
  /** Our own words. */
  words: string;
  /** What else is not as it should be. */
  also: string[];
}

/** From this share of failed runs on, without an alert that says so. */
const MANY_ERRORS = 0.05;
/** A bot that ran the day before and is silent for so long may be down. */
const SILENT_MS = 2 * 3_600_000;
const NEARLY_FULL = 0.8;

export function verdict(view: Overview, now: Date): Verdict {
  const { alerts, window, before, lost, dropped, storage, last_batch_at } = view;
  const silent = last_batch_at !== null && now.getTime() - Date.parse(last_batch_at) > SILENT_MS;
  const worries = [
    silent && before.count + window.count > 0 ? `Nothing has come in: last batch ${ago(last_batch_at, now)}` : null,
    (window.error_rate ?? 0) >= MANY_ERRORS ? `${percent(window.error_rate!)} of the runs fail` : null,
    lost > 0 ? `${count(lost)} ${lost === 1 ? "run" : "runs"} lost` : null,
    dropped > 0 ? `Senders dropped ${count(dropped)} ${dropped === 1 ? "record" : "records"}` : null,
    storage.quota_share >= NEARLY_FULL ? `The database is ${percent(storage.quota_share)} full` : null,
  ].filter((worry) => worry !== null);
  if (alerts.open > 0) {
    return { icon: "🔴", words: `${alerts.open} ${alerts.open === 1 ? "alert" : "alerts"} open`, also: worries };
  }
  const [first, ...also] = worries;
  if (first !== undefined) return { icon: "🟠", words: first, also };
  if (window.count === 0) return { icon: "⚪", words: "Nothing ran in 24 h", also: [] };
  return { icon: "🟢", words: "Healthy", also: [] };
}
