/** What stands in a message, be it rich or not. */
import { plain } from "../../functions/synthetic/telegram/rich/texts.ts";
import type { RichBlock } from "../../functions/synthetic/telegram/rich/types.ts";
import type { Message } from "../../functions/synthetic/telegram/types.ts";

/** The text, or the caption, or the blocks of a rich message: a line each, as is each row of a table, cells between ` | `. */
export function wordsOf({ text, caption, rich_message }: Pick<Message, "text" | "caption" | "rich_message">): string {
  return text ?? caption ?? rich_message?.blocks.map(blockText).join("\n") ?? "";
}

function blockText(block: RichBlock): string {
  if (block.type === "table") {
    return block.cells.map((row) => row.map((cell) => plain(cell.text ?? "")).join(" | ")).join("\n");
  }
  return [
    ..."summary" in block ? [plain(block.summary)] : [],
    ..."blocks" in block ? block.blocks.map(blockText) : [],
    ..."text" in block ? [plain(block.text)] : [],
  ].join("\n");
}
