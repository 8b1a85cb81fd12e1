import { describe, expect, test } from "vitest";
import { parseHtml } from "../../../../functions/synthetic/telegram/html.ts";

describe("what Telegram accepts", () => {
  test.each([
    ["<b>a</b>", "a", [["bold", 0, 1]]],
    ["<STRONG>a</Strong>", "a", [["bold", 0, 1]]],
    ["<i>a</i><em>b</em>", "ab", [["italic", 0, 1], ["italic", 1, 1]]],
    ["<u>a</u><ins>b</ins>", "ab", [["underline", 0, 1], ["underline", 1, 1]]],
    ["<s>a</s><strike>b</strike><del>c</del>", "abc", [
      ["strikethrough", 0, 1],
      ["strikethrough", 1, 1],
      ["strikethrough", 2, 1],
    ]],
    ['<span class="tg-spoiler">a</span><tg-spoiler>b</tg-spoiler>', "ab", [["spoiler", 0, 1], ["spoiler", 1, 1]]],
    ["<code>a</code>", "a", [["code", 0, 1]]],
    ["<pre>a\nb</pre>", "a\nb", [["pre", 0, 3]]],
    ["<blockquote>a</blockquote>", "a", [["blockquote", 0, 1]]],
    ["<blockquote expandable>a</blockquote>", "a", [["expandable_blockquote", 0, 1]]],
    ["<b>x<i>y</i></b>", "xy", [["italic", 1, 1], ["bold", 0, 2]]],
    ["<b>a</>", "a", [["bold", 0, 1]]],
    ["<b>a</b >", "a", [["bold", 0, 1]]],
    ["<b></b>a", "a", []],
    ["<b>😀</b>é", "😀é", [["bold", 0, 2]]],
    ["a > b", "a > b", []],
    ["<tg-emoji emoji-id='5368324170671202286'>👍</tg-emoji>", "👍", [["custom_emoji", 0, 2]]],
    ['<tg-time unix="1647531900" format="wDT">then</tg-time>', "then", [["date_time", 0, 4]]],
  ])("%s", (html, text, entities) => {
    const parsed = parseHtml(html);
    expect([parsed.text, parsed.entities.map((e) => [e.type, e.offset, e.length])]).toEqual([text, entities]);
  });

  test.each([
    ['<a href="https://example.org/?a=1&amp;b=2">x</a>', "https://example.org/?a=1&b=2"],
    ["<a href='example.org'>x</a>", "http://example.org/"],
    ["<a>example.org</a>", "http://example.org/"],
  ])("a link: %s", (html, url) => {
    expect(parseHtml(html).entities).toMatchObject([{ type: "text_link", url }]);
  });

  test.each(['<a href="javascript:alert(1)">x</a>', '<a href="word">x</a>', '<a href="tg://user?id=5">x</a>'])(
    "an unusable link is plain text: %s",
    (html) => expect(parseHtml(html)).toEqual({ text: "x", entities: [] }),
  );

  test("a language is that of a pre around a code, or inside one", () => {
    const pre = { type: "pre", offset: 0, length: 1, language: "sql" };
    expect(parseHtml('<pre><code class="language-sql">x</code></pre>').entities).toEqual([pre]);
    expect(parseHtml('<code class="language-sql"><pre>x</pre></code>').entities).toEqual([pre]);
  });

  test("a custom emoji has its number", () => {
    expect(parseHtml('<tg-emoji emoji-id="5368324170671202286">👍</tg-emoji>').entities)
      .toEqual([{ type: "custom_emoji", offset: 0, length: 2, custom_emoji_id: "5368324170671202286" }]);
  });

  test.each([
    ["&lt;&gt;&amp;&quot;", '<>&"'],
    ["&lt&gt", "<>"],
    ["&#65;&#x42;&#x1F600;", "AB😀"],
    ["&nbsp;&copy;&apos;&LT;", "&nbsp;&copy;&apos;&LT;"],
    ["a & b &", "a & b &"],
    ["&#0;&#1114111;&#99999999999;&#x;&#00000065;", "&#0;&#1114111;&#99999999999;&#x;&#00000065;"],
    ["&amp;lt;", "&lt;"],
  ])("references: %s", (html, text) => expect(parseHtml(html).text).toBe(text));
});

test.each([
  ["<b>a", 'Can\'t find end tag corresponding to start tag "b"'],
  ["<b><i>a</b></i>", 'Unmatched end tag at byte offset 7, expected "</i>", found "</b>"'],
  ["é<x>a</x>", 'Unsupported start tag "x" at byte offset 2'],
  ["<br/>", 'Unsupported start tag "br/" at byte offset 0'],
  ["<!-- a -->", 'Unsupported start tag "!--" at byte offset 0'],
  ["1 <2 and 3> 4", 'Unsupported start tag "2" at byte offset 2'],
  ["😀</b>", "Unexpected end tag at byte offset 4"],
  ["a <b", "Unclosed start tag at byte offset 2"],
  ["<b>a</b", "Unclosed end tag at byte offset 4"],
  ['<a href="x', "Unclosed start tag at byte offset 0"],
  ["<a href>x</a>", 'Expected equal sign in declaration of an attribute of the tag "a" at byte offset 0'],
  ["<a =x>y</a>", 'Empty attribute name in the tag "a" at byte offset 0'],
  ["<a href=x/y>z</a>", "Unexpected end of name token at byte offset 8"],
  ["<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'],
  ["<tg-emoji>a</tg-emoji>", "Invalid custom emoji identifier specified"],
  [
    "&#xD800;",
    "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units",
  ],
])("refuses %s", (html, complaint) => {
  expect(() => parseHtml(html)).toThrow(
    expect.objectContaining({ status: 400, message: `Bad Request: can't parse entities: ${complaint}` }),
  );
});

test("a time keeps its moment and its format", () => {
  expect(parseHtml('<tg-time unix="1647531900" format="wDT">a</tg-time><tg-time unix=5>b</tg-time>').entities)
    .toMatchObject([{ unix_time: 1647531900, date_time_format: "wDT" }, { unix_time: 5, date_time_format: "" }]);
  expect(() => parseHtml("<tg-time>a</tg-time>")).toThrow("Invalid date specified");
  expect(() => parseHtml('<tg-time unix="5" format="x">a</tg-time>')).toThrow("Invalid date format specified");
});
