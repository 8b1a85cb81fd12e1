/**
 * What a button does, as `callback_data`: at most 64 bytes, and readable by every later version of this file.
 *
 * One character for the version, one for the screen, then its parameters, each of a known width: a trace id takes 22
 * base64url characters, the id of a stored filter 8, a number 2; `.` stands for one that is left out. Messages outlive
 * deployments, so data of another version, or none of ours, decodes to null and opens the first screen.
 *
 * Over 300 lines, because it is one list: each letter is written here once, and read here once.
 *
 * @module
 */
import type { FilterChange, Hours, PageCursor, SyntheticTier, TraceStatus } from "../_shared/db.ts";
import { packNumber, packUuid, Reader } from "./packed.ts";

/** Where a trace was opened from: a page of a list, by its filter and its first trace; a scenario of a run; or another screen. */
export type Back =
  | { to: "traces"; filter?: string; first?: string }
  | { to: "result"; run_id: string; position: number }
  | { to: "home" | "errors" | "stats" | "alerts" };

export type Theme = "light" | "dark";

/** A screen and its parameters, and what a button changes before it is shown. */
export type Action =
  | { screen: "home" | "storage" | "admins" | "help" }
  /** `filter`: id of a stored one. `change` is laid over it, and the list starts at its top. */
  | { screen: "traces"; filter?: string; change?: FilterChange; cursor?: PageCursor }
  | { screen: "trace"; trace_id: string; back: Back }
  /** `step` counts from 1, `page` from 0. */
  | { screen: "io"; trace_id: string; step: number; side: "request" | "response"; page: number; back: Back }
  | { screen: "errors" | "stats"; hours: Hours }
  /** `before`: the last entry of the page before. */
  | { screen: "audit"; before?: number }
  /** `before`: the last alert of the page before. */
  | { screen: "alerts"; all: boolean; before?: number }
  | { screen: "alert"; alert_id: number; act?: AlertAct }
  /** A button of an alert's own message, which stays one: what else it opens comes as a new message. */
  | { screen: "look"; alert_id: number; press: AlertAct | "reason" | "alerts" }
  /** `threshold` is in the rule's unit, with at most three decimals. */
  | { screen: "rule"; rule: string; enabled?: boolean; threshold?: number }
  /** `set`: positions of a setting in the screen's table and of the value among its choices. `sure`: of how many dropped days. */
  | { screen: "settings"; set?: { setting: number; choice: number; sure?: number } }
  | { screen: "picture"; of: "trace"; trace_id: string; theme: Theme; back: Back }
  | { screen: "picture"; of: "chart"; theme: Theme }
  | { screen: "export"; of: "trace"; trace_id: string }
  | { screen: "export"; of: "traces"; format: "csv" | "jsonl"; filter?: string }
  | { screen: "export"; of: "stats"; hours: Hours }
  /** `page` counts from 0, as all pages do. */
  | { screen: "tests"; page?: number }
  /** What a run of all scenarios of a tier costs; a replay, which costs nothing, begins at once. */
  | { screen: "ask"; tier: SyntheticTier; mode: "live" | "replay" }
  /** `ceiling`: in micro-dollars, as the button says. */
  | { screen: "confirm"; run_id: string; ceiling: number }
  /** Also takes back what was not confirmed. */
  | { screen: "stop"; run_id: string }
  | { screen: "run"; run_id: string; only: "all" | "failed"; page: number }
  /** One scenario of a run. */
  | { screen: "result"; run_id: string; position: number; page: number }
  /** A button of a run's own message, which stays one: what else it opens comes as a new message. */
  | { screen: "watch"; run_id: string; press: "stop" | "refresh" | "failures" | "details" }
  /** A trace as a scenario. */
  | { screen: "fixture"; trace_id: string };

export type AlertAct = "acknowledge" | "mute_1h" | "mute_24h" | "unmute";

const VERSION = "2";

// A letter, once given, keeps its meaning.
const PLAIN = { h: "home", g: "storage", m: "admins", q: "help" } as const;
const HOURS = { a: 1, b: 24, c: 168, d: 720 } as const;
const BACK = { h: "home", e: "errors", s: "stats", a: "alerts" } as const;
const DIRECTION = { o: "older", n: "newer", f: "from" } as const;
const SIDE = { q: "request", r: "response" } as const;
const THEME = { l: "light", d: "dark" } as const;
const FORMAT = { c: "csv", j: "jsonl" } as const;
const ACT = { a: "acknowledge", h: "mute_1h", d: "mute_24h", u: "unmute" } as const;
const PRESS = { ...ACT, r: "reason", l: "alerts" } as const;
const SWITCH = { "+": true, "-": false } as const;
const PICTURE = { c: "chart", t: "trace" } as const;
const EXPORT = { t: "trace", s: "stats", l: "traces" } as const;
const STATUS = { o: "ok", e: "error", r: "running", l: "lost" } as const satisfies Record<string, TraceStatus>;
const TIER = { s: "smoke", r: "release" } as const;
const MODE = { l: "live", r: "replay" } as const;
const ONLY = { a: "all", f: "failed" } as const;
const WATCH = { s: "stop", r: "refresh", f: "failures", d: "details" } as const;
const ORDER = { n: "newest", s: "slowest", d: "dearest" } as const;

export function encodeAction(action: Action): string {
  return VERSION + encoded(action);
}

/** The action that was encoded, or null when `data` is not of this version. */
export function decodeAction(data: string): Action | null {
  try {
    const reader = new Reader(data);
    const action = reader.take(1) === VERSION ? decoded(reader) : null;
    // One action has one form: what only looks like one is nothing of ours.
    return action && encodeAction(action) === data ? action : null;
  } catch {
    return null;
  }
}

/** Whether `data` is of an earlier version, whose buttons are still under old messages. */
export function isOutdated(data: string): boolean {
  return /^[1-9]/.test(data) && data < VERSION;
}

function encoded(action: Action): string {
  switch (action.screen) {
    case "home":
    case "storage":
    case "admins":
    case "help":
      return letter(PLAIN, action.screen);
    case "traces": {
      const { filter = ".", change, cursor } = action;
      if (change) return `l${filter}c${encodedChange(change)}`;
      return `l${filter}${cursor ? letter(DIRECTION, cursor.direction) + packUuid(cursor.trace_id) : ""}`;
    }
    case "trace":
      return `t${packUuid(action.trace_id)}${encodedBack(action.back)}`;
    case "io":
      return `i${packUuid(action.trace_id)}${packNumber(action.step)}${letter(SIDE, action.side)}${
        packNumber(action.page)
      }${encodedBack(action.back)}`;
    case "audit":
      return `u${action.before ?? ""}`;
    case "errors":
      return `e${letter(HOURS, action.hours)}`;
    case "stats":
      return `s${letter(HOURS, action.hours)}`;
    case "alerts":
      return `a${action.all ? "+" : "."}${action.before ?? ""}`;
    case "alert":
      return `b${action.act ? letter(ACT, action.act) : "."}${action.alert_id}`;
    case "look":
      return `k${letter(PRESS, action.press)}${action.alert_id}`;
    case "rule":
      return `r${action.enabled === undefined ? "." : letter(SWITCH, action.enabled)}${action.rule}${
        action.threshold === undefined ? "" : `=${action.threshold}`
      }`;
    case "settings":
      return `c${action.set ? packNumber(action.set.setting) + packNumber(action.set.choice) : ""}${
        action.set?.sure === undefined ? "" : encodedSure(action.set.sure)
      }`;
    case "picture":
      return action.of === "chart"
        ? `pc${letter(THEME, action.theme)}`
        : `pt${letter(THEME, action.theme)}${packUuid(action.trace_id)}${encodedBack(action.back)}`;
    case "export":
      if (action.of === "trace") return `xt${packUuid(action.trace_id)}`;
      if (action.of === "stats") return `xs${letter(HOURS, action.hours)}`;
      return `xl${letter(FORMAT, action.format)}${action.filter ?? "."}`;
    case "tests":
      return `y${action.page === undefined ? "" : packNumber(action.page)}`;
    case "ask":
      return `n${letter(TIER, action.tier)}${letter(MODE, action.mode)}`;
    case "confirm":
      return `o${packUuid(action.run_id)}${action.ceiling}`;
    case "stop":
      return `d${packUuid(action.run_id)}`;
    case "run":
      return `j${packUuid(action.run_id)}${letter(ONLY, action.only)}${packNumber(action.page)}`;
    case "result":
      return `v${packUuid(action.run_id)}${packNumber(action.position)}${packNumber(action.page)}`;
    case "watch":
      return `w${letter(WATCH, action.press)}${packUuid(action.run_id)}`;
    case "fixture":
      return `f${packUuid(action.trace_id)}`;
  }
}

function decoded(reader: Reader): Action | null {
  const screen = reader.take(1);
  switch (screen) {
    case "h":
    case "g":
    case "m":
    case "q":
      return { screen: PLAIN[screen] };
    case "l": {
      const filter = reader.filter();
      if (reader.isAtEnd) return { screen: "traces", ...filter };
      if (reader.peek() === "c") return { screen: "traces", ...filter, change: decodedChange(reader) };
      const direction = reader.one(DIRECTION);
      return { screen: "traces", ...filter, cursor: { direction, trace_id: reader.uuid() } };
    }
    case "t":
      return { screen: "trace", trace_id: reader.uuid(), back: decodedBack(reader) };
    case "i":
      return {
        screen: "io",
        trace_id: reader.uuid(),
        step: reader.number(),
        side: reader.one(SIDE),
        page: reader.number(),
        back: decodedBack(reader),
      };
    case "e":
      return { screen: "errors", hours: reader.one(HOURS) };
    case "s":
      return { screen: "stats", hours: reader.one(HOURS) };
    case "u":
      return { screen: "audit", ...(!reader.isAtEnd && { before: reader.id() }) };
    case "a": {
      const all = reader.one({ "+": true, ".": false });
      return { screen: "alerts", all, ...(!reader.isAtEnd && { before: reader.id() }) };
    }
    case "b": {
      const act = reader.optional(ACT);
      return { screen: "alert", alert_id: reader.id(), ...(act && { act }) };
    }
    case "k":
      return { screen: "look", press: reader.one(PRESS), alert_id: reader.id() };
    case "r": {
      const enabled = reader.optional(SWITCH);
      const { rule, threshold } = reader.rule();
      return {
        screen: "rule",
        rule,
        ...(enabled !== null && { enabled }),
        ...(threshold !== undefined && { threshold: Number(threshold) }),
      };
    }
    case "c": {
      if (reader.isAtEnd) return { screen: "settings" };
      const set = { setting: reader.number(), choice: reader.number() };
      return { screen: "settings", set: { ...set, ...(!reader.isAtEnd && { sure: decodedSure(reader) }) } };
    }
    case "p": {
      const of = reader.one(PICTURE);
      const theme = reader.one(THEME);
      return of === "chart"
        ? { screen: "picture", of, theme }
        : { screen: "picture", of, theme, trace_id: reader.uuid(), back: decodedBack(reader) };
    }
    case "x": {
      const of = reader.one(EXPORT);
      if (of === "trace") return { screen: "export", of, trace_id: reader.uuid() };
      if (of === "stats") return { screen: "export", of, hours: reader.one(HOURS) };
      return { screen: "export", of, format: reader.one(FORMAT), ...reader.filter() };
    }
    case "y":
      return { screen: "tests", ...(!reader.isAtEnd && { page: reader.number() }) };
    case "n":
      return { screen: "ask", tier: reader.one(TIER), mode: reader.one(MODE) };
    case "o":
      return { screen: "confirm", run_id: reader.anyUuid(), ceiling: reader.amount() };
    case "d":
      return { screen: "stop", run_id: reader.anyUuid() };
    case "j":
      return { screen: "run", run_id: reader.anyUuid(), only: reader.one(ONLY), page: reader.number() };
    case "v":
      return { screen: "result", run_id: reader.anyUuid(), position: reader.number(), page: reader.number() };
    case "w": {
      const press = reader.one(WATCH);
      return { screen: "watch", run_id: reader.anyUuid(), press };
    }
    case "f":
      return { screen: "fixture", trace_id: reader.uuid() };
  }
  return null;
}

function encodedBack(back: Back): string {
  if (back.to === "result") return `r${packUuid(back.run_id)}${packNumber(back.position)}`;
  if (back.to !== "traces") return letter(BACK, back.to);
  return `l${back.filter ?? "."}${back.first === undefined ? "." : packUuid(back.first)}`;
}

function decodedBack(reader: Reader): Back {
  if (reader.peek() === "r") {
    reader.take(1);
    return { to: "result", run_id: reader.anyUuid(), position: reader.number() };
  }
  if (reader.peek() !== "l") return { to: reader.one(BACK) };
  reader.take(1);
  const filter = reader.filter();
  if (reader.peek() === ".") {
    reader.take(1);
    return { to: "traces", ...filter };
  }
  return { to: "traces", ...filter, first: reader.uuid() };
}

/** A button changes one thing. */
function encodedChange(change: FilterChange): string {
  if (change.order !== undefined) return `o${letter(ORDER, change.order)}`;
  if (change.status !== undefined) return `s${change.status === null ? "." : letter(STATUS, change.status)}`;
  if (change.hours !== undefined) return `h${change.hours === null ? "." : letter(HOURS, change.hours)}`;
  return "x";
}

function decodedChange(reader: Reader): FilterChange {
  reader.take(1);
  switch (reader.take(1)) {
    case "o":
      return { order: reader.one(ORDER) };
    case "s":
      return { status: reader.optional(STATUS) };
    case "h":
      return { hours: reader.optional(HOURS) };
    default:
      return {};
  }
}

/** Of no day is what buttons said before they said how many: it is asked about again. */
const encodedSure = (days: number): string => days === 0 ? "!" : `!${packNumber(days)}`;

function decodedSure(reader: Reader): number {
  reader.one({ "!": true });
  return reader.isAtEnd ? 0 : reader.number();
}

/** The letter that stands for `value`. */
function letter<T>(letters: Readonly<Record<string, T>>, value: T): string {
  return Object.keys(letters).find((key) => letters[key] === value)!;
}
