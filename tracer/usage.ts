/**
 * The tokens and the cost of a call, out of the usage objects of the providers.
 *
 * @module
 */
import type { LlmCall } from "./handles.ts";

/** The fields that are read, all of which may be missing. */
interface Usage {
  /** OpenAI: chat completions and embeddings. */
  prompt_tokens?: number;
  prompt_tokens_details?: Details | null;
  completion_tokens?: number;
  completion_tokens_details?: Details | null;
  /** OpenAI: responses; Anthropic, where the cache's tokens come on top. */
  input_tokens?: number;
  input_tokens_details?: Details | null;
  cache_read_input_tokens?: number | null;
  cache_creation_input_tokens?: number | null;
  output_tokens?: number;
  output_tokens_details?: Details | null;
  service_tier?: string | null;
  /** Gemini, where the thoughts come on top. */
  promptTokenCount?: number;
  cachedContentTokenCount?: number;
  candidatesTokenCount?: number;
  thoughtsTokenCount?: number;
  /** OpenRouter, in dollars. With a key of the bot's own, the provider's bill comes on top. */
  cost?: number | null;
  is_byok?: boolean;
  cost_details?: { upstream_inference_cost?: number | null } | null;
}

interface Details {
  cached_tokens?: number;
  reasoning_tokens?: number;
  audio_tokens?: number;
}

/** What a usage object of OpenAI, OpenRouter, Anthropic or Gemini tells. Empty for all else. */
export function usageOf(usage: unknown): LlmCall {
  if (typeof usage !== "object" || usage === null) return {};
  const u = usage as Usage;
  if (u.promptTokenCount !== undefined) {
    return {
      input_tokens: u.promptTokenCount,
      cached_tokens: u.cachedContentTokenCount,
      output_tokens: sum(u.candidatesTokenCount, u.thoughtsTokenCount),
      reasoning_tokens: u.thoughtsTokenCount,
    };
  }
  const input = u.prompt_tokens_details ?? u.input_tokens_details;
  const output = u.completion_tokens_details ?? u.output_tokens_details;
  const upstream = u.cost_details?.upstream_inference_cost;
  // Without the provider's bill, that of the router is a part of nobody knows what.
  const dollars = u.is_byok ? sum(upstream, u.cost) : u.cost;
  return {
    input_tokens: sum(u.prompt_tokens ?? u.input_tokens, u.cache_read_input_tokens, u.cache_creation_input_tokens),
    cached_tokens: input?.cached_tokens ?? u.cache_read_input_tokens ?? undefined,
    output_tokens: u.completion_tokens ?? u.output_tokens,
    reasoning_tokens: output?.reasoning_tokens,
    cost_microusd: typeof dollars === "number" ? Math.round(dollars * 1e6) : undefined,
  };
}

/** Whether something was used that costs another price than the table's: audio, writing to a cache, another tier. */
export function hasOtherPrice(usage: unknown): boolean {
  if (typeof usage !== "object" || usage === null) return false;
  const u = usage as Usage;
  const extra = sum(
    u.cache_creation_input_tokens ?? 0,
    u.prompt_tokens_details?.audio_tokens,
    u.completion_tokens_details?.audio_tokens,
  );
  return extra !== 0 || !["default", "standard", "auto"].includes(u.service_tier ?? "default");
}

/** The first decides whether the sum is known. */
function sum(first: number | null | undefined, ...more: (number | null | undefined)[]): number | undefined {
  if (first === undefined || first === null) return undefined;
  return more.reduce<number>((total, value) => total + (value ?? 0), first);
}
