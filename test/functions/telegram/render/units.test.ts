import { describe, expect, test } from "vitest";
import { clock, clockMs, count, day, duration, money, tokens } from "../../../../functions/telegram/render/units.ts";

const minute = 60_000;

test.each([
  [0, "0 ms"],
  [412, "412 ms"],
  [999, "999 ms"],
  [1000, "1.00 s"],
  [2413, "2.41 s"],
  [9999, "9.99 s"],
  [12_340, "12.3 s"],
  [59_999, "59.9 s"],
  [65_000, "1 m 05 s"],
  [60 * minute - 1, "59 m 59 s"],
  [185 * minute, "3 h 05 m"],
  [51 * 60 * minute, "2 d 03 h"],
])("duration %i is %s", (ms, text) => expect(duration(ms)).toBe(text));

test.each([[0, "0"], [999, "999"], [1801, "1,801"], [1_234_567, "1,234,567"]])("count %i is %s", (n, text) => {
  expect(count(n)).toBe(text);
});

describe("tokens", () => {
  test("are summed", () => expect(tokens(1500, 301)).toBe("1,801 tok"));
  test("of one side are what is known", () => expect(tokens(null, 301)).toBe("301 tok"));
  test("are left out when unknown", () => expect(tokens(null, null)).toBeNull());
});

describe("money", () => {
  test.each([
    [0, "$0"],
    [1, "$0.000001"],
    [154, "$0.00015"],
    [2100, "$0.0021"],
    [9999, "$0.01"],
    [12_345, "$0.0123"],
    [100_000, "$0.10"],
    [999_999, "$1.00"],
    [12_300_000, "$12.30"],
    [1_234_567_890, "$1,234.57"],
  ])("%i micro-dollars are %s", (microUsd, text) => expect(money(microUsd, true)).toBe(text));

  test("is a lower bound when a part is unknown", () => expect(money(2100, false)).toBe("≥ $0.0021"));
  test("is unknown, not 0, when all of it is", () => expect(money(null, false)).toBe("cost unknown"));
  test("is left out when there was nothing to pay for", () => expect(money(null, true)).toBeNull());
});

test("times are UTC, whatever offset they come with", () => {
  const iso = "2025-02-01T00:03:11.042+01:00";
  expect([day(iso), clock(iso), clockMs(iso)]).toEqual(["Fri 31 Jan 2025", "23:03:11", "23:03:11.042"]);
});
