/**
 * The recordings of one scenario, and what a run adds to them.
 *
 * @module
 */
import type { Recorded, Recordings } from "../llm/ports.ts";

export interface KeptRecordings extends Recordings {
  /** What the run has added, in no order. */
  added(): Recorded[];
}

/** What was there is found rather than what was added: another repeat of the scenario compares itself with the same. */
export function keptRecordings(recorded: readonly Recorded[]): KeptRecordings {
  const before = byPlace(recorded);
  const added = new Map<string, Recorded>();
  return {
    find: (key, nth) => before.get(place({ key, nth })) ?? added.get(place({ key, nth })),
    add: (one) => void added.set(place(one), one),
    added: () => [...added.values()],
  };
}

/** By key, then nth, each once: what is in both is taken from `added`. The order of files, so that a change is a readable diff. */
export function mergedRecordings(before: readonly Recorded[], added: readonly Recorded[]): Recorded[] {
  return [...byPlace([...before, ...added]).values()]
    .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.nth - b.nth);
}

const place = ({ key, nth }: Pick<Recorded, "key" | "nth">) => `${key} ${nth}`;

const byPlace = (recorded: readonly Recorded[]) => new Map(recorded.map((one) => [place(one), one]));
