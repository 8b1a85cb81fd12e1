/** Values as a person reads them, by their unit. */
import { count, duration, money } from "./units.ts";

/** `412 B`, `1.2 kB`, `34 MB`, `500 MB`, `1.2 GB`: decimal, as plans are sold. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${units[unit]}`;
}

/** A number in at most seven columns: `999,999`, `1.23 M`, `45.6 B`. */
export function short(value: number): string {
  if (value < 1e6) return count(Math.round(value));
  const [of, unit] = value < 1e9 ? [value / 1e6, "M"] : value < 1e12 ? [value / 1e9, "B"] : [value / 1e12, "T"];
  return `${of < 10 ? of.toFixed(2) : of < 100 ? of.toFixed(1) : Math.round(of)} ${unit}`;
}

/** The value of an alert's rule, in its unit: percent, ms, microusd, or what is counted. */
export function measured(value: number, unit: string): string {
  if (unit === "percent") return `${Math.round(value * 10) / 10} %`;
  if (unit === "ms") return duration(Math.round(value));
  if (unit === "microusd") return money(Math.round(value), true)!;
  return `${short(value)} ${unit}`;
}

/** `12 s ago`, `3 min ago`, `2 h ago`, `5 days ago`. */
export function ago(iso: string, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - Date.parse(iso)) / 1000));
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h ago`;
  return `${count(Math.floor(seconds / 86_400))} days ago`;
}
