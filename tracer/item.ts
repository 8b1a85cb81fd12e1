/**
 * A record as it is queued: as JSON, and its requests and responses apart, since these may have to travel later.
 *
 * @module
 */
import { MAX_BODY_BYTES, MAX_IO_CHARS, type WireTrace } from "./wire.ts";

/** Builds a trace whose texts are cut to `maxChars`. */
export type Recorded = (maxChars: number) => WireTrace;

export interface Item {
  traceId: string;
  /** The trace without its I/O. Once the server has it, no more than what names it. */
  json: string;
  io: string | undefined;
  /** Sizes in UTF-8: of all, and of `io` in it. */
  bytes: number;
  ioBytes: number;
  /** The server has the trace: only its I/O is left to send. */
  stored: boolean;
  /** In a request at this moment. */
  busy: boolean;
  /** Counts up in the order of arrival. */
  seq: number;
  /** Called when nothing of it is left to send. */
  done?: () => void;
}

/** Room for the envelope around a single trace. */
const MAX_ITEM_BYTES = MAX_BODY_BYTES - 1024;

const utf8 = new TextEncoder();
const sizeOf = (text?: string) => utf8.encode(text).length;

/** A trace too large for one request keeps its steps and gets shorter texts. */
export function toItem(record: Recorded): Item | "too_large" | "not_serialisable" {
  try {
    for (let maxChars = MAX_IO_CHARS; maxChars >= 16; maxChars /= 4) {
      const item = itemOf(record(maxChars));
      if (item.bytes <= MAX_ITEM_BYTES) return item;
    }
    return "too_large";
  } catch {
    return "not_serialisable";
  }
}

export function itemOf({ io: said, ...trace }: WireTrace): Item {
  const json = JSON.stringify(trace);
  const io = said && `,"io":${JSON.stringify(said)}}`;
  const ioBytes = sizeOf(io);
  return {
    traceId: trace.trace_id,
    json,
    io,
    bytes: sizeOf(json) + ioBytes,
    ioBytes,
    stored: false,
    busy: false,
    seq: 0,
  };
}

/** As it travels. */
export const jsonOf = ({ json, io }: Item, withIo: boolean): string => withIo && io ? json.slice(0, -1) + io : json;

/** The server has the trace: what is kept of it is what its I/O has to come with. */
export function shrink(item: Item): void {
  const { trace_id, started_at, pipeline, status, duration_ms } = JSON.parse(item.json);
  item.json = JSON.stringify({ trace_id, started_at, pipeline, status, duration_ms, steps: [] });
  item.bytes = sizeOf(item.json) + item.ioBytes;
  item.stored = true;
}
