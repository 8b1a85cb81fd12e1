/**
 * How a serverless platform is kept from stopping the instance before the traces are sent.
 *
 * @module
 */
export type WaitUntil = (sent: Promise<unknown>) => void;

interface Holder {
  waitUntil?: WaitUntil;
}

/** Where Vercel keeps the context of the request that is being served. */
const VERCEL = Symbol.for("@vercel/request-context");

/** The platform's own, as a method of what it belongs to. Looked up at each use: Vercel's belongs to one request. */
export function platformWaitUntil(): WaitUntil | undefined {
  const { EdgeRuntime, [VERCEL]: vercel } = globalThis as {
    EdgeRuntime?: Holder;
    [VERCEL]?: { get?: () => Holder | undefined };
  };
  // Vercel's edge runtime has an `EdgeRuntime` too: a string.
  const holder = typeof EdgeRuntime?.waitUntil === "function" ? EdgeRuntime : vercel?.get?.();
  return typeof holder?.waitUntil === "function" ? (sent) => holder.waitUntil!(sent) : undefined;
}

/**
 * Returns what to call after each record: it has the platform wait for a flush, the same for all records of one tick.
 *
 * @param given The author's own, instead of what the platform has.
 * @param failed Called when `waitUntil` throws.
 */
export function keepAlive(
  given: WaitUntil | undefined,
  flush: () => Promise<unknown>,
  failed: (error: unknown) => void,
): () => void {
  let sent: Promise<unknown> | undefined;
  return () => {
    try {
      const waitUntil = given ?? platformWaitUntil();
      if (waitUntil === undefined) return;
      sent ??= new Promise((resolve) => setTimeout(resolve, 0)).then(() => {
        sent = undefined;
        return flush();
      });
      waitUntil(sent);
    } catch (error) {
      failed(error);
    }
  };
}
