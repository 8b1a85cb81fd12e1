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
  const holder = [EdgeRuntime, vercel?.get?.()].find((holder) => typeof holder?.waitUntil === "function");
  return holder && ((sent) => holder.waitUntil!(sent));
}

/**
 * Has the platform wait for what is still to be done, where it has to be asked.
 *
 * @param given The author's own, instead of what the platform has.
 * @param failed Called when `waitUntil` throws.
 */
export function keepAlive(
  given: WaitUntil | undefined,
  flush: () => Promise<unknown>,
  failed: (error: unknown) => void,
) {
  let sent: Promise<unknown> | undefined;

  /** Never throws. `settled` is not called where nothing has to be waited for. */
  function until(settled: () => Promise<unknown>): void {
    try {
      (given ?? platformWaitUntil())?.(settled());
    } catch (error) {
      failed(error);
    }
  }

  return {
    until,
    /** To be called after each record: the platform waits for a flush, the same for all records of one tick. */
    recorded: () =>
      until(() =>
        sent ??= new Promise((resolve) => setTimeout(resolve, 0)).then(() => {
          sent = undefined;
          return flush();
        })
      ),
  };
}
