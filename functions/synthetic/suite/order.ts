/**
 * Chance that can be had again: the order of scenarios, by a seed, and the seeds that names have.
 *
 * @module
 */

/** Greatest seed, so that people can type it. */
const SEEDS = 2 ** 31;

/** A whole number below 2³¹ made of a text: the same for the same text, everywhere (FNV-1a). */
export function seedOf(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0) % SEEDS;
}

export const randomSeed = (): number => Math.floor(Math.random() * SEEDS);

/** A copy in an order that the seed decides. */
export function shuffled<T>(items: readonly T[], seed: number): T[] {
  const random = chance(seed);
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

/** Numbers from 0 to 1 (mulberry32). */
function chance(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
