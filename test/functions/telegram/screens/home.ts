import { renderHome } from "../../../../functions/telegram/render/home.ts";
import { before, NOW, openAlert, overview, runs } from "../screens_fixture.ts";
import type { Example } from "./examples.ts";

const example = (title: string, change: Parameters<typeof overview>[0]): Example => ({
  title,
  reply: renderHome(overview(change), NOW),
});

const idle = { count: 0, errors: 0, error_rate: null, p95_ms: null, cost_microusd: null };

export const examples: Example[] = [
  example("all is well", {}),
  example("alerts are open, and more is not well", {
    running: 2,
    lost: 1,
    dropped: 9,
    window: runs({ count: 1400, errors: 168, error_rate: 0.12, p95_ms: 41_234 }),
    storage: { ...overview().storage, quota_share: 0.83, days_until_full: 1 },
    alerts: {
      open: 4,
      newest: [
        openAlert(3),
        openAlert(2, { unit: "percent", threshold: 10, value: 12.5, summary: "Many runs fail" }),
        openAlert(1, {
          unit: "microusd",
          threshold: 10_000_000,
          value: 12_345_678,
          summary: "LLM calls cost more than planned today",
        }),
      ],
    },
  }),
  example("nothing has come in for hours", { last_batch_at: "2025-01-31T09:00:00Z" }),
  example("nothing ran for a day", {
    last_batch_at: "2025-01-25T09:00:00Z",
    window: runs(idle),
    before: before(idle),
    today: { ...overview().today, count: 0, cost_microusd: null },
    series: {
      ...overview().series,
      points: overview().series.points.map(({ at }) => ({ ...idle, at, p50_ms: null })),
    },
  }),
  example("a large bot", {
    window: runs({ count: 12_345_678, errors: 345_678, error_rate: 0.028, cost_microusd: 98_765_432_100 }),
    before: before({ count: 12_000, errors: 0, cost_microusd: 9_876_543 }),
    month: { ...overview().month, cost_microusd: 1_234_567_890_123 },
    running: 1234,
  }),
  example("an empty project, without a key", { keys: 0, last_batch_at: null }),
  example("an empty project, with a key", { last_batch_at: null }),
];
