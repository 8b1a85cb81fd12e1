/**
 * Outcomes of scenarios that the runner has not told of.
 *
 * @module
 */
import type { Outcome } from "./ports.ts";

const NOTHING = {
  failures: [],
  duration_ms: 0,
  calls: 0,
  input_tokens: 0,
  output_tokens: 0,
  cost_microusd: 0,
  saved_microusd: 0,
  trace_ids: [],
  drift: [],
  judged: [],
};

/** What was paid for it before is in the books. */
export const brokenOff = (hash: string): Outcome => ({ ...NOTHING, state: "stopped", hash });

/** It failed, and not for what it expects. */
export const failedOf = (message: string, hash = "unknown"): Outcome => ({
  ...NOTHING,
  state: "failed",
  hash,
  failures: [{ turn: 0, expectation: "bot", message }],
});
