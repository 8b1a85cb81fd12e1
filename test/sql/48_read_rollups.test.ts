import { randomInt } from "node:crypto";
import { describe, expect } from "vitest";
import { test } from "../_support/db.ts";
import { DAY } from "../_support/partitions.ts";
import { pick } from "../_support/rollups.ts";

describe("the ranges of a window", () => {
  const MINUTES = { "5m": 5, "1h": 60, "1d": 1440 } as const;
  const minute = 60_000;

  test("join without a gap, are as coarse as they may be, and exist", async ({ db }) => {
    for (let i = 0; i < 300; i++) {
      const now = Date.parse("2026-03-29T00:30:00Z") + randomInt(2 * DAY);
      const span = pick([10 * minute, 3 * 60 * minute, 2 * DAY, 40 * DAY, 200 * DAY]);
      const from = now - randomInt(pick([minute, DAY, 70 * DAY]) + 1);
      const to = from + 1 + randomInt(span);
      const runs = Math.random() < 0.5;
      const fine = runs ? 31 * DAY : 49 * 60 * minute;
      const ranges: { level: keyof typeof MINUTES; starts: Date; ends: Date }[] = (await db.query(
        "select * from tracegram.rollup_ranges($1, $2, $4, $3)",
        [new Date(from), new Date(to), new Date(now), runs],
      )).rows;
      const told = JSON.stringify([new Date(from), new Date(to), new Date(now), runs, ranges]);
      expect(ranges.length, told).toBeLessThanOrEqual(5);
      const [first, last] = [ranges[0]!.starts.getTime(), ranges.at(-1)!.ends.getTime()];
      expect(first <= from && to <= last, told).toBe(true);
      // No wider than the finest level that still exists at either end.
      const grain = (at: number) => at >= now - fine ? 5 : at >= now - 61 * DAY ? 60 : 1440;
      expect(from - first, told).toBeLessThan(grain(from - 60 * minute) * minute);
      expect(last - to, told).toBeLessThan(grain(to - DAY) * minute);
      for (const [n, range] of ranges.entries()) {
        const [starts, ends] = [range.starts.getTime(), range.ends.getTime()];
        if (n > 0) expect(starts, told).toBe(ranges[n - 1]!.ends.getTime());
        const width = MINUTES[range.level] * minute;
        expect([starts % width, ends % width], told).toEqual([0, 0]);
        if (range.level === "5m") {
          expect(starts, told).toBeGreaterThanOrEqual(now - fine - (runs ? DAY : 2 * 60 * minute));
        }
        if (range.level === "1h") expect(starts, told).toBeGreaterThanOrEqual(now - 63 * DAY);
      }
    }
  });
});
