import { expect, test } from "vitest";
import {
  atMost,
  exitCode,
  inTurn,
  judge,
  median,
  p95,
  percentile,
  ratioAtLeast,
  ratioAtMost,
} from "../../../scripts/bench/measure.ts";

test("percentiles are nearest-rank, whatever the order", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  expect([percentile(values, 0.01), median(values), p95(values), percentile(values, 1)]).toEqual([1, 50, 95, 100]);
  expect([median([3]), p95([3]), median([1, 2, 9])]).toEqual([3, 3, 2]);
  expect(() => median([])).toThrow("nothing");
});

test("a measurement becomes a line, with its ratio and whether it reaches its bar", () => {
  const measured = { case: "c", metric: "m", value: 12.3456, unit: "ms" };
  expect(judge("b", measured)).toEqual({
    bench: "b",
    case: "c",
    metric: "m",
    value: 12.35,
    unit: "ms",
    against: null,
    ratio: null,
    bar: null,
    ok: null,
  });
  expect(judge("b", { ...measured, against: 24.7 })).toMatchObject({ against: 24.7, ratio: 0.5, bar: null, ok: null });
  expect(judge("b", { ...measured, bar: atMost(12.35) })).toMatchObject({ bar: "≤ 12.35", ok: true });
  expect(judge("b", { ...measured, bar: atMost(12) })).toMatchObject({ bar: "≤ 12", ok: false });
});

test("a bar for the ratio looks at the ratio, and is missed without one", () => {
  const reaches = (bar: ReturnType<typeof atMost>, value: number, against?: number) =>
    judge("b", { case: "c", metric: "m", value, unit: "", ...(against !== undefined && { against }), bar }).ok;
  expect([reaches(ratioAtMost(0.5), 100, 200), reaches(ratioAtMost(0.5), 101, 200)]).toEqual([true, false]);
  expect([reaches(ratioAtLeast(0.25), 25, 100), reaches(ratioAtLeast(0.25), 24, 100)]).toEqual([true, false]);
  expect([reaches(ratioAtMost(0.5), 0.1), reaches(ratioAtLeast(0.5), 9)]).toEqual([false, false]);
});

test("only a bar that is missed at the full size is a failure", () => {
  const lines = [true, null, false].map((ok) => ({ ...judge("b", { case: "", metric: "", value: 1, unit: "" }), ok }));
  expect(exitCode(lines, "full")).toBe(1);
  expect(exitCode(lines.slice(0, 2), "full")).toBe(0);
  expect(exitCode(lines, "small")).toBe(0);
});

test("what is compared runs in turn, and every other time in reverse", async () => {
  const ran: string[] = [];
  const runs = ["a", "b", "c"].map((name) => () => Promise.resolve(ran.push(name)));
  for (const round of [0, 1, 2]) await inTurn(round, runs);
  expect(ran.join("")).toBe("abccbaabc");
});
