import { describe, expect, test } from "vitest";
import { MAX_VISIBLE } from "../../../../functions/telegram/render/html.ts";
import { renderIo } from "../../../../functions/telegram/render/io.ts";
import { pagesOf, pageText } from "../../../../functions/telegram/render/io_text.ts";
import { pageOf } from "../io_fixture.ts";
import { HOSTILE, id, shown, visible } from "../traces_fixture.ts";

const params = { trace_id: id(2), step: 3, side: "request" as const, page: 0, back: { to: "errors" as const } };

/** All pages, as they are stored. */
function pages(text: string): string[] {
  const { page_chars } = pageOf(text, 0);
  const stored = [...text].length;
  return Array.from({ length: pagesOf(stored, page_chars) }, (_, page) => {
    return pageText({ ...pageOf(text, page), text: pageOf(text, page).text!, stored });
  });
}

describe("the texts of a step", () => {
  test("read like this", () => {
    const text = '{\n  "role": "user",\n  "content": "<b>Where</b> is /order @7?"\n}';
    const screen = renderIo(pageOf(text, 0), params);
    expect(shown(screen)).toBe(`💬 llm.answer · gpt-4o · step 3
Request · 63 characters

{
  "role": "user",
  "content": "<b>Where</b> is /order @7?"
}
[• Request] [Response]
[⬅️ Trace] [🏠]`);
    expect(screen.html).toMatch(/<blockquote expandable><code>\{[^<]*<\/code><\/blockquote>$/);
    expect(screen.chars).toBe(visible(screen.html).length);
  });

  test("that were cut say of how much they are the start, and have their pages and neighbours", () => {
    const io = pageOf("line of a prompt\n".repeat(3000), 7, {
      request_chars: 1_048_576,
      previous_step: 1,
      next_step: 12,
    });
    const screen = renderIo(io, { ...params, page: 7 });
    expect(shown(screen).split("\n").slice(0, 4)).toEqual([
      "💬 llm.answer · gpt-4o · step 3",
      "Request · first 51,000 of 1,048,576 characters",
      "",
      "line of a prompt",
    ]);
    expect(shown(screen).split("\n").slice(-4)).toEqual([
      "[• Request] [Response]",
      "[⬅️ Prev] [Page 8/20] [Next ➡️]",
      "[⏮ Step 1] [Step 12 ⏭]",
      "[⬅️ Trace] [🏠]",
    ]);
    const { trace_id, back } = params;
    expect(screen.keyboard.map((row) => row.map(({ action }) => action))).toEqual([
      [{ screen: "io", ...params, page: 7 }, { screen: "io", ...params, side: "response", page: 0 }],
      [6, 7, 8].map((page) => ({ screen: "io", ...params, page })),
      [1, 12].map((step) => ({ screen: "io", ...params, step, page: 0 })),
      [{ screen: "trace", trace_id, back }, { screen: "home" }],
    ]);
  });

  test("a side that was not captured says so", () => {
    const io = pageOf("", 0, { side: "response", text: null, stored_chars: null, response_chars: null });
    expect(shown(renderIo(io, { ...params, side: "response" }))).toBe(`💬 llm.answer · gpt-4o · step 3
Response

No response was captured.
[Request] [• Response]
[⬅️ Trace] [🏠]`);
  });

  test("that are gone say so", () => {
    expect(shown(renderIo(null, params))).toMatch(/^Nothing is kept of this step\.\n[\s\S]*\n\[⬅️ Trace\] \[🏠\]$/);
  });
});

describe("pages of a long text", () => {
  test("end where a line ends", () => {
    const text = Array.from({ length: 500 }, (_, i) => `${i} ${"x".repeat(i % 90)}\n`).join("");
    for (const page of pages(text)) expect(page.endsWith("\n")).toBe(true);
    expect(pages(text).join("")).toBe(text);
  });

  const long = HOSTILE.map((value) => `${value}\n`.repeat(Math.ceil(20_000 / (value.length + 1))));
  const unbroken = HOSTILE.map((value) => value.repeat(Math.ceil(20_000 / Math.max(1, value.length))));
  const sound = (value: string) => value.replaceAll("\0", "\uFFFD").replace(/[\u{D800}-\u{DFFF}]/gu, "\uFFFD");
  test.each([...long, ...unbroken].map((value, i) => [i, sound(value)] as const))(
    "are together the whole of hostile text %i, and each fits",
    (_, text) => {
      expect(pages(text).join("")).toBe(text);
      pages(text).forEach((_, page) => {
        const screen = renderIo(pageOf(text, page, { name: HOSTILE[3]!, model: HOSTILE[3]! }), params);
        expect(screen.chars).toBeLessThanOrEqual(MAX_VISIBLE);
        expect(visible(screen.html)).not.toMatch(/^…$/m);
        // deno-lint-ignore no-control-regex -- they are what must not be there
        expect(screen.html).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066\u2067]/);
      });
    },
  );

  test("do not part what readers see as one character", () => {
    const family = "👨‍👩‍👧‍👦";
    const text = family.repeat(2000);
    for (const page of pages(text)) expect(page.length % family.length).toBe(0);
    expect(pages(text).join("")).toBe(text);
  });
});
