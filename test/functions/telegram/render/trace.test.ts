import { describe, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderTrace, type TraceParams } from "../../../../functions/telegram/render/trace.ts";
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
      io_steps: [2, 3],
      steps: [
        step("db.history", 0, 38),
        step("llm.classify", 40, 412, {
          model: "gpt-4o-mini",
          input_tokens: 300,
          output_tokens: 1,
          cost_microusd: 100,
        }),
        step("llm.answer", 460, 7480, {
          status: "error",
          model: "gpt-4o",
          input_tokens: 1200,
          cached_tokens: 1000,
          output_tokens: 300,
          reasoning_tokens: 120,
          cost_microusd: 2000,
          first_token_ms: 390,
        }),
        step("http.request", 470, 3000, { parent: 3 }),
        step("telegram.edit", 7945, 70),
      ],
    });
    // As it comes from a button: with the name of its own screen.
    const screen = renderTrace(trace, { screen: "trace", ...params } as TraceParams, now, true);
    expect(shown(screen)).toBe(
      `❌ support · error · 8.02 s
Fri 31 Jan 2025, 12:03:11.042 UTC
tokens 1,500 in (1,000 cached)
301 out (120 reasoning) · $0.0021

0194bc1f-9d00-7000-8000-000000000002
user 1001 · chat 1001
message 77 · update 9
release a1b2c3d

llm.answer: 429 rate limited by the provider, retry in 20 s

llm.classify · gpt-4o-mini
     300 in · 1 out · $0.0001
llm.answer · gpt-4o
     1,200 in (1,000 cached)
     300 out (120 reasoning)
     $0.002 · first token 390 ms

db.history     38 ms ▏
llm.classify  412 ms ▌
llm.answer    7.48 s ████████▍ ✗
 http.request 3.00 s ███▍
telegram.edit  70 ms         ▏
[❌ 3 llm.answer] [💬 2 llm.classify]
[🧪 Make a test of this]
[🖼 Picture] [📤 JSON]
[⬅️ Traces] [🔄 Refresh] [🏠]`,
    );
    expect(screen.html).toContain("<code>0194bc1f-9d00-7000-8000-000000000002</code>");
    expect(screen.html).toMatch(/<pre>db\.history[^<]*<\/pre>$/);
    expect(screen.chars).toBe(visible(screen.html).length);
    const { trace_id, back } = params;
    expect(screen.keyboard.map((row) => row.map((button) => button.action))).toEqual([
      [3, 2].map((step) => ({ screen: "io", trace_id, step, side: "request", page: 0, back })),
      [{ screen: "fixture", trace_id }],
      [
        { screen: "picture", of: "trace", theme: "light", trace_id, back },
        { screen: "export", of: "trace", trace_id },
      ],
      [
        { screen: "traces", cursor: { direction: "from", trace_id: id(1) } },
        { screen: "trace", trace_id, back },
        { screen: "home" },
      ],
    ]);
  });

  test("of one call says tokens and cost once", () => {
    const call = { model: "gpt-4o", input_tokens: 1500, output_tokens: 301, cost_microusd: 2100, first_token_ms: 1204 };
    const trace = detail(2, { steps: [step("llm.answer", 0, 2413, call)] });
    expect(shown(renderTrace(trace, params, now, true))).toContain(`
tokens 1,500 in · 301 out · $0.0021

0194bc1f-9d00-7000-8000-000000000002
user 1001 · chat 1001

llm.answer · gpt-4o · first token 1.20 s

llm.answer 2.41 s ██████████████
`);
  });

  test("of many calls shows the dearest five, in their order", () => {
    const steps = Array.from(
      { length: 9 },
      (_, i) => step(`llm.${i}`, i, 1, { model: "m", cost_microusd: i % 2 * 100 + i }),
    );
    const said = shown(renderTrace(detail(2, { steps }), params, now, true));
    expect(said.match(/^llm\.\d · m$/gm)).toEqual(["llm.1 · m", "llm.3 · m", "llm.5 · m", "llm.7 · m", "llm.8 · m"]);
    expect(said).toContain("\n… and 4 more LLM calls\n");
  });

  test("shows a viewer no texts, and says for whom they are", () => {
    const trace = detail(2, { steps: [step("llm", 0, 1)], io_steps: [1] });
    const screen = renderTrace(trace, params, now, false);
    expect(shown(screen)).toContain("\n💬 What 1 step sent and received is for operators\n");
    expect(screen.keyboard.flat().map(({ action }) => action.screen)).toEqual([
      "picture",
      "export",
      "traces",
      "trace",
      "home",
    ]);
  });

  test("of 200 steps with texts opens eight, the failed ones first", () => {
    const steps = Array.from(
      { length: 200 },
      (_, i) => step(`step.${i + 1}`, i, 1, { status: i === 150 ? "error" : "ok" }),
    );
    const trace = detail(2, { steps, io_steps: steps.map((_, i) => i + 1) });
    const screen = renderTrace(trace, params, now, true);
    expect(screen.keyboard.map((row) => row.length)).toEqual([2, 2, 2, 2, 1, 2, 3]);
    expect(screen.keyboard[0]!.map(({ label }) => label)).toEqual(["❌ 151 step.151", "💬 1 step.1"]);
    expect(visible(screen.html)).toContain(
      "\n💬 200 steps have texts. The buttons open 8; from there on, step by step\n",
    );
  });

  test.each(
    [
      [{ to: "home" }, ["🔄 Refresh", "🏠"]],
      [{ to: "errors" }, ["⬅️ Errors", "🔄 Refresh", "🏠"]],
      [{ to: "stats" }, ["⬅️ Stats", "🔄 Refresh", "🏠"]],
      [{ to: "alerts" }, ["⬅️ Alerts", "🔄 Refresh", "🏠"]],
    ] as const,
  )("that was opened from %o leads back there", (back, labels) => {
    const screen = renderTrace(detail(2), { trace_id: id(2), back }, now, true);
    expect(screen.keyboard.at(-1)!.map(({ label }) => label)).toEqual(labels);
  });

  test("that a message only likely leads to says so, in both ways", () => {
    const said = "Likely: this message was not the run's last";
    const screen = renderTrace(detail(2), { ...params, likely: true }, now, true);
    expect(visible(screen.html)).toContain(`\n${said}\n`);
    expect(visible(screen.rich!.html)).toContain(said);
    expect(visible(renderTrace(detail(2), { ...params, likely: false }, now, true).html)).not.toContain("Likely");
  });

  test("that runs says for how long", () => {
    const trace = detail(2, { status: "running", duration_ms: null, input_tokens: null, output_tokens: null });
    expect(shown(renderTrace({ ...trace, cost_microusd: null, user_id: null, chat_id: null }, params, now, true))).toBe(
      `⏳ support · running for 12.4 s
Fri 31 Jan 2025, 12:03:11.042 UTC

0194bc1f-9d00-7000-8000-000000000002

No steps were recorded.
[🖼 Picture] [📤 JSON]
[⬅️ Traces] [🔄 Refresh] [🏠]`,
    );
  });

  test("that is lost says so, and not how long it took", () => {
    const unknown = { duration_ms: null, input_tokens: null, output_tokens: null, cost_microusd: null };
    expect(shown(renderTrace(detail(2, { status: "lost", ...unknown }), params, now, true))).toBe(
      `❓ support · lost
Fri 31 Jan 2025, 12:03:11.042 UTC

0194bc1f-9d00-7000-8000-000000000002
user 1001 · chat 1001

It was announced, and its end has not come in time. Its bot may have stopped.

No steps were recorded.
[🖼 Picture] [📤 JSON]
[⬅️ Traces] [🔄 Refresh] [🏠]`,
    );
  });

  test("with a detached step says what its mark means", () => {
    const steps = [step("db.log", 0, 38, { status: "detached" }), step("llm", 0, 412)];
    expect(shown(renderTrace(detail(2, { duration_ms: 412, steps }), params, now, true))).toMatch(
      /\n\n→ was still running when the trace was sent\n\ndb\.log.* →\nllm/,
    );
    expect(shown(renderTrace(detail(2, { steps: steps.slice(1) }), params, now, true))).not.toContain("→");
  });

  test("that is ahead of this clock runs for 0 ms", () => {
    const trace = detail(2, { status: "running", duration_ms: null, started_at: "2025-01-31T12:03:24.000Z" });
    expect(renderTrace(trace, params, now, true).html).toContain("running for 0 ms");
  });

  test("that was dropped says so, with the way back", () => {
    expect(shown(renderTrace(null, params, now, true))).toBe(
      `This trace is gone.
Its day was dropped: the setting trace_days says how many are kept.
0194bc1f-9d00-7000-8000-000000000002
[⬅️ Traces] [🏠]`,
    );
  });

  test.each(HOSTILE.map((name, i) => [i, name] as const))("with 1,000 steps of hostile name %i fits", (_, name) => {
    const texts = { pipeline: name, error: name.repeat(7), error_step: name, release: name };
    const flat = Array.from({ length: 1000 }, (_, i) => step(name, i, 1, { status: "error" }));
    const nested = flat.map((s, i) => i === 0 ? s : { ...s, parent: i });
    for (const steps of [flat, nested]) {
      const screen = renderTrace(detail(2, { status: "error", ...texts, steps }), params, now, true);
      expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
      expect(screen.chars).toBe(visible(screen.html).length);
      expect(screen.html.replace(/<(b|code|pre)>[^<>]*<\/\1>/g, "")).not.toMatch(/[<>]/);
      expect(screen.html).toMatch(/<pre>[^<]+\n… and \d+ more steps<\/pre>$/);
    }
  });
});
