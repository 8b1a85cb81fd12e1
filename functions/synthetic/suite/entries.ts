/**
 * What is registered of the scenarios, so that a run of them can be asked for, and its price told before it ever ran.
 *
 * @module
 */
import { costOf, type PriceTable } from "../../../tracer/prices.ts";
import { OPENAI_PRICES } from "../../../tracer/openai_prices.ts";
import type { ScenarioEntry } from "../../_shared/synthetic_answers.ts";
import type { BotUnderTest } from "../define.ts";
import type { Recorded } from "../llm/ports.ts";
import type { Models, NamedScenario, Tier } from "../scenario.ts";

export function scenarioEntries(
  scenarios: readonly NamedScenario[],
  recordings: Readonly<Record<string, readonly Recorded[]>>,
  bot: BotUnderTest,
): ScenarioEntry[] {
  return scenarios.map((scenario) => {
    const { name, title, smoke = false, hash } = scenario;
    const recorded = recordings[name] ?? [];
    const priced = (tier: Tier) => priceOf(ofTier(recorded, scenario, tier, bot), bot.prices ?? OPENAI_PRICES);
    return { name, title, smoke, hash, priced: { smoke: priced("smoke"), release: priced("release") } };
  });
}

/**
 * Recordings are of the models that were asked, and a scenario's are those of both tiers. A tier's own are those that it would
 * ask again.
 */
function ofTier(recorded: readonly Recorded[], scenario: NamedScenario, tier: Tier, bot: BotUnderTest): Recorded[] {
  const models = (of: Tier): Models => scenario.models?.[of] ?? bot.models?.[of] ?? {};
  const own = models(tier);
  const asked = recorded.filter(({ model }) => (own[model] ?? own["*"] ?? model) === model);
  if (tier === "smoke" || "*" in own) return asked;
  // The bot's own models: not those that took their place in a smoke test. A judge is the same in both.
  const cheap = new Set(Object.values(models("smoke")));
  const real = asked.filter(({ model }) => !cheap.has(model));
  if (real.length === 0 && cheap.size > 0) return [];
  return asked.filter(({ model }) => !cheap.has(model) || model === bot.judge?.model);
}

/** `worst`: as much as each request lets be answered. Null: there is nothing recorded, or a price is not known. */
function priceOf(recorded: readonly Recorded[], prices: PriceTable): ScenarioEntry["priced"][Tier] {
  if (recorded.length === 0) return null;
  let expected = 0;
  let worst = 0;
  for (const { model, request, input_tokens, output_tokens } of recorded) {
    if (input_tokens === null || output_tokens === null) return null;
    const most = Math.max(mostOutput(request) ?? NaN, output_tokens);
    const [costs, atMost] = [output_tokens, most].map((tokens) =>
      costOf({ model, input_tokens, output_tokens: tokens }, prices)
    );
    if (costs === undefined || atMost === undefined || Number.isNaN(most)) return null;
    expected += costs;
    worst += atMost;
  }
  return { expected_microusd: expected, worst_microusd: worst };
}

function mostOutput(request: unknown): number | undefined {
  const { max_tokens, max_completion_tokens, max_output_tokens, n } = Object(request) as Record<string, unknown>;
  const most = max_completion_tokens ?? max_output_tokens ?? max_tokens;
  return typeof most === "number" ? most * (typeof n === "number" ? n : 1) : undefined;
}
