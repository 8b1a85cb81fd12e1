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
  /**
   * Steps of which it is otherwise. `never` is for all that runs below the step too, such as the call of a wrapped client in it,
   * whatever is said of that; `always` is for the step alone.
   */
  steps?: { readonly [name in Name]?: CaptureRule | undefined } | undefined;
}

export type CaptureRules = ReadonlyMap<string, CaptureRule | undefined>;

/** By the names as they are recorded. */
export const captureRules = (options?: CaptureOptions): CaptureRules =>
  new Map(Object.entries<CaptureRule | undefined>(options?.steps ?? {}).map(([name, rule]) => [stepName(name), rule]));

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
    // Neither is an own enumerable property.
    const source = value instanceof Error ? { ...value, name: value.name, message: value.message } : value;
    const isArray = Array.isArray(source);
    const keys = isArray ? source : Object.keys(source);
    const copied = (isArray ? [] : {}) as Record<string, unknown>;
    for (let i = 0; i < keys.length; i++) {
      const key = isArray ? i : keys[i] as string;
      if (!isArray) room -= keys[i].length;
      if (room <= 0) {
        // Not one by one: there may be millions.
        result.omitted += keys.length - i;
        break;
      }
      copied[key] = copy((source as Record<string, unknown>)[key], depth + 1);
    }
    return copied;
  };

  try {
    result.value = copy(value, 0);
  } catch {
    // A getter or a `toJSON` of the author's fails, or the value contains itself.
  }
  return result;
}
