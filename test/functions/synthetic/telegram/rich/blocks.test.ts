import { describe, expect, test } from "vitest";
import { parseBlocks } from "../../../../../functions/synthetic/telegram/rich/blocks.ts";
import type { RichBlock } from "../../../../../functions/synthetic/telegram/rich/types.ts";

const paragraph = (text: unknown) => ({ type: "paragraph", text }) as RichBlock;
const bold = (text: unknown) => ({ type: "bold", text });

describe("texts", () => {
  test.each<[string, unknown]>([
    ["<p>a <b>b</b> c</p>", ["a ", bold("b"), " c"]],
    [" two\n  lines ", "two lines"],
    ["a<br>b <br/> c", "a\nb\nc"],
    ["<strong>a<em>b</em></strong>", bold(["a", { type: "italic", text: "b" }])],
    ["<code>a  b</code>", { type: "code", text: "a b" }],
    ["<mark>a</mark><sub>b</sub><sup>c</sup>", [
      { type: "marked", text: "a" },
      { type: "subscript", text: "b" },
      { type: "superscript", text: "c" },
    ]],
    ["<a href='https://e.example/?a=1&amp;b'>l</a>", { type: "url", text: "l", url: "https://e.example/?a=1&b" }],
    ["<a href='javascript:alert(1)'>l</a>", "l"],
    ["<a href='#n'>l</a>", { type: "anchor_link", text: "l", anchor_name: "n" }],
    ["<a href='#n'>l</a> <tg-reference name=n>r</tg-reference>", [
      { type: "reference_link", text: "l", reference_name: "n" },
      " ",
      { type: "reference", text: "r", name: "n" },
    ]],
    ['<tg-time unix="1647531900" format="wDT">soon</tg-time>', {
      type: "date_time",
      text: "soon",
      unix_time: 1647531900,
      date_time_format: "wDT",
    }],
    ["&lt;b&gt; &#33;&#x21; &hellip;&nbsp;&copy; &amp", "<b> !! …\u00a0&copy; &amp"],
  ])("%s", (html, text) => expect(parseBlocks(html)).toEqual([paragraph(text)]));
});

describe("blocks", () => {
  test.each<[string, unknown[]]>([
    ["a<p>b</p>\n<p>c</p> d", ["a", "b", "c", "d"].map(paragraph)],
    ["<h3>a</h3><hr/><footer>b</footer>", [
      { type: "heading", text: "a", size: 3 },
      { type: "divider" },
      { type: "footer", text: "b" },
    ]],
    ["<pre>a\n  b\n</pre>", [{ type: "pre", text: "a\n  b" }]],
    ['<pre><code class="language-sql">a &lt; b</code></pre>', [{ type: "pre", text: "a < b", language: "sql" }]],
    ["<details open><summary>s</summary>a<hr></details>", [{
      type: "details",
      summary: "s",
      blocks: [paragraph("a"), { type: "divider" }],
      is_open: true,
    }]],
    ["<blockquote>a<cite>c</cite></blockquote>", [{ type: "blockquote", blocks: [paragraph("a")], credit: "c" }]],
    ["<blockquote expandable>a<br>b</blockquote>", [{ type: "expandable_blockquote", text: "a\nb" }]],
    ["<aside>a</aside>", [{ type: "pullquote", text: "a" }]],
    ["<ul><li>a</li> <li><input type=checkbox checked>b</li></ul>", [{
      type: "list",
      items: [
        { label: "•", blocks: [paragraph("a")] },
        { label: "•", blocks: [paragraph("b")], has_checkbox: true, is_checked: true },
      ],
    }]],
    ["<ol start=3><li>a</li></ol>", [{
      type: "list",
      items: [{ label: "3.", blocks: [paragraph("a")], value: 3, type: "1" }],
    }]],
    ["<table bordered compact><caption>t</caption><tr><td colspan=2 align=right>1</td><td></td></tr></table>", [{
      type: "table",
      is_bordered: true,
      is_compact: true,
      caption: "t",
      cells: [[
        { text: "1", colspan: 2, align: "right", valign: "middle" },
        { align: "left", valign: "middle" },
      ]],
    }]],
    ['<a name="top"></a>', [{ type: "anchor", name: "top" }]],
    ["<tg-math-block>E = mc^2</tg-math-block>", [{ type: "mathematical_expression", expression: "E = mc^2" }]],
  ])("%s", (html, blocks) => expect(parseBlocks(html)).toEqual(blocks));
});

describe("refused", () => {
  const CONTENT = "RICH_MESSAGE_CONTENT_REQUIRED";
  test.each([
    ["<p></p>", CONTENT],
    ["<h1> </h1>", CONTENT],
    ["<p><ul><li>a</li></ul></p>", CONTENT],
    ["<table></table>", CONTENT],
    ["<table><tr></tr></table>", CONTENT],
    ["<table><tr><td><p>a</p></td></tr></table>", CONTENT],
    ["<table><td>a</td></table>", CONTENT],
    ["<td>a</td>", CONTENT],
    ["<details><summary>s</summary></details>", CONTENT],
    ["<details>a</details>", CONTENT],
    ["<ul>a</ul>", CONTENT],
    ["<ul><li></li></ul>", CONTENT],
    ["é<div>a</div>", 'can\'t parse entities: Unsupported start tag "div" at byte offset 2'],
    ["<table><tbody></tbody></table>", 'can\'t parse entities: Unsupported start tag "tbody" at byte offset 7'],
    ["a</b>", "can't parse entities: Unexpected end tag at byte offset 1"],
    ["<b>a</i>", 'can\'t parse entities: Unmatched end tag at byte offset 4, expected "</b>", found "</i>"'],
    ["a < b", "can't parse entities: Unclosed start tag at byte offset 2"],
    [
      "<img src='https://e.example/a.png'/>",
      'can\'t parse entities: this Bot API stand-in has no "img" in rich messages',
    ],
    ["<tg-emoji emoji-id=x>a</tg-emoji>", "can't parse entities: Invalid custom emoji identifier specified"],
  ])("%s", (html, complaint) => {
    expect(() => parseBlocks(html)).toThrow(
      expect.objectContaining({ status: 400, message: `Bad Request: ${complaint}` }),
    );
  });
});
