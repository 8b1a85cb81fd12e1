/** What a run would cost, and whether it may. */
import type { RunAsk, TestSpend } from "../../functions/_shared/synthetic_answers.ts";
import { readDollars, Refusal } from "./args.ts";
import type { Terminal } from "./terminal.ts";
import { counted, dollars } from "./units.ts";

/**
 * Lines about the price.
 *
 * @param recorded Scenarios that have recordings. Where those are used, nobody knows before how much of them will be paid for.
 * @param where Whose caps they are.
 */
export function estimateLines(ask: RunAsk, recorded: readonly string[], where: string): string[] {
  const width = Math.max(...ask.scenarios.map(({ name }) => name.length), 8);
  const mayBeFree = (name: string) => ask.mode === "missing" && recorded.includes(name);
  const isOpen = ask.scenarios.some(({ name }) => mayBeFree(name));
  const row = (name: string, expected: string, worst: string, from: string) =>
    `  ${name.padEnd(width)}  ${expected.padStart(isOpen ? 15 : 10)}  ${worst.padStart(10)}  ${from}`.trimEnd();
  const known = ask.scenarios.length - ask.unknown;
  return [
    row("scenario", "expected", "at worst", ""),
    ...ask.scenarios.map(({ name, estimate }) =>
      estimate
        ? row(
          name,
          `${mayBeFree(name) ? "$0 to " : ""}${dollars(estimate.expected_microusd)}`,
          dollars(estimate.worst_microusd),
          FROM[estimate.from],
        )
        : row(name, "unknown", "unknown", "")
    ),
    "",
    `${counted(ask.scenarios.length, "scenario")}${ask.repeat > 1 ? `, each ${ask.repeat} times` : ""}, ${ask.tier}`,
    ...known > 0
      ? [
        `${isOpen ? "Paid where there is no recording:" : `Expected ${dollars(ask.expected_microusd)},`} at worst ${
          dollars(ask.worst_microusd)
        }` +
        (ask.unknown > 0 ? `, and ${ask.unknown} of unknown cost` : ""),
      ]
      : ["What it costs is unknown: it has neither run before nor recordings of models whose price is known."],
    ...spendLines(ask.spend, where),
    `Left for this run: ${dollars(ask.left_microusd)}`,
  ];
}

const FROM = { history: "by earlier runs", prices: "by recorded tokens" };

export const spendLines = (spend: TestSpend, where: string): string[] => [
  `Spent today ${dollars(spend.today_microusd)} of ${dollars(spend.day_cap_microusd)}, this month ${
    dollars(spend.month_microusd)
  } of ${dollars(spend.month_cap_microusd)}; a run may spend ${dollars(spend.run_cap_microusd)} (${where})`,
];

/** Asks for a yes, or for a ceiling. Resolves to the ceiling, null for the worst estimate. @throws {Refusal} for a no. */
export async function askForCeiling(ask: RunAsk, terminal: Terminal, signal: AbortSignal): Promise<number | null> {
  if (ask.unknown === 0 && ask.worst_microusd <= ask.left_microusd) {
    const answer = await terminal.ask(`Spend up to ${dollars(ask.worst_microusd)}? [y/N, or another ceiling] `, signal);
    return /^y(es)?$/i.test(answer?.trim() ?? "") ? null : ceilingOf(answer);
  }
  const answer = await terminal.ask("Ceiling in dollars, such as 0.25 (nothing: do not run): ", signal);
  return ceilingOf(answer);
}

/** @throws {Refusal} for a no, and for what may have been meant as something else. */
function ceilingOf(answer = ""): number {
  const said = answer.trim();
  const ceiling = readDollars(said);
  if (ceiling !== null) return ceiling;
  throw new Refusal(
    /^(no?|0)?$/i.test(said)
      ? "Not run. Nothing was spent."
      : `Not run: ${JSON.stringify(said)} is no amount such as 0.25. Nothing was spent.`,
  );
}
