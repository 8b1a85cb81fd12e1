/**
 * Tables of rich HTML. A cell holds inline text only.
 *
 * @module
 */
import type { Element, Node } from "./elements.ts";
import { contentRequired, optionalText } from "./texts.ts";
import type { RichCell, RichTable } from "./types.ts";

export function readTable({ attributes, children }: Element, names: ReadonlySet<string>): RichTable {
  const parts = children.filter((node) => typeof node !== "string" || node.trim() !== "");
  const caption = parts.find((node) => isNamed(node, "caption")) as Element | undefined;
  const cells = parts.filter((node) => node !== caption).map((row) => {
    if (!isNamed(row, "tr")) throw contentRequired();
    return row.children.filter((node) => typeof node !== "string" || node.trim() !== "").map((node) =>
      cell(node, names)
    );
  });
  if (cells.length === 0 || cells.some((row) => row.length === 0)) throw contentRequired();
  const text = caption && optionalText(caption.children, names);
  return {
    type: "table",
    cells,
    ...(attributes.has("bordered") && { is_bordered: true }),
    ...(attributes.has("striped") && { is_striped: true }),
    ...(attributes.has("compact") && { is_compact: true }),
    ...(text !== undefined && { caption: text }),
  };
}

const isNamed = (node: Node, name: string): node is Element => typeof node !== "string" && node.name === name;

function cell(node: Node, names: ReadonlySet<string>): RichCell {
  if (!isNamed(node, "td") && !isNamed(node, "th")) throw contentRequired();
  const { name, attributes, children } = node;
  const text = optionalText(children, names);
  const span = (of: "colspan" | "rowspan") => {
    const count = Number(attributes.get(of) ?? 1);
    return Number.isSafeInteger(count) && count > 1 ? { [of]: count } : {};
  };
  return {
    ...(text !== undefined && { text }),
    ...(name === "th" && { is_header: true }),
    ...span("colspan"),
    ...span("rowspan"),
    align: oneOf(attributes.get("align"), ["left", "center", "right"], name === "th" ? "center" : "left"),
    valign: oneOf(attributes.get("valign"), ["top", "middle", "bottom"], "middle"),
  };
}

function oneOf<T extends string>(value: string | undefined, choices: readonly T[], fallback: T): T {
  return choices.find((choice) => choice === value) ?? fallback;
}
