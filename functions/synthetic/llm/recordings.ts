/**
 * The recordings of one scenario in memory, and as a file.
 *
 * @module
 */
import type { Recorded, Recordings } from "./ports.ts";

export class RecordingList implements Recordings {
  readonly #byCall = new Map<string, Recorded>();

  constructor(recorded: readonly Recorded[] = []) {
    for (const one of recorded) this.add(one);
  }

  find(key: string, nth: number): Recorded | undefined {
    return this.#byCall.get(`${key} ${nth}`);
  }

  add(recorded: Recorded): void {
    this.#byCall.set(`${recorded.key} ${recorded.nth}`, recorded);
  }

  /** By key, then nth. */
  all(): readonly Recorded[] {
    return [...this.#byCall.values()].sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.nth - b.nth);
  }
}

/** The content of a recordings file: the same calls give the same bytes, and a change is a readable diff. */
export const formatRecordings = (recorded: readonly Recorded[]): string =>
  JSON.stringify(new RecordingList(recorded).all(), null, 2) + "\n";
