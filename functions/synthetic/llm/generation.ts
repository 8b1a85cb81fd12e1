/**
 * What a call has cost whose answer did not come to its end: OpenRouter tells it afterwards, other providers do not.
 *
 * @module
 */
import type { Provider } from "../define.ts";
import { sleep } from "./sleep.ts";

export interface Told {
  cost_microusd: number;
  input_tokens: number | null;
  output_tokens: number | null;
}

/** Before each try; the provider knows only once it has stopped writing. */
const PAUSES_MS = [0, 150, 350, 500, 1000, 1500, 1500];
const TRY_MS = 2000;

/** Null: it is not to be had. */
export async function lookUp(id: string, provider: Provider, fetch: typeof globalThis.fetch): Promise<Told | null> {
  const until = performance.now() + PAUSES_MS.reduce((sum, ms) => sum + ms);
  for (const pause of PAUSES_MS) {
    await sleep(pause);
    const left = until - performance.now();
    const told = await ask(id, provider, fetch, Math.max(500, Math.min(TRY_MS, left))).catch(() => null);
    if (told !== null || left <= 0) return told;
  }
  return null;
}

async function ask(
  id: string,
  { baseUrl, apiKey }: Provider,
  fetch: typeof globalThis.fetch,
  ms: number,
): Promise<Told | null> {
  const response = await fetch(`${baseUrl}/generation?id=${encodeURIComponent(id)}`, {
    headers: { authorization: `Bearer ${apiKey}` },
    signal: AbortSignal.timeout(ms),
  });
  if (!response.ok) {
    await response.body?.cancel();
    return null;
  }
  const { data } = await response.json() as { data?: Record<string, unknown> };
  const dollars = data?.["total_cost"];
  if (typeof dollars !== "number" || !(dollars >= 0)) return null;
  // With a key of the author's own at the maker, the maker's bill comes on top.
  const upstream = data?.["is_byok"] === true ? data["upstream_inference_cost"] : 0;
  return {
    cost_microusd: Math.round((dollars + (typeof upstream === "number" ? upstream : 0)) * 1e6),
    input_tokens: tokens(data?.["native_tokens_prompt"] ?? data?.["tokens_prompt"]),
    output_tokens: tokens(data?.["native_tokens_completion"] ?? data?.["tokens_completion"]),
  };
}

const tokens = (value: unknown) => Number.isSafeInteger(value) && value as number >= 0 ? value as number : null;
