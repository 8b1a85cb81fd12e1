/**
 * Rich messages (Bot API 10.1) within Telegram's limits. Pure. Texts are pieces of `html.ts`, so what is untrusted is escaped
 * and measured there; an empty cell is left empty.
 *
 * @module
 */
import type { Html } from "./html.ts";
import type { Rich } from "./screen.ts";

/** Most visible UTF-16 units; Telegram takes 32,768. */
export const MAX_RICH = 30_000;
/** Most blocks, rows of tables among them; Telegram takes 500. */
export const MAX_BLOCKS = 450;

/** A block, and how many blocks Telegram counts in it. */
export interface Block extends Html {
  readonly blocks: number;
}

type Align = "left" | "right";

const wrap = (opening: string, inner: readonly Html[], closing: string, blocks: number): Block => ({
  html: `<${opening}>${inner.map(({ html }) => html).join("")}</${closing}>`,
  length: inner.reduce((sum, { length }) => sum + length, 0),
  blocks,
});

export const heading = (inner: Html): Block => wrap("h3", [inner], "h3", 1);
export const paragraph = (inner: Html): Block => wrap("p", [inner], "p", 1);
export const quotation = (inner: Html): Block => wrap("blockquote", [inner], "blockquote", 1);

/** A table whose head and rows have a cell for each of `align`. */
export function table(align: readonly Align[], head: readonly Html[], rows: readonly (readonly Html[])[]): Block {
  const row = (cells: readonly Html[], tag: "th" | "td") =>
    wrap("tr", cells.map((cell, i) => wrap(`${tag} align="${align[i]!}"`, [cell], tag, 0)), "tr", 0);
  return wrap(
    "table striped compact",
    [row(head, "th"), ...rows.map((cells) => row(cells, "td"))],
    "table",
    rows.length + 2,
  );
}

/** Blocks that open when the summary is tapped. */
export const details = (summary: Html, ...inner: readonly Block[]): Block =>
  wrap(
    "details",
    [wrap("summary", [summary], "summary", 0), ...inner],
    "details",
    1 + inner.reduce((sum, { blocks }) => sum + blocks, 0),
  );

/** The blocks, one after the other; one that does not fit is left out whole, and `…` stands at the end. */
export function richMessage(...blocks: readonly Block[]): Rich {
  const kept: Block[] = [];
  let chars = 0;
  let count = 1;
  for (const block of blocks) {
    if (chars + block.length > MAX_RICH || count + block.blocks > MAX_BLOCKS) continue;
    kept.push(block);
    chars += block.length;
    count += block.blocks;
  }
  const left = kept.length < blocks.length;
  return { html: kept.map(({ html }) => html).join("") + (left ? "<p>…</p>" : ""), chars: chars + (left ? 1 : 0) };
}
