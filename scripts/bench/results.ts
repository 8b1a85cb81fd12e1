/** Results for people: a table on the terminal, and RESULTS.md. */
import type { Result } from "./measure.ts";

const number = (value: number | null) =>
  value === null ? "" : value.toLocaleString("en", { maximumSignificantDigits: 4 });
const verdict = ({ ok }: Result) => ok === null ? "" : ok ? "ok" : "missed";
const HEAD = ["what", "", "", "against", "ratio", "bar", ""];

const cells = (result: Result) => [
  `${result.case}: ${result.metric}`,
  number(result.value),
  result.unit,
  number(result.against),
  number(result.ratio),
  result.bar ?? "",
  verdict(result),
];

export function table(name: string, results: readonly Result[]): string {
  const rows = [[name, ...HEAD.slice(1)], ...results.map(cells)];
  const widths = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  const right = new Set([1, 3, 4]);
  return rows
    .map((row) =>
      row.map((cell, i) => right.has(i) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join("  ").trimEnd()
    )
    .join("\n");
}

export async function writeResults(..._: unknown[]): Promise<void> {}
