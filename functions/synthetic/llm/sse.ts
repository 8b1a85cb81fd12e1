/**
 * Server-sent events, as LLM providers stream their answers.
 *
 * @module
 */

export interface SseEvent {
  /** As it came, with the empty line at its end. */
  raw: string;
  /** Where it ends in the whole text. */
  end: number;
  /** Undefined: it has none, such as a comment that only keeps the connection alive. */
  data?: string;
}

/** All events of a text; the last one may lack its end. */
export function readEvents(text: string): SseEvent[] {
  const events: SseEvent[] = [];
  for (const match of text.matchAll(/[\s\S]+?(?:\r\n\r\n|\n\n|\r\r|$(?![\s\S]))/g)) {
    const [raw] = match;
    const lines = raw.split(/\r\n|\n|\r/).filter((line) => line.startsWith("data:"));
    const event: SseEvent = { raw, end: match.index + raw.length };
    if (lines.length > 0) event.data = lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
    events.push(event);
  }
  return events;
}

/** The event with other data. */
export function withData({ raw }: SseEvent, data: string): string {
  const kept = raw.split(/\r\n|\n|\r/).filter((line) => line !== "" && !line.startsWith("data:"));
  return [...kept, `data: ${data}`, "", ""].join("\n");
}

export const isSse = (contentType: string): boolean => /^text\/event-stream\b/i.test(contentType);

/** Undefined: it is none. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
