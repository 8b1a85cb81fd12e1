import { describe, expect, test } from "vitest";
import { formatText, readFormatted } from "../../../../functions/synthetic/telegram/formatting.ts";

const read = (values: Record<string, string>) =>
  readFormatted({ values: new Map(Object.entries(values)), files: new Map() }, "text");
const html = (text: string) => read({ text, parse_mode: "HTML" });

describe("cleaning and trimming", () => {
  test.each([
    ["  a  ", "a", []],
    ["\n\n a\n", "a", []],
    ["<b> a </b>", " a", [["bold", 0, 2]]],
    [" x <b> </b>", "x", []],
    ["a\r\nb\tc\0d", "a\nb c d", []],
    [" \n ", "", []],
  ])("%j", (text, expected, entities) => {
    const content = html(text);
    expect([content.text, content.entities.map((e) => [e.type, e.offset, e.length])]).toEqual([expected, entities]);
  });

  test("entities move along with what is removed before them", () => {
    const entities = JSON.stringify([{ type: "bold", offset: 4, length: 1 }]);
    expect(read({ text: " \r\na b", entities })).toEqual({
      text: "a b",
      entities: [{ type: "bold", offset: 1, length: 1 }],
    });
  });
});

describe("automatic entities", () => {
  const found = (text: string) =>
    formatText({ text, entities: [] }).entities.map((e) => [e.type, text.slice(e.offset, e.offset + e.length)]);

  test.each([
    ["/admin traces", [["bot_command", "/admin"]]],
    ["/start@first_bot now", [["bot_command", "/start@first_bot"]]],
    ["see /help.", [["bot_command", "/help"]]],
    ["1/2 a/b /usr/bin", []],
    ["hi @ada_l and a@b.example", [["mention", "@ada_l"]]],
    ["#ops #1 (https://example.org/a?b=c).", [["hashtag", "#ops"], ["url", "https://example.org/a?b=c"]]],
  ])("%s", (text, expected) => expect(found(text)).toEqual(expected));

  test("none within code or a link", () => {
    expect(html('<code>/a @ada_l</code> <a href="https://example.org">@ada_l</a>').entities.map((e) => e.type))
      .toEqual(["code", "text_link"]);
  });
});

test("nothing nests in code, and only a pre keeps a language", () => {
  expect(html('<code class="language-sql">a<b>b</b></code>').entities).toEqual([{
    type: "code",
    offset: 0,
    length: 2,
  }]);
  expect(html("<pre><code>a</code></pre>").entities).toHaveLength(1);
});

test("a quotation within another is dropped", () => {
  expect(html("<blockquote>a<blockquote expandable>b</blockquote></blockquote>\n<blockquote>c</blockquote>").entities)
    .toEqual([{ type: "blockquote", offset: 0, length: 2 }, { type: "blockquote", offset: 3, length: 1 }]);
});

describe("explicit entities", () => {
  const entities = (list: unknown) => read({ text: "hello 😀", entities: JSON.stringify(list) });

  test("are taken as they are, the automatic ones skipped", () => {
    const list = [
      { type: "bold", offset: 0, length: 5 },
      { type: "mention", offset: 0, length: 1 },
      { type: "text_link", offset: 6, length: 2, url: "https://example.org/" },
    ];
    expect(entities(list).entities).toEqual([list[0], list[2]]);
  });

  test.each([
    [[{ type: "bold", offset: -1, length: 1 }], "receive an entity with incorrect offset -1"],
    [[{ type: "bold", offset: 0, length: -1 }], "receive an entity with incorrect length -1"],
    [[{ type: "bold", offset: 9, length: 1 }], "entity begins after the end of the text at UTF-16 offset 9"],
    [
      [{ type: "bold", offset: 6, length: 3 }],
      "entity beginning at UTF-16 offset 6 ends after the end of the text at UTF-16 offset 9",
    ],
    [[{ type: "blink", offset: 0, length: 1 }], "can't parse MessageEntity: Unsupported type specified"],
    [[{ type: "bold", offset: 0 }], 'can\'t parse MessageEntity: Field "length" must be of type Number'],
    [[{ type: "text_link", offset: 0, length: 1, url: "" }], "entity URL '' is invalid: Wrong HTTP URL"],
  ])("%j", (list, complaint) => {
    expect(() => entities(list)).toThrow(expect.objectContaining({ message: `Bad Request: ${complaint}` }));
  });
});

test.each([
  [
    { text: "*a*", parse_mode: "MarkdownV2" },
    "can't parse entities: this Bot API stand-in supports parse_mode HTML only, not Markdown",
  ],
  [{ text: "a", parse_mode: "bbcode" }, "unsupported parse_mode"],
  // It would be 8,193 characters, which is not even looked at.
  [{ text: "&lt;".repeat(8193), parse_mode: "HTML" }, "text is too long"],
  [{ text: "é".repeat(16_385) }, "text is too long"],
  [{ text: "\ud800" }, "strings must be encoded in UTF-8"],
])("refuses %#", (values, complaint) => {
  expect(() => read(values)).toThrow(expect.objectContaining({ message: `Bad Request: ${complaint}` }));
});
