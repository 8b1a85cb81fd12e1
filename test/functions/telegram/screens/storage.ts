import { renderStorage } from "../../../../functions/telegram/render/storage.ts";
import { storage } from "../screens_fixture.ts";
import { HOSTILE } from "../traces_fixture.ts";
import type { Example } from "./examples.ts";

export const examples: Example[] = [
  { title: "days to go", reply: renderStorage(storage()) },
  {
    title: "it will not fill",
    reply: renderStorage(storage({ days_until_full: null, database_bytes: 120_000_000, quota_share: 0.24 })),
  },
  {
    title: "nearly full: the guard is at work, and things are missing",
    reply: renderStorage(storage({
      days_until_full: 1,
      database_bytes: 489_000_000,
      quota_share: 0.978,
      guard: {
        io_sample_percent: 5,
        steps: [
          {
            noted_at: "2025-01-31T10:00:00Z",
            what: "sampling",
            detail: "I/O of 5 % of the traces, errors among them, instead of 10 %",
          },
          {
            noted_at: "2025-01-30T10:00:00Z",
            what: "dropped",
            table: "trace_io",
            day: "2025-01-23",
            bytes: 14_000_000,
          },
        ],
      },
      gaps: {
        ...storage().gaps,
        lost: 1,
        orphan_steps: 7,
        no_steps: 1,
        dropped: { records: 12, reasons: [{ reason: "queue_full", records: 10 }, { reason: "too_large", records: 2 }] },
      },
    })),
  },
  {
    title: "full",
    reply: renderStorage(storage({ days_until_full: 0, quota_share: 1.04, database_bytes: 520_000_000 })),
  },
  {
    title: "a new project",
    reply: renderStorage(storage({
      days: [],
      bytes_per_trace: null,
      io_bytes_per_trace: null,
      growth_bytes_per_day: null,
      steady_bytes: null,
      days_until_full: null,
      large_traces: 0,
      cost_microusd_per_1000_traces: null,
      ingest_p95_ms: null,
      quota_share: 0.02,
      database_bytes: 10_400_000,
    })),
  },
  {
    title: "hostile reasons",
    reply: renderStorage(storage({
      gaps: {
        ...storage().gaps,
        dropped: { records: 3, reasons: [0, 2, 8].map((i) => ({ reason: HOSTILE[i]!, records: 1 })) },
      },
    })),
  },
];
