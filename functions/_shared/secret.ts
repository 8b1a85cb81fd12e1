/**
 * Comparing secrets, and making one of another.
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

/**
 * The secret that the database sends with an alert, made of the one that Telegram sends with an update: who sees it in the
 * settings cannot pretend to be Telegram.
 */
export async function alertSecret(webhookSecret: string): Promise<string> {
  const bytes = new TextEncoder().encode(webhookSecret);
  const key = await crypto.subtle.importKey("raw", bytes, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  const signed = await crypto.subtle.sign("HMAC", key, new TextEncoder().encode("tracegram alerts"));
  return [...new Uint8Array(signed)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sha256(value: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(value)));
}
