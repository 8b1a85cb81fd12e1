/** Names that no scenario has: which, what there is instead, and how a run is asked for. */
import { bold, code, dotted, type Html, line, lines, literal, message, name, quoted, text } from "./html.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { count } from "./units.ts";

const MAX_UNKNOWN = 5;
/** More of them are for the tests' screen. */
const MAX_NAMED = 20;

/** @param there The names of all scenarios. */
export function renderNoScenario(unknown: readonly string[], there: readonly string[]): Screen {
  const tests: Button[] = [{ label: "⬅️ Tests", action: { screen: "tests" } }, HOME];
  return screen("no_scenario", message(lines(missing(unknown), others(there)), usage()), [tests]);
}

function missing(unknown: readonly string[]): Html {
  const names = dotted(...unknown.slice(0, MAX_UNKNOWN).map((word) => quoted(word, 40)));
  const more = unknown.length - MAX_UNKNOWN;
  const what = unknown.length === 1 ? line`There is no scenario` : line`There are no scenarios`;
  return line`${what} ${names}${more > 0 ? line` and ${text(count(more))} more` : line``}.`;
}

function others(there: readonly string[]): Html {
  if (there.length === 0) return line`There are none at all: deploy the function synthetic, which has them.`;
  if (there.length > MAX_NAMED) return line`The tests' screen has the ${text(count(there.length))} that there are.`;
  return line`There are: ${dotted(...there.map((scenario) => name(scenario, 30)))}`;
}

const usage = (): Html =>
  lines(
    bold(line`The tiers are smoke and release`),
    line`${code(literal("/admin test smoke"))} – those that say so, with cheap models`,
    line`${code(literal("/admin test release"))} – all, with the bot's own models`,
    line`${code(literal("/admin test release refund cancel"))} – these alone; without a tier, as smoke tests`,
    line`${code(literal("/admin test dry refund"))} – from recordings, which costs nothing`,
  );
