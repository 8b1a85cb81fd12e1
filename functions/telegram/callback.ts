/**
 * What a button does, as `callback_data`: at most 64 bytes, and readable by every later version of this file.
 *
 * One character for the version, one for the screen, then its parameters; a trace id takes 22 base64url characters.
 * Messages outlive deployments, so data of another version, or none of ours, decodes to null and opens the first page.
 *
 * @module
 */
import type { PageCursor } from "../_shared/db.ts";

/** A screen and its parameters. A new screen adds its member here, and a letter of its own below. */
export type Action =
  | { screen: "traces"; cursor?: PageCursor }
  /** `back`: the first trace of the page to go back to. */
  | { screen: "trace"; trace_id: string; back: string };

const VERSION = "1";
const DIRECTIONS = { o: "older", n: "newer", f: "from" } as const;

export function encodeAction(action: Action): string {
  switch (action.screen) {
    case "traces":
      return `${VERSION}l${action.cursor ? action.cursor.direction[0] + pack(action.cursor.trace_id) : ""}`;
    case "trace":
      return `${VERSION}t${pack(action.trace_id)}${pack(action.back)}`;
  }
}

/** The action that was encoded, or null when `data` is not of this version. */
export function decodeAction(data: string): Action | null {
  if (data === `${VERSION}l`) return { screen: "traces" };

  const page = data.match(/^1l([onf])([\w-]{22})$/);
  if (page) {
    const trace_id = unpack(page[2]!);
    const direction = DIRECTIONS[page[1] as keyof typeof DIRECTIONS];
    return trace_id === null ? null : { screen: "traces", cursor: { direction, trace_id } };
  }

  const trace = data.match(/^1t([\w-]{22})([\w-]{22})$/);
  if (trace) {
    const [trace_id, back] = [unpack(trace[1]!), unpack(trace[2]!)];
    return trace_id === null || back === null ? null : { screen: "trace", trace_id, back };
  }
  return null;
}

/** A UUID's 16 bytes as 22 base64url characters. */
function pack(uuid: string): string {
  const bytes = uuid.replaceAll("-", "").match(/../g)!.map((hex) => parseInt(hex, 16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").slice(0, 22);
}

/** The UUIDv7 that {@link pack} was given, or null when it was not given one. */
function unpack(packed: string): string | null {
  const hex = [...atob(packed.replaceAll("-", "+").replaceAll("_", "/"))]
    .map((byte) => byte.charCodeAt(0).toString(16).padStart(2, "0"))
    .join("");
  const uuid = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
  return /^.{14}7.{4}[89ab]/.test(uuid) && pack(uuid) === packed ? uuid : null;
}
