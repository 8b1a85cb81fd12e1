import { expect, test } from "vitest";
import { renderHome } from "../../../../functions/telegram/render/home.ts";
import { NOW, openAlert, overview } from "../screens_fixture.ts";
import { shown } from "../traces_fixture.ts";

test("when all is well", () => {
  expect(shown(renderHome(overview(), NOW))).toBe(
    `🟢 Healthy

                24 h   vs before
Runs           1,234      ↑ 12 %
Failed            12      ↓ 14 %
Error rate       1 %   was 1.3 %
p95           4.21 s   as before
Spend          $1.23      ↑ ×4.1

Runs  ▁▂▂▂▂▂▂▂▂▃▃▃▃▄▄▄▅▅▆▆▇▇██
Fail  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▂▁▁
p95   ·██▇██▇██▇██▇██▇██▇██▇██
by the hour, up to 12:03 UTC

Spent today $0.61, month ≥ $31.40
Database 60 % · full in 12 days
Last batch 23 s ago
[Traces] [Errors] [Slowest] [Dearest]
[Stats] [Storage] [Alerts] [Tests]
[🔄] [🖼 Chart] [Settings] [Help]`,
  );
});

test("with open alerts, and what else is not well", () => {
  expect(shown(renderHome(
    overview({
      running: 2,
      lost: 1,
      dropped: 9,
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
    NOW,
  ))).toBe(
    `🔴 4 alerts open
• 1 run lost
• Senders dropped 9 records

🔴 Runs are slow: 41.2 s, over 30.0 s
🔴 Many runs fail: 12.5 %, over 10 %
🔴 LLM calls cost more than planned today: $12.35, over $10.00
and 1 more

                24 h   vs before
Runs           1,234      ↑ 12 %
Failed            12      ↓ 14 %
Error rate       1 %   was 1.3 %
p95           4.21 s   as before
Spend          $1.23      ↑ ×4.1

Runs  ▁▂▂▂▂▂▂▂▂▃▃▃▃▄▄▄▅▅▆▆▇▇██
Fail  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█▂▁▁
p95   ·██▇██▇██▇██▇██▇██▇██▇██
by the hour, up to 12:03 UTC

Spent today $0.61, month ≥ $31.40
Database 60 % · full in 12 days
Last batch 23 s ago · ⏳ 2 running
[Traces] [Errors] [Slowest] [Dearest]
[Stats] [Storage] [Alerts] [Tests]
[🔄] [🖼 Chart] [Settings] [Help]`,
  );
});

test("without a key says how to make one", () => {
  expect(shown(renderHome(overview({ keys: 0, last_batch_at: null }), NOW))).toBe(
    `⚪ No traces yet

1. Make a key for your bot, in the SQL editor:
select public.create_ingest_key('my bot');
2. Give it to the tracer in your bot, as its README says.
3. Send your bot a message, then press 🔄.
[🔄 Refresh] [Help]`,
  );
});

test("without a trace says what to check", () => {
  expect(shown(renderHome(overview({ last_batch_at: null }), NOW))).toBe(
    `⚪ No traces yet

There is a key, and no trace has come with it. Check that
• your bot runs, with the tracer and this key,
• it sends to this project's address,
• its log reports no dropped traces.
[🔄 Refresh] [Help]`,
  );
});
