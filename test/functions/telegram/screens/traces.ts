import { renderTraces } from "../../../../functions/telegram/render/traces.ts";
import { HOSTILE, page, summary } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

const now = new Date("2025-01-31T12:03:23.500Z");

const mixed = [
  summary(1),
  summary(2, {
    status: "error",
    duration_ms: 8020,
    error_step: "llm.answer",
    error: "429 rate limited by the provider",
  }),
  summary(3, { status: "running", duration_ms: null, input_tokens: null, output_tokens: null, cost_microusd: null }),
  summary(4, { pipeline: "refund", cost_complete: false, duration_ms: 65_000 }),
  summary(5, { started_at: "2025-01-30T23:59:59.999Z", cost_microusd: null, cost_complete: false }),
  summary(6, { started_at: "2025-01-30T23:59:57Z", status: "lost", duration_ms: null, cost_microusd: null }),
];

export const examples: Example[] = [
  {
    title: "a page in the middle",
    reply: renderTraces(page(mixed, { page: 2, pages: 6, total: 57, has_newer: true, has_older: true }), now),
  },
  { title: "no traces yet", reply: renderTraces(page([]), now) },
  ...[0, 10].map((from) => ({
    title: `hostile names, from ${from}`,
    reply: renderTraces(
      page(
        HOSTILE.slice(from, from + 10).map((text, i) =>
          summary(from + i, { pipeline: text, status: "error", error: text, error_step: text })
        ),
      ),
      now,
    ),
  })),
];
