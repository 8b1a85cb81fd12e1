/**
 * What tells whether two results are of the same: the scenario's file, and the models that take the place of the bot's own.
 *
 * @module
 */
import type { BotUnderTest } from "../define.ts";
import { hashOf } from "../runner/chance.ts";
import type { NamedScenario } from "../scenario.ts";

export function resultHash({ hash }: NamedScenario, { models }: BotUnderTest): string {
  return models ? `${hash}-${hashOf(JSON.stringify(models)).toString(16).padStart(8, "0")}` : hash;
}
