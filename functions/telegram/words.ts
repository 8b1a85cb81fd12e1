/**
 * A line in words, as a shell would take them.
 *
 * @module
 */

export interface Word {
  text: string;
  /** It stood in quotes, so it is no keyword. */
  quoted: boolean;
}

/** Nobody types more. What follows is left out. */
const MAX_CHARACTERS = 1000;
const MAX_WORDS = 40;

/** Phones write “ ” and « » for ". A quote that is never closed reaches to the end. */
const WORD = /["“”„«]([^"“”«»]*)(?:["“”»]|$)|([^\s"“”„«»]+)|[»]/gu;

export function wordsOf(text: string): Word[] {
  const line = text.slice(0, MAX_CHARACTERS)
    .replace(/[\u{D800}-\u{DFFF}]/gu, "\uFFFD")
    // deno-lint-ignore no-control-regex -- they are what this takes for white space
    .replace(/[\s\u0000-\u001F\u007F-\u009F\u2028\u2029]+/g, " ");
  const words: Word[] = [];
  for (const [, quoted, plain] of line.matchAll(WORD)) {
    if (words.length === MAX_WORDS) break;
    if (quoted !== undefined) words.push({ text: quoted.trim(), quoted: true });
    else if (plain !== undefined) words.push({ text: plain, quoted: false });
  }
  return words;
}
