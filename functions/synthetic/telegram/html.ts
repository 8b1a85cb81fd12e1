/**
 * `parse_mode: "HTML"`, as strict as Telegram's own parser: the same tags, refusals and byte offsets.
 *
 * @module
 */
import { badRequest } from "./errors.ts";
import { checkedLink } from "./links.ts";
import { decodeReference } from "./references.ts";
import type { Entity, FormattedText } from "./types.ts";

const TYPES: Readonly<Record<string, string>> = {
  b: "bold",
  strong: "bold",
  i: "italic",
  em: "italic",
  u: "underline",
  ins: "underline",
  s: "strikethrough",
  strike: "strikethrough",
  del: "strikethrough",
  span: "spoiler",
  "tg-spoiler": "spoiler",
  "tg-emoji": "custom_emoji",
  "tg-time": "date_time",
  a: "text_link",
  code: "code",
  pre: "pre",
  blockquote: "blockquote",
};

interface OpenTag {
  name: string;
  argument: string;
  /** Of a `tg-time`. */
  format?: string;
  offset: number;
}

/** @throws {ApiError} 400 "can't parse entities: …" with the offset, in bytes of UTF-8, where it went wrong. */
export function parseHtml(html: string): FormattedText {
  let text = "";
  const entities: Entity[] = [];
  const open: OpenTag[] = [];

  for (let at = 0; at < html.length;) {
    if (html[at] === "&") {
      const reference = decodeReference(html, at);
      text += reference.text;
      at = reference.end;
    } else if (html[at] !== "<") {
      text += html[at++];
    } else if (html[at + 1] !== "/") {
      const { tag, end } = readStartTag(html, at);
      open.push({ ...tag, offset: text.length });
      at = end;
    } else {
      at = readEndTag(html, at, open.at(-1)?.name);
      close(open.pop()!, text, entities);
    }
  }
  const unclosed = open.at(-1);
  if (unclosed) throw refusal(`Can't find end tag corresponding to start tag "${unclosed.name}"`);
  if (hasLoneSurrogate(text)) {
    throw refusal(
      "Text contains invalid Unicode characters after decoding HTML entities, check for unmatched surrogate code units",
    );
  }
  return { text, entities };
}

function readStartTag(html: string, begin: number): { tag: Omit<OpenTag, "offset">; end: number } {
  const where = atByte(html, begin);
  let at = skip(html, begin + 1, (c) => !isSpace(c) && c !== ">");
  if (at >= html.length) throw refusal(`Unclosed start tag ${where}`);
  const name = html.slice(begin + 1, at).toLowerCase();
  if (!Object.hasOwn(TYPES, name)) throw refusal(`Unsupported start tag "${name}" ${where}`);

  let argument = "";
  let format = "";
  while (html[at] !== ">") {
    at = skip(html, at, isSpace);
    if (html[at] === ">") break;
    const attributeBegin = at;
    at = skip(html, at, (c) => !isSpace(c) && c !== "=" && c !== ">");
    const attribute = html.slice(attributeBegin, at).toLowerCase();
    if (at >= html.length) throw refusal(`Unclosed start tag "${name}" ${where}`);
    if (attribute === "") throw refusal(`Empty attribute name in the tag "${name}" ${where}`);
    at = skip(html, at, isSpace);
    if (html[at] !== "=") {
      if (name === "blockquote" && attribute === "expandable") {
        argument = "expandable";
        continue;
      }
      throw refusal(`Expected equal sign in declaration of an attribute of the tag "${name}" ${where}`);
    }
    const value = readValue(html, skip(html, at + 1, isSpace));
    at = value.end;
    if (at >= html.length) throw refusal(`Unclosed start tag ${where}`);
    argument = tagArgument(name, attribute, value.text) ?? argument;
    if (name === "tg-time" && attribute === "format") format = value.text;
  }
  if (name === "span" && argument !== "spoiler") {
    throw refusal(`Tag "span" must have class "tg-spoiler" ${where}`);
  }
  return { tag: { name, argument, ...(format && { format }) }, end: at + 1 };
}

/** What of an attribute matters to its tag; undefined for attributes Telegram skips over. */
function tagArgument(tag: string, attribute: string, value: string): string | undefined {
  switch (`${tag} ${attribute}`) {
    case "a href":
    case "tg-emoji emoji-id":
    case "tg-time unix":
      return value;
    case "code class":
      return value.startsWith("language-") ? value.slice("language-".length) : undefined;
    case "span class":
      return value.startsWith("tg-") ? value.slice("tg-".length) : undefined;
    case "blockquote expandable":
      return "expandable";
  }
}

function readValue(html: string, begin: number): { text: string; end: number } {
  const quote = html[begin];
  if (quote !== '"' && quote !== "'") {
    const end = skip(html, begin, (c) => /[a-z0-9.-]/i.test(c));
    if (end < html.length && !isSpace(html[end]!) && html[end] !== ">") {
      throw refusal(`Unexpected end of name token ${atByte(html, begin)}`);
    }
    return { text: html.slice(begin, end).toLowerCase(), end };
  }
  let text = "";
  let at = begin + 1;
  while (at < html.length && html[at] !== quote) {
    const reference = decodeReference(html, at);
    text += reference.text;
    at = reference.end;
  }
  return { text, end: at + 1 };
}

function readEndTag(html: string, begin: number, expected: string | undefined): number {
  const where = atByte(html, begin);
  if (expected === undefined) throw refusal(`Unexpected end tag ${where}`);
  let at = skip(html, begin + 2, (c) => !isSpace(c) && c !== ">");
  const name = html.slice(begin + 2, at).toLowerCase();
  at = skip(html, at, isSpace);
  if (html[at] !== ">") throw refusal(`Unclosed end tag ${where}`);
  if (name !== "" && name !== expected) {
    throw refusal(`Unmatched end tag ${where}, expected "</${expected}>", found "</${name}>"`);
  }
  return at + 1;
}

function close({ name, argument, format, offset }: OpenTag, text: string, entities: Entity[]): void {
  const length = text.length - offset;
  if (length === 0) return;
  const entity: Entity = { type: TYPES[name]!, offset, length };
  const last = entities.at(-1);
  const wraps = (type: string) => last?.type === type && last.offset === offset && last.length === length;

  if (name === "a") {
    const url = checkedLink(argument || text.slice(offset));
    if (url) entities.push({ ...entity, url });
  } else if (name === "tg-emoji") {
    if (!/^\d{1,19}$/.test(argument)) throw refusal("Invalid custom emoji identifier specified");
    entities.push({ ...entity, custom_emoji_id: argument });
  } else if (name === "tg-time") {
    if (!/^\d{1,10}$/.test(argument)) throw refusal("Invalid date specified");
    if (!/^(r|w?[dD]?[tT]?)$/.test(format ?? "")) throw refusal("Invalid date format specified");
    entities.push({ ...entity, unix_time: Number(argument), date_time_format: format ?? "" });
  } else if (name === "pre" && wraps("code") && last?.language) {
    last.type = "pre";
  } else if (name === "code") {
    if (wraps("pre") && argument) last!.language = argument;
    // Kept on the code until its tag is known to sit in a pre; `formatText` takes it off any other.
    else entities.push({ ...entity, ...(argument && { language: argument }) });
  } else if (name === "blockquote" && argument) {
    entities.push({ ...entity, type: "expandable_blockquote" });
  } else {
    entities.push(entity);
  }
}

export const hasLoneSurrogate = (text: string): boolean => /\p{Surrogate}/u.test(text);

/** Telegram's parser counts the end of the text among the spaces. */
const isSpace = (c: string): boolean => /[ \t\r\n\v\0]/.test(c);

function skip(html: string, from: number, matches: (c: string) => boolean): number {
  let at = from;
  while (at < html.length && matches(html[at]!)) at++;
  return at;
}

const atByte = (html: string, at: number): string =>
  `at byte offset ${new TextEncoder().encode(html.slice(0, at)).length}`;

const refusal = (complaint: string) => badRequest(`can't parse entities: ${complaint}`);
