/**
 * What a call costs, by a table of prices, where the provider does not tell.
 *
 * @module
 */
import type { LlmCall } from "./handles.ts";

/** Dollars per million tokens. */
export interface Price {
  /** For input that is not cached. */
  input: number;
  /** For input that came from a cache. @default the same as `input` */
  cached?: number | undefined;
  /** Reasoning included. */
  output: number;
}

/** Prices, and the day on which they were looked up: prices change, and nothing here looks them up again. */
export interface PriceTable {
  /** Such as `2025-08-31`. */
  date: string;
  /**
   * By the model's name as its provider gives it. `gpt-4o` is also the price of `gpt-4o-2024-08-06` and
   * `openai/gpt-4o`, unless these have their own, and never that of `gpt-4o-mini` or of a fine-tuned model.
   */
  models: Readonly<Record<string, Price>>;
}

/** Routers put the maker before the name. Others than the makers may sell something else under the same name. */
const MAKER = /^(?:openai|anthropic|google|mistralai|deepseek|x-ai)\//;
/** A dated version costs what its model does; all other endings are other models. */
const VERSION = /-20\d\d-?[01]\d-?[0-3]\d$/;

/**
 * Micro-dollars of a call, rounded once. Undefined when its tokens or the model's price are not known.
 */
export function costOf(call: LlmCall, prices: PriceTable | undefined): number | undefined {
  const { model, input_tokens: input } = call;
  if (prices === undefined || typeof model !== "string" || input === undefined) return undefined;
  const price = priceOf(model, prices.models);
  // Embeddings have no output, and tell nothing of it.
  const output = call.output_tokens ?? (price?.output === 0 ? 0 : undefined);
  if (price === undefined || output === undefined) return undefined;
  const cached = Math.min(call.cached_tokens ?? 0, input);
  // In whole millionths of a micro-dollar: sums of fractions such as 0.15 come out just beside the half.
  const sum = (input - cached) * millionths(price.input) + cached * millionths(price.cached ?? price.input) +
    output * millionths(price.output);
  return Math.round(sum / 1e6);
}

const millionths = (dollars: number): number => Math.round(dollars * 1e6);

function priceOf(model: string, models: PriceTable["models"]): Price | undefined {
  const bare = model.replace(MAKER, "");
  const names = [model, bare, model.replace(VERSION, ""), bare.replace(VERSION, "")];
  const name = names.find((name) => Object.hasOwn(models, name));
  return name === undefined ? undefined : models[name];
}
