/** The recordings of one scenario in memory, and as a file. */
import type { Recorded, Recordings } from "../../functions/synthetic/llm/ports.ts";
import { mergedRecordings } from "../../functions/synthetic/suite/recordings.ts";

/** What is added takes the place of what was there. */
export class RecordingList implements Recordings {
  #all: Recorded[];

  constructor(recorded: readonly Recorded[] = []) {
    this.#all = [...recorded];
  }

  find(key: string, nth: number): Recorded | undefined {
    return this.#all.findLast((one) => one.key === key && one.nth === nth);
  }

  add(recorded: Recorded): void {
    this.#all.push(recorded);
  }

  /** By key, then nth. */
  all(): Recorded[] {
    return mergedRecordings([], this.#all);
  }
}

export const formatRecordings = (recorded: readonly Recorded[]): string =>
  JSON.stringify(mergedRecordings([], recorded), null, 2) + "\n";
