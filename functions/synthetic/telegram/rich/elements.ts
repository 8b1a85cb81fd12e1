/**
 * Rich HTML as a tree of elements: which tags there are, and that each is closed.
 *
 * Telegram says that only the tags it lists are supported. This stand-in refuses every other one, where Telegram has
 * been seen to drop some with what is in them: a bot shall not find that out later.
 *
 * @module
 */
import { badRequest } from "../errors.ts";

export interface Element {
  name: string;
  /** Lower-case names; one without a value has "". */
  attributes: ReadonlyMap<string, string>;
  children: Node[];
}

export type Node = string | Element;

const INLINE =
  "a b strong i em u ins s strike del code mark sub sup tg-spoiler tg-reference tg-emoji tg-time tg-math br";
const BLOCKS = "h1 h2 h3 h4 h5 h6 p pre footer hr ul ol blockquote aside table details tg-math-block";
const PARTS = "li input cite caption tr th td summary";
const MEDIA = "img video audio tg-document tg-map figure figcaption tg-collage tg-slideshow tg-button tg-button-row";

const TAGS = new Set(`${INLINE} ${BLOCKS} ${PARTS}`.split(" "));
const LEFT_OUT = new Set(MEDIA.split(" "));
const VOID = new Set(["br", "hr", "input"]);
const BLOCK_TAGS = new Set(BLOCKS.split(" "));

export const isBlock = (node: Node): node is Element => typeof node !== "string" && BLOCK_TAGS.has(node.name);

/** All numeric references are decoded too. */
const REFERENCES: Readonly<Record<string, string>> = {
  lt: "<",
  gt: ">",
  amp: "&",
  quot: '"',
  apos: "'",
  nbsp: "\u00a0",
  hellip: "…",
  mdash: "—",
  ndash: "–",
  lsquo: "‘",
  rsquo: "’",
  ldquo: "“",
  rdquo: "”",
};

const TAG =
  /<(?<close>\/?)(?<name>[^\s/>]*)(?<rest>(?:\s+[^\s=/>]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'>]+))?)*)\s*(?<void>\/?)>/y;
const ATTRIBUTE = /([^\s=/>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g;

/** @throws {ApiError} 400 "can't parse entities: …", with the offset in bytes of UTF-8. */
export function parseElements(html: string): Node[] {
  const root: Element = { name: "", attributes: new Map(), children: [] };
  const open: Element[] = [root];
  let at = 0;
  for (let next = html.indexOf("<"); next >= 0; next = html.indexOf("<", at)) {
    addText(open.at(-1)!, html.slice(at, next));
    const where = () => `at byte offset ${new TextEncoder().encode(html.slice(0, next)).length}`;
    TAG.lastIndex = next;
    const found = TAG.exec(html)?.groups;
    if (!found) throw refusal(`Unclosed start tag ${where()}`);
    at = TAG.lastIndex;
    const name = found["name"]!.toLowerCase();
    if (LEFT_OUT.has(name)) throw refusal(`this Bot API stand-in has no "${name}" in rich messages`);
    if (!TAGS.has(name)) throw refusal(`Unsupported start tag "${name}" ${where()}`);
    if (found["close"]) closeTag(open, name, where);
    else openTag(open, name, found["rest"]!, found["void"] === "/");
  }
  addText(open.at(-1)!, html.slice(at));
  if (open.length > 1) throw refusal(`Can't find end tag corresponding to start tag "${open.at(-1)!.name}"`);
  return root.children;
}

function openTag(open: Element[], name: string, rest: string, closed: boolean): void {
  const attributes = [...rest.matchAll(ATTRIBUTE)].map(([, key, ...values]): [string, string] => [
    key!.toLowerCase(),
    decode(values.find((value) => value !== undefined) ?? ""),
  ]);
  const element: Element = { name, attributes: new Map(attributes), children: [] };
  open.at(-1)!.children.push(element);
  if (!closed && !VOID.has(name)) open.push(element);
}

function closeTag(open: Element[], name: string, where: () => string): void {
  if (VOID.has(name)) return;
  const expected = open.at(-1)!.name;
  if (expected === "") throw refusal(`Unexpected end tag ${where()}`);
  if (name !== expected) throw refusal(`Unmatched end tag ${where()}, expected "</${expected}>", found "</${name}>"`);
  open.pop();
}

function addText({ children }: Element, raw: string): void {
  if (raw !== "") children.push(decode(raw));
}

function decode(raw: string): string {
  return raw.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (whole, hex, decimal, name) => {
    if (name !== undefined) return Object.hasOwn(REFERENCES, name) ? REFERENCES[name]! : whole;
    const code = hex !== undefined ? parseInt(hex, 16) : parseInt(decimal, 10);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

const refusal = (complaint: string) => badRequest(`can't parse entities: ${complaint}`);
