import { expect, test } from "vitest";
import { parseBlocks } from "../../../../../functions/synthetic/telegram/rich/blocks.ts";
import { checkRichLimits, length } from "../../../../../functions/synthetic/telegram/rich/limits.ts";

const check = (html: string) => checkRichLimits(parseBlocks(html));
const row = (cells: number) => `<tr>${"<td>a</td>".repeat(cells)}</tr>`;
const nested = (tag: string, levels: number) => `<${tag}>`.repeat(levels) + "a" + `</${tag}>`.repeat(levels);

test("characters are code points, of every part of a message", () => {
  const html = "<h1>😀</h1><table><caption>ab</caption><tr><td>c</td><td><b>d</b></td></tr></table>" +
    "<details><summary>e</summary><ul><li>f</li></ul></details><blockquote>g<cite>h</cite></blockquote>";
  expect(length(parseBlocks(html))).toBe(9);
  expect(() => check("😀".repeat(32_768))).not.toThrow();
  expect(() => check("a".repeat(32_768) + "<hr><p>b</p>")).toThrow("RICH_MESSAGE_TEXT_TOO_LONG");
});

test("500 blocks, with rows and items", () => {
  expect(() => check("<hr>".repeat(500))).not.toThrow();
  expect(() => check("<hr>".repeat(501))).toThrow("RICH_MESSAGE_BLOCKS_TOO_MANY");
  expect(() => check(`<table>${row(1).repeat(499)}</table>`)).not.toThrow();
  expect(() => check(`<table>${row(1).repeat(500)}</table>`)).toThrow("RICH_MESSAGE_BLOCKS_TOO_MANY");
  // A list, its items and the paragraph in each.
  expect(() => check(`<ul>${"<li>a</li>".repeat(250)}</ul>`)).toThrow("RICH_MESSAGE_BLOCKS_TOO_MANY");
});

test("16 levels of blocks and formatting", () => {
  expect(() => check(`<p>${nested("b", 15)}</p>`)).not.toThrow();
  expect(() => check(`<p>${nested("b", 16)}</p>`)).toThrow("RICH_MESSAGE_DEPTH_TOO_BIG");
  expect(() => check(nested("blockquote", 15))).not.toThrow();
  expect(() => check(nested("blockquote", 16))).toThrow("RICH_MESSAGE_DEPTH_TOO_BIG");
});

test("20 columns, as wide as they span", () => {
  expect(() => check(`<table>${row(20)}</table>`)).not.toThrow();
  expect(() => check(`<table>${row(1)}${row(21)}</table>`)).toThrow("RICH_MESSAGE_COLUMNS_TOO_MANY");
  expect(() => check(`<details><summary>s</summary><table><tr><td colspan=21>a</td></tr></table></details>`))
    .toThrow("RICH_MESSAGE_COLUMNS_TOO_MANY");
});
