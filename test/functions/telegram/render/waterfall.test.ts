import { describe, expect, test } from "vitest";
import { cut } from "../../../../functions/telegram/render/graphemes.ts";
import { waterfall } from "../../../../functions/telegram/render/waterfall.ts";
import { HOSTILE, step, visible } from "../traces_fixture.ts";

const rows = (...args: Parameters<typeof waterfall>) => visible(waterfall(...args).html).split("\n");
const many = (n: number) => Array.from({ length: n }, (_, i) => step(`step.${i + 1}`, i, 1));

describe("waterfall", () => {
  test("indents by depth, and places each bar in time", () => {
    const steps = [
      step("answer", 0, 1000),
      step("draft", 0, 500, { parent: 1 }),
      step("http", 250, 250, { parent: 2, status: "error" }),
      step("send", 1000, 0),
    ];
    expect(rows(steps, 1000, 3000)).toEqual([
      "answer 1.00 s ████████████████",
      " draft 500 ms ████████",
      "  http 250 ms     ████ ✗",
      "send     0 ms                ▏",
    ]);
  });

  test("a step whose parent is no earlier step stands at the top level, and its children below it", () => {
    const orphan = (parent: number) => [
      step("a", 0, 100),
      step("orphan", 0, 100, { parent }),
      step("child", 0, 100, { parent: 2 }),
    ];
    // Itself, a later step, none there, none at all.
    for (const parent of [2, 3, 4, 32_767, 0, -1, -32_768]) {
      expect(rows(orphan(parent), 100, 3000).map((row) => row.split("100 ms")[0])).toEqual([
        "a      ",
        "orphan ",
        " child ",
      ]);
    }
  });

  test("only a status that says error marks a step", () => {
    const steps = [step("a", 0, 1), step("b", 0, 1, { status: "ok" }), step("c", 0, 1, { status: "error" })];
    expect(rows(steps, 1, 3000).map((row) => row.endsWith(" ✗"))).toEqual([false, false, true]);
  });

  test("a step that was still running when the trace was sent has a mark of its own", () => {
    const steps = [step("a", 0, 1), step("b", 0, 1, { status: "detached" }), step("c", 0, 1, { status: "error" })];
    expect(rows(steps, 1, 3000).map((row) => row.slice(-2))).toEqual(["██", " →", " ✗"]);
    expect(rows([step("alone", 0, 1, { status: "detached" })], 1, 3000)[0]).toHaveLength(32);
  });

  test("a trace that took no time has its bars at the start", () => {
    expect(rows([step("a", 0, 0), step("b", 0, 0)], 0, 3000)).toEqual(["a 0 ms ▏", "b 0 ms ▏"]);
  });

  test("short steps are as long as they were, to an eighth of a column", () => {
    const steps = [1, 10, 20, 30, 40, 60, 100, 250, 1000].map((ms) => step("s", 0, ms));
    // 23 columns: a column is 43.5 ms.
    expect(rows(steps, 1000, 3000).map((row) => row.split(" ").at(-1))).toEqual([
      "▏",
      "▎",
      "▌",
      "▊",
      "▉",
      "█▍",
      "██▎",
      "█████▊",
      "█".repeat(23),
    ]);
  });

  test("a running trace is as long as its steps so far, and a step may outlive its trace", () => {
    const steps = [step("a", 0, 100), step("b", 100, 100)];
    expect(rows(steps, null, 3000)).toEqual(rows(steps, 150, 3000));
  });

  test("long names are cut, deep ones not indented away", () => {
    const steps = Array.from(
      { length: 12 },
      (_, i) => step("support.pipeline.answer.generate", 0, 3_599_000, { ...(i > 0 && { parent: i }) }),
    );
    const shown = rows(steps, 3_599_000, 3000);
    expect(shown[0]).toBe("support.pipeline… 59 m 59 s ████");
    expect(shown[11]).toBe("      support.pi… 59 m 59 s ████");
  });

  test("of 200 steps it shows 60, the failed ones among them, in order", () => {
    const steps = many(200).map((s, i) => i === 150 ? { ...s, status: "error" as const } : s);
    const shown = rows(steps, 200, 3000);
    expect(shown).toHaveLength(61);
    expect(shown[58]).toMatch(/^step\.59 /);
    expect(shown[59]).toMatch(/^step\.151 .* ✗$/);
    expect(shown[60]).toBe("… and 140 more steps");
  });

  test("a small budget shows fewer, and a step is never cut", () => {
    const piece = waterfall(many(10), 10, 70);
    expect(piece.length).toBeLessThanOrEqual(70);
    expect(visible(piece.html).split("\n")).toEqual([
      expect.stringMatching(/^step\.1 +1 ms █+[▏▎▍▌▋▊▉]?$/),
      expect.stringMatching(/^step\.2 +1 ms +█+[▏▎▍▌▋▊▉]?$/),
      "… and 8 more steps",
    ]);
  });

  test("one that is left out is one step", () => {
    expect(rows(many(61), 61, 3000).at(-1)).toBe("… and 1 more step");
  });

  test.each(HOSTILE.map((name, i) => [i, name] as const))("32 columns hold hostile name %i", (_, name) => {
    const steps = [step(name, 0, 59_900), step(name, 59_899, 3_599_000, { parent: 1, status: "error" })];
    for (const row of rows(steps, null, 3000)) {
      expect(cut(row.replace(/[\u2068\u2069]/g, ""), 300).columns).toBeLessThanOrEqual(32);
    }
  });
});
