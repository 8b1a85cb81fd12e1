import { expect, test } from "vitest";
import { diffLines, diffTexts } from "../../../../functions/synthetic/expect/diff.ts";

const side = (diff: string[], sign: string) =>
  diff.filter((line) => line.startsWith(sign) || line.startsWith("  ")).map((line) => line.slice(2));

test("both texts can be read from it, and no line is told as changed that need not be", () => {
  // Every pair of lists of up to four of three lines.
  const lists = [[]] as string[][];
  for (let from = 0, length = 0; length < 4; length++) {
    const end = lists.length;
    for (; from < end; from++) for (const line of "abc") lists.push([...lists[from]!, line]);
  }
  for (const a of lists) {
    for (const b of lists.filter((_, i) => i % 7 === 0)) {
      const diff = diffLines(a, b);
      expect(side(diff, "- ")).toEqual(a);
      expect(side(diff, "+ ")).toEqual(b);
      expect(diff.filter((line) => line.startsWith("  "))).toHaveLength(longestCommon(a, b));
    }
  }
});

/** By trying everything. */
function longestCommon([a, ...as]: string[], b: string[]): number {
  if (a === undefined) return 0;
  const at = b.indexOf(a);
  return Math.max(longestCommon(as, b), at < 0 ? 0 : 1 + longestCommon(as, b.slice(at + 1)));
}

test("it is short, whatever there is", () => {
  const many = Array.from({ length: 2_000 }, (_, i) => `${i} ${"x".repeat(400)}`);
  const diff = diffTexts("one", many.join("\n"));
  expect(diff).toHaveLength(60);
  expect(diff.at(-1)).toBe("  … 442 more lines");
  expect(Math.max(...diff.map((line) => line.length))).toBe(300);
});
