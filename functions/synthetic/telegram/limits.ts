/**
 * How often a bot may send and edit: sliding windows over the time of the calls that were let through.
 *
 * Telegram publishes "one message a second in a chat, short bursts allowed; 20 a minute in a group; 30 a second in all".
 * Here a burst is five within five seconds. A refused call costs nothing, and `retry_after` is honest: that many
 * seconds later one more call is let through, if no other takes its place.
 *
 * @module
 */
import { tooManyRequests } from "./errors.ts";

/** At most `count` calls within any `ms` milliseconds. A count of `Infinity` is no limit. */
export interface Window {
  count: number;
  ms: number;
}

export interface Limits {
  chat: Window;
  group: Window;
  bot: Window;
}

export const TELEGRAM_LIMITS: Limits = {
  chat: { count: 5, ms: 5_000 },
  group: { count: 20, ms: 60_000 },
  bot: { count: 30, ms: 1_000 },
};

export class RateLimiter {
  readonly #limits: Limits;
  readonly #now: () => number;
  readonly #log = new Map<string, number[]>();

  constructor(limits: Limits, now: () => number) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Counts one message of `bot` to the chat. @throws {ApiError} 429 with `retry_after` in whole seconds. */
  take(bot: number, chat: { key: string; isGroup: boolean }): void {
    const now = this.#now();
    const windows: [string, Window][] = [
      [`bot ${bot}`, this.#limits.bot],
      [`chat ${bot} ${chat.key}`, this.#limits.chat],
      ...(chat.isGroup ? [[`group ${bot} ${chat.key}`, this.#limits.group] satisfies [string, Window]] : []),
    ];
    const waits = windows.map(([name, window]) => this.#wait(name, window, now));
    const wait = Math.max(...waits);
    if (wait > 0) throw tooManyRequests(Math.ceil(wait / 1000));
    for (const [name] of windows) this.#log.get(name)!.push(now);
  }

  /** Milliseconds until the window has room, 0 when it has. */
  #wait(name: string, { count, ms }: Window, now: number): number {
    const recent = (this.#log.get(name) ?? []).filter((at) => at > now - ms);
    this.#log.set(name, recent);
    return recent.length < count ? 0 : recent.at(-count)! + ms - now;
  }
}
