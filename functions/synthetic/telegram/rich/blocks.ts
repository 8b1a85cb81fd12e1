/**
 * Rich HTML to the blocks of a message.
 *
 * @module
 */
import { type Element, isBlock, type Node, parseElements } from "./elements.ts";
import { readTable } from "./table.ts";
import { contentRequired, optionalText, plain, requiredText, verbatim } from "./texts.ts";
import type { RichBlock, RichListItem, RichText } from "./types.ts";

type Names = ReadonlySet<string>;

/** @throws {ApiError} 400 when a tag is unknown or not closed, and when a block is empty or where it may not be. */
export function parseBlocks(html: string): RichBlock[] {
  const nodes = parseElements(html);
  return blocks(nodes, new Set(referenceNames(nodes)));
}

function referenceNames(nodes: Node[]): string[] {
  return nodes.flatMap((node) =>
    typeof node === "string" ? [] : [
      ...(node.name === "tg-reference" ? [node.attributes.get("name") ?? ""] : []),
      ...referenceNames(node.children),
    ]
  );
}

/** What stands between blocks is a paragraph. */
function blocks(nodes: Node[], names: Names): RichBlock[] {
  const found: RichBlock[] = [];
  let loose: Node[] = [];
  const endParagraph = () => {
    const [only, ...more] = loose.filter((node) => typeof node !== "string" || node.trim() !== "");
    if (isAnchor(only) && more.length === 0) found.push({ type: "anchor", name: only.attributes.get("name")! });
    else {
      const text = optionalText(loose, names);
      if (text !== undefined) found.push({ type: "paragraph", text });
    }
    loose = [];
  };
  for (const node of nodes) {
    if (!isBlock(node)) {
      loose.push(node);
      continue;
    }
    endParagraph();
    found.push(block(node, names));
  }
  endParagraph();
  return found;
}

function isAnchor(node: Node | undefined): node is Element {
  return typeof node === "object" && node.name === "a" && node.attributes.has("name") && node.children.length === 0;
}

function block(element: Element, names: Names): RichBlock {
  const { name, attributes, children } = element;
  switch (name) {
    case "p":
      return { type: "paragraph", text: requiredText(children, names) };
    case "footer":
      return { type: "footer", text: requiredText(children, names) };
    case "hr":
      return { type: "divider" };
    case "pre":
      return preformatted(children);
    case "tg-math-block":
      return { type: "mathematical_expression", expression: verbatim(children) };
    case "ul":
    case "ol":
      return { type: "list", items: listItems(element, names) };
    case "blockquote":
    case "aside":
      return quotation(element, names);
    case "table":
      return readTable(element, names);
    case "details": {
      const summary = children.find((node) => typeof node !== "string" && node.name === "summary") as Element;
      const content = blocks(children.filter((node) => node !== summary), names);
      if (!summary || content.length === 0) throw contentRequired();
      return {
        type: "details",
        summary: requiredText(summary.children, names),
        blocks: content,
        ...(attributes.has("open") && { is_open: true }),
      };
    }
  }
  return { type: "heading", text: requiredText(children, names), size: Number(name.slice(1)) };
}

function preformatted(children: Node[]): RichBlock {
  const [only, ...more] = children;
  const code = typeof only === "object" && only.name === "code" && more.length === 0 ? only : undefined;
  const language = /^language-(.+)/.exec(code?.attributes.get("class") ?? "")?.[1];
  const text = verbatim(code ? code.children : children).replace(/\n$/, "");
  if (text.trim() === "") throw contentRequired();
  return { type: "pre", text, ...(language && { language }) };
}

function quotation({ name, attributes, children }: Element, names: Names): RichBlock {
  const cite = children.find((node) => typeof node !== "string" && node.name === "cite") as Element | undefined;
  const content = children.filter((node) => node !== cite);
  const credit: RichText | undefined = cite && optionalText(cite.children, names);
  const rest = credit !== undefined && plain(credit) !== "" ? { credit } : {};
  if (name === "aside") return { type: "pullquote", text: requiredText(content, names), ...rest };
  if (attributes.has("expandable")) {
    return { type: "expandable_blockquote", text: requiredText(content, names), ...rest };
  }
  const inner = blocks(content, names);
  if (inner.length === 0) throw contentRequired();
  return { type: "blockquote", blocks: inner, ...rest };
}

function listItems({ name, attributes, children }: Element, names: Names): RichListItem[] {
  const items = children.filter((node) => typeof node !== "string" || node.trim() !== "");
  if (items.length === 0) throw contentRequired();
  const start = Number(attributes.get("start") ?? 1);
  return items.map((item, i) => {
    if (typeof item === "string" || item.name !== "li") throw contentRequired();
    const box = item.children.find((node) => typeof node !== "string" && node.name === "input") as Element | undefined;
    const value = Number(item.attributes.get("value") ?? start + i);
    const content = blocks(item.children.filter((node) => node !== box), names);
    if (content.length === 0) throw contentRequired();
    return {
      label: name === "ul" ? "•" : `${value}.`,
      blocks: content,
      ...(box && { has_checkbox: true }),
      ...(box?.attributes.has("checked") && { is_checked: true }),
      ...(name === "ol" && { value, type: item.attributes.get("type") ?? attributes.get("type") ?? "1" }),
    };
  });
}
