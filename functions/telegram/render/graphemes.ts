/**
 * Untrusted text, made fit for a message: cleaned, cut between what readers see as characters, and unable to reorder or
 * overprint what stands beside it.
 *
 * @module
 */

/** A piece of one line, and the columns it takes in a monospace font. */
export interface Cut {
  readonly value: string;
  readonly columns: number;
}

/** What stands for a text of which nothing visible is left. */
const BLANK = "(blank)";

/** Marks that one base character keeps. Living scripts stack three at most; towers of them overprint other lines. */
const MAX_MARKS = 3;

/** Longest grapheme in UTF-16 units. The longest emoji, a family with four skin tones, has 19. */
const MAX_GRAPHEME_UNITS = 24;

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

/**
 * The start of `value` in at most `columns` columns, ending in `…` when it was cut. It has at most two UTF-16 units a
 * column, and one grapheme's worth of units besides.
 */
export function cut(value: string, columns: number): Cut {
  // What comes after can only be cut off; long error texts need not be cleaned to their end.
  const start = value.slice(0, columns * 16);
  const units = columns * 2 + MAX_GRAPHEME_UNITS;
  let whole: Cut = { value: "", columns: 0 };
  let kept = whole;
  for (const { segment } of graphemes.segment(clean(start))) {
    const grapheme = segment.length > MAX_GRAPHEME_UNITS ? String.fromCodePoint(segment.codePointAt(0)!) : segment;
    whole = { value: whole.value + grapheme, columns: whole.columns + columnsOf(grapheme) };
    if (whole.columns > columns || whole.value.length > units) return shortened(kept);
    // Room for the `…` stays free, and no space stands before it.
    if (grapheme !== " " && whole.columns < columns && whole.value.length < units) kept = whole;
  }
  return start.length < value.length ? shortened(kept) : isolated(whole);
}

const shortened = ({ value, columns }: Cut): Cut => isolated({ value: `${value}…`, columns: columns + 1 });

/** One line of {@link withoutTricks}; runs of white space become one space. */
function clean(value: string): string {
  const line = withoutTricks(value.replace(/[\s\u0085]+/gu, " ")).trim();
  return isBlank(line) ? BLANK : line;
}

/**
 * Text for lines of its own: line ends and white space stay, a tab becomes a space. It is never longer than `value`.
 *
 * Nothing stands beside it, and no bidi control is left that would reach over the end of a line; so it is not isolated.
 */
export function cleanLines(value: string): string {
  const lines = withoutTricks(value.replace(/\r\n?|[\u0085\u2028\u2029\v\f]/g, "\n").replaceAll("\t", " "));
  return isBlank(lines) ? BLANK : lines;
}

/**
 * Text without control characters but line feeds, bidi controls, other invisible characters (ZWJ and ZWNJ stay: emoji
 * and scripts need them), lone surrogates and towers of marks.
 */
function withoutTricks(value: string): string {
  return value
    .replace(/[\u{D800}-\u{DFFF}]/gu, "\uFFFD")
    // deno-lint-ignore no-control-regex -- they are what this removes
    .replace(/[\u0000-\u0009\u000B-\u001F\u007F-\u009F\u00AD\u061C\u180E\u200B\u200E\u200F\u202A-\u202E]/g, "")
    .replace(/[\u2060-\u206F\uFEFF\uFFF9-\uFFFB]/g, "")
    .replace(new RegExp(`(\\p{M}{${MAX_MARKS}})\\p{M}+`, "gu"), "$1");
}

const isBlank = (value: string): boolean => !/[^\s\u200C\u200D\u034F\u115F\u1160\u2800\u3164\uFFA0\p{M}]/u.test(value);

/** The last place in `value`, at `from` or after it and at `to` or before it, where a line ends, or else a grapheme. */
export function lastBreak(value: string, from: number, to: number): number {
  const lineEnd = value.lastIndexOf("\n", to - 1);
  if (lineEnd >= from) return lineEnd + 1;
  let found = from;
  for (const { index } of graphemes.segment(value)) {
    if (index > to) break;
    found = Math.max(found, index);
  }
  return found;
}

/** Right-to-left text between FSI and PDI, so that it cannot reorder the numbers and names around it. */
function isolated({ value, columns }: Cut): Cut {
  const rightToLeft = /[\u0590-\u08FF\uFB1D-\uFDFF\uFE70-\uFEFE\u{10800}-\u{10FFF}\u{1E800}-\u{1EFFF}]/u;
  return { value: rightToLeft.test(value) ? `\u2068${value}\u2069` : value, columns };
}

/** Two columns for emoji and for East Asian wide characters, one for everything else. */
function columnsOf(grapheme: string): 1 | 2 {
  const wide =
    /\p{Emoji_Presentation}|\p{Regional_Indicator}|\uFE0F|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uA960-\uA97F\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF01-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/u;
  return wide.test(grapheme) ? 2 : 1;
}
