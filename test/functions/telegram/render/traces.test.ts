import { describe, expect, test } from "vitest";
import type { TracePage } from "../../../../functions/_shared/db.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderTraces as render } from "../../../../functions/telegram/render/traces.ts";
import { HOSTILE, id, page, shown, summary, visible } from "../traces_fixture.ts";

const renderTraces = (page: TracePage) => render(page, new Date("2025-01-31T12:03:23.500Z"));

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
      summary(7, {
        started_at: "2025-01-30T23:59:57Z",
        status: "lost",
        duration_ms: null,
        input_tokens: null,
        output_tokens: null,
        cost_microusd: null,
      }),
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
7 ❓ support · lost · 23:59:57
     user 1001
[1] [2] [3] [4] [5]
[6] [7]
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

  test.each([
    ["2025-01-01T00:00:00.000Z", "last 30 days"],
    ["2025-01-17T00:00:00.000Z", "last 14 days"],
    ["2025-01-30T00:00:00.000Z", "last day"],
    ["2025-01-31T12:00:00.000Z", "last day"],
    ["2024-01-31T00:00:00.000Z", "last 366 days"],
  ])("of all since %s is that of the %s", (from, words) => {
    expect(visible(renderTraces(page([summary(1)], { from })).html)).toContain(`Traces · ${words} · 1\n`);
    expect(visible(renderTraces(page([], { from })).html)).toContain(`No traces in the ${words}.\n`);
  });

  test("that was searched in vain says how far back, and goes on from there", () => {
    const searched_to = "2025-01-20T08:15:30.500Z";
    const vain = page([], { total: 0, total_exact: false, has_older: true, older_cursor: id(99), searched_to });
    expect(shown(renderTraces(vain))).toBe(
      `Traces · last 30 days · 0+

Nothing found back to Mon 20 Jan 2025, 08:15:30 UTC.
[Search on ➡️]`,
    );
    const on = { screen: "traces", cursor: { direction: "older", trace_id: id(99) } };
    expect(renderTraces(vain).keyboard).toEqual([[{ label: "Search on ➡️", action: on }]]);
    // Behind pages that have found something, the way back is there too.
    const later = renderTraces({ ...vain, has_newer: true });
    expect(later.keyboard.at(-1)).toEqual([
      { label: "⬅️ Prev", action: { screen: "traces", cursor: { direction: "newer", trace_id: id(99) } } },
      { label: "Search on ➡️", action: on },
    ]);
  });

  test("that a search has not filled says so", () => {
    const some = page([summary(1)], {
      total_exact: false,
      has_older: true,
      older_cursor: id(99),
      searched_to: "2025-01-20T08:15:30.500Z",
    });
    const { html, keyboard } = renderTraces(some);
    expect(visible(html)).toMatch(/\$0\.0021\n\nNothing more found back to Mon 20 Jan 2025, 08:15:30 UTC\.$/);
    expect(keyboard.at(-1)).toEqual([
      { label: "Page 1/1+", action: { screen: "traces" } },
      { label: "Search on ➡️", action: { screen: "traces", cursor: { direction: "older", trace_id: id(99) } } },
    ]);
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
    ["a total that is a lower bound", { pages: 1000, total_exact: false, has_older: true }, [
      "Page 1/1,000+",
      "Next ➡️",
    ]],
    ["a page whose number is one, too", {
      page: 51,
      page_exact: false,
      pages: 101,
      total_exact: false,
      has_newer: true,
    }, [
      "⬅️ Prev",
      "Page 51+/101+",
    ]],
    [
      "a page whose number alone is one",
      { page: 51, page_exact: false, pages: 200, has_newer: true, has_older: true },
      [
        "⬅️ Prev",
        "Page 51+/200",
        "Next ➡️",
      ],
    ],
  ])("on %s", (_, change, row) => expect(labels(change)).toEqual([...numbers, row]));

  test("Prev counts from the first trace, Next from where the page says, the middle one loads the page again", () => {
    const row = renderTraces(page(traces, { has_newer: true, has_older: true, older_cursor: id(12) })).keyboard.at(-1)!;
    expect(row.map((button) => button.action)).toEqual([
      { screen: "traces", cursor: { direction: "newer", trace_id: id(1) } },
      { screen: "traces", cursor: { direction: "from", trace_id: id(1) } },
      { screen: "traces", cursor: { direction: "older", trace_id: id(12) } },
    ]);
  });

  test("the middle one of the first page fetches what is newest by now", () => {
    expect(renderTraces(page(traces)).keyboard.at(-1)).toEqual([{ label: "Page 1/1", action: { screen: "traces" } }]);
  });

  test("a number opens its trace, and knows its page", () => {
    const seventh = renderTraces(page(traces)).keyboard[1]![1];
    expect(seventh).toEqual({
      label: "7",
      action: { screen: "trace", trace_id: id(7), back: { to: "traces", first: id(1) } },
    });
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
