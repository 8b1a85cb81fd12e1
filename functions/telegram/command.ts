/**
 * What an admin writes after `/admin`. Pure: words in, what they ask for out.
 *
 *     traces [error|ok|running|lost] [<pipeline>] [user <id>] [chat <id>] [>2s] [release <r>] [newest|slowest|dearest]
 *            [1h|24h|7d|all] ["error text"]      slowest and dearest alone are lists too, and take the same
 *     user <id> […]      chat <id> […]            trace <id or its first characters>
 *     errors [24h]       stats [7d]               storage   alerts [all]   tests   settings   admins   audit
 *     help   home        test [smoke|release] [dry] [<scenario> …]
 *     alert <rule> [<limit>|on|off]
 *     add <id> <role>    remove <id>              allow     deny
 *
 * @module
 */
import type { Hours, ListFilter, Role, SyntheticTier, TraceStatus } from "../_shared/db.ts";
import { parseAlertWords } from "./alert_command.ts";
import type { Action } from "./callback.ts";
import { type Word, wordsOf } from "./words.ts";

export type Command =
  | { kind: "open"; action: Action }
  | { kind: "filter"; filter: ListFilter }
  /** A trace by its id or the first characters of it, as they were written. */
  | { kind: "find"; prefix: string }
  /** `unknown`: the word that was not understood; left out when there was none. `why`: what is wrong with it, where that is known. */
  | { kind: "usage"; unknown?: string; why?: Why }
  /** Some scenarios by their names. */
  | { kind: "ask"; tier: SyntheticTier; mode: "live" | "replay"; scenarios: string[] }
  | { kind: "admin"; verb: "add" | "remove" | "allow" | "deny"; user_id?: number; role?: Role };

/** A condition that is there already, no id where one must be, or a window that no screen has. */
export type Why = "twice" | "id" | "window";

const PLAIN = ["home", "storage", "settings", "admins", "audit", "help"] as const;
const VERBS = ["add", "remove", "allow", "deny"] as const;
const ROLES: readonly Role[] = ["viewer", "operator", "owner"];
const TIERS: readonly SyntheticTier[] = ["smoke", "release"];
const ORDERS = ["newest", "slowest", "dearest"] as const;
const STATUSES: Readonly<Record<string, TraceStatus>> = {
  ok: "ok",
  error: "error",
  errors: "error",
  failed: "error",
  running: "running",
  lost: "lost",
};
const HOURS: readonly Hours[] = [1, 24, 168, 720];

/** Longest filter, in hours, that is taken: as long as anything is kept. */
const MAX_HOURS = 9600;

/** @param text What follows `/admin`. */
export function parseCommand(text: string): Command {
  const [first, ...rest] = wordsOf(text);
  if (first === undefined) return { kind: "open", action: { screen: "home" } };
  const command = keyword(first);
  switch (command) {
    case "traces":
      return list({}, rest);
    case "newest":
    case "slowest":
    case "dearest":
    case "user":
    case "chat":
      return list({}, [first, ...rest]);
    case "trace":
      return rest.length === 1 ? { kind: "find", prefix: rest[0]!.text } : usage(rest[1]);
    case "alert": {
      const action = parseAlertWords(rest.map(({ text }) => text));
      return action ? open(action) : usage(rest[1] ?? rest[0] ?? first);
    }
    case "test":
    case "tests":
      return test(rest);
    case "error":
      return windowed("errors", rest);
    case "errors":
    case "stats":
      return windowed(command, rest);
    case "alerts": {
      const all = rest.length > 0 && keyword(rest[0]!) === "all";
      return rest.length > Number(all) ? usage(rest[Number(all)]) : open({ screen: "alerts", all });
    }
  }
  const verb = VERBS.find((verb) => verb === command);
  if (verb) return admin(first, verb, rest);
  const screen = PLAIN.find((screen) => screen === command);
  if (screen) return rest.length > 0 ? usage(rest[0]) : open({ screen });
  return usage(first);
}

const open = (action: Action): Command => ({ kind: "open", action });
const usage = (word?: Word, why?: Why): Command => ({
  kind: "usage",
  ...(word && { unknown: word.text }),
  ...(why && { why }),
});

/** A word as a keyword. What stands in quotes is none. */
const keyword = ({ text, quoted }: Word): string | undefined => quoted ? undefined : text.toLowerCase();

/** Conditions in any order; what is none is the pipeline's name, and in quotes a second time a part of the error. */
function list(filter: ListFilter, words: readonly Word[]): Command {
  const left = [...words];
  while (left.length > 0) {
    const word = left.shift()!;
    const found = condition(word, left) ?? named(filter, word);
    if (found === undefined) {
      return /^(?:user|chat)$/.test(keyword(word) ?? "") ? usage(left[0] ?? word, "id") : usage(word);
    }
    // A slip; which one was meant is not known.
    if (Object.keys(found).some((key) => key in filter)) return usage(word, "twice");
    Object.assign(filter, found);
  }
  return { kind: "filter", filter };
}

/** What a word says, with the next one where it takes it away from `left`. */
function condition(word: Word, left: Word[]): ListFilter | undefined {
  const key = keyword(word);
  if (key === undefined) return undefined;
  const order = ORDERS.find((order) => order === key);
  if (order) return { order };
  if (Object.hasOwn(STATUSES, key)) return { status: STATUSES[key]! };
  const value = left[0]?.text;
  if ((key === "user" || key === "chat") && value !== undefined) {
    const id = idOf(value);
    if (id === undefined) return undefined;
    left.shift();
    return key === "user" ? { user_id: id } : { chat_id: id };
  }
  for (const name of ["release", "pipeline", "error"] as const) {
    // An `error` alone is a status, above.
    if (key === name && value !== undefined && fits(value)) return left.shift(), { [name]: value };
  }
  if (key === "all") return {};
  const hours = hoursOf(key);
  if (hours !== undefined) return { hours };
  const ms = durationOf(key);
  return ms === undefined ? undefined : { min_duration_ms: ms };
}

/** A name without a keyword before it: the error's text in quotes, where it looks like text, or the pipeline. */
function named(filter: ListFilter, { text, quoted }: Word): ListFilter | undefined {
  if (!fits(text)) return undefined;
  if (quoted && ("pipeline" in filter || /\s/.test(text))) return { error: text };
  // `user` without an id, `>2` or `24x` would be a pipeline that no bot has.
  return !quoted && /^(?:[<>≥=]|[\d.]+\p{L}?$|(?:user|chat|release|pipeline)$)/iu.test(text)
    ? undefined
    : { pipeline: text };
}

const fits = (text: string): boolean => text.trim() !== "" && [...text].length <= 200;

function windowed(screen: "errors" | "stats", words: readonly Word[]): Command {
  const word = words[0] && keyword(words[0]);
  const hours = words.length === 0 ? 24 : HOURS.find((hours) => hours === hoursOf(word));
  if (hours === undefined) return usage(words[0], "window");
  return words.length > 1 ? usage(words[1]) : open({ screen, hours });
}

/**
 * The tier and `dry` in any order, the scenarios after them. A dry run without a tier is of all; what is paid for without one has
 * the cheap models, as in a terminal.
 */
function test(words: readonly Word[]): Command {
  const left = [...words];
  let tier: SyntheticTier | undefined;
  let isDry = false;
  for (let word = left[0] && keyword(left[0]); word !== undefined; word = left[0] && keyword(left[0])) {
    const found = TIERS.find((tier) => tier === word);
    if (!found && word !== "dry") break;
    if (found ? tier : isDry) return usage(left[0], "twice");
    if (found) tier = found;
    else isDry = true;
    left.shift();
  }
  if (!tier && !isDry && left.length === 0) return open({ screen: "tests" });
  const asked = { tier: tier ?? (isDry ? "release" : "smoke"), mode: isDry ? "replay" : "live" } as const;
  const wrong = left.find(({ text }) => !fits(text));
  if (wrong) return usage(wrong);
  if (left.length === 0) return open({ screen: "ask", ...asked });
  return { kind: "ask", ...asked, scenarios: [...new Set(left.map(({ text }) => text.toLowerCase()))] };
}

function admin(first: Word, verb: "add" | "remove" | "allow" | "deny", words: readonly Word[]): Command {
  const takesUser = verb === "add" || verb === "remove";
  let role: Role | undefined;
  let user_id: number | undefined;
  for (const word of words) {
    const found = ROLES.find((role) => role === keyword(word));
    if (found) {
      if (verb !== "add") return usage(word);
      if (role) return usage(word, "twice");
      role = found;
      continue;
    }
    const id = idOf(word.text);
    if (!takesUser) return usage(word);
    if (user_id !== undefined) return id === undefined ? usage(word) : usage(word, "twice");
    if (id === undefined || id <= 0) return usage(word, "id");
    user_id = id;
  }
  if (takesUser && user_id === undefined) return usage(first, "id");
  return { kind: "admin", verb, ...(user_id !== undefined && { user_id }), ...(role && { role }) };
}

/** Telegram's ids fit a number. */
function idOf(text: string): number | undefined {
  const id = /^-?[1-9]\d{0,15}$/.test(text) ? Number(text) : NaN;
  return Number.isSafeInteger(id) ? id : undefined;
}

/** `24h`, `7d`. */
function hoursOf(text: string | undefined): number | undefined {
  const [, digits, unit] = /^([1-9]\d{0,4})([hd])$/.exec(text ?? "") ?? [];
  const hours = Number(digits) * (unit === "d" ? 24 : 1);
  return hours <= MAX_HOURS ? hours : undefined;
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, min: 60_000 };

/** `>2s`, `>=1.5s`, `>500ms`. */
function durationOf(text: string): number | undefined {
  const [, digits, unit] = /^(?:>=?|≥)(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|min)$/.exec(text) ?? [];
  const ms = Math.round(Number(digits) * UNITS_MS[unit!]!);
  return ms >= 1 && ms < 2 ** 31 ? ms : undefined;
}
