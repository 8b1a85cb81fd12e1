/**
 * Counts equal requests: each that is answered has a number of its own, and one that fails leaves its number to the next.
 *
 * @module
 */
export class Nths {
  readonly #taken = new Map<string, Set<number>>();

  /** The lowest that is free. */
  take(key: string): number {
    const taken = this.#taken.get(key) ?? new Set();
    this.#taken.set(key, taken);
    let nth = 0;
    while (taken.has(nth)) nth++;
    taken.add(nth);
    return nth;
  }

  release(key: string, nth: number): void {
    this.#taken.get(key)?.delete(nth);
  }
}
