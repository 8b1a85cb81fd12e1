import { expect, test } from "vitest";
import { rounds, seedOf, shuffled } from "../../../../functions/synthetic/suite/order.ts";

const NAMES = ["a", "b", "c", "d", "e", "f", "g", "h"];

test("an order has all of them, is the same for the same seed, and others for others", () => {
  const orders = Array.from({ length: 50 }, (_, seed) => shuffled(NAMES, seed).join(""));
  for (const order of orders) expect([...order].sort().join("")).toBe("abcdefgh");
  expect(shuffled(NAMES, 7)).toEqual(shuffled(NAMES, 7));
  expect(new Set(orders).size).toBeGreaterThan(45);
  // Each of them comes first at times.
  expect(new Set(orders.map((order) => order[0])).size).toBe(8);
});

test("each round has every scenario once, in an order of its own", () => {
  const items = rounds(NAMES, 3, 5);
  expect(items.map(({ position }) => position)).toEqual(Array.from({ length: 24 }, (_, i) => i));
  const orders = [1, 2, 3].map((round) =>
    items.filter(({ repeat }) => repeat === round).map(({ scenario }) => scenario)
  );
  for (const order of orders) expect([...order].sort()).toEqual(NAMES);
  expect(new Set(orders.map(String)).size).toBe(3);
  expect(items.map(({ repeat }) => repeat)).toEqual([...Array(8).fill(1), ...Array(8).fill(2), ...Array(8).fill(3)]);
});

test("a text's seed can be typed, and hardly ever is another's", () => {
  const seeds = Array.from({ length: 1000 }, (_, i) => seedOf(`scenario-${i}`));
  expect(seeds.every((seed) => Number.isInteger(seed) && seed >= 0 && seed < 2 ** 31)).toBe(true);
  expect(new Set(seeds).size).toBe(1000);
});
