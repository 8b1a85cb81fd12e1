/** Tables in a monospace font, no wider than a phone shows without wrapping. */
import { type Html, line, lines, literal, padded, pre } from "./html.ts";

/** Columns of a phone. */
export const TABLE_COLUMNS = 32;

export interface Row {
  /** May come from outside. */
  name: string;
  /** Ours, each right-aligned in its column. */
  values: readonly string[];
}

/** @param widths Of the values' columns; what is left is the name's. */
export function table(widths: readonly number[], rows: readonly Row[]): Html {
  const left = TABLE_COLUMNS - widths.reduce((a, b) => a + b, 0);
  return pre(lines(...rows.map(({ name, values }) => {
    const cells = literal(values.map((value, i) => ` ${value}`.padStart(widths[i]!)).join(""));
    return name === "" ? line`${literal(" ".repeat(left))}${cells}` : line`${padded(name, left)}${cells}`;
  })));
}
