import type { Hours, Window } from "../../_shared/db.ts";

/** The last so many hours, up to now. */
export function lastWindow(hours: Hours, now: Date): Window {
  return { from: new Date(now.getTime() - hours * 3_600_000).toISOString(), to: now.toISOString() };
}
