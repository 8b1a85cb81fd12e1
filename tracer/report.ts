/**
 * How the tracer tells its author that something is wrong: once per cause, and never by an exception.
 *
 * @module
 */

/** Something that lost or distorted data. `code` is for programs, the message for people. */
export interface TracerProblem {
  code: string;
  message: string;
}

export type OnError = (problem: TracerProblem) => void;

/** Causes remembered; names made at run time must not grow the memory for ever. */
const MAX_CAUSES = 1000;

export class Reporter {
  readonly #onError: OnError;
  readonly #seen = new Set<string>();

  constructor(onError: OnError = ({ code, message }) => console.warn(`tracegram: ${message} (${code})`)) {
    this.#onError = onError;
  }

  /** Reports the first problem of a cause; `detail` tells causes of one code apart. */
  once(code: string, message: string, detail = ""): void {
    const cause = `${code} ${detail}`;
    if (this.#seen.has(cause) || this.#seen.size >= MAX_CAUSES) return;
    this.#seen.add(cause);
    try {
      this.#onError({ code, message });
    } catch {
      // The author's hook fails: the bot must not.
    }
  }

  /** The cause is over: the next time is news again. */
  forget(code: string): void {
    this.#seen.delete(`${code} `);
  }
}
