/**
 * How the tracer tells its author that something is wrong: once per cause, and never by an exception.
 *
 * @module
 */

/** Something that lost or distorted data. `code` is for programs, the message for people. */
export interface TracerProblem {
  /** For programs, such as `queue_full`. */
  code: string;
  /** For people. */
  message: string;
}

/** Called with what lost or distorted data, once per cause. */
export type OnError = (problem: TracerProblem) => void;

/** Causes remembered; names made at run time must not grow the memory for ever. */
const MAX_CAUSES = 1000;

/** @param onError The author's hook. */
export function openReporter(
  onError: OnError = ({ code, message }) => console.warn(`tracegram: ${message} (${code})`),
) {
  const seen = new Set<string>();
  return {
    /** Reports the first problem of a cause; `detail` tells causes of one code apart. */
    once(code: string, message: string, detail = ""): void {
      const cause = `${code} ${detail}`;
      if (seen.has(cause) || seen.size >= MAX_CAUSES) return;
      seen.add(cause);
      try {
        onError({ code, message });
      } catch {
        // The author's hook fails: the bot must not.
      }
    },
    /** The cause is over: the next time is news again. */
    forget(code: string): void {
      seen.delete(`${code} `);
    },
  };
}

export type Reporter = ReturnType<typeof openReporter>;
