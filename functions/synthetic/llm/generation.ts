/**
 * What a call has cost whose answer does not tell: OpenRouter says it afterwards, other providers do not.
 *
 * @module
 */
import type { Provider } from "../define.ts";
import { sleep } from "../sleep.ts";
import { bookable } from "./answer.ts";

export interface Told {
  cost_microusd: number;
  input_tokens: number | null;
  output_tokens: number | null;
}

/** Before each try; the provider knows only once it has stopped writing. */
const PAUSES_MS = [0, 150, 350, 500, 1000, 1500, 1500];
const TRY_MS = 2000;
/** That the tries themselves may take. */
const SLACK_MS = 1000;

export class Generations {
  readonly #provider: Provider;
  readonly #fetch: typeof fetch;
  readonly #pauses: readonly number[];
  /** Has told of a generation; false: has nothing to tell of any, and is asked only once of each. */
  #tells: boolean | undefined;

  constructor(provider: Provider, fetch: typeof globalThis.fetch, pauses: readonly number[] = PAUSES_MS) {
    this.#provider = provider;
    this.#fetch = fetch;
    this.#pauses = pauses;
  }

  /** Null: it is not to be had. */
  async ask(id: string): Promise<Told | null> {
    const until = performance.now() + this.#pauses.reduce((sum, ms) => sum + ms, SLACK_MS);
    let unknown = true;
    for (const pause of this.#tells === false ? [0] : this.#pauses) {
      await sleep(pause);
      const left = Math.ceil(until - performance.now());
      const told = await this.#askOnce(id, Math.max(500, Math.min(TRY_MS, left))).catch(() => undefined);
      if (told) {
        this.#tells = true;
        return told;
      }
      unknown &&= told === null;
      if (left < 0) break;
    }
    // Had it been out of reach, it might tell of the next one.
    if (unknown) this.#tells ??= false;
    return null;
  }

  /** Null: it does not know it. */
  async #askOnce(id: string, ms: number): Promise<Told | null> {
    const { baseUrl, apiKey } = this.#provider;
    const response = await this.#fetch(`${baseUrl.replace(/\/+$/, "")}/generation?id=${encodeURIComponent(id)}`, {
      headers: { authorization: `Bearer ${apiKey}` },
      signal: AbortSignal.timeout(ms),
    });
    if (!response.ok) {
      await response.body?.cancel();
      if (response.status === 404 || response.status === 405) return null;
      throw new Error(`answered ${response.status}`);
    }
    const { data } = await response.json() as { data?: Record<string, unknown> };
    const dollars = data?.["total_cost"];
    // With a key of the author's own at the maker, the maker's bill comes on top.
    const upstream = data?.["is_byok"] === true ? data["upstream_inference_cost"] : 0;
    const both = typeof dollars === "number" && typeof upstream === "number" ? dollars + upstream : undefined;
    const cost_microusd = both === undefined ? null : bookable(Math.round(both * 1e6));
    if (cost_microusd === null) return null;
    return {
      cost_microusd,
      input_tokens: tokens(data?.["native_tokens_prompt"] ?? data?.["tokens_prompt"]),
      output_tokens: tokens(data?.["native_tokens_completion"] ?? data?.["tokens_completion"]),
    };
  }
}

const tokens = (value: unknown) => Number.isSafeInteger(value) && value as number >= 0 ? value as number : null;
