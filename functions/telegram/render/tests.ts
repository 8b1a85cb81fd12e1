/** Synthetic tests: the scenarios and how each went last, the newest runs, and what was spent. */
import type { RunLine, SyntheticOverview } from "../../_shared/db.ts";
import { bold, dotted, type Html, line, lines, message, name, text } from "./html.ts";
import { ago } from "./measured.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { runTitle, spent, STATE_ICON } from "./run_words.ts";
import { count, dayTime, dollars } from "./units.ts";

const PER_PAGE = 12;

/** @param mayRun Whether there are buttons that begin a run. */
export function renderTests(
  view: SyntheticOverview,
  { page, now, mayRun }: { page: number; now: Date; mayRun: boolean },
): Screen {
  const { scenarios, runs, spend } = view;
  const pages = Math.max(1, Math.ceil(scenarios.length / PER_PAGE));
  const at = Math.min(page, pages - 1);
  const shown = scenarios.slice(at * PER_PAGE, (at + 1) * PER_PAGE);
  const answer = message(
    lines(
      bold(line`Synthetic tests`),
      spent(spend),
      line`One run may spend ${text(dollars(spend.run_cap_microusd))}`,
    ),
    scenarios.length === 0
      ? line`There are no scenarios: deploy the function synthetic, which has them.`
      : lines(...shown.map((scenario) => row(scenario, now))),
    ...(runs.length === 0 ? [] : [lines(bold(line`Runs`), ...runs.map((run, i) => runRow(run, i + 1)))]),
  );
  return screen("tests", answer, [
    scenarios.length === 0 || !mayRun ? [] : [
      { label: "▶ Smoke", action: { screen: "ask", tier: "smoke", mode: "live" } },
      { label: "▶ Release", action: { screen: "ask", tier: "release", mode: "live" } },
      { label: "Dry run", action: { screen: "ask", tier: "release", mode: "replay" } },
    ],
    runs.map(({ run_id }, i): Button => ({
      label: String(i + 1),
      action: { screen: "run", run_id, only: "all", page: 0 },
    })),
    pageRow(at, pages, (to) => ({ screen: "tests", page: to })),
    [{ label: "🔄 Refresh", action: { screen: "tests", ...(at > 0 && { page: at }) } }, HOME],
  ]);
}

/** Nothing where there is one page. */
export function pageRow(page: number, pages: number, action: (to: number) => Button["action"]): Button[] {
  return [
    ...(page > 0 ? [{ label: "⬅️ Prev", action: action(page - 1) }] : []),
    ...(pages > 1 ? [{ label: `Page ${page + 1} of ${pages}`, action: action(page) }] : []),
    ...(page < pages - 1 ? [{ label: "Next ➡️", action: action(page + 1) }] : []),
  ];
}

function row({ name: scenario, smoke, last }: SyntheticOverview["scenarios"][number], now: Date): Html {
  const mark = last === null ? "⚪️" : last.state === "passed" ? "✅" : "❌";
  return line`${text(mark)} ${
    dotted(
      name(scenario, 30),
      smoke ? text("smoke") : null,
      text(last === null ? "never run" : ago(last.at, now)),
      last?.cost_microusd ? text(dollars(last.cost_microusd)) : null,
    )
  }`;
}

/** `1 ❌ 31 Jan 12:03 · Smoke · 1 of 2 · $0.0042`: how many passed. */
function runRow(run: RunLine, number: number): Html {
  const { state, at, scenarios, passed, spent_microusd } = run;
  return line`${text(number)} ${text(STATE_ICON[state])} ${
    dotted(
      text(dayTime(at)),
      text(runTitle(run).replace(" tests", "")),
      line`${text(count(passed))} of ${text(count(scenarios))}`,
      spent_microusd > 0 ? text(dollars(spent_microusd)) : null,
    )
  }`;
}
