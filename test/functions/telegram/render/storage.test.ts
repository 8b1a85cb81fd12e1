import { expect, test } from "vitest";
import { renderStorage } from "../../../../functions/telegram/render/storage.ts";
import { storage } from "../screens_fixture.ts";
import { shown } from "../traces_fixture.ts";

test("with days to go", () => {
  expect(shown(renderStorage(storage()))).toBe(
    `Storage · 300 MB of 500 MB
██████████████░░░░░░░░░░ 60 %
Full in 12 days, at 20 MB a day.

            runs  traces     I/O
31 Jan    12,000  6.2 MB   14 MB
30 Jan    11,999  6.1 MB   14 MB
29 Jan    11,998  6.0 MB   14 MB
28 Jan    11,997  5.9 MB   14 MB
27 Jan    11,996  5.8 MB   14 MB
26 Jan    11,995  5.7 MB   14 MB
25 Jan    11,994  5.6 MB   14 MB
24 Jan    11,993  5.5 MB   14 MB
and 3 days before

A trace                    532 B
Its I/O                   1.2 kB
Traces over 5 kB               3
Rollups                   4.2 MB
Cost of 1,000 runs         $0.99
Storing a batch, p95       14 ms

Traces: 30 days, since Wed 1 Jan 2025
I/O: 7 days, errors and 10 % of others

Nothing is missing in the last 24 h.
[Settings] [🔄 Refresh] [🏠]`,
  );
});

test("with a guard at work, and things missing", () => {
  expect(shown(renderStorage(storage({
    days_until_full: null,
    guard: {
      io_sample_percent: 5,
      steps: [{
        noted_at: "2025-01-31T10:00:00Z",
        what: "sampling",
        bytes: 1,
        detail: "I/O of 5 % of the traces, errors among them, instead of 10 %",
      }],
    },
    gaps: {
      ...storage().gaps,
      lost: 2,
      orphan_steps: 7,
      no_steps: 1,
      dropped: { records: 12, reasons: [{ reason: "queue_full", records: 10 }, { reason: "too_large", records: 2 }] },
    },
  })))).toBe(
    `Storage · 300 MB of 500 MB
██████████████░░░░░░░░░░ 60 %
It will not fill: at 20 MB a day, traces level off at 310 MB.

            runs  traces     I/O
31 Jan    12,000  6.2 MB   14 MB
30 Jan    11,999  6.1 MB   14 MB
29 Jan    11,998  6.0 MB   14 MB
28 Jan    11,997  5.9 MB   14 MB
27 Jan    11,996  5.8 MB   14 MB
26 Jan    11,995  5.7 MB   14 MB
25 Jan    11,994  5.6 MB   14 MB
24 Jan    11,993  5.5 MB   14 MB
and 3 days before

A trace                    532 B
Its I/O                   1.2 kB
Traces over 5 kB               3
Rollups                   4.2 MB
Cost of 1,000 runs         $0.99
Storing a batch, p95       14 ms

Traces: 30 days, since Wed 1 Jan 2025
I/O: 7 days, errors and 10 % of others

⚠️ The quota guard stores I/O of only 5 % of the runs, errors among them.
• 31 Jan 10:00 sampling, I/O of 5 % of the traces, errors among them, instead of 10 %

Missing in the last 24 h: 2 runs lost, 7 steps without a parent, 1 run without a step.
Senders dropped 12: queue_full 10 · too_large 2
[Settings] [🔄 Refresh] [🏠]`,
  );
});

test("of a new project", () => {
  expect(
    shown(
      renderStorage(
        storage({
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
        }),
      ),
    ),
  ).toBe(
    `Storage · 10 MB of 500 MB
█░░░░░░░░░░░░░░░░░░░░░░░ 2 %
How fast it grows is known after the first whole day.

Rollups                   4.2 MB

Traces: 30 days, since Wed 1 Jan 2025
I/O: 7 days, errors and 10 % of others

Nothing is missing in the last 24 h.
[Settings] [🔄 Refresh] [🏠]`,
  );
});
