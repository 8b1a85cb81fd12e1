import { describe, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderTraces } from "../../../../functions/telegram/render/traces.ts";
import { HOSTILE, id, page, shown, summary, visible } from "../traces_fixture.ts";

const at = (time: string) => ({ started_at: `2025-01-31T${time}.042+00:00` });

describe("the list of traces", () => {
  test("reads like this", () => {
    const traces = [
      summary(1, at("12:03:11")),
      summary(2, {
        ...at("12:01:40"),
        status: "error",
        duration_ms: 8020,
        error_step: "llm.answer",
        error: "429 rate limited by the provider",
      }),
      summary(3, {
        status: "running",
        duration_ms: null,
        input_tokens: null,
        output_tokens: null,
        cost_microusd: null,
      }),
      summary(4, { pipeline: "refund", cost_complete: false, duration_ms: 65_000 }),
      summary(5, { started_at: "2025-01-30T23:59:59.999Z", cost_microusd: null, cost_complete: false }),
      summary(6, { started_at: "2025-01-30T23:59:58Z", status: "error", error: "out of memory", user_id: null }),
    ];
    const screen = renderTraces(
      page(traces, { page: 2, pages: 6, total: 57, has_newer: true, has_older: true }),
    );
    expect(shown(screen)).toBe(
      `Traces · last 30 days · 57

Fri 31 Jan 2025, UTC
1 ✅ support · 2.41 s · 12:03:11
     user 1001 · 1,801 tok · $0.0021
2 ❌ support · 8.02 s · 12:01:40
     llm.answer: 429 rate limited by…
3 ⏳ support · running · 12:03:11
     user 1001
4 ✅ refund · 1 m 05 s · 12:03:11
     user 1001 · 1,801 tok · ≥ $0.0021

Thu 30 Jan 2025, UTC
5 ✅ support · 2.41 s · 23:59:59
     user 1001 · 1,801 tok · cost unknown
6 ❌ support · 2.41 s · 23:59:58
     out of memory
[1] [2] [3] [4] [5]
[6]
[⬅️ Prev] [Page 2/6] [Next ➡️]`,
    );
    expect(screen.html).toContain("1 ✅ <b>support</b> · 2.41 s");
    expect(screen.chars).toBe(visible(screen.html).length);
  });

  test("an empty table says what to check", () => {
    expect(shown(renderTraces(page([])))).toBe(
      `No traces in the last 30 days.

If your bot has been running, check that
• it sends to this project's address,
• its ingest key has not been revoked,
• its log reports no dropped traces.
[🔄 Refresh]`,
    );
  });

  test("an error says what there is to say", () => {
    const failed = (change: object) => visible(renderTraces(page([summary(1, { status: "error", ...change })])).html);
    expect(failed({})).toMatch(/\n {5}failed$/);
    expect(failed({ error_step: "db.save" })).toMatch(/\n {5}db\.save: failed$/);
    expect(failed({ error: "boom" })).toMatch(/\n {5}boom$/);
  });
});

describe("its buttons", () => {
  const traces = Array.from({ length: 10 }, (_, i) => summary(i + 1));
  const labels = (change: object) => renderTraces(page(traces, change)).keyboard.map((row) => row.map((b) => b.label));
  const numbers = [["1", "2", "3", "4", "5"], ["6", "7", "8", "9", "10"]];

  test.each([
    ["the only page", {}, ["Page 1/1"]],
    ["the first page", { pages: 3, has_older: true }, ["Page 1/3", "Next ➡️"]],
    ["the last page", { page: 3, pages: 3, has_newer: true }, ["⬅️ Prev", "Page 3/3"]],
    ["an estimated total", { pages: 1000, total_exact: false, has_older: true }, ["Page 1/1,000+", "Next ➡️"]],
  ])("on %s", (_, change, row) => expect(labels(change)).toEqual([...numbers, row]));

  test("Prev counts from the first trace, Next from the last, the middle one loads the page again", () => {
    const row = renderTraces(page(traces, { has_newer: true, has_older: true })).keyboard.at(-1)!;
    expect(row.map((button) => button.action)).toEqual([
      { screen: "traces", cursor: { direction: "newer", trace_id: id(1) } },
      { screen: "traces", cursor: { direction: "from", trace_id: id(1) } },
      { screen: "traces", cursor: { direction: "older", trace_id: id(10) } },
    ]);
  });

  test("the middle one of the first page fetches what is newest by now", () => {
    expect(renderTraces(page(traces)).keyboard.at(-1)).toEqual([{ label: "Page 1/1", action: { screen: "traces" } }]);
  });

  test("a number opens its trace, and knows its page", () => {
    const seventh = renderTraces(page(traces)).keyboard[1]![1];
    expect(seventh).toEqual({ label: "7", action: { screen: "trace", trace_id: id(7), back: id(1) } });
  });
});

test("5,000 traces of hostile names: every page whole, within the budget, without a broken tag", () => {
  for (let start = 0; start < 5000; start += 10) {
    const traces = Array.from({ length: 10 }, (_, i) =>
      summary(start + i, {
        pipeline: HOSTILE[(start + i) % HOSTILE.length]!,
        error_step: HOSTILE[(start / 10 + 3 * i) % HOSTILE.length]!,
        error: HOSTILE[(start / 10 + 7 * i) % HOSTILE.length]!,
        status: i % 3 === 0 ? "ok" : "error",
        user_id: 9_007_199_254_740_991,
        started_at: `2025-01-${10 + i}T12:00:00.000Z`,
      }));
    const screen = renderTraces(page(traces, { page: start / 10 + 1, pages: 500, total: 5000 }));
    expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
    expect(screen.chars).toBe(visible(screen.html).length);
    expect(screen.html.replace(/<(b|code)>[^<>]*<\/\1>/g, "")).not.toMatch(/[<>]/);
    for (let n = 1; n <= 10; n++) expect(screen.html).toMatch(new RegExp(`^${n} [✅❌] <(?:b|code)>`, "mu"));
    expect(screen.html.split("\n").filter((row) => row !== "")).toHaveLength(1 + 10 * 3);
  }
});
