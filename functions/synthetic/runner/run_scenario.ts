/**
 * Runs one scenario: the author's bot, fed real updates, between a Telegram in memory and the LLM client.
 *
 * @module
 */
import type { Transport } from "../../../tracer/transport.ts";
import type { SyntheticMode } from "../../_shared/synthetic_answers.ts";
import type { Outcome } from "../../_shared/synthetic_work.ts";
import type { BotUnderTest, Provider } from "../define.ts";
import type { Ledger, Recordings } from "../llm/ports.ts";
import type { NamedScenario, Tier } from "../scenario.ts";

export interface ScenarioDeps {
  bot: BotUnderTest;
  tier: Tier;
  mode: SyntheticMode;
  /** Null in a replay. */
  provider: Provider | null;
  ledger: Ledger;
  recordings: Recordings;
  /** Whether live calls are recorded. */
  record: boolean;
  /** Where the traces go, besides to the expectations. */
  transport: Transport;
  /** Aborts when the run is stopped. */
  signal: AbortSignal;
  /** For ids and random numbers: the same for the same scenario in each run. */
  seed: number;
}

/** Never rejects for what the bot does: that is a failure of the outcome. */
export function runScenario(_scenario: NamedScenario, _deps: ScenarioDeps): Promise<Outcome> {
  throw new Error("part RUNNER");
}
