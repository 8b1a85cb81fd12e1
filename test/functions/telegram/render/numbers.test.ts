import { expect, test } from "vitest";
import { change, percent } from "../../../../functions/telegram/render/change.ts";
import { ago, bytes, measured, short } from "../../../../functions/telegram/render/measured.ts";
import { bar, sparkline } from "../../../../functions/telegram/render/spark.ts";
import { dayTime, lastHours } from "../../../../functions/telegram/render/units.ts";

test.each([
  [[], ""],
  [[0, 0], "▁▁"],
  [[1, 1], "██"],
  [[0, 1, 4, 8], "▁▂▅█"],
  [[null, 5, null], "·█·"],
  [[1, 1_000_000], "▂█"],
  [[null], "·"],
])("%j looks like %s", (values, line) => expect(sparkline(values)).toBe(line));

test.each([[0, "░░░░"], [0.001, "█░░░"], [0.5, "██░░"], [1, "████"], [7, "████"]])("%f is %s", (share, of) => {
  expect(bar(share, 4)).toBe(of);
});

test.each([
  [0, 0, null],
  [0, null, null],
  [null, 5, null],
  [5, 0, "none before"],
  [5, null, "none before"],
  [100, 100, "as before"],
  [1001, 1000, "as before"],
  [112, 100, "↑ 12 %"],
  [97, 100, "↓ 3 %"],
  [0, 100, "↓ 100 %"],
  [420, 100, "↑ ×4.2"],
  [5000, 100, "↑ ×50"],
  [1e9, 1, "↑ ×1,000+"],
])("%j after %j is %j", (now, before, words) => expect(change(now, before)).toBe(words));

test.each([[0, "0 %"], [0.0001, "< 0.1 %"], [0.0097, "1 %"], [0.0123, "1.2 %"], [0.12, "12 %"], [1, "100 %"]])(
  "a share of %f is %s",
  (share, words) => expect(percent(share)).toBe(words),
);

test.each([[0, "0 B"], [999, "999 B"], [1240, "1.2 kB"], [34_400_000, "34 MB"], [999_600, "1.0 MB"], [5e8, "500 MB"]])(
  "%i bytes are %s",
  (n, words) => expect(bytes(n)).toBe(words),
);

test.each([[0, "0"], [999_999, "999,999"], [1_234_567, "1.23 M"], [45.6e9, "45.6 B"], [7e12, "7.00 T"]])(
  "%i in short is %s",
  (n, words) => expect(short(n)).toBe(words),
);

test.each([
  [12.54, "percent", "12.5 %"],
  [41_234.5, "ms", "41.2 s"],
  [12_345_678, "microusd", "$12.35"],
  [3, "jobs", "3 jobs"],
])("%f in %s is %s", (value, unit, words) => expect(measured(value, unit)).toBe(words));

test.each([[0, "0 s ago"], [59, "59 s ago"], [60, "1 min ago"], [7200, "2 h ago"], [172_800, "2 days ago"], [
  -5,
  "0 s ago",
]])(
  "%i seconds are %s",
  (seconds, words) => {
    const now = new Date("2025-01-31T12:00:00Z");
    expect(ago(new Date(now.getTime() - seconds * 1000).toISOString(), now)).toBe(words);
  },
);

test.each([[1, "last hour"], [24, "last 24 h"], [36, "last 36 h"], [168, "last 7 days"]])(
  "%i hours",
  (hours, words) => {
    expect(lastHours(hours)).toBe(words);
  },
);

test("a day and a time", () => expect(dayTime("2025-01-31T09:03:59.999Z")).toBe("31 Jan 09:03"));
