import { describe, expect, test } from "vitest";
import { checkRichLimits } from "../../../../functions/synthetic/telegram/rich/limits.ts";
import { parseBlocks } from "../../../../functions/synthetic/telegram/rich/blocks.ts";
import { MAX_RICH } from "../../../../functions/telegram/render/rich.ts";
import { renderTrace } from "../../../../functions/telegram/render/trace.ts";
import { detail, HOSTILE, id, step } from "../traces_fixture.ts";

const params = { trace_id: id(2), back: { to: "home" as const } };
const now = new Date("2025-01-31T12:03:23.500Z");

/** Blocks and cells one below the other, as their texts. */
const read = (html: string) =>
  html.replace(/<\/(h3|p|blockquote|tr|summary)>/g, "\n").replace(/<\/t[hd]>(?=<t)/g, " | ").replace(/<[^>]+>/g, "")
    .replaceAll("&lt;", "<").replaceAll("&gt;", ">").replaceAll("&quot;", '"').replaceAll("&amp;", "&");

describe("a trace as a rich message", () => {
  test("reads like this", () => {
    const trace = detail(2, {
      status: "error",
      duration_ms: 8020,
      error_step: "llm.answer",
      error: "429 rate limited",
      steps: [
        step("db.history", 0, 38),
        step("llm.answer", 460, 7480, { status: "error", model: "gpt-4o", input_tokens: 1500, first_token_ms: 390 }),
        step("http.request", 470, 3000, { parent: 2 }),
      ],
    });
    expect(read(renderTrace(trace, params, now, true).rich!.html)).toBe(`❌ support · error · 8.02 s
Fri 31 Jan 2025, 12:03:11.042 UTC
tokens 1,500 in · 301 out · $0.0021
0194bc1f-9d00-7000-8000-000000000002
user 1001 · chat 1001
llm.answer: 429 rate limited
LLM calls
Call | Tokens | Cost | First token
llm.answer · gpt-4o | 1,500 in | cost unknown | 390 ms
Step | Start | Took
db.history | 0 ms | 38 ms
llm.answer ✗ | 460 ms | 7.48 s
· http.request | 470 ms | 3.00 s
`);
  });

  test("of 200 steps has them all, behind summaries", () => {
    const steps = Array.from({ length: 200 }, (_, i) => step(`s${i + 1}`, i, 1));
    const said = read(renderTrace(detail(2, { steps }), params, now, true).rich!.html);
    for (let i = 1; i <= 200; i++) expect(said).toContain(`\ns${i} | `);
    expect(said.match(/^Steps .*/gm)).toEqual([
      "Steps 21 to 70",
      "Steps 71 to 120",
      "Steps 121 to 170",
      "Steps 171 to 200",
    ]);
  });

  test.each(HOSTILE.map((value, i) => [i, value] as const))(
    "with 1,000 steps of hostile name %i is taken",
    (_, value) => {
      const steps = Array.from(
        { length: 1000 },
        (_, i) => step(value, i, 1, { ...(i > 0 && { parent: i }), model: value, input_tokens: 100_000_000 }),
      );
      const texts = { pipeline: value, error: value.repeat(7), error_step: value, release: value };
      const { html, chars } = renderTrace(detail(2, { status: "error", ...texts, steps }), params, now, true).rich!;
      const blocks = parseBlocks(html);
      checkRichLimits(blocks);
      expect(blocks.length).toBeGreaterThan(5);
      expect(chars).toBeLessThanOrEqual(MAX_RICH + 1);
      expect(html).toMatch(/<p>…<\/p>$/);
    },
  );
});
