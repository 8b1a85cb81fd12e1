import { describe, expect, test } from "vitest";
import { cut } from "../../../../functions/telegram/render/graphemes.ts";
import { HOSTILE } from "../traces_fixture.ts";

const FSI = "\u2068";
const PDI = "\u2069";

describe("cut", () => {
  test.each([
    ["what fits stays", "support", "support", 7],
    ["exactly ten columns stay", "0123456789", "0123456789", 10],
    ["eleven do not", "0123456789a", "012345678…", 10],
    ["no space before the …", "01234567 9a", "01234567…", 9],
    ["what follows far behind is not forgotten", `abc${"\n".repeat(500)}def`, "abc…", 4],
    ["emoji are two columns", "🙂🙂🙂🙂🙂🙂", "🙂🙂🙂🙂…", 9],
    ["so is Chinese", "支持管道支持", "支持管道…", 9],
    ["a family is one character", "👨‍👩‍👧 x", "👨‍👩‍👧 x", 4],
    ["however many units it has", "👩🏽‍❤️‍💋‍👨🏻".repeat(5), "👩🏽‍❤️‍💋‍👨🏻".repeat(2) + "…", 5],
    ["a flag too", "🇩🇪x", "🇩🇪x", 3],
    ["white space of all kinds becomes one space", "a\r\n\tb\u2028\u00a0c", "a b c", 5],
    ["controls and invisible characters go", "a\u0000\u0007b\u200b\u00ad\u2060c", "abc", 3],
    ["bidi controls go", "a\u202eb\u2066c\u200fd\u061ce", "abcde", 5],
    ["a lone surrogate is replaced", "a\ud83db", "a\ufffdb", 3],
    ["a tower of marks becomes three", `e${"\u0301".repeat(50)}`, "e\u0301\u0301\u0301", 1],
    ["an endless grapheme becomes its first character", `👨${"\u200d👨".repeat(3)}${"\u200d👩".repeat(9)}`, "👨", 2],
    ["nothing visible is said to be so", "\u200e \u0301", "(blank)", 7],
    ["empty too", "", "(blank)", 7],
  ])("%s", (_, value, expected, columns) => expect(cut(value, 10)).toEqual({ value: expected, columns }));

  test("right-to-left text is isolated, the … within", () => {
    expect(cut("שלום", 10)).toEqual({ value: `${FSI}שלום${PDI}`, columns: 4 });
    expect(cut("שלום שלום שלום", 6)).toEqual({ value: `${FSI}שלום…${PDI}`, columns: 5 });
  });

  test.each(HOSTILE.map((value, i) => [i, value] as const))(
    "bounds columns and units of hostile text %i",
    (_, value) => {
      for (const columns of [1, 2, 7, 20, 40, 300]) {
        const piece = cut(value, columns);
        const inner = piece.value.replace(/^\u2068(.*)\u2069$/s, "$1");
        expect(piece.columns).toBeLessThanOrEqual(columns);
        expect(inner.length).toBeLessThanOrEqual(2 * columns + 24);
        // deno-lint-ignore no-control-regex -- they are what must not be there
        expect(inner).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/);
        expect(inner).not.toMatch(/[\u{D800}-\u{DFFF}]/u);
        expect(inner).not.toMatch(/\p{M}{4}/u);
      }
    },
  );
});
