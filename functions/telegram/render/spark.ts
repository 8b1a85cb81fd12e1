/** Numbers as a row of bars, one character each. */
const BARS = [..."▁▂▃▄▅▆▇█"];

/** From 0 to the greatest of them; what is not known is a `·`. Zero stays on the ground, and what is more stands above it. */
export function sparkline(values: readonly (number | null)[]): string {
  const top = Math.max(...values.map((value) => value ?? 0));
  return values.map((value) => {
    if (value === null) return "·";
    return value <= 0 ? BARS[0] : BARS[Math.max(1, Math.ceil(value / top * (BARS.length - 1)))];
  }).join("");
}

/** A share of a whole as a bar of so many columns, such as `████░░░░`. */
export function bar(share: number, columns: number): string {
  const full = Math.min(columns, Math.max(share > 0 ? 1 : 0, Math.round(share * columns)));
  return "█".repeat(full) + "░".repeat(columns - full);
}
