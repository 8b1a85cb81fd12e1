/**
 * Chance that can be had again: the order of scenarios, by a seed, and the seeds that names have.
 *
 * @module
 */
import { hashOf, seeded } from "../runner/chance.ts";

/** Greatest seed, so that people can type it. */
const SEEDS = 2 ** 31;

/** A whole number below 2³¹ made of a text: the same for the same text, everywhere. */
export const seedOf = (text: string): number => hashOf(text) % SEEDS;

/** A copy in an order that the seed decides. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = seeded(seed);
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1));
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}

/** Every scenario once in each round, and each round in an order of its own. Positions count from 0. */
export function rounds(names: readonly string[], repeat: number, seed: number) {
  return Array.from(
    { length: repeat },
    (_, round) => shuffled(names, seed + round).map((scenario) => ({ scenario, repeat: round + 1 })),
  )
    .flat()
    .map((item, position) => ({ position, ...item }));
}
