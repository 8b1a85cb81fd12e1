/**
 * How long to wait after a failure.
 *
 * - Closed: a short pause, doubled with each failure.
 * - Open, after {@link MAX_FAILURES} in a row or when the server wants nothing of us: long pauses, and after each of them one
 *   small request to see whether that has changed.
 *
 * @module
 */
const MAX_FAILURES = 5;
const MAX_DELAY_MS = 30_000;
/** The first long pause, in first short ones. */
const COOL_DOWN = 25;
const MAX_COOL_DOWN_MS = 300_000;

export function newCircuit(delayMs: number) {
  let failures = 0;
  /** Long pauses in a row; 0 while closed. */
  let coolDowns = 0;
  return {
    open: () => coolDowns > 0,
    succeeded(): void {
      failures = coolDowns = 0;
    },
    /** @param hopeless Opens at once. @returns Milliseconds until the next attempt. */
    failed(hopeless: boolean): number {
      failures += 1;
      if (coolDowns > 0 || hopeless || failures >= MAX_FAILURES) {
        const ms = Math.min(delayMs * COOL_DOWN * 2 ** coolDowns, MAX_COOL_DOWN_MS);
        coolDowns += 1;
        return ms * (0.5 + Math.random() / 2);
      }
      // Anything from 0: bots that failed together must not come back together.
      return Math.random() * Math.min(delayMs * 2 ** (failures - 1), MAX_DELAY_MS);
    },
  };
}
