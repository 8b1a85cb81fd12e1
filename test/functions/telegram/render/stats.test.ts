import { expect, test } from "vitest";
import { renderStats } from "../../../../functions/telegram/render/stats.ts";
import { before, NOW, runs, stats } from "../screens_fixture.ts";
import { shown } from "../traces_fixture.ts";

test("of a day", () => {
  expect(shown(renderStats(stats(), 24, NOW))).toBe(
    `Stats · last 24 h
30 Jan 12:05 – 31 Jan 12:03 UTC

                   now    before
Runs             1,234     1,100
Per hour          51.4      45.8
Failed              12        14
Error rate         1 %     1.3 %
p50             1.80 s    1.80 s
p95             4.21 s    4.20 s
p99             12.3 s    12.3 s
Tokens in       1.23 M    1.23 M
↳ cached       600,000   600,000
Tokens out      98,765    98,765
Cost             $1.23     $0.30

⏳ 2 running · ❓ 1 lost

Pipelines
              runs  fail     p95
support      1,000  1.2%  4.20 s
message:p…     234    0%  910 ms

Slowest steps
                    mean     p95
llm.answer        1.71 s  3.90 s
[1 h] [• 24 h] [7 d] [30 d]
[📤 Export] [🖼 Chart]
[Errors] [🔄 Refresh] [🏠]`,
  );
});

test("of a bot that did nothing", () => {
  expect(shown(renderStats(
    stats({
      window: runs({
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
      }),
      before: before({ input_tokens: null, cached_tokens: null, output_tokens: null }),
      running: 0,
      lost: 0,
      pipelines: [],
      slowest_steps: [],
    }),
    168,
    NOW,
  ))).toBe(
    `Stats · last 7 days
30 Jan 12:05 – 31 Jan 12:03 UTC

                   now    before
Runs                 0     1,100
Per hour             0      45.8
Failed               0        14
Error rate           –     1.3 %
p50                  –    1.80 s
p95                  –    4.20 s
p99                  –    12.3 s
Cost                 –     $0.30
[1 h] [24 h] [• 7 d] [30 d]
[📤 Export] [🖼 Chart]
[Errors] [🔄 Refresh] [🏠]`,
  );
});

test("a window that is notably shorter than the one before says so", () => {
  const window = runs({ from: "2025-01-31T11:00:00.000Z", to: "2025-01-31T12:05:00.000Z" });
  const period = (now: string) => shown(renderStats(stats({ window }), 1, new Date(now))).split("\n\n")[0];
  expect(period("2025-01-31T12:01:00.000Z")).toBe(
    "Stats · last hour\n31 Jan 11:00 – 31 Jan 12:01 UTC\n4 m 00 s shorter than the window before",
  );
  expect(period("2025-01-31T12:02:00.000Z")).toBe("Stats · last hour\n31 Jan 11:00 – 31 Jan 12:02 UTC");
  expect(period("2025-01-31T12:07:00.000Z")).toBe("Stats · last hour\n31 Jan 11:00 – 31 Jan 12:05 UTC");
});

test("with calls that have no price", () => {
  expect(
    shown(
      renderStats(
        stats({
          window: runs({ unpriced_calls: 7, reasoning_tokens: 1234 }),
          pipelines: [],
          slowest_steps: [],
          running: 0,
          lost: 0,
        }),
        720,
        NOW,
      ),
    ),
  ).toBe(
    `Stats · last 30 days
30 Jan 12:05 – 31 Jan 12:03 UTC

                   now    before
Runs             1,234     1,100
Per hour          51.4      45.8
Failed              12        14
Error rate         1 %     1.3 %
p50             1.80 s    1.80 s
p95             4.21 s    4.20 s
p99             12.3 s    12.3 s
Tokens in       1.23 M    1.23 M
↳ cached       600,000   600,000
Tokens out      98,765    98,765
↳ reasoning      1,234         –
Cost             $1.23     $0.30

7 LLM calls have no price: the cost is a lower bound.
[1 h] [24 h] [7 d] [• 30 d]
[📤 Export] [🖼 Chart]
[Errors] [🔄 Refresh] [🏠]`,
  );
});
