/**
 * What the answer to one update is remembered by, for `tracegram.admin_responses`.
 *
 * @module
 */
import type { AdminResponse } from "../_shared/db.ts";
import type { Screen } from "./render/screen.ts";

type Calls<T> = { [K in keyof T]: (...args: never[]) => Promise<unknown> };

/** Filled while the update is handled. Each update has at most one response. */
export class UpdateRecord {
  #screen: Screen | undefined = undefined;
  #queryMs: number | null = null;
  #retryAfter: number | undefined = undefined;

  /** `screen` is about to be shown; it counts even if Telegram refuses it. */
  showing(screen: Screen): void {
    this.#screen = screen;
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

  /** The response; or, where none was shown and the end of a button's spinner met a 429, that. */
  get responses(): AdminResponse[] {
    const limited = this.#retryAfter === undefined ? {} : { retry_after: this.#retryAfter };
    if (this.#screen) {
      return [{ screen: this.#screen.name, characters: this.#screen.chars, query_ms: this.#queryMs, ...limited }];
    }
    return this.#retryAfter === undefined ? [] : [{ screen: "answer", characters: 0, query_ms: null, ...limited }];
  }
}
