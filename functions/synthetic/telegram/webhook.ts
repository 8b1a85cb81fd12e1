/**
 * Webhooks: updates are posted to the bot's address, those of one chat in order and each until it is accepted.
 *
 * @module
 */
import type { BotState, PendingUpdate } from "./bots.ts";
import { type Params, readParams, text } from "./params.ts";

export interface WebhookSettings {
  url: string;
  secretToken: string;
  maxConnections: number;
}

export interface DeliveryOptions {
  /** Wait before the first redelivery; it doubles with each further failure. Default 500 ms. */
  firstRetryMs: number;
  /** Longest wait. Default 5,000 ms; Telegram waits up to minutes. */
  maxRetryMs: number;
  /** An answer that takes longer is a failure. Default 60,000 ms, as Telegram's. */
  timeoutMs: number;
}

/** One attempt to deliver an update. `status` is 0 when no response came. */
export interface Delivery {
  bot: number;
  update_id: number;
  /** Counted from 1. */
  attempt: number;
  status: number;
}

interface Dependencies {
  now: () => number;
  fetch: typeof fetch;
  options: DeliveryOptions;
  /** Runs the call that an accepted delivery carried in its body. */
  reply: (bot: BotState, method: string, params: Params) => Promise<unknown>;
  onDelivery: (delivery: Delivery) => void;
}

/** A bot may not answer a delivery with a call whose result it would need, or that would change the webhook itself. */
const NO_REPLY = /^(get.*|setwebhook|deletewebhook|close|logout)$/i;

/** Delivers the updates of one bot to one address, until closed. */
export class Webhook {
  readonly settings: WebhookSettings;
  /** Epoch milliseconds; undefined until something went wrong. */
  lastError: { at: number; message: string } | undefined;
  readonly #bot: BotState;
  readonly #deps: Dependencies;
  readonly #busy = new Set<string>();
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();
  readonly #closing = new AbortController();
  readonly #stopListening: () => void;

  constructor(bot: BotState, settings: WebhookSettings, deps: Dependencies) {
    this.#bot = bot;
    this.settings = settings;
    this.#deps = deps;
    this.#stopListening = bot.updates.listen(() => this.#pump());
    this.#pump();
  }

  /** Ends deliveries that are under way; their updates stay pending. */
  close(): void {
    this.#stopListening();
    this.#closing.abort();
    for (const timer of this.#timers) clearTimeout(timer);
  }

  /** Starts as many deliveries as may run at once: the oldest update of every chat that has none under way. */
  #pump(): void {
    for (const pending of [...this.#bot.updates.pending]) {
      if (this.#closing.signal.aborted || this.#busy.size >= this.settings.maxConnections) return;
      if (this.#busy.has(pending.chat)) continue;
      this.#busy.add(pending.chat);
      void this.#deliver(pending);
    }
  }

  async #deliver(pending: PendingUpdate): Promise<void> {
    const error = await this.#attempt(pending);
    if (error === undefined) {
      this.#bot.updates.remove(pending);
      return this.#release(pending.chat);
    }
    if (this.#closing.signal.aborted) return;
    this.lastError = { at: this.#deps.now(), message: error };
    pending.failures++;
    const { firstRetryMs, maxRetryMs } = this.#deps.options;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#release(pending.chat);
    }, Math.min(maxRetryMs, firstRetryMs * 2 ** (pending.failures - 1)));
    this.#timers.add(timer);
  }

  #release(chat: string): void {
    this.#busy.delete(chat);
    this.#pump();
  }

  /** What went wrong, or undefined when the update was accepted. */
  async #attempt({ update, failures }: PendingUpdate): Promise<string | undefined> {
    const { url, secretToken } = this.settings;
    const { fetch, options } = this.#deps;
    let status = 0;
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "content-type": "application/json",
          ...(secretToken && { "x-telegram-bot-api-secret-token": secretToken }),
        },
        body: JSON.stringify(update),
        redirect: "manual",
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(options.timeoutMs)]),
      });
      if (response.type === "error") throw new TypeError("Connection closed");
      status = response.status;
      if (!response.ok) {
        await response.body?.cancel();
        return `Wrong response from the webhook: ${response.status} ${response.statusText}`.trim();
      }
      await this.#runReply(response);
      return undefined;
    } catch (error) {
      return error instanceof Error && error.name === "TimeoutError" ? "Read timeout expired" : String(error);
    } finally {
      // Recorded before the next attempt can begin, so that records are in order.
      this.#deps.onDelivery({ bot: this.#bot.user.id, update_id: update.update_id, attempt: failures + 1, status });
    }
  }

  async #runReply(response: Response): Promise<void> {
    // A body that is no call is no failure: most webhooks answer "ok".
    const params = await readParams(response).catch(() => undefined);
    const method = params && text(params, "method");
    if (method && !NO_REPLY.test(method)) await this.#deps.reply(this.#bot, method, params);
  }
}
