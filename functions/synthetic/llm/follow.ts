/**
 * Signals of calls, which abort when the bot leaves the call or the scenario is stopped.
 *
 * `AbortSignal.any` does the like, but younger Nodes forget who follows whom, and the signal of a `Request` aborts only while
 * somebody has the request: what is followed here is held.
 *
 * @module
 */

export interface Followed {
  signal: AbortSignal;
  /** Follows no longer. */
  leave(): void;
}

export class Follower {
  readonly #stop: AbortSignal;
  /** One listener does for all: many on one signal look like a leak. */
  readonly #running = new Map<AbortController, Request>();

  /** @param stop Of the scenario. */
  constructor(stop: AbortSignal) {
    this.#stop = stop;
    stop.addEventListener("abort", () => {
      for (const controller of this.#running.keys()) controller.abort(stop.reason);
    });
  }

  follow(request: Request): Followed {
    const controller = new AbortController();
    const left = () => controller.abort(request.signal.reason);
    const leave = () => {
      this.#running.delete(controller);
      request.signal.removeEventListener("abort", left);
    };
    controller.signal.addEventListener("abort", leave);
    this.#running.set(controller, request);
    request.signal.addEventListener("abort", left);
    if (this.#stop.aborted) controller.abort(this.#stop.reason);
    else if (request.signal.aborted) left();
    return { signal: controller.signal, leave };
  }
}
