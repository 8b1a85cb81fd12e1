/**
 * Waiting, but no longer than allowed.
 *
 * @module
 */

/** Why something was not waited for. */
export type Broken = "timeout" | "stopped";

/** Until the promise settles, the time (as `performance.now()`) has come, or the signal aborts. Rejects as the promise does. */
export function limited<T>(
  promise: PromiseLike<T>,
  until: number,
  signal: AbortSignal,
): Promise<{ value: T } | Broken> {
  return new Promise((resolve, reject) => {
    const clear = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", stop);
    };
    const end = (result: { value: T } | Broken) => {
      clear();
      resolve(result);
    };
    const stop = () => end("stopped");
    const timer = setTimeout(() => end("timeout"), Math.max(0, until - performance.now()));
    signal.addEventListener("abort", stop);
    if (signal.aborted) stop();
    promise.then((value) => end({ value }), (error) => {
      clear();
      reject(error);
    });
  });
}
