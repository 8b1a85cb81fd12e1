/**
 * What `bot.ts` and the scenarios are written with.
 *
 * @module
 */
import type { Tracer } from "../../tracer/index.ts";
import type { PriceTable } from "../../tracer/prices.ts";
import type { Models, Scenario, Tier } from "./scenario.ts";

/** What a bot under test is given in place of the world. */
export interface World {
  /** The bot's token. Calls to Telegram stay in memory, wherever they are addressed. */
  token: string;
  /** Without a slash at its end. */
  apiRoot: string;
  /** Any tracer of the bot's own must be this one. */
  tracer: Tracer;
  /** For the `openai` client (`baseURL`, `apiKey`, `fetch`) or one's own calls. Every LLM call has to go through this `fetch`. */
  llm: { baseUrl: string; apiKey: string; fetch: typeof fetch };
  /** Epoch milliseconds. */
  now: () => number;
  /** The same ones each time. */
  newId: () => string;
  /** From 0 to 1, the same ones each time. */
  random: () => number;
  /** Aborts when the scenario is stopped. */
  signal: AbortSignal;
}

/** A Telegraf or grammY bot. Neither is imported here. */
export type AnyBot = { handleUpdate(update: never, ...rest: never[]): Promise<unknown> };

/** An LLM provider that is compatible with OpenAI. */
export interface Provider {
  /** Such as `https://openrouter.ai/api/v1`. */
  baseUrl: string;
  apiKey: string;
}

/** What is tested, and how it is paid for. */
export interface BotUnderTest {
  /** Makes a bot of its own for each scenario. */
  create(world: World): AnyBot | Promise<AnyBot>;
  /** Called by a live run only. @param env Reads an environment variable. @throws what is missing, in words */
  provider(env: (name: string) => string | undefined): Provider;
  /** Models that take the place of the bot's own, by tier. @default the bot's own */
  models?: Partial<Record<Tier, Models>>;
  /** Model of the LLM judge. */
  judge?: { model: string };
  /** @default OPENAI_PRICES */
  prices?: PriceTable;
}

/** For `bot.ts`: `export default defineBot({ create: … })`. */
export const defineBot = (bot: BotUnderTest): BotUnderTest => bot;

/** For a scenario in TypeScript: `export default defineScenario({ title: …, turns: […] })`. */
export const defineScenario = (scenario: Scenario): Scenario => scenario;
