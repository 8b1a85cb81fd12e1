/**
 * Comparing secrets.
 *
 * @module
 */

/** Whether two secrets are equal, in a time that tells nothing about where they differ, nor how long either is. */
export async function sameSecret(a: string, b: string): Promise<boolean> {
  const [x, y] = await Promise.all([sha256(a), sha256(b)]);
  // Digests have one length, and whoever chooses `a` cannot steer its digest towards that of `b`.
  let difference = 0;
  for (let i = 0; i < x.length; i++) difference |= x[i]! ^ y[i]!;
  return difference === 0;
}

async function sha256(value: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value)));
}
