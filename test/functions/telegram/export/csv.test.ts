import { describe, expect, test } from "vitest";
import { record } from "../../../../functions/telegram/export/csv.ts";
import { HOSTILE_NAMES } from "../../../_support/hostile.ts";
import { parseCsv } from "../../../_support/csv.ts";

describe("a record", () => {
  test.each<[string, Parameters<typeof record>[0], string]>([
    ["of plain values", ["a", 1, -100, true, null], "a,1,-100,true,\r\n"],
    ["with what must be quoted", ['say "hi"', "a,b", "two\r\nlines"], '"say ""hi""","a,b","two\r\nlines"\r\n'],
    ["with formulas", ["=1+1", "+1", "-1", "@SUM(A1)", "＝1"], "'=1+1,'+1,'-1,'@SUM(A1),'＝1\r\n"],
    ["with formulas behind white space", ["\t=1", " =1", "\n@x"], `'\t=1,' =1,"'\n@x"\r\n`],
    ["with what only looks like one", ["a=1", "1-2", "x@y"], "a=1,1-2,x@y\r\n"],
  ])("%s", (_, cells, expected) => expect(record(cells)).toBe(expected));

  test("of hostile texts reads back as they were", () => {
    const read = parseCsv(record(HOSTILE_NAMES))[0]!;
    expect(read.map((cell, i) => cell.replace(/^'(?=\s*[=+\-@])/, "") === HOSTILE_NAMES[i])).not.toContain(false);
  });
});
