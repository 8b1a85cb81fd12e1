/**
 * `max_duration_ms`, `max_cost_usd`, `max_tokens`.
 *
 * @module
 */
import type { Expect } from "../scenario.ts";
import { type Held, type Unmet, unmet } from "./met.ts";

export function expectLimits({ max_duration_ms, max_cost_usd, max_tokens }: Expect, { seen }: Held): Unmet[] {
  const { duration_ms, cost_microusd, tokens } = seen;
  const failures: Unmet[] = [];
  if (max_duration_ms !== undefined && duration_ms > max_duration_ms) {
    failures.push(unmet("max_duration_ms", `It took ${duration_ms} ms, more than ${max_duration_ms} ms`));
  }
  if (max_cost_usd !== undefined) {
    if (cost_microusd === null) {
      failures.push(unmet("max_cost_usd", "What it cost is not known: of a call there is neither a cost nor a price"));
    } else if (cost_microusd > Math.round(max_cost_usd * 1e6)) {
      failures.push(
        unmet("max_cost_usd", `It cost ${dollars(cost_microusd / 1e6)}, more than ${dollars(max_cost_usd)}`),
      );
    }
  }
  if (max_tokens !== undefined && tokens > max_tokens) {
    failures.push(unmet("max_tokens", `It took ${tokens} tokens, more than ${max_tokens}`));
  }
  return failures;
}

/** To the micro-dollar, and what is less as it was written. */
const dollars = (usd: number): string =>
  usd > 0 && usd < 1e-6 ? `$${usd}` : `$${usd.toFixed(6).replace(/(\.\d\d\d*?)0+$/, "$1")}`;
