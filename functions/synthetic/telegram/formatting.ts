/**
 * From the text a bot or a person sends to the text and entities Telegram stores: parsed, cleaned, trimmed, and with
 * the entities that Telegram finds by itself (commands, mentions, hashtags, links).
 *
 * @module
 */
import { badRequest } from "./errors.ts";
import { hasLoneSurrogate, parseHtml } from "./html.ts";
import { checkedLink } from "./links.ts";
import { json, type Params, text } from "./params.ts";
import type { Entity, FormattedText } from "./types.ts";

/** Most characters of a message, in UTF-16 code units, after entities are parsed. */
export const MAX_TEXT = 4096;
/** The same for the caption of a picture or document. */
export const MAX_CAPTION = 1024;
/** Most bytes of a text as it is sent, with all of its tags and references, in UTF-8. */
export const MAX_RAW_BYTES = 32_768;

const PLAIN_TYPES = ["bold", "italic", "underline", "strikethrough", "spoiler", "code", "blockquote"];
const EXPLICIT_TYPES = [...PLAIN_TYPES, "expandable_blockquote", "pre", "text_link", "custom_emoji"];
/** Types Telegram finds by itself; when a bot sends them they are skipped without a complaint. */
const AUTOMATIC_TYPES = ["mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number"];

const AUTOMATIC =
  /(?<url>https?:\/\/[^\s<>"]*[^\s<>".,!?;:)\]])|(?<![\w/@#])(?:(?<bot_command>\/\w{1,64}(?:@\w{3,32})?)(?![\w/])|(?<mention>@\w{3,32})(?!\w)|(?<hashtag>#[\p{L}\p{N}_]*[\p{L}_][\p{L}\p{N}_]*))/gu;

/** Reads `<field>`, `parse_mode` and `<field's>entities`. @throws {ApiError} 400 as Telegram words it. */
export function readFormatted(params: Params, field: "text" | "caption"): FormattedText {
  const raw = text(params, field);
  if (hasLoneSurrogate(raw)) throw badRequest("strings must be encoded in UTF-8");
  if (new TextEncoder().encode(raw).length > MAX_RAW_BYTES) throw badRequest("text is too long");
  const mode = text(params, "parse_mode").toLowerCase();
  if (mode === "html") return formatText(parseHtml(raw));
  if (mode === "markdown" || mode === "markdownv2") {
    throw badRequest("can't parse entities: this Bot API stand-in supports parse_mode HTML only, not Markdown");
  }
  if (mode !== "") throw badRequest("unsupported parse_mode");
  return formatText({ text: raw, entities: explicitEntities(params, field, raw) });
}

/** Cleans and trims, and adds the automatic entities. The text is empty when nothing visible is left. */
export function formatText(input: FormattedText): FormattedText {
  const { text, entities } = trim(clean(input));
  // Nothing nests in code; what was written there is dropped without a complaint.
  const code: Entity[] = [];
  for (const entity of entities.toSorted(byPosition)) {
    if (isCode(entity) && !overlapsAny(entity, code)) code.push(entity);
  }
  // But for a quotation, which may hold code, whole.
  const marked = withoutNestedQuotes(
    entities.filter((e) => !overlapsAny(e, isQuote(e) ? code.filter((c) => !contains(e, c)) : code)),
  );
  const links = marked.filter((e) => e.type === "text_link");
  const found = automaticEntities(text).filter((e) => !overlapsAny(e, [...code, ...links]));
  return { text, entities: [...code.map(withoutStrayLanguage), ...marked, ...found].sort(byPosition) };
}

/** A quotation within another is dropped without a complaint. */
function withoutNestedQuotes(entities: Entity[]): Entity[] {
  const outer: Entity[] = [];
  return entities.toSorted(byPosition).filter((e) => {
    if (!isQuote(e)) return true;
    return !overlapsAny(e, outer) && outer.push(e) > 0;
  });
}

const isQuote = (e: Entity): boolean => e.type === "blockquote" || e.type === "expandable_blockquote";
const contains = (outer: Entity, inner: Entity): boolean =>
  outer.offset <= inner.offset && endOf(inner) <= endOf(outer);
const isCode = (e: Entity): boolean => e.type === "code" || e.type === "pre";
const byPosition = (a: Entity, b: Entity): number => a.offset - b.offset || b.length - a.length;
const overlapsAny = (e: Entity, others: Entity[]): boolean =>
  others.some((other) => e.offset < endOf(other) && other.offset < endOf(e));

/** Only a `pre` has a language; `html.ts` leaves one on a `code` that turned out to stand alone. */
function withoutStrayLanguage({ language, ...entity }: Entity): Entity {
  return language && entity.type === "pre" ? { ...entity, language } : entity;
}

function explicitEntities(params: Params, field: "text" | "caption", content: string): Entity[] {
  const name = field === "text" ? "entities" : "caption_entities";
  const list = json(params, name, "can't parse entities JSON object");
  return Array.isArray(list) ? list.flatMap((value) => explicitEntity(value, content)) : [];
}

function explicitEntity(value: unknown, content: string): Entity[] {
  const refuse = (complaint: string) => badRequest(`can't parse MessageEntity: ${complaint}`);
  if (typeof value !== "object" || value === null) throw refuse("expected an Object");
  const { type, offset, length, url, language, custom_emoji_id } = value as Record<string, unknown>;
  if (typeof type !== "string") throw refuse('Field "type" must be of type String');
  if (!Number.isInteger(offset)) throw refuse('Field "offset" must be of type Number');
  if (!Number.isInteger(length)) throw refuse('Field "length" must be of type Number');
  const entity: Entity = { type, offset: offset as number, length: length as number };
  if (AUTOMATIC_TYPES.includes(type)) return [];
  if (!EXPLICIT_TYPES.includes(type)) throw refuse("Unsupported type specified");
  if (entity.offset < 0) throw badRequest(`receive an entity with incorrect offset ${entity.offset}`);
  if (entity.length < 0) throw badRequest(`receive an entity with incorrect length ${entity.length}`);
  if (entity.length === 0) return [];
  if (entity.offset > content.length) {
    throw badRequest(`entity begins after the end of the text at UTF-16 offset ${entity.offset}`);
  }
  if (endOf(entity) > content.length) {
    throw badRequest(
      `entity beginning at UTF-16 offset ${entity.offset} ends after the end of the text at UTF-16 offset ${
        endOf(entity)
      }`,
    );
  }
  if (type === "text_link") {
    const checked = typeof url === "string" ? checkedLink(url) : undefined;
    if (!checked) throw badRequest(`entity URL '${String(url ?? "")}' is invalid: Wrong HTTP URL`);
    return [{ ...entity, url: checked }];
  }
  if (type === "pre" && typeof language === "string" && language) return [{ ...entity, language }];
  if (type === "custom_emoji") {
    if (typeof custom_emoji_id !== "string" || !/^\d{1,19}$/.test(custom_emoji_id)) {
      throw refuse('Field "custom_emoji_id" must be a valid Number');
    }
    return [{ ...entity, custom_emoji_id }];
  }
  return [entity];
}

/** Carriage returns go, other control characters but the line feed become spaces; entities move along. */
function clean({ text, entities }: FormattedText): FormattedText {
  const before = (at: number) => text.slice(0, at).replaceAll("\r", "").length;
  return {
    // deno-lint-ignore no-control-regex
    text: text.replaceAll("\r", "").replace(/[\0-\x09\x0b-\x1f]/g, " "),
    entities: entities.map((e) => ({ ...e, offset: before(e.offset), length: before(endOf(e)) - before(e.offset) })),
  };
}

function trim({ text, entities }: FormattedText): FormattedText {
  const end = text.trimEnd().length;
  const firstEntity = Math.min(end, ...entities.map((e) => e.offset));
  // Leading space is kept where an entity covers it, trailing space never.
  const begin = Math.min(firstEntity, text.length - text.replace(/^[ \n]+/, "").length);
  return {
    text: text.slice(begin, end),
    entities: entities
      .map((e) => ({ ...e, offset: e.offset - begin, length: Math.min(endOf(e), end) - e.offset }))
      .filter((e) => e.length > 0),
  };
}

function automaticEntities(text: string): Entity[] {
  return [...text.matchAll(AUTOMATIC)].map((match) => {
    const [type] = Object.entries(match.groups!).find(([, value]) => value !== undefined)!;
    return { type, offset: match.index, length: match[0].length };
  });
}

const endOf = (entity: Entity): number => entity.offset + entity.length;
