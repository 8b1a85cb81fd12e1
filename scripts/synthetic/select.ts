/** Which scenarios are meant. */
import type { NamedScenario, Tier } from "../../functions/synthetic/scenario.ts";
import { Refusal } from "./args.ts";

/** By name. Named ones run in any tier, which then says with which models. @throws {Refusal} when a name fits none. */
export function selected(scenarios: readonly NamedScenario[], tier: Tier, names: readonly string[]): NamedScenario[] {
  if (scenarios.length === 0) {
    throw new Refusal("There are no scenarios yet. Write one: npm run scenario -- new <name>");
  }
  const sorted = [...scenarios].sort((a, b) => a.name < b.name ? -1 : 1);
  if (names.length === 0) {
    const all = sorted.filter(({ smoke }) => tier === "release" || smoke);
    if (all.length > 0) return all;
    throw new Refusal(
      "None of the scenarios is a smoke test (smoke: true). For all of them: npm run synthetic -- release",
    );
  }
  const patterns = names.map((name) => ({ name, regex: glob(name) }));
  const unknown = patterns.filter(({ regex }) => !sorted.some(({ name }) => regex.test(name)));
  if (unknown.length > 0) {
    const there = sorted.map(({ name }) => name).join(", ");
    throw new Refusal(`There is no scenario ${unknown.map(({ name }) => name).join(", ")}. There are ${there}`);
  }
  return sorted.filter(({ name }) => patterns.some(({ regex }) => regex.test(name)));
}

/** `*` is any letters, `?` one. */
const glob = (pattern: string): RegExp =>
  new RegExp(`^${pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&").replaceAll("*", ".*").replaceAll("?", ".")}$`);
