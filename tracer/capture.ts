/**
 * Which requests and responses are kept, and how much of them.
 *
 * @module
 */
import { stepName } from "./steps.ts";
import { MARGIN } from "./text.ts";
import { MAX_IO_CHARS } from "./wire.ts";

/** `always`: in every trace. `never`: not even in one that has failed. */
export type CaptureRule = "always" | "never";

/**
 * Requests and responses are kept of every trace in which something has failed, and of a share of the others. The share is
 * told by the last 16 bits of the trace id, as the server does it: of a smaller share there, the traces are a part of these.
 */
export interface CaptureOptions<Name extends string = string> {
  /** Share of the traces without any error, 0 to 1. @default 0.1 */
  rate?: number | undefined;
  /** Steps of which it is otherwise. */
  steps?: { readonly [name in Name]?: CaptureRule | undefined } | undefined;
}

export type CaptureRules = ReadonlyMap<string, CaptureRule | undefined>;

/** By the names as they are recorded. */
export const captureRules = ({ steps = {} }: CaptureOptions = {}): CaptureRules =>
  new Map(Object.entries<CaptureRule | undefined>(steps).map(([name, rule]) => [stepName(name), rule]));

/** A request or response as it was when it was told. */
export interface Captured {
  /** A string, or plain data that is to become JSON. */
  value: unknown;
  /** Characters that were left out of it; of values in an array or object, at least that many. */
  omitted: number;
}

/** More than this cannot be seen once the text is cut. */
const KEEP = MAX_IO_CHARS + MARGIN;
const MAX_DEPTH = 100;

/**
 * Copies a value, since the author may go on changing it, as with an array of messages. Strings are shared and what is too
 * long is left out, so that this takes microseconds; JSON is made later, and only of what is kept.
 */
export function captured(value: unknown): Captured | undefined {
  if (value === undefined || typeof value === "function" || typeof value === "symbol") return undefined;
  const result = { value: "[not serialisable]" as unknown, omitted: 0 };
  let room = KEEP;

  const copy = (value: unknown, depth: number): unknown => {
    if (typeof value === "string") {
      const kept = value.length <= room ? value : value.slice(0, Math.max(0, room));
      room -= value.length;
      result.omitted += value.length - kept.length;
      return kept;
    }
    room -= 1;
    if (typeof value === "bigint") return String(value);
    if (typeof value !== "object" || value === null) return value;
    if (depth > MAX_DEPTH) throw new RangeError();
    if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`;
    if ("toJSON" in value && typeof value.toJSON === "function") return copy(value.toJSON(), depth + 1);
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) if (hasRoom()) items.push(copy(item, depth + 1));
      return items;
    }
    const fields: Record<string, unknown> = {};
    for (const [key, field] of Object.entries(value)) {
      room -= key.length;
      if (hasRoom()) fields[key] = copy(field, depth + 1);
    }
    return fields;
  };
  const hasRoom = () => room > 0 || (result.omitted += 1, false);

  try {
    result.value = copy(value, 0);
  } catch {
    // A getter or a `toJSON` of the author's fails, or the value contains itself.
  }
  return result;
}
