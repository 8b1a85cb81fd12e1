/**
 * The recordings of one scenario in memory, and as a file.
 *
 * @module
 */
import type { Recorded, Recordings } from "./ports.ts";
import { sorted } from "./request.ts";

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

/**
 * The content of a recordings file: the same calls give the same bytes, whether they come from a call or from the database,
 * which has its own order of fields. A change is a readable diff.
 */
export function formatRecordings(recorded: readonly Recorded[]): string {
  const all = new RecordingList(recorded).all().map((one) => ({
    key: one.key,
    nth: one.nth,
    request: sorted(one.request),
    status: one.status,
    content_type: one.content_type,
    chunks: one.chunks.map(({ ms, text }) => ({ ms, text })),
    duration_ms: one.duration_ms,
    model: one.model,
    input_tokens: one.input_tokens,
    output_tokens: one.output_tokens,
    cost_microusd: one.cost_microusd,
  }));
  return JSON.stringify(all, null, 2) + "\n";
}
