/** What stands below a picture: its caption and buttons. */
import type { Series, TraceDetail } from "../../_shared/db.ts";
import type { Action, Theme } from "../callback.ts";
import { wayBack } from "./back.ts";
import { code, dotted, type Html, line, lines, name, quoted, text } from "./html.ts";
import { type Button, HOME, type Picture, screen } from "./screen.ts";
import { STATUS_ICON } from "./status.ts";
import type { TraceParams } from "./trace.ts";
import { clock, count, day, dayTime, duration, ended } from "./units.ts";

const ERROR_COLUMNS = 100;

/** The other colours of the same picture. */
function themeButton(action: Extract<Action, { screen: "picture" }>): Button {
  return action.theme === "light"
    ? { label: "🌙 Dark", action: { ...action, theme: "dark" } }
    : { label: "☀️ Light", action: { ...action, theme: "light" } };
}

export function tracePicture(
  trace: TraceDetail,
  { trace_id, back }: TraceParams,
  theme: Theme,
  png: Uint8Array,
): Picture {
  const took = trace.duration_ms === null ? null : text(duration(trace.duration_ms));
  const failure: Html[] = trace.status === "error"
    ? [quoted([trace.error_step, trace.error ?? "failed"].filter(Boolean).join(": "), ERROR_COLUMNS)]
    : [];
  const caption = lines(
    line`${text(STATUS_ICON[trace.status])} ${dotted(name(trace.pipeline, 40), text(trace.status), took)}`,
    line`${text(day(trace.started_at))}, ${text(clock(trace.started_at))} UTC`,
    ...failure,
    code(text(trace_id)),
  );
  const keyboard = [[
    themeButton({ screen: "picture", of: "trace", theme, trace_id, back }),
    { label: "📝 Text", action: { screen: "trace", trace_id, back } as const },
  ], [HOME]];
  return { ...screen("trace_picture", caption, keyboard), png };
}

export function chartPicture(series: Series, theme: Theme, png: Uint8Array, now: Date): Picture {
  const runs = series.points.reduce((sum, point) => sum + point.count, 0);
  const errors = series.points.reduce((sum, point) => sum + point.errors, 0);
  const caption = lines(
    line`📈 ${text(count(runs))} ${text(runs === 1 ? "run" : "runs")}, ${text(count(errors))} failed`,
    line`${text(dayTime(series.from))} – ${text(dayTime(ended(series.to, now)))} UTC`,
  );
  const keyboard = [[
    themeButton({ screen: "picture", of: "chart", theme }),
    { label: "🔄 Refresh", action: { screen: "picture", of: "chart", theme } as const },
    { label: "📝 Text", action: wayBack({ to: "stats" }) },
  ], [HOME]];
  return { ...screen("chart_picture", caption, keyboard), png };
}
