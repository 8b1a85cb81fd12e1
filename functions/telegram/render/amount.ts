/** A value in the unit of an alert rule, as a person says it. */
import { count, dollars, duration } from "./units.ts";

/** `31 %`, `2.41 s`, `$12.30`, `3 traces`. */
export function amount(value: number, unit: string): string {
  if (unit === "ms") return duration(Math.round(value));
  if (unit === "microusd") return dollars(value);
  return `${decimal(value)} ${unit === "percent" ? "%" : unit}`;
}

/** `2 %, limit 10 %`, `1,234, limit 0 records`. */
export function amountOf(value: number, limit: number, unit: string): string {
  const isCount = !["ms", "microusd", "percent"].includes(unit);
  return `${isCount ? decimal(value) : amount(value, unit)}, limit ${amount(limit, unit)}`;
}

/** With one decimal where it has any: `31.3`, `12,345`. */
function decimal(value: number): string {
  const [whole, tenths] = value.toFixed(1).split(".");
  return count(Number(whole)) + (tenths === "0" ? "" : `.${tenths}`);
}
