/**
 * Inline elements of rich HTML to `RichText`. White space is that of HTML: runs of it are one space, and only `<br>`
 * breaks a line; but in `<pre>` it is kept.
 *
 * @module
 */
import { badRequest } from "../errors.ts";
import { checkedLink } from "../links.ts";
import { type Element, isBlock, type Node } from "./elements.ts";
import type { RichSpan, RichText } from "./types.ts";

const STYLES: Readonly<Record<string, string>> = {
  b: "bold",
  strong: "bold",
  i: "italic",
  em: "italic",
  u: "underline",
  ins: "underline",
  s: "strikethrough",
  strike: "strikethrough",
  del: "strikethrough",
  code: "code",
  mark: "marked",
  sub: "subscript",
  sup: "superscript",
  "tg-spoiler": "spoiler",
};

/** Telegram's word for a message, or a part of one, that holds nothing or what may not be there. */
export const contentRequired = () => badRequest("RICH_MESSAGE_CONTENT_REQUIRED");

/** The text of a block, trimmed. @throws {ApiError} 400 when it is empty, or there is a block in it. */
export function requiredText(nodes: Node[], references: ReadonlySet<string>): RichText {
  const text = optionalText(nodes, references);
  if (text === undefined) throw contentRequired();
  return text;
}

/** Undefined when there is nothing to see. @throws {ApiError} 400 when there is a block in it. */
export function optionalText(nodes: Node[], references: ReadonlySet<string>): RichText | undefined {
  const text = trimmed(inline(nodes, references));
  return plain(text).trim() === "" ? undefined : text;
}

/** As it is written, white space included. */
export function verbatim(nodes: Node[]): string {
  return nodes.map((node) => typeof node === "string" ? node : node.name === "br" ? "\n" : verbatim(node.children))
    .join("");
}

/** The text without its styles: what counts towards the limit. */
export function plain(text: RichText): string {
  if (typeof text === "string") return text;
  if (Array.isArray(text)) return text.map(plain).join("");
  return (text.expression ?? text.alternative_text ?? "") + (text.text === undefined ? "" : plain(text.text));
}

/** How many styles lie within each other. */
export function nesting(text: RichText): number {
  if (typeof text === "string") return 0;
  if (Array.isArray(text)) return Math.max(0, ...text.map(nesting));
  return 1 + (text.text === undefined ? 0 : nesting(text.text));
}

function inline(nodes: Node[], references: ReadonlySet<string>): RichText[] {
  const parts: RichText[] = [];
  for (const node of nodes) {
    if (isBlock(node)) throw contentRequired();
    const part = typeof node === "string" ? node.replace(/[ \t\r\n\f]+/g, " ") : span(node, references);
    const last = parts.at(-1);
    if (typeof part === "string" && typeof last === "string") parts[parts.length - 1] = last + part;
    else if (part !== "") parts.push(part);
  }
  return parts;
}

function span({ name, attributes, children }: Element, references: ReadonlySet<string>): RichText {
  const text = () => simple(inline(children, references));
  if (Object.hasOwn(STYLES, name)) return { type: STYLES[name]!, text: text() };
  switch (name) {
    case "br":
      return "\n";
    case "a":
      return link(attributes, text(), references);
    case "tg-reference":
      return { type: "reference", name: attributes.get("name") ?? "", text: text() };
    case "tg-emoji":
      return { type: "custom_emoji", custom_emoji_id: emojiId(attributes), alternative_text: verbatim(children) };
    case "tg-math":
      return { type: "mathematical_expression", expression: verbatim(children) };
    case "tg-time": {
      const unix = Number(attributes.get("unix"));
      if (!Number.isSafeInteger(unix)) return text();
      return { type: "date_time", text: text(), unix_time: unix, date_time_format: attributes.get("format") ?? "" };
    }
  }
  // Parts of blocks (a cell, an item, a summary) outside of their block.
  throw contentRequired();
}

function link(attributes: ReadonlyMap<string, string>, text: RichText, references: ReadonlySet<string>): RichText {
  const name = attributes.get("name");
  if (name !== undefined) return { type: "anchor", name };
  const href = attributes.get("href") ?? "";
  if (href.startsWith("#")) {
    const target = href.slice(1);
    return references.has(target)
      ? { type: "reference_link", text, reference_name: target }
      : { type: "anchor_link", text, anchor_name: target };
  }
  if (/^(mailto|tel):/i.test(href)) {
    return { type: href.startsWith("mailto") ? "email_address" : "phone_number", text } satisfies RichSpan;
  }
  const url = checkedLink(href);
  return url === undefined ? text : { type: "url", text, url };
}

function emojiId(attributes: ReadonlyMap<string, string>): string {
  const id = attributes.get("emoji-id") ?? "";
  if (!/^\d{1,19}$/.test(id)) throw badRequest("can't parse entities: Invalid custom emoji identifier specified");
  return id;
}

const simple = (parts: RichText[]): RichText => parts.length === 1 ? parts[0]! : parts.length === 0 ? "" : parts;

/** Space at both ends of a block is not shown, nor is it beside a line break. */
function trimmed(parts: RichText[]): RichText {
  const clean = parts.map((part) => typeof part === "string" ? part.replace(/ ?\n ?/g, "\n") : part);
  const first = clean[0];
  if (typeof first === "string") clean[0] = first.replace(/^[ \n]+/, "");
  const last = clean.at(-1);
  if (typeof last === "string") clean[clean.length - 1] = last.replace(/[ \n]+$/, "");
  return simple(clean.filter((part) => part !== ""));
}
