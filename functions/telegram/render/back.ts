/** The button that leads back to where a trace was opened from. */
import type { Action, Back } from "../callback.ts";
import { type Button, HOME } from "./screen.ts";

const LABELS: Record<Exclude<Back["to"], "home">, string> = {
  traces: "⬅️ Traces",
  errors: "⬅️ Errors",
  stats: "⬅️ Stats",
  alerts: "⬅️ Alerts",
  result: "⬅️ Result",
};

/** What opens the screen that a trace was opened from. */
export function wayBack(back: Back): Action {
  if (back.to === "result") return { screen: "result", run_id: back.run_id, position: back.position, page: 0 };
  if (back.to !== "traces") {
    return back.to === "home"
      ? { screen: "home" }
      : back.to === "alerts"
      ? { screen: "alerts", all: false }
      : { screen: back.to, hours: 24 };
  }
  const { filter, first } = back;
  return {
    screen: "traces",
    ...(filter !== undefined && { filter }),
    ...(first !== undefined && { cursor: { direction: "from", trace_id: first } }),
  };
}

/** None when that is the first screen, to which {@link HOME} leads. */
export const backButtons = (back: Back): Button[] =>
  back.to === "home" ? [] : [{ label: LABELS[back.to], action: wayBack(back) }];

/** The last row of a screen: back, what else, home. */
export const lastRow = (back: Back, ...others: Button[]): Button[] => [...backButtons(back), ...others, HOME];
