/**
 * `/admin alert <rule> [<limit>|on|off]`: what it asks for.
 *
 * A limit has the rule's unit: `8s` or `8000ms` for times, `$5` for money, `15%` for shares, a number for what is counted.
 *
 * @module
 */
import type { Action } from "./callback.ts";

/** What one of each means in the unit that the database keeps. */
const SCALES: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  time: { "": 1, ms: 1, s: 1000, m: 60_000 },
  money: { "": 1_000_000, $: 1_000_000 },
  share: { "": 1, "%": 1 },
  count: { "": 1 },
};

/** Rules that do not count things. */
const KINDS: Readonly<Record<string, string>> = {
  p95: "time",
  ingest_p95: "time",
  slow_screen: "time",
  daily_spend: "money",
  error_rate: "share",
  quota: "share",
};

/** @param words Those after `alert`. Null when they are not understood. */
export function parseAlertWords(words: readonly string[]): Action | null {
  const [rule = "", value, ...rest] = words.map((word) => word.toLowerCase());
  if (!/^[a-z][a-z0-9_]{0,29}$/.test(rule) || rest.length > 0) return null;
  if (value === undefined) return { screen: "rule", rule };
  if (value === "on" || value === "off") return { screen: "rule", rule, enabled: value === "on" };
  const [, dollar = "", digits, suffix = ""] = /^(\$?)(\d{1,9}(?:\.\d{1,3})?)(%|ms|s|m)?$/.exec(value) ?? [];
  const scale = SCALES[(Object.hasOwn(KINDS, rule) && KINDS[rule]) || "count"]![dollar + suffix];
  const threshold = scale === undefined ? NaN : Math.round(Number(digits) * scale * 1000) / 1000;
  return threshold < 1e12 ? { screen: "rule", rule, threshold } : null;
}
