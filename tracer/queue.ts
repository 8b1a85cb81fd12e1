/**
 * A queue bounded by count and by bytes. It holds what is to be sent until the server has it.
 *
 * A record enters as a function that builds it and is serialised later, outside the bot's handlers.
 *
 * @module
 */
import { MAX_BODY_BYTES, MAX_IO_CHARS, type WireTrace } from "./wire.ts";

/** Builds a trace whose texts are cut to `maxChars`. */
export type Recorded = (maxChars: number) => WireTrace;

/** A trace as JSON. `bytes` is its size in UTF-8. */
export interface Item {
  traceId: string;
  json: string;
  bytes: number;
}

/** Room for the envelope around a single trace. */
const MAX_ITEM_BYTES = MAX_BODY_BYTES - 1024;

const utf8 = new TextEncoder();

export class Queue {
  readonly #maxCount: number;
  readonly #maxBytes: number;
  #fresh: Recorded[] = [];
  readonly #items: Item[] = [];
  #bytes = 0;

  constructor(maxCount: number, maxBytes: number) {
    this.#maxCount = maxCount;
    this.#maxBytes = maxBytes;
  }

  get size(): number {
    return this.#fresh.length + this.#items.length;
  }

  /** Records not yet serialised. */
  get fresh(): number {
    return this.#fresh.length;
  }

  /** False when the queue is full. */
  push(record: Recorded): boolean {
    if (this.size >= this.#maxCount) return false;
    this.#fresh.push(record);
    return true;
  }

  /** Serialises what is fresh. `lost` is called for each record that cannot be kept. */
  serialise(lost: (reason: "queue_full" | "too_large" | "not_serialisable") => void): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const record of fresh) {
      const item = toItem(record);
      if (typeof item === "string") lost(item);
      else if (this.#bytes + item.bytes > this.#maxBytes) lost("queue_full");
      else {
        this.#items.push(item);
        this.#bytes += item.bytes;
      }
    }
  }

  /** The oldest items, at least one if there is any; no trace twice, since its announcement must come to rest first. */
  head(maxCount: number, maxBytes: number): Item[] {
    const ids = new Set<string>();
    let bytes = 0;
    for (const item of this.#items) {
      bytes += item.bytes + 1;
      if (ids.size >= maxCount || (ids.size > 0 && bytes > maxBytes) || ids.has(item.traceId)) break;
      ids.add(item.traceId);
    }
    return this.#items.slice(0, ids.size);
  }

  /** Forgets the oldest `count` items. */
  remove(count: number): void {
    for (const item of this.#items.splice(0, count)) this.#bytes -= item.bytes;
  }

  /** Puts the oldest item last, so that one that the server fails at does not hold up the others. */
  rotate(): void {
    this.#items.push(...this.#items.splice(0, 1));
  }
}

/** A trace too large for one request keeps its steps and gets shorter texts. */
function toItem(record: Recorded): Item | "too_large" | "not_serialisable" {
  try {
    for (let maxChars = MAX_IO_CHARS; maxChars >= 16; maxChars /= 4) {
      const wire = record(maxChars);
      const json = JSON.stringify(wire);
      const bytes = utf8.encode(json).length;
      if (bytes <= MAX_ITEM_BYTES) return { traceId: wire.trace_id, json, bytes };
    }
    return "too_large";
  } catch {
    return "not_serialisable";
  }
}
