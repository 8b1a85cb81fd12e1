import { describe, expect, test } from "vitest";
import {
  bold,
  code,
  dotted,
  line,
  lines,
  literal,
  MAX_VISIBLE,
  message,
  name,
  padded,
  pre,
  text,
} from "../../../../functions/telegram/render/html.ts";

test("escapes text, and counts what is seen", () => {
  expect(text('<b>&"')).toEqual({ html: "&lt;b&gt;&amp;&quot;", length: 5 });
  expect(bold(line`${code(text("<x>"))} & ${text(7)}`)).toEqual({
    html: "<b><code>&lt;x&gt;</code> &amp; 7</b>",
    length: 7,
  });
  expect(lines(text("a"), text("b"))).toEqual({ html: "a\nb", length: 3 });
  expect(dotted(text("a"), null, text("b"))).toEqual({ html: "a · b", length: 5 });
  expect(dotted()).toEqual({ html: "", length: 0 });
});

test.each([
  ["support", "<b>support</b>"],
  ["Поддержка 2 - b_c", "<b>Поддержка 2 - b_c</b>"],
  ["/admin", "<code>/admin</code>"],
  ["@ada", "<code>@ada</code>"],
  ["#tag", "<code>#tag</code>"],
  ["db.store", "<code>db.store</code>"],
  ["tg://x", "<code>tg://x</code>"],
  ["+1 555 0100", "<code>+1 555 0100</code>"],
])("a name is bold where Telegram finds nothing to tap in it: %s", (value, html) => {
  expect(name(value, 40)).toEqual({ html, length: value.length });
});

test("padded text fills its columns, wide characters counted", () => {
  expect(padded("ab", 4).html).toBe("ab  ");
  expect(padded("支持", 5).html).toBe("支持 ");
  expect(padded("abcdef", 4).html).toBe("abc…");
});

describe("message", () => {
  const block = (length: number) => pre(literal("x".repeat(length)));

  test("puts an empty line between blocks", () => {
    expect(message(text("a"), text("b"))).toEqual({ html: "a\n\nb", length: 4 });
  });

  test("fills the budget to the last unit", () => {
    const full = message(block(MAX_VISIBLE - 3), text("b"));
    expect([full.length, full.html.slice(-9)]).toEqual([MAX_VISIBLE, "</pre>\n\nb"]);
  });

  test("leaves a block out whole, keeps the later ones that fit, and says so", () => {
    const cut = message(text("head"), block(MAX_VISIBLE), text("tail"));
    expect(cut).toEqual({ html: "head\n\ntail\n\n…", length: 13 });
  });
});
