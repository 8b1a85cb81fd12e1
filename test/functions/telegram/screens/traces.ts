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
  {
    title: "filtered by much",
    reply: renderTraces(
      page(mixed.slice(1, 2), {
        filter_id: "abcdefgh",
        filter: { status: "error", pipeline: "support", user_id: 1001, min_duration_ms: 2000, hours: 24, error: "429" },
      }),
      now,
    ),
  },
  {
    title: "slowest",
    reply: renderTraces(
      page([...mixed].sort((a, b) => (b.duration_ms ?? 0) - (a.duration_ms ?? 0)), {
        filter_id: "abcdefgh",
        filter: { order: "slowest", hours: 168 },
        page_exact: false,
        total_exact: false,
        pages: 500,
        total: 5000,
        has_older: true,
      }),
      now,
    ),
  },
  {
    title: "a full page, and a filter that is gone",
    reply: renderTraces(
      page(Array.from({ length: 10 }, (_, i) => ({ ...mixed[i % 3]!, trace_id: summary(i).trace_id })), {
        filter_lost: true,
        has_older: true,
        pages: 12,
        total: 117,
      }),
      now,
    ),
  },
  {
    title: "nothing matches",
    reply: renderTraces(page([], { filter_id: "abcdefgh", filter: { user_id: 1001, hours: 1 } }), now),
  },
  {
    title: "a search that stopped",
    reply: renderTraces(
      page([], {
        filter_id: "abcdefgh",
        filter: { error: "timeout" },
        searched_to: "2025-01-12T08:00:00Z",
        has_older: true,
        older_cursor: summary(9).trace_id,
        total_exact: false,
      }),
      now,
    ),
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
