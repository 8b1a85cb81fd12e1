import { describe, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderTrace } from "../../../../functions/telegram/render/trace.ts";
import { detail, HOSTILE, id, shown, step, visible } from "../traces_fixture.ts";

const params = { trace_id: id(2), back: { to: "traces" as const, first: id(1) } };
const now = new Date("2025-01-31T12:03:23.500Z");

describe("a trace", () => {
  test("reads like this", () => {
    const trace = detail(2, {
      status: "error",
      duration_ms: 8020,
      error_step: "llm.answer",
      error: "429 rate limited by the provider, retry in 20 s",
      release: "a1b2c3d",
      message_id: 77,
      update_id: 9,
      steps: [
        step("db.history", 0, 38),
        step("llm.classify", 40, 412),
        step("llm.answer", 460, 7480, { status: "error" }),
        step("http.request", 470, 3000, { parent: 3 }),
        step("telegram.edit", 7945, 70),
      ],
    });
    const screen = renderTrace(trace, params, now);
    expect(shown(screen)).toBe(
      `❌ support · error · 8.02 s
Fri 31 Jan 2025, 12:03:11.042 UTC
1,801 tok · $0.0021

0194bc1f-9d00-7000-8000-000000000002
user 1001 · chat 1001
message 77 · update 9
release a1b2c3d

llm.answer: 429 rate limited by the provider, retry in 20 s

db.history     38 ms █
llm.classify  412 ms █
llm.answer    7.48 s ████████ ✗
 http.request 3.00 s ███
telegram.edit  70 ms         █
[⬅️ Back] [🔄 Refresh]`,
    );
    expect(screen.html).toContain("<code>0194bc1f-9d00-7000-8000-000000000002</code>");
    expect(screen.html).toMatch(/<pre>db\.history[^<]*<\/pre>$/);
    expect(screen.chars).toBe(visible(screen.html).length);
    expect(screen.keyboard).toEqual([[
      { label: "⬅️ Back", action: { screen: "traces", cursor: { direction: "from", trace_id: id(1) } } },
      {
        label: "🔄 Refresh",
        action: { screen: "trace", trace_id: id(2), back: { to: "traces" as const, first: id(1) } },
      },
    ]]);
  });

  test("that runs says for how long", () => {
    const trace = detail(2, { status: "running", duration_ms: null, input_tokens: null, output_tokens: null });
    expect(shown(renderTrace({ ...trace, cost_microusd: null, user_id: null, chat_id: null }, params, now))).toBe(
      `⏳ support · running · running for 12.4 s
Fri 31 Jan 2025, 12:03:11.042 UTC

0194bc1f-9d00-7000-8000-000000000002

No steps were recorded.
[⬅️ Back] [🔄 Refresh]`,
    );
  });

  test("that is lost says so, and not how long it took", () => {
    const unknown = { duration_ms: null, input_tokens: null, output_tokens: null, cost_microusd: null };
    expect(shown(renderTrace(detail(2, { status: "lost", ...unknown }), params, now))).toBe(
      `❓ support · lost
Fri 31 Jan 2025, 12:03:11.042 UTC

0194bc1f-9d00-7000-8000-000000000002
user 1001 · chat 1001

It was announced, and its end has not come in time. Its bot may have stopped.

No steps were recorded.
[⬅️ Back] [🔄 Refresh]`,
    );
  });

  test("with a detached step says what its mark means", () => {
    const steps = [step("db.log", 0, 38, { status: "detached" }), step("llm", 0, 412)];
    expect(shown(renderTrace(detail(2, { duration_ms: 412, steps }), params, now))).toMatch(
      /\n\n→ was still running when the trace was sent\n\ndb\.log.* →\nllm/,
    );
    expect(shown(renderTrace(detail(2, { steps: steps.slice(1) }), params, now))).not.toContain("→");
  });

  test("that is ahead of this clock runs for 0 ms", () => {
    const trace = detail(2, { status: "running", duration_ms: null, started_at: "2025-01-31T12:03:24.000Z" });
    expect(renderTrace(trace, params, now).html).toContain("running for 0 ms");
  });

  test("that was dropped says so, with the way back", () => {
    expect(shown(renderTrace(null, params, now))).toBe(
      `This trace is gone.
Its day was dropped: the setting trace_days says how many are kept.
0194bc1f-9d00-7000-8000-000000000002
[⬅️ Back]`,
    );
  });

  test.each(HOSTILE.map((name, i) => [i, name] as const))("with 1,000 steps of hostile name %i fits", (_, name) => {
    const texts = { pipeline: name, error: name.repeat(7), error_step: name, release: name };
    const flat = Array.from({ length: 1000 }, (_, i) => step(name, i, 1, { status: "error" }));
    const nested = flat.map((s, i) => i === 0 ? s : { ...s, parent: i });
    for (const steps of [flat, nested]) {
      const screen = renderTrace(detail(2, { status: "error", ...texts, steps }), params, now);
      expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
      expect(screen.chars).toBe(visible(screen.html).length);
      expect(screen.html.replace(/<(b|code|pre)>[^<>]*<\/\1>/g, "")).not.toMatch(/[<>]/);
      expect(screen.html).toMatch(/<pre>[^<]+\n… and \d+ more steps<\/pre>$/);
    }
  });
});
