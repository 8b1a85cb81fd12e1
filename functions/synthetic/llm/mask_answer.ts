/**
 * Masks an answer as it is kept. In a stream a secret may be spread over many events: the texts that belong together are
 * masked as one. A stream without secrets stays as it came, to the byte.
 *
 * @module
 */
import type { Recorded } from "./ports.ts";
import { maskJson, maskText } from "./masking.ts";
import { isSse, parseJson, readEvents, withData } from "./sse.ts";

type Chunks = Recorded["chunks"];

/** A piece of a text that comes in pieces. */
interface Piece {
  owner: Record<string, unknown>;
  field: string;
}

export function maskAnswer(chunks: Chunks, contentType: string): Chunks {
  if (isSse(contentType)) return maskStream(chunks);
  const text = chunks.map((chunk) => chunk.text).join("");
  return [{ ms: chunks.at(-1)?.ms ?? 0, text: maskPlain(text) }];
}

function maskPlain(text: string): string {
  const json = parseJson(text);
  if (typeof json !== "object" || json === null) return maskText(text);
  const before = JSON.stringify(json);
  const after = JSON.stringify(maskJson(json));
  return before === after ? text : JSON.stringify(maskJson(withoutLogprobs(json)));
}

function maskStream(chunks: Chunks): Chunks {
  const whole = chunks.map((chunk) => chunk.text).join("");
  const events = readEvents(whole);
  const parsed = events.map(({ data }) => data === undefined ? undefined : parseJson(data));
  const before = parsed.map((json) => JSON.stringify(json));
  const lanes = new Map<string, Piece[]>();
  for (const json of parsed) collectPieces(json, lanes, eventLane(json), false);
  let spread = false;
  for (const pieces of lanes.values()) spread = maskPieces(pieces) || spread;
  if (!spread && maskText(whole) === whole) return chunks;
  const raws = events.map((event, i) => {
    if (before[i] === undefined) return maskText(event.raw);
    const after = JSON.stringify(maskJson(spread ? withoutLogprobs(parsed[i]) : parsed[i]));
    return after === before[i] ? event.raw : withData(event, after);
  });
  if (raws.every((raw, i) => raw === events[i]!.raw)) return chunks;

  let end = 0;
  let next = 0;
  return chunks.map(({ ms, text }) => {
    end += text.length;
    let kept = "";
    while (next < events.length && events[next]!.end <= end) kept += raws[next++];
    return { ms, text: kept };
  }).filter(({ text }) => text !== "");
}

/** Which output of a response it belongs to. */
function eventLane(json: unknown): string {
  const { type, output_index, content_index } = (json ?? {}) as Record<string, unknown>;
  return [type, output_index, content_index].join(" ");
}

/** By where they belong: choice, field, tool call. */
function collectPieces(json: unknown, lanes: Map<string, Piece[]>, lane: string, inDelta: boolean): void {
  if (typeof json !== "object" || json === null) return;
  for (const [field, value] of Object.entries(json)) {
    const name = Array.isArray(json) ? String((value as { index?: number } | null)?.index ?? field) : field;
    const below = `${lane}.${name}`;
    const within = inDelta || field === "delta";
    if (typeof value !== "string") collectPieces(value, lanes, below, within);
    else if (within) {
      const pieces = lanes.get(below) ?? [];
      lanes.set(below, pieces);
      pieces.push({ owner: json as Record<string, unknown>, field });
    }
  }
}

/** Before and after what is masked, each piece keeps its own. Returns whether there was something to mask. */
function maskPieces(pieces: Piece[]): boolean {
  const texts = pieces.map(({ owner, field }) => owner[field] as string);
  const whole = texts.join("");
  const masked = maskText(whole);
  if (masked === whole) return false;
  let head = 0;
  while (head < masked.length && masked[head] === whole[head]) head++;
  let tail = 0;
  while (tail < Math.min(masked.length, whole.length) - head && masked.at(-1 - tail) === whole.at(-1 - tail)) tail++;
  const tailStart = whole.length - tail;
  let marker = masked.slice(head, masked.length - tail);
  let at = 0;
  for (const [i, { owner, field }] of pieces.entries()) {
    const end = at + texts[i]!.length;
    const before = whole.slice(at, Math.max(at, Math.min(end, head)));
    const after = whole.slice(Math.min(end, Math.max(at, tailStart)), end);
    // Where the masked part begins, its marker stands.
    const here = end > head || i === pieces.length - 1 ? marker : "";
    if (here) marker = "";
    owner[field] = before + here + after;
    at = end;
  }
  return true;
}

/** They have the answer once more, in tokens: halves of secrets that no mask would know. */
function withoutLogprobs(json: unknown): unknown {
  return JSON.parse(JSON.stringify(json, (name, value) => name === "logprobs" ? null : value));
}
