/** The Bot API, as far as a deployment calls it. */
import { setTimeout as sleep } from "node:timers/promises";
import { Failure } from "../stack/failure.ts";
import { type Answer, callJson, Unreachable } from "./http.ts";
import type { Settings } from "./settings.ts";

/** Telegram says no. */
export class Refused extends Failure {
  constructor(method: string, status: number, description: string) {
    super(`Telegram refuses ${method}: ${status} ${description}`, "Do as it says, then run npm run deploy again.");
  }
}

/** Longest `retry_after` that is waited for. */
const MAX_WAIT_S = 30;

export class BotApi {
  readonly #settings: Settings;
  readonly #signal: AbortSignal;

  constructor(settings: Settings, signal: AbortSignal) {
    this.#settings = settings;
    this.#signal = signal;
  }

  /** The result. @throws {Refused} or {Failure} */
  // deno-lint-ignore no-explicit-any -- answers differ by method
  async call(method: string, params: Record<string, unknown> = {}): Promise<any> {
    const { status, body } = await this.#post(method, params);
    if (body?.ok === true) return body.result;
    const description = String(body?.description ?? "an answer that is no Bot API's");
    const wait = Number(body?.parameters?.retry_after);
    if (status === 429 && wait <= MAX_WAIT_S) {
      await sleep(wait * 1000, undefined, { signal: this.#signal });
      return this.call(method, params);
    }
    if (status === 401 || (status === 404 && method === "getMe")) {
      throw new Failure(
        `Telegram does not accept TELEGRAM_BOT_TOKEN: ${status} ${description}`,
        "Ask @BotFather for the bot's token (/mybots, API Token) and set it.",
      );
    }
    throw new Refused(method, status, description);
  }

  async #post(method: string, params: Record<string, unknown>): Promise<Answer> {
    const { apiRoot, token } = this.#settings;
    try {
      return await callJson(`${apiRoot}/bot${token}/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(params),
      }, this.#signal);
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      throw new Failure(error.message, "Look whether this machine reaches Telegram (TELEGRAM_API_ROOT), then again.");
    }
  }
}
