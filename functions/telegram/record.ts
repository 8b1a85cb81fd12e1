/**
 * What the answer to one update is remembered by, for `tracegram.admin_responses`.
 *
 * @module
 */
import type { Answered } from "../_shared/db.ts";

type Calls<T> = { [K in keyof T]: (...args: never[]) => Promise<unknown> };

/** Filled while the update is handled. Each update has at most one response. */
export class UpdateRecord {
  #shown: { name: string; chars: number } | undefined = undefined;
  #queryMs: number | null = null;
  #retryAfter: number | undefined = undefined;
  /** Whether the chat is sent rich messages; false once Telegram does not know them. */
  readonly rich: { accepted: boolean };
  readonly #richBefore: boolean;

  constructor(rich: boolean) {
    this.rich = { accepted: rich };
    this.#richBefore = rich;
  }

  /** What is about to be shown; it counts even if Telegram refuses it. */
  showing(shown: { name: string; chars: number }): void {
    this.#shown = shown;
  }

  /** Telegram has refused a call for its rate limit. Of several, the longest wait counts. */
  rateLimited(retryAfterS: number): void {
    this.#retryAfter = Math.max(this.#retryAfter ?? 0, retryAfterS);
  }

  /** The same calls of the database; how long they take, also when they fail, is the time of the response's query. */
  timed<T extends Calls<T>>(db: T): T {
    const timed = async (call: () => Promise<unknown>) => {
      const started = performance.now();
      try {
        return await call();
      } finally {
        this.#queryMs = (this.#queryMs ?? 0) + Math.round(performance.now() - started);
      }
    };
    const calls = Object.entries<(...args: never[]) => Promise<unknown>>(db);
    return Object.fromEntries(
      calls.map(([name, call]) => [name, (...args: never[]) => timed(() => call(...args))]),
    ) as T;
  }

  get answered(): Answered {
    return { responses: this.#responses, richRefused: this.#richBefore && !this.rich.accepted };
  }

  /** The response; or, where none was shown and the end of a button's spinner met a 429, that. */
  get #responses(): Answered["responses"] {
    const limited = this.#retryAfter === undefined ? {} : { retry_after: this.#retryAfter };
    if (this.#shown) {
      return [{ screen: this.#shown.name, characters: this.#shown.chars, query_ms: this.#queryMs, ...limited }];
    }
    return this.#retryAfter === undefined ? [] : [{ screen: "answer", characters: 0, query_ms: null, ...limited }];
  }
}
