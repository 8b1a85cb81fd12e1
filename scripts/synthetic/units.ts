/** Amounts as a terminal shows them, where they differ from a phone's. */
import { count } from "../../functions/telegram/render/units.ts";

/** Exact below a cent, where most calls are. */
export function dollars(microusd: number | null): string {
  if (microusd === null) return "unknown";
  const digits = microusd >= 1e6 ? 2 : microusd >= 10_000 ? 4 : 6;
  const text = (microusd / 1e6).toFixed(digits);
  return `$${digits === 2 ? text : text.replace(/(\.\d\d\d*?)0+$/, "$1")}`;
}

/** `1 call`, `1,234 calls`. */
export const counted = (n: number, one: string): string => `${count(n)} ${n === 1 ? one : `${one}s`}`;

/** Of a trace: its first digits are the time, which traces of one run nearly have in common. */
export const shortId = (id: string): string => id.slice(0, 18);
