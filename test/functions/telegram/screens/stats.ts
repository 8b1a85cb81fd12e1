import { renderStats } from "../../../../functions/telegram/render/stats.ts";
import { before, NOW, runs, stats } from "../screens_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const nothing = {
  count: 0,
  errors: 0,
  error_rate: null,
  per_hour: 0,
  p50_ms: null,
  p95_ms: null,
  p99_ms: null,
  input_tokens: null,
  cached_tokens: null,
  output_tokens: null,
  cost_microusd: null,
};
const [pipeline] = stats().pipelines;
const [step] = stats().slowest_steps;

export const examples: Example[] = [
  { title: "of an hour", reply: renderStats(stats({ window: runs({ from: "2025-01-31T11:05:00.000Z" }) }), 1, NOW) },
  { title: "of a day", reply: renderStats(stats(), 24, NOW) },
  {
    title: "of a week in which nothing ran",
    reply: renderStats(
      stats({
        window: runs({ ...nothing, from: "2025-01-24T12:05:00.000Z" }),
        running: 0,
        lost: 0,
        pipelines: [],
        slowest_steps: [],
      }),
      168,
      NOW,
    ),
  },
  {
    title: "of a month of a large bot, with calls without a price",
    reply: renderStats(
      stats({
        window: runs({
          from: "2025-01-01T12:05:00.000Z",
          count: 12_345_678,
          errors: 345_678,
          error_rate: 0.028,
          per_hour: 17_146,
          p99_ms: 3_723_000,
          input_tokens: 9_876_543_210,
          reasoning_tokens: 1234,
          cost_microusd: 98_765_432_100,
          unpriced_calls: 1,
        }),
        before: before({ count: 9_345_678, p99_ms: 65_000 }),
        pipelines: Array.from(
          { length: 10 },
          (_, i) => ({ ...pipeline!, pipeline: `pipeline_${i}`, count: 10 ** i, errors: 0 }),
        ),
        slowest_steps: Array.from({ length: 5 }, (_, i) => ({ ...step!, step: `db.find_order_${i}` })),
      }),
      720,
      NOW,
    ),
  },
  {
    title: "hostile names",
    reply: renderStats(
      stats({
        pipelines: HOSTILE.slice(0, 10).map((name) => ({ ...pipeline!, pipeline: name })),
        slowest_steps: HOSTILE.slice(10, 15).map((name) => ({ ...step!, step: name })),
      }),
      24,
      NOW,
    ),
  },
];
