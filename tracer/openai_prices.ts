/**
 * What OpenAI charges for its well-known models: the standard tier, text, per million tokens.
 *
 * From OpenAI's pricing page as of the date below. What is not here has no cost rather than a guessed one: newer models
 * belong into a table of the bot's own (`prices`), as do discounts.
 *
 * @module
 */
import type { PriceTable } from "./prices.ts";

/** The prices that `traceOpenAI` uses unless it is given others. */
export const OPENAI_PRICES: PriceTable = {
  date: "2025-08-31",
  models: {
    "gpt-5": { input: 1.25, cached: 0.125, output: 10 },
    "gpt-5-mini": { input: 0.25, cached: 0.025, output: 2 },
    "gpt-5-nano": { input: 0.05, cached: 0.005, output: 0.4 },
    "gpt-4.1": { input: 2, cached: 0.5, output: 8 },
    "gpt-4.1-mini": { input: 0.4, cached: 0.1, output: 1.6 },
    "gpt-4.1-nano": { input: 0.1, cached: 0.025, output: 0.4 },
    "gpt-4o": { input: 2.5, cached: 1.25, output: 10 },
    // The first version kept its price when the name went on to cheaper ones.
    "gpt-4o-2024-05-13": { input: 5, output: 15 },
    "gpt-4o-mini": { input: 0.15, cached: 0.075, output: 0.6 },
    "o1": { input: 15, cached: 7.5, output: 60 },
    "o3": { input: 2, cached: 0.5, output: 8 },
    "o3-mini": { input: 1.1, cached: 0.55, output: 4.4 },
    "o4-mini": { input: 1.1, cached: 0.275, output: 4.4 },
    "text-embedding-3-small": { input: 0.02, output: 0 },
    "text-embedding-3-large": { input: 0.13, output: 0 },
    "text-embedding-ada-002": { input: 0.1, output: 0 },
  },
};
