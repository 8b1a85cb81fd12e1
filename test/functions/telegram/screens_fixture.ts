/** Answers as the database gives them, for the tests of the overview's, errors', stats' and storage's renderers. */
import type {
  ErrorGroup,
  ErrorGroups,
  OpenAlert,
  Overview,
  RunStats,
  TraceStats,
  TraceStorage,
} from "../../../functions/_shared/db.ts";
import { id } from "./traces_fixture.ts";

export const NOW = new Date("2025-01-31T12:03:23.500Z");

export const runs = (change: Partial<RunStats> = {}): RunStats => ({
  from: "2025-01-30T12:05:00.000Z",
  to: "2025-01-31T12:05:00.000Z",
  count: 1234,
  errors: 12,
  error_rate: 0.0097,
  per_hour: 51.42,
  p50_ms: 1801.4,
  p95_ms: 4210.9,
  p99_ms: 12_300,
  input_tokens: 1_234_567,
  cached_tokens: 600_000,
  output_tokens: 98_765,
  reasoning_tokens: null,
  cost_microusd: 1_230_000,
  unpriced_calls: 0,
  ...change,
});

export const before = (change: Partial<RunStats> = {}): RunStats =>
  runs({
    count: 1100,
    errors: 14,
    error_rate: 0.0127,
    per_hour: 45.83,
    p95_ms: 4200,
    cost_microusd: 300_000,
    ...change,
  });

export const overview = (change: Partial<Overview> = {}): Overview => ({
  window: runs(),
  before: before(),
  today: { from: "2025-01-31T00:00:00.000Z", count: 600, cost_microusd: 610_000, unpriced_calls: 0 },
  month: { from: "2025-01-01T00:00:00.000Z", count: 30_000, cost_microusd: 31_400_000, unpriced_calls: 2 },
  series: {
    from: "2025-01-30T13:00:00.000Z",
    to: "2025-01-31T13:00:00.000Z",
    bucket_s: 3600,
    points: Array.from({ length: 24 }, (_, i) => ({
      at: new Date(Date.parse("2025-01-30T13:00:00Z") + i * 3_600_000).toISOString(),
      count: i * i,
      errors: i === 20 ? 9 : i === 21 ? 1 : 0,
      p50_ms: i === 0 ? null : 1000,
      p95_ms: i === 0 ? null : 4000 + 500 * (i % 3),
      cost_microusd: null,
    })),
  },
  running: 0,
  lost: 0,
  storage: { database_bytes: 300_000_000, quota_bytes: 500_000_000, quota_share: 0.6, days_until_full: 12 },
  alerts: { open: 0, newest: [] },
  dropped: 0,
  keys: 1,
  last_batch_at: "2025-01-31T12:03:00.000Z",
  ...change,
});

export const openAlert = (n: number, change: Partial<OpenAlert> = {}): OpenAlert => ({
  alert_id: n,
  rule: "p95",
  summary: "Runs are slow",
  unit: "ms",
  threshold: 30_000,
  value: 41_234.5,
  opened_at: "2025-01-31T11:00:00Z",
  ...change,
});

export const group = (n: number, change: Partial<ErrorGroup> = {}): ErrorGroup => ({
  pipeline: "support",
  step: "llm.answer",
  kind: "#: rate limited by the provider, retry after # s",
  count: 40,
  before: 12,
  example: id(n),
  first_at: "2025-01-30T18:00:00.000Z",
  ...change,
});

export const errorGroups = (groups: ErrorGroup[], change: Partial<ErrorGroups> = {}): ErrorGroups => ({
  from: "2025-01-30T12:05:00.000Z",
  to: "2025-01-31T12:05:00.000Z",
  errors: groups.reduce((sum, of) => sum + of.count, 0),
  errors_before: groups.reduce((sum, of) => sum + of.before, 0),
  count: 1234,
  kinds: groups.length,
  groups,
  ...change,
});

export const stats = (change: Partial<TraceStats> = {}): TraceStats => ({
  window: runs(),
  before: before(),
  running: 2,
  lost: 1,
  pipelines: [
    {
      pipeline: "support",
      count: 1000,
      errors: 12,
      mean_ms: 2000,
      cost_microusd: 900_000,
      p50_ms: 1800,
      p95_ms: 4200,
      p99_ms: 9000,
    },
    {
      pipeline: "message:photo",
      count: 234,
      errors: 0,
      mean_ms: 500,
      cost_microusd: null,
      p50_ms: 400,
      p95_ms: 910,
      p99_ms: 950,
    },
  ],
  slowest_steps: [
    {
      pipeline: "support",
      step: "llm.answer",
      count: 1000,
      errors: 10,
      mean_ms: 1712.4,
      cost_microusd: 900_000,
      p50_ms: 1500,
      p95_ms: 3900.2,
      p99_ms: 8000,
    },
  ],
  top_errors: [],
  ...change,
});

export const storage = (change: Partial<TraceStorage> = {}): TraceStorage => ({
  database_bytes: 300_400_000,
  quota_bytes: 500_000_000,
  quota_share: 0.6008,
  tables: [],
  rollup_bytes: 4_200_000,
  days: Array.from({ length: 11 }, (_, i) => ({
    day: new Date(Date.parse("2025-01-31") - i * 86_400_000).toISOString().slice(0, 10),
    trace_bytes: 6_200_000 - i * 100_000,
    io_bytes: i < 8 ? 14_000_000 : 0,
    traces: 12_000 - i,
  })),
  bytes_per_trace: 532,
  io_bytes_per_trace: 1240,
  growth_bytes_per_day: 20_300_000,
  steady_bytes: 310_000_000,
  days_until_full: 12,
  large_traces: 3,
  cost_microusd_per_1000_traces: 990_000,
  ingest_p95_ms: 14.3,
  settings: {
    trace_days: 30,
    io_days: 7,
    io_sample_percent: 10,
    traces_from: "2025-01-01T00:00:00.000Z",
    io_from: "2025-01-24T00:00:00.000Z",
  },
  guard: { io_sample_percent: null, steps: [] },
  gaps: {
    orphan_steps: 0,
    no_steps: 0,
    lost: 0,
    running: 0,
    dropped: { records: 0, reasons: [] },
  },
  ...change,
});
