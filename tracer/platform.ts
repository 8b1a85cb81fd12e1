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

/** Has the platform wait for what is still to be done, where it has to be asked. */
export class KeepAlive {
  readonly #given: WaitUntil | undefined;
  readonly #flush: () => Promise<unknown>;
  readonly #failed: (error: unknown) => void;
  #sent: Promise<unknown> | undefined;

  /**
   * @param given The author's own, instead of what the platform has.
   * @param failed Called when `waitUntil` throws.
   */
  constructor(given: WaitUntil | undefined, flush: () => Promise<unknown>, failed: (error: unknown) => void) {
    this.#given = given;
    this.#flush = flush;
    this.#failed = failed;
  }

  /** To be called after each record: the platform waits for a flush, the same for all records of one tick. */
  recorded(): void {
    this.until(() =>
      this.#sent ??= new Promise((resolve) => setTimeout(resolve, 0)).then(() => {
        this.#sent = undefined;
        return this.#flush();
      })
    );
  }

  /** Never throws. `settled` is not called where nothing has to be waited for. */
  until(settled: () => Promise<unknown>): void {
    try {
      (this.#given ?? platformWaitUntil())?.(settled());
    } catch (error) {
      this.#failed(error);
    }
  }
}
