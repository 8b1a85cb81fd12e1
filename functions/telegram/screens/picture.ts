import type { Action } from "../callback.ts";
import { chartSvg } from "../picture/chart.svg.ts";
import { toPng } from "../picture/png.ts";
import { waterfallSvg } from "../picture/waterfall.svg.ts";
import { chartPicture, tracePicture } from "../render/picture.ts";
import type { Picture, Screen } from "../render/screen.ts";
import { renderTrace } from "../render/trace.ts";
import type { ScreenDeps } from "./deps.ts";

/** Half hours of the chart. */
const CHART_POINTS = 48;

/** A trace's steps, or the last 24 hours, drawn. A trace that is gone is said to be so in words. @throws {RpcError} */
export async function pictureScreen(
  { db, now }: ScreenDeps,
  action: Extract<Action, { screen: "picture" }>,
): Promise<Picture | Screen> {
  const { theme } = action;
  if (action.of === "chart") {
    const to = now();
    const series = await db.traceSeries({ points: CHART_POINTS });
    return chartPicture(series, theme, await toPng(chartSvg(series, theme, to)), to);
  }
  const { trace_id, back } = action;
  const trace = await db.getTrace(trace_id);
  if (trace === null) return renderTrace(trace, { trace_id, back }, now(), false);
  return tracePicture(trace, { trace_id, back }, theme, await toPng(waterfallSvg(trace, theme)));
}
