/**
 * The recordings of one scenario, and what a run adds to them.
 *
 * @module
 */
import type { Recorded, Recordings } from "../llm/ports.ts";
import { sorted } from "../llm/request.ts";

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
    all: () => [...before.values(), ...added.values()],
    added: () => [...added.values()],
  };
}

/**
 * By key, then nth, each once: what is in both is taken from `added`. The order of files, also of their fields, whether they come
 * from a call or from the database, which has an order of its own: a change is a readable diff.
 */
export function mergedRecordings(before: readonly Recorded[], added: readonly Recorded[]): Recorded[] {
  return [...byPlace([...before, ...added]).values()]
    .sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : a.nth - b.nth)
    .map((one) => Object.fromEntries(FIELDS.map((field) => [field, sorted(one[field])])) as unknown as Recorded);
}

const FIELDS = [
  "key",
  "nth",
  "request",
  "status",
  "content_type",
  "chunks",
  "duration_ms",
  "model",
  "input_tokens",
  "output_tokens",
  "cost_microusd",
] as const satisfies (keyof Recorded)[];

const place = ({ key, nth }: Pick<Recorded, "key" | "nth">) => `${key} ${nth}`;

const byPlace = (recorded: readonly Recorded[]) => new Map(recorded.map((one) => [place(one), one]));
