import type { Series, TraceDetail } from "../../../../functions/_shared/db.ts";
import { chartSvg } from "../../../../functions/telegram/picture/chart.svg.ts";
import { toPng } from "../../../../functions/telegram/picture/png.ts";
import { waterfallSvg } from "../../../../functions/telegram/picture/waterfall.svg.ts";
import { chartPicture, tracePicture } from "../../../../functions/telegram/render/picture.ts";
import { series } from "../picture_fixture.ts";
import { NOW } from "../screens_fixture.ts";
import { detail, HOSTILE, step } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";
import { failed, long } from "./trace.ts";

async function trace(title: string, of: TraceDetail): Promise<Example[]> {
  const params = { trace_id: of.trace_id, back: { to: "home" } } as const;
  return await Promise.all((["light", "dark"] as const).map(async (theme) => ({
    title: `${title}, ${theme}`,
    reply: tracePicture(of, params, theme, await toPng(waterfallSvg(of, theme))),
  })));
}

async function chart(title: string, of: Series): Promise<Example[]> {
  return await Promise.all((["light", "dark"] as const).map(async (theme) => ({
    title: `${title}, ${theme}`,
    reply: chartPicture(of, theme, await toPng(chartSvg(of, theme, NOW)), NOW),
  })));
}

/** A day with a quiet night, an outage and a slow afternoon. */
const lively = series();
lively.points = lively.points.map((point, i) => {
  const isNight = i >= 22 && i < 36;
  const count = isNight ? (i % 5 === 0 ? 1 : 0) : 40 + 30 * Math.sin(i / 3);
  const p50_ms = count === 0 ? null : 1500 + 400 * Math.sin(i) + (i > 40 ? 3000 : 0);
  return {
    ...point,
    count: Math.round(count),
    errors: i === 10 || i === 11 ? 25 : i % 9 === 0 && !isNight ? 1 : 0,
    p50_ms,
    p95_ms: p50_ms === null ? null : p50_ms * (2.2 + Math.cos(i / 2)),
  };
});

export const examples: Example[] = [
  ...await trace("five steps", failed),
  ...await trace("200 steps", long),
  ...await trace(
    "hostile names",
    detail(2, {
      pipeline: HOSTILE[8]!,
      status: "error",
      error: HOSTILE[11]!,
      error_step: HOSTILE[2]!,
      steps: HOSTILE.map((name, i) => step(name, i * 100, 90, i % 5 === 4 ? { status: "detached" } : {})),
    }),
  ),
  ...await chart("a day", lively),
  ...await chart("nothing ran", series({ count: 0, errors: 0, p50_ms: null, p95_ms: null })),
];
