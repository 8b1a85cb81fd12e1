import { expect, test } from "vitest";
import { atMost, judge, ratioAtMost } from "../../../scripts/bench/measure.ts";
import { resultsPage, table } from "../../../scripts/bench/results.ts";

const line = (bench: string, value: number) =>
  judge(bench, { case: "a day", metric: "p95", value, unit: "ms", against: 4000, bar: ratioAtMost(0.5) });

test("the table of a terminal is aligned, and says plainly what was missed", () => {
  expect(
    table("pages", [
      line("pages", 1234.5),
      line("pages", 3000),
      judge("pages", { case: "of it", metric: "x", value: 0.5, unit: "B" }),
      judge("pages", { case: "it", metric: "y", value: 1, unit: "", bar: atMost(1) }),
    ]).split("\n"),
  ).toEqual([
    "pages       measured      against   ratio  bar",
    "a day: p95     1,235  ms    4,000  0.3088  ratio ≤ 0.5  ok",
    "a day: p95     3,000  ms    4,000    0.75  ratio ≤ 0.5  missed",
    "of it: x         0.5  B",
    "it: y              1                       ≤ 1          ok",
  ]);
});

test("results of a run replace those of the same benchmarks, and leave the others", () => {
  const first = resultsPage("", [line("bytes", 100), line("pages", 200)], "on one machine");
  expect(first).toMatch(/^# Benchmarks\n/);
  const second = resultsPage(first, [line("bytes", 300)], "on another machine");
  const section = (page: string, name: string) =>
    page.split("\n## ").find((part) => part.startsWith(`${name}\n`))!.trimEnd();
  expect(section(second, "bytes")).toBe(`bytes

on another machine.

| what | measured |  | against | ratio | bar |  |
| --- | --: | --- | --: | --: | --- | --- |
| a day: p95 | 300 | ms | 4,000 | 0.075 | ratio ≤ 0.5 | ok |`);
  expect(section(second, "pages")).toBe(section(first, "pages"));
  expect(resultsPage(second, [line("bytes", 300)], "on another machine")).toBe(second);
});
