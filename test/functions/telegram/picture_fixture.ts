/** What pictures are drawn of. */
import type { Series } from "../../../functions/_shared/db.ts";
import { detail, step } from "./traces_fixture.ts";

export const trace = detail(2, {
  duration_ms: 2000,
  steps: [step("db.history", 0, 500), step("llm.answer", 500, 1500, { model: "m", first_token_ms: 500 })],
});

export const series = (change: Partial<Series["points"][number]> = {}): Series => ({
  from: "2025-01-30T12:00:00.000Z",
  to: "2025-01-31T12:00:00.000Z",
  bucket_s: 1800,
  points: Array.from({ length: 48 }, (_, i) => ({
    at: new Date(Date.parse("2025-01-30T12:00:00.000Z") + i * 1_800_000).toISOString(),
    count: 10,
    errors: 5,
    p50_ms: 500,
    p95_ms: 1000,
    cost_microusd: null,
    ...change,
  })),
});
