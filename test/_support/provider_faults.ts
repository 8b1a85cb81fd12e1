// What can go wrong with a call of the LLM provider.

export type Fault =
  /** Refused, such as 429 or 500. */
  | { kind: "status"; status: number; message?: string; retryAfterMs?: number }
  /** Nothing comes for a while. Not billed when the client leaves meanwhile. */
  | { kind: "stall"; ms?: number }
  /** The connection is dropped before anything is written. */
  | { kind: "drop" }
  /** As `drop`, after it was written and billed. */
  | { kind: "lost" }
  /** After `at` events, or in the middle of a plain answer: nothing more comes, or the connection dies. Billed. */
  | { kind: "stall_mid"; at?: number; ms?: number }
  | { kind: "die_mid"; at?: number }
  /** An event, or the plain answer, is no JSON. */
  | { kind: "malformed" }
  /** So many milliseconds before each event. */
  | { kind: "slow"; ms: number };

export const isMidway = (fault: Fault | undefined): fault is Extract<Fault, { kind: "stall_mid" | "die_mid" }> =>
  fault?.kind === "stall_mid" || fault?.kind === "die_mid";

/** Numbers from 0 to 1, the same ones for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** One of `faults`, for so large a `share` of the calls. */
export function seededFaults(seed: number, share: number, faults: readonly Fault[]): () => Fault | undefined {
  const random = seeded(seed);
  return () => random() < share ? faults[Math.floor(random() * faults.length)] : undefined;
}
