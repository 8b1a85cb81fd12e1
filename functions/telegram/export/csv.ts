/**
 * CSV as RFC 4180 has it, which spreadsheets open without running what is in it.
 *
 * @module
 */

/** Excel takes a file without it for one of the machine's own alphabet. */
export const BOM = "\uFEFF";

export type Cell = string | number | boolean | null;

/** One record, its line end included. */
export const record = (cells: readonly Cell[]): string => `${cells.map(cell).join(",")}\r\n`;

/** Numbers are numbers; null is nothing at all. */
function cell(value: Cell): string {
  if (value === null) return "";
  if (typeof value !== "string") return String(value);
  const safe = inert(value);
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** A text that a spreadsheet would take for a formula gets a `'` before it. */
const inert = (value: string): string =>
  /^\s*[=+\-@\uFF0B\uFF0D\uFF1D\uFF20]|^[\t\r\n]/.test(value) ? `'${value}` : value;
