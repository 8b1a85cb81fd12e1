/**
 * Trace ids: UUIDv7, so that an id alone tells when its trace started.
 *
 * @module
 */

let lastMs = NaN;
let prefix = "";

/** @param epochMs The trace's `started_at`, whole milliseconds. */
export function uuidv7(epochMs: number): string {
  if (epochMs !== lastMs) {
    lastMs = epochMs;
    const ms = epochMs.toString(16).padStart(12, "0");
    prefix = `${ms.slice(0, 8)}-${ms.slice(8)}-7`;
  }
  // A random v4 has its variant bits and 62 random bits where v7 has them: the clock and the version replace the rest.
  return prefix + crypto.randomUUID().slice(15);
}

/**
 * Whether a share `rate` (0..1) of all ids includes this one: told by its last 16 bits, as `tracegram.io_sampled` does it. Of a
 * smaller share, the ids are a part of those of a larger one.
 */
export function inSample(traceId: string, rate: number): boolean {
  return parseInt(traceId.slice(-4), 16) < rate * 65536;
}
