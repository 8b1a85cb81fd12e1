import { expect, test } from "vitest";
import { inSample, uuidv7 } from "../../tracer/uuid.ts";
import { idTime } from "./_support/ingest.ts";

test.each([0, 1, 1_700_000_000_000, 2 ** 48 - 1])("%i: version 7, its variant, and the time it was given", (ms) => {
  const id = uuidv7(ms);
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(idTime(id)).toBe(ms);
});

test("ids of one millisecond differ", () => {
  expect(new Set(Array.from({ length: 10_000 }, () => uuidv7(1))).size).toBe(10_000);
});

test("the sample is told by the last 16 bits: no id at 0, every id at 1, and the bound exactly", () => {
  const id = (end: string) => `00000000-0000-7000-8000-ffff0000${end}`;
  expect(inSample(id("0000"), 0)).toBe(false);
  expect(inSample(id("ffff"), 1)).toBe(true);
  expect(inSample(id("7fff"), 0.5)).toBe(true);
  expect(inSample(id("8000"), 0.5)).toBe(false);
});

test("the sample is the server's, for each whole percentage and each of its 65,536 cases", () => {
  const differing: string[] = [];
  for (let bits = 0; bits < 65536; bits++) {
    const id = `00000000-0000-7000-8000-ffff0000${bits.toString(16).padStart(4, "0")}`;
    for (const percent of [0, 1, 7, 10, 25, 29, 57, 99, 100]) {
      // As `tracegram.io_sampled` has it.
      if (inSample(id, percent / 100) !== bits * 100 < percent * 65536) differing.push(`${id} ${percent}`);
    }
  }
  expect(differing).toEqual([]);
});
