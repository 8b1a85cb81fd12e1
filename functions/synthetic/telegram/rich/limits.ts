/**
 * How large a rich message may be. The numbers are documented; the words of the refusals are Telegram's where they have
 * been reported (`RICH_MESSAGE_TEXT_TOO_LONG`, `RICH_MESSAGE_BLOCKS_TOO_MANY`), and for the rest ours in its manner.
 *
 * @module
 */
import { badRequest } from "../errors.ts";
import { nesting, plain } from "./texts.ts";
import type { RichBlock, RichTable, RichText } from "./types.ts";

/** Most characters (code points), custom emoji and formulas included. */
export const MAX_RICH_TEXT = 32_768;
/** Most blocks, with those in others, items of lists and rows of tables. */
export const MAX_RICH_BLOCKS = 500;
/** Most levels of blocks and formatting. */
export const MAX_RICH_DEPTH = 16;
export const MAX_RICH_COLUMNS = 20;

export function checkRichLimits(blocks: RichBlock[]): void {
  if (length(blocks) > MAX_RICH_TEXT) throw badRequest("RICH_MESSAGE_TEXT_TOO_LONG");
  if (count(blocks) > MAX_RICH_BLOCKS) throw badRequest("RICH_MESSAGE_BLOCKS_TOO_MANY");
  if (depth(blocks) > MAX_RICH_DEPTH) throw badRequest("RICH_MESSAGE_DEPTH_TOO_BIG");
  if (columns(blocks) > MAX_RICH_COLUMNS) throw badRequest("RICH_MESSAGE_COLUMNS_TOO_MANY");
}

/** Characters of the blocks, as Telegram counts them. */
export function length(blocks: RichBlock[]): number {
  return sum(blocks.map((block) => sum(ownTexts(block).map((text) => [...plain(text)].length)) + length(inner(block))));
}

function count(blocks: RichBlock[]): number {
  return sum(blocks.map((block) => {
    const parts = block.type === "list" ? block.items.length : block.type === "table" ? block.cells.length : 0;
    return 1 + parts + count(inner(block));
  }));
}

/** An item of a list is a level of its own. */
function depth(blocks: RichBlock[]): number {
  return Math.max(
    0,
    ...blocks.map((block) =>
      1 + Math.max((block.type === "list" ? 1 : 0) + depth(inner(block)), ...ownTexts(block).map(nesting))
    ),
  );
}

function columns(blocks: RichBlock[]): number {
  return Math.max(0, ...blocks.map((block) => block.type === "table" ? width(block) : columns(inner(block))));
}

const width = ({ cells }: RichTable): number =>
  Math.max(...cells.map((row) => sum(row.map(({ colspan = 1 }) => colspan))));

function inner(block: RichBlock): RichBlock[] {
  if (block.type === "list") return block.items.flatMap((item) => item.blocks);
  return "blocks" in block ? block.blocks : [];
}

function ownTexts(block: RichBlock): RichText[] {
  const texts: (RichText | undefined)[] = block.type === "table"
    ? [block.caption, ...block.cells.flat().map((cell) => cell.text)]
    : [
      "text" in block ? block.text : undefined,
      "summary" in block ? block.summary : undefined,
      "credit" in block ? block.credit : undefined,
      "expression" in block ? block.expression : undefined,
    ];
  return texts.filter((text) => text !== undefined);
}

const sum = (numbers: number[]): number => numbers.reduce((total, number) => total + number, 0);
