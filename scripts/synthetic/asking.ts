/** What a run would cost, and whether it may. */
import type { RunAsk, TestSpend } from "../../functions/_shared/synthetic_answers.ts";
import { readDollars, Refusal } from "./args.ts";
import type { Terminal } from "./terminal.ts";
import { counted, dollars } from "./units.ts";

/** Lines about the price. @param where Whose caps they are. */
export function estimateLines(ask: RunAsk, where: string): string[] {
  const width = Math.max(...ask.scenarios.map(({ name }) => name.length), 8);
  const row = (name: string, expected: string, worst: string, from: string) =>
    `  ${name.padEnd(width)}  ${expected.padStart(10)}  ${worst.padStart(10)}  ${from}`.trimEnd();
  const known = ask.scenarios.length - ask.unknown;
  return [
    row("scenario", "expected", "at worst", ""),
    ...ask.scenarios.map(({ name, estimate }) =>
      estimate
        ? row(name, dollars(estimate.expected_microusd), dollars(estimate.worst_microusd), FROM[estimate.from])
        : row(name, "unknown", "unknown", "")
    ),
    "",
    `${counted(ask.scenarios.length, "scenario")}${ask.repeat > 1 ? `, each ${ask.repeat} times` : ""}, ${ask.tier}` +
    (ask.mode === "missing" ? ", paid where there is no recording" : ""),
    ...known > 0
      ? [
        `Expected ${dollars(ask.expected_microusd)}, at worst ${dollars(ask.worst_microusd)}` +
        (ask.unknown > 0 ? `, and ${ask.unknown} of unknown cost` : ""),
      ]
      : ["What it costs is unknown: none of it has run or was recorded before."],
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
  const no = new Refusal("Not run. Nothing was spent.");
  if (ask.unknown === 0 && ask.worst_microusd <= ask.left_microusd) {
    const answer = await terminal.ask(`Spend up to ${dollars(ask.worst_microusd)}? [y/N, or another ceiling] `, signal);
    const said = answer?.trim().toLowerCase() ?? "";
    if (said === "y" || said === "yes") return null;
    const other = readDollars(said);
    if (other === null) throw no;
    return other;
  }
  const answer = await terminal.ask("Ceiling in dollars, such as 0.25 (nothing: do not run): ", signal);
  const ceiling = readDollars(answer?.trim() ?? "");
  if (ceiling === null) throw no;
  return ceiling;
}
