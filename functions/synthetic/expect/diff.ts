/**
 * Differences, line by line: what was expected (`- `), what there is (`+ `), and what is the same.
 *
 * @module
 */

/** Longest diff, in lines, and longest line of one. */
const MAX_LINES = 60;
const MAX_LINE = 300;
/** Texts of more lines are compared only so far: the work grows with the product of both. */
const MAX_COMPARED = 500;

export const diffLines = (expected: readonly string[], there: readonly string[]): string[] =>
  cut(allLines(expected, there));

/** By the longest common subsequence. However many there are. */
export function allLines(expected: readonly string[], there: readonly string[]): string[] {
  const [a, b] = [expected.slice(0, MAX_COMPARED), there.slice(0, MAX_COMPARED)];
  // common[i][j]: how many lines the rests from i and from j have in common.
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!);
    }
  }
  const lines: string[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) lines.push(`  ${a[i++]}`, ...(j++, []));
    else if (i < a.length && (j === b.length || common[i + 1]![j]! >= common[i]![j + 1]!)) lines.push(`- ${a[i++]}`);
    else lines.push(`+ ${b[j++]}`);
  }
  return lines;
}

export const diffTexts = (expected: string, there: string): string[] =>
  diffLines(expected.split("\n"), there.split("\n"));

/** Where nothing can be the same: what was expected, then what there is. */
export const beside = (expected: readonly string[], there: readonly string[]): string[] =>
  cut([...expected.map((line) => `- ${line}`), ...there.map((line) => `+ ${line}`)]);

function cut(lines: string[]): string[] {
  const short = lines.map((line) => line.length > MAX_LINE ? `${line.slice(0, MAX_LINE - 1)}…` : line);
  if (short.length <= MAX_LINES) return short;
  return [...short.slice(0, MAX_LINES - 1), `  … ${short.length - MAX_LINES + 1} more lines`];
}
