/**
 * Telegram HTML within Telegram's limits. Pure: data in, message out.
 *
 * A message is a list of blocks, and a block is kept or left out whole, so a tag is never cut.
 *
 * @module
 */
import { cleanLines, cut } from "./graphemes.ts";

/** Most visible UTF-16 units in a message of ours; Telegram refuses a message above 4,096. */
export const MAX_VISIBLE = 3500;

/** A piece of HTML that remembers how long it will look. */
export interface Html {
  readonly html: string;
  /** Visible length in UTF-16 units, the unit of Telegram's limits. */
  readonly length: number;
}

/** Untrusted text on one line, in at most `columns` columns. It, {@link padded} and {@link quote} are the only ways for such text. */
export function text(value: string | number, columns = 64): Html {
  return escaped(cut(String(value), columns).value);
}

/** As {@link text}, filled up with spaces to exactly `columns` columns of a monospace font. */
export function padded(value: string, columns: number): Html {
  const piece = cut(value, columns);
  return escaped(piece.value + " ".repeat(columns - piece.columns));
}

/** Our own characters, spaces included, as they are. Never for what came from outside. */
export const literal = (own: string): Html => escaped(own);

export const bold = (inner: Html): Html => wrap("b", inner);
export const code = (inner: Html): Html => wrap("code", inner);
export const pre = (inner: Html): Html => wrap("pre", inner);

/** Untrusted text as code, in which Telegram finds no links, commands or mentions that an admin could tap by mistake. */
export const quoted = (value: string, columns?: number): Html => code(text(value, columns));

/** An untrusted name in bold, or as {@link quoted} where Telegram could find more in it than a name. */
export function name(value: string, columns: number): Html {
  return /^[\p{L}\p{M}\p{N} _-]*$/u.test(value) ? bold(text(value, columns)) : quoted(value, columns);
}

/**
 * Untrusted text on lines of its own, in full, behind a quote that opens when it is tapped. As code, for the reason of
 * {@link quoted}.
 */
export const quote = (value: string): Html =>
  wrap("blockquote", code(escaped(cleanLines(value))), "blockquote expandable");

/** Joins literals (our own words) and pieces: `` line`p95 ${bold(text("12 ms"))}` ``. */
export function line(literals: TemplateStringsArray, ...pieces: Html[]): Html {
  return join(literals.flatMap((literal, i) => [escaped(literal), ...(pieces[i] ? [pieces[i]] : [])]), "");
}

/** Pieces on one line with ` · ` between them; what is null is left out. */
export function dotted(...pieces: (Html | null)[]): Html {
  return join(pieces.filter((piece) => piece !== null), " · ");
}

/** Lines, one below the other. */
export const lines = (...rows: Html[]): Html => join(rows, "\n");

/** Blocks with an empty line between them. A block that does not fit is left out, and a last line `…` says so. */
export function message(...blocks: Html[]): Html {
  const left = escaped("…");
  const all = join(blocks, "\n\n");
  if (all.length <= MAX_VISIBLE) return all;
  const kept: Html[] = [];
  for (const block of blocks) {
    if (join([...kept, block, left], "\n\n").length <= MAX_VISIBLE) kept.push(block);
  }
  return join([...kept, left], "\n\n");
}

function join(pieces: readonly Html[], separator: string): Html {
  return {
    html: pieces.map((piece) => piece.html).join(separator),
    length: pieces.reduce((sum, piece) => sum + piece.length, separator.length * Math.max(0, pieces.length - 1)),
  };
}

function wrap(tag: string, inner: Html, opening = tag): Html {
  return { html: `<${opening}>${inner.html}</${tag}>`, length: inner.length };
}

const ESCAPES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function escaped(raw: string): Html {
  return { html: raw.replace(/[&<>"]/g, (character) => ESCAPES[character]!), length: raw.length };
}
