/**
 * Trace ids: UUIDv7, so that an id alone tells when its trace started.
 *
 * @module
 */

/** @param epochMs The trace's `started_at`, whole milliseconds. */
export function uuidv7(epochMs: number): string {
  const ms = epochMs.toString(16).padStart(12, "0");
  // A random v4 has its variant bits and 62 random bits where v7 has them: the clock and the version replace the rest.
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

/** Whether a share `rate` (0..1) of all ids includes this one. The same id always gets the same answer. */
export function inSample(traceId: string, rate: number): boolean {
  return parseInt(traceId.slice(-8), 16) < rate * 2 ** 32;
}
