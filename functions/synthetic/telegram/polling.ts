/**
 * `getUpdates`: long polls, one at a time for each bot.
 *
 * @module
 */
import type { BotState } from "./bots.ts";
import { conflict } from "./errors.ts";
import type { Update } from "./types.ts";

export interface Poll {
  offset: number;
  limit: number;
  timeoutMs: number;
  signal: AbortSignal;
}

export class Polling {
  readonly #running = new Map<BotState, (reason: Error) => void>();
  readonly #closing: AbortSignal;

  /** From the moment `closing` aborts no poll waits. */
  constructor(closing: AbortSignal) {
    this.#closing = closing;
  }

  /** @throws {ApiError} 409 when another poll of the bot, or a webhook, takes its place. */
  async poll(bot: BotState, { offset, limit, timeoutMs, signal }: Poll): Promise<Update[]> {
    this.end(bot, "terminated by other getUpdates request; make sure that only one bot instance is running");
    if (offset !== 0) bot.updates.confirm(offset);
    if (bot.updates.pending.length === 0 && timeoutMs > 0) {
      await this.#wait(bot, timeoutMs, AbortSignal.any([signal, this.#closing]));
    }
    return bot.updates.pending.slice(0, limit).map(({ update }) => update);
  }

  /** Ends the running poll of the bot, if there is one. */
  end(bot: BotState, why: string): void {
    this.#running.get(bot)?.(conflict(why));
  }

  async #wait(bot: BotState, ms: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = deferred();
    const stop = bot.updates.listen(resolve);
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", resolve);
    this.#running.set(bot, reject);
    try {
      if (!signal.aborted) await promise;
    } finally {
      stop();
      clearTimeout(timer);
      signal.removeEventListener("abort", resolve);
      if (this.#running.get(bot) === reject) this.#running.delete(bot);
    }
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function deferred() {
  let resolve!: () => void;
  let reject!: (reason: Error) => void;
  const promise = new Promise<void>((yes, no) => [resolve, reject] = [yes, no]);
  return { promise, resolve, reject };
}
