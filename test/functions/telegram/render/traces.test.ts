// Over 300 lines, because it is one screen: most of it are the texts that it shows.
import { describe, expect, test } from "vitest";
import type { ListFilter, ListView } from "../../../../functions/_shared/db.ts";
import { encodeAction } from "../../../../functions/telegram/callback.ts";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import type { Screen } from "../../../../functions/telegram/render/screen.ts";
import { renderTraces as render } from "../../../../functions/telegram/render/traces.ts";
import { HOSTILE, id, page, shown, summary, visible } from "../traces_fixture.ts";

const renderTraces = (page: ListView) => render(page, new Date("2025-01-31T12:03:23.500Z"));

const pageRow = ({ keyboard }: Screen) => keyboard.find((row) => row.some(({ label }) => /^(Page|Search)/.test(label)));

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
     user 1001 · 1,801 tok · $?
6 ❌ support · 2.41 s · 23:59:58
     out of memory
7 ❓ support · lost · 23:59:57
     user 1001
[1] [2] [3] [4]
[5] [6] [7]
[⬅️ Prev] [Page 2/6] [Next ➡️]
[• Newest] [Slowest] [Dearest]
[• All] [✅] [❌] [⏳] [❓]
[1 h] [24 h] [7 d] [• Ever]
[📤 CSV] [📤 JSON] [🏠]`,
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
[🔄 Refresh] [🏠]`,
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
[Search on ➡️]
[• Newest] [Slowest] [Dearest]
[• All] [✅] [❌] [⏳] [❓]
[1 h] [24 h] [7 d] [• Ever]
[🏠]`,
    );
    const on = { screen: "traces", cursor: { direction: "older", trace_id: id(99) } };
    expect(pageRow(renderTraces(vain))).toEqual([{ label: "Search on ➡️", action: on }]);
    // Behind pages that have found something, the way back is there too.
    const later = renderTraces({ ...vain, has_newer: true });
    expect(pageRow(later)).toEqual([
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
    const screen = renderTraces(some);
    expect(visible(screen.html)).toMatch(/\$0\.0021\n\nNothing more found back to Mon 20 Jan 2025, 08:15:30 UTC\.$/);
    expect(pageRow(screen)).toEqual([
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
  const labels = (change: object) =>
    renderTraces(page(traces, change)).keyboard.slice(0, 3).map((row) => row.map((b) => b.label));
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
    const row = pageRow(renderTraces(page(traces, { has_newer: true, has_older: true, older_cursor: id(12) })))!;
    expect(row.map((button) => button.action)).toEqual([
      { screen: "traces", cursor: { direction: "newer", trace_id: id(1) } },
      { screen: "traces", cursor: { direction: "from", trace_id: id(1) } },
      { screen: "traces", cursor: { direction: "older", trace_id: id(12) } },
    ]);
  });

  test("the middle one of the first page fetches what is newest by now", () => {
    expect(pageRow(renderTraces(page(traces)))).toEqual([{ label: "Page 1/1", action: { screen: "traces" } }]);
  });

  test("a number opens its trace, and knows its page", () => {
    const seventh = renderTraces(page(traces)).keyboard[1]![1];
    expect(seventh).toEqual({
      label: "7",
      action: { screen: "trace", trace_id: id(7), back: { to: "traces", first: id(1) } },
    });
  });
});

describe("a filtered list", () => {
  const filter: ListFilter = {
    order: "slowest",
    status: "error",
    pipeline: "support",
    user_id: 601,
    chat_id: -100,
    min_duration_ms: 2000,
    release: "1.4.2",
    error: "429 from",
    hours: 24,
  };

  test("says what it is of, and leaves the order of days", () => {
    const traces = [
      summary(1, { started_at: "2025-01-30T12:03:11Z", duration_ms: 65_000, status: "error", error: "429 from api" }),
      summary(2, { started_at: "2025-01-31T09:00:59Z", duration_ms: 8020 }),
    ];
    const screen = renderTraces(page(traces, { filter, filter_id: "fltr0001", total_exact: false }));
    expect(shown(screen)).toBe(
      `Slowest · ❌ errors · support · user 601 · chat -100 · ≥ 2.00 s · release 1.4.2 · “429 from” · last 24 h · 2+

1 ❌ support · 1 m 05 s · 30 Jan 12:03
     429 from api
2 ✅ support · 8.02 s · 31 Jan 09:00
     user 1001 · 1,801 tok · $0.0021
[1] [2]
[Page 1/1+]
[Newest] [• Slowest] [Dearest]
[All] [✅] [• ❌] [⏳] [❓]
[1 h] [• 24 h] [7 d] [Ever]
[✖ Clear] [📤 CSV] [📤 JSON] [🏠]`,
    );
    expect(screen.html).toContain("“<code>429 from</code>”");
  });

  test("dearest first says what an error cost", () => {
    const failed = summary(1, { status: "error", error: "boom", cost_microusd: 210_000 });
    const { html } = renderTraces(page([failed, summary(2)], { filter: { order: "dearest" } }));
    expect(visible(html)).toBe(`Dearest · last 30 days · 2

1 ❌ support · $0.21 · 31 Jan 12:03
     boom
2 ✅ support · 2.41 s · 31 Jan 12:03
     user 1001 · 1,801 tok · $0.0021`);
  });

  test("of nothing keeps its buttons, so that a condition can be taken away", () => {
    expect(shown(renderTraces(page([], { filter: { status: "lost", hours: 1 }, filter_id: "fltr0001" })))).toBe(
      `Traces · ❓ lost · last hour · 0

Nothing matches. Change the filter with the buttons below.
[• Newest] [Slowest] [Dearest]
[All] [✅] [❌] [⏳] [• ❓]
[• 1 h] [24 h] [7 d] [Ever]
[✖ Clear] [🏠]`,
    );
  });

  test.each(
    [["slowest", "Nothing found so far among the slowest traces."], [
      "dearest",
      "Nothing found so far among the dearest traces.",
    ]] as const,
  )("%s first says what was looked at, not how far back", (order, words) => {
    const searched_to = "2025-01-20T08:15:30.500Z";
    const vain = page([], { filter: { order, release: "x" }, searched_to, has_older: true, older_cursor: id(9) });
    expect(visible(renderTraces(vain).html)).toMatch(new RegExp(`\n\n${words}$`));
    const some = { ...vain, traces: [summary(1)] };
    expect(visible(renderTraces(some).html)).toContain(`\n\nNothing more found so far among the ${order} traces.`);
  });

  test("whose filter is gone says so", () => {
    expect(visible(renderTraces(page([summary(1)], { filter_lost: true })).html)).toMatch(
      /^The filter of this list is no longer known\. These are all traces\.\n\nTraces · last 30 days · 1\n/,
    );
  });

  test("each button keeps the filter and changes one thing", () => {
    const traces = [summary(1)];
    const { keyboard } = renderTraces(
      page(traces, { filter, filter_id: "fltr0001", has_newer: true, has_older: true }),
    );
    const actions = Object.fromEntries(keyboard.flat().map((button) => [button.label, button.action]));
    const list = { screen: "traces", filter: "fltr0001" };
    expect(actions).toEqual({
      "1": { screen: "trace", trace_id: id(1), back: { to: "traces", filter: "fltr0001", first: id(1) } },
      "⬅️ Prev": { ...list, cursor: { direction: "newer", trace_id: id(1) } },
      "Page 1/1": { ...list, cursor: { direction: "from", trace_id: id(1) } },
      "Next ➡️": { ...list, cursor: { direction: "older", trace_id: id(1) } },
      Newest: { ...list, change: { order: "newest" } },
      "• Slowest": { ...list, change: { order: "slowest" } },
      Dearest: { ...list, change: { order: "dearest" } },
      All: { ...list, change: { status: null } },
      "✅": { ...list, change: { status: "ok" } },
      "• ❌": { ...list, change: { status: "error" } },
      "⏳": { ...list, change: { status: "running" } },
      "❓": { ...list, change: { status: "lost" } },
      "1 h": { ...list, change: { hours: 1 } },
      "• 24 h": { ...list, change: { hours: 24 } },
      "7 d": { ...list, change: { hours: 168 } },
      "Ever": { ...list, change: { hours: null } },
      "✖ Clear": { screen: "traces" },
      "📤 CSV": { screen: "export", of: "traces", format: "csv", filter: "fltr0001" },
      "📤 JSON": { screen: "export", of: "traces", format: "jsonl", filter: "fltr0001" },
      "🏠": { screen: "home" },
    });
    for (const button of keyboard.flat()) expect(encodeAction(button.action).length).toBeLessThanOrEqual(64);
    const ten = Array.from({ length: 10 }, (_, i) => summary(i + 1));
    expect(renderTraces(page(ten, { filter, filter_id: "fltr0001" })).keyboard).toHaveLength(7);
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
    const screen = renderTraces(
      page(traces, {
        page: start / 10 + 1,
        pages: 500,
        total: 5000,
        filter: {
          pipeline: HOSTILE[start / 10 % HOSTILE.length]!,
          release: HOSTILE[(start / 10 + 5) % HOSTILE.length]!,
          error: HOSTILE[(start / 10 + 11) % HOSTILE.length]!,
        },
      }),
    );
    expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
    expect(screen.chars).toBe(visible(screen.html).length);
    expect(screen.html.replace(/<(b|code)>[^<>]*<\/\1>/g, "")).not.toMatch(/[<>]/);
    for (let n = 1; n <= 10; n++) expect(screen.html).toMatch(new RegExp(`^${n} [✅❌] <(?:b|code)>`, "mu"));
    expect(screen.html.split("\n").filter((row) => row !== "")).toHaveLength(1 + 10 * 3);
  }
});
