/**
 * What is registered of the scenarios, so that a run of them can be asked for, and its price told before it ever ran.
 *
 * @module
 */
import { costOf, type PriceTable } from "../../../tracer/prices.ts";
import { OPENAI_PRICES } from "../../../tracer/openai_prices.ts";
import type { ScenarioEntry } from "../../_shared/synthetic_answers.ts";
import type { BotUnderTest } from "../define.ts";
import { isJudges } from "../expect/judge.ts";
import type { Recorded } from "../llm/ports.ts";
import { type Body, modelOf } from "../llm/request.ts";
import { worstOf } from "../llm/worst.ts";
import type { Models, NamedScenario, Tier } from "../scenario.ts";
import { resultHash } from "./hash.ts";

export function scenarioEntries(
  scenarios: readonly NamedScenario[],
  recordings: Readonly<Record<string, readonly Recorded[]>>,
  bot: BotUnderTest,
): ScenarioEntry[] {
  return scenarios.map((scenario) => {
    const { name, title, smoke = false } = scenario;
    const recorded = recordings[name] ?? [];
    const priced = (tier: Tier) => priceOf(ofTier(recorded, scenario, tier, bot), bot.prices ?? OPENAI_PRICES);
    return {
      name,
      title,
      smoke,
      hash: resultHash(scenario, bot),
      priced: { smoke: priced("smoke"), release: priced("release") },
    };
  });
}

/**
 * Recordings are of the models that were asked, and a scenario's are those of both tiers. A tier's own are those that it would
 * ask again.
 */
function ofTier(recorded: readonly Recorded[], scenario: NamedScenario, tier: Tier, bot: BotUnderTest): Recorded[] {
  const models = (of: Tier): Models => scenario.models?.[of] ?? bot.models?.[of] ?? {};
  const own = models(tier);
  const isAsked = (one: Recorded) => modelOf(askedOf(one), own) === askedOf(one);
  const cheap = new Set(tier === "smoke" || "*" in own ? [] : Object.values(models("smoke")));
  // The bot's own models: not those that took their place in a smoke test.
  const bots = recorded.filter((one) => !isJudges(one.request) && isAsked(one) && !cheap.has(askedOf(one)));
  if (bots.length === 0) return [];
  const judge = bot.judge && (own[bot.judge.model] ?? bot.judge.model);
  return [...bots, ...recorded.filter((one) => isJudges(one.request) && askedOf(one) === judge)];
}

/** As it was asked: who answers may give the model another name. */
const askedOf = ({ request, model }: Recorded): string => {
  const { model: asked } = Object(request) as { model?: unknown };
  return typeof asked === "string" ? asked : model;
};

/**
 * Null: there is nothing recorded, or a price is not known. `worst` is as much as the ledger sets aside for each before it is
 * made; where that is all that is left, as much as the request lets be answered.
 */
function priceOf(recorded: readonly Recorded[], prices: PriceTable): ScenarioEntry["priced"][Tier] {
  if (recorded.length === 0) return null;
  let expected = 0;
  let worst = 0;
  for (const one of recorded) {
    const { request, model, input_tokens, output_tokens } = one;
    // Embeddings have no output.
    const path = output_tokens === null ? "embeddings" : "chat/completions";
    const most = path === "embeddings" ? 0 : Math.max(mostOutput(request) ?? NaN, output_tokens!);
    if (input_tokens === null || Number.isNaN(most)) return null;
    const [costs, atMost] = [output_tokens ?? undefined, most].map((tokens) =>
      costOf({ model, input_tokens, output_tokens: tokens }, prices)
    );
    if (costs === undefined || atMost === undefined) return null;
    expected += costs;
    worst += Math.max(worstOf({ path, body: request as Body, model: askedOf(one) }, prices) ?? 0, atMost);
  }
  return { expected_microusd: expected, worst_microusd: worst };
}

function mostOutput(request: unknown): number | undefined {
  const { max_tokens, max_completion_tokens, max_output_tokens, n } = Object(request) as Record<string, unknown>;
  const most = max_completion_tokens ?? max_output_tokens ?? max_tokens;
  return typeof most === "number" ? most * (typeof n === "number" ? n : 1) : undefined;
}
