/**
 * Pages of a long text, of which only the characters around one page are here.
 *
 * Page `k` of pages of `n` characters starts at the last good break before `k * n`: where a line ends, or else a
 * grapheme, at most {@link AROUND_CHARS} characters back. A page and the next one see the same characters there and find
 * the same break, so that the pages, one after the other, are the text.
 *
 * @module
 */
import { lastBreak } from "./graphemes.ts";

/** Characters of a page. The RPC halves them for a text with emoji, so that a page never has over 3,000 UTF-16 units. */
export const PAGE_CHARS = 2600;
/** How far a page may start before its place, and how much of the text after it is looked at. */
export const AROUND_CHARS = 200;

/** `text` starts at the character `from` of a text of `stored` characters. */
export interface Around {
  text: string;
  from: number;
  stored: number;
  page: number;
  page_chars: number;
}

export const pagesOf = (stored: number, page_chars: number): number => Math.max(1, Math.ceil(stored / page_chars));

/** The text of a page, as it is stored. */
export function pageText({ text, from, stored, page, page_chars }: Around): string {
  const characters = [...text];
  const start = (at: number): number => {
    if (at <= 0) return 0;
    if (at >= stored) return stored;
    const first = Math.max(0, at - AROUND_CHARS);
    const around = characters.slice(first - from, at + AROUND_CHARS - from);
    const before = around.slice(0, at - first).join("").length;
    return first + [...around.join("").slice(0, lastBreak(around.join(""), 0, before))].length;
  };
  return characters.slice(start(page * page_chars) - from, start((page + 1) * page_chars) - from).join("");
}
