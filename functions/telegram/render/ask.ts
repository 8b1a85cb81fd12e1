/** What a run would cost: everything about its money, and only then the button. */
import type { AskAnswer, RunAsk } from "../../_shared/db.ts";
import { bold, dotted, type Html, line, lines, literal, message, name, text } from "./html.ts";
import { runTitle, spent } from "./run_words.ts";
import { type Button, HOME, type Screen, screen } from "./screen.ts";
import { count, dollars, dollarsUp, minute, roundedDown } from "./units.ts";

/** What may be chosen from where a cost is not known, in micro-dollars. */
const CEILINGS = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 50, 100].map((usd) => usd * 1_000_000);
const MAX_CHOICES = 4;

export function renderAsk(ask: RunAsk): Screen {
  const { run_id, scenarios, repeat, unknown, spend, confirm_until } = ask;
  // As it is said, so that the button says the same.
  const left = roundedDown(ask.left_microusd);
  const ceilings = ceilingsOf(ask, left);
  const head = lines(
    bold(
      line`${text(runTitle(ask))}: ${text(count(scenarios.length))} ${
        text(scenarios.length === 1 ? "scenario" : "scenarios")
      }${literal(repeat > 1 ? ` × ${count(repeat)}` : "")}`,
    ),
    bold(price(ask)),
    ...room(ask),
    ...(unknown > 0 ? [unknownOf(unknown)] : []),
    ...(unknown === 0 && ask.worst_microusd > left ? [short(left)] : []),
  );
  const foot = lines(
    spent(spend),
    line`One run may spend ${text(dollars(spend.run_cap_microusd))}; ${text(dollars(left))} can be confirmed now`,
    line`To be confirmed by ${
      text(minute(confirm_until))
    } UTC, once, by you alone. The run ends before a call that would cross what you confirm.`,
  );
  return screen("ask", message(head, lines(...rows(scenarios)), foot), [
    ...runButtons(run_id, ceilings, unknown > 0),
    [{ label: "Cancel", action: { screen: "stop", run_id } }],
  ]);
}

/** `about $0.0123, at most $0.0345`; of what is not known nothing is said. */
function price({ expected_microusd, worst_microusd, unknown, scenarios }: RunAsk): Html {
  if (unknown === scenarios.length) return line`Cost unknown`;
  const known = line`about ${text(dollars(expected_microusd))}, at most ${text(dollarsUp(worst_microusd))}`;
  return unknown === 0 ? known : line`${known}, and what is unknown`;
}

/** Why the most of the run is more than that of its scenarios. */
function room({ scenarios, repeat, worst_microusd }: RunAsk): Html[] {
  const worst = repeat * scenarios.reduce((sum, { estimate }) => sum + (estimate?.worst_microusd ?? 0), 0);
  if (worst_microusd <= worst) return [];
  return [line`${text(dollars(worst_microusd - worst))} of it is room for calls under way at the end`];
}

const unknownOf = (unknown: number): Html =>
  line`⚠️ The cost of ${text(count(unknown))} ${
    text(unknown === 1 ? "scenario is" : "scenarios is")
  } unknown. Choose the most that the run may spend.`;

const short = (left: number): Html =>
  line`⚠️ Only ${text(dollars(left))} is left. With that the run may end before its last scenario.`;

type Estimated = RunAsk["scenarios"][number];

/** What it is known from, in the order of doubt. */
const GROUPS: readonly [from: "history" | "prices" | undefined, title: Html][] = [
  [undefined, line`Unknown`],
  ["prices", line`By prices, not run before`],
  ["history", line`By earlier runs`],
];
/** More of them nobody reads before pressing. */
const MAX_ROWS = 12;

/** The unknown ones first, then the dearest; of many what the rest costs together. */
function rows(scenarios: readonly Estimated[]): Html[] {
  const worst = ({ estimate }: Estimated) => estimate?.worst_microusd ?? 0;
  const groups = GROUPS.map(([from, title]) => ({
    title,
    of: scenarios.filter(({ estimate }) => estimate?.from === from)
      .sort((a, b) => worst(b) - worst(a) || (a.name < b.name ? -1 : 1)),
  })).filter(({ of }) => of.length > 0);
  const most = Math.floor(MAX_ROWS / Math.max(1, groups.length));
  return groups.flatMap(({ title, of }) => {
    // That there is one more takes as much room as it does.
    const shown = of.length <= most + 1 ? of : of.slice(0, most);
    return [bold(title), ...shown.map(row), ...rest(of.slice(shown.length))];
  });
}

function rest(left: readonly Estimated[]): Html[] {
  if (left.length === 0) return [];
  const more = line`… and ${text(count(left.length))} more`;
  const estimates = left.flatMap(({ estimate }) => estimate ?? []);
  if (estimates.length === 0) return [more];
  const sum = (of: "expected_microusd" | "worst_microusd") => estimates.reduce((total, one) => total + one[of], 0);
  return [line`${more}: ${range(sum("expected_microusd"), sum("worst_microusd"))}`];
}

const row = ({ name: scenario, estimate }: Estimated): Html =>
  estimate === null
    ? line`❓ ${name(scenario, 30)}`
    : dotted(name(scenario, 30), range(estimate.expected_microusd, estimate.worst_microusd));

const range = (expected: number, worst: number): Html =>
  line`${text(dollars(expected))}, at most ${text(dollarsUp(worst))}`;

/** The worst, as far as what is left goes; or where that is not known, some round sums above what is. */
function ceilingsOf({ worst_microusd, unknown }: RunAsk, left: number): number[] {
  if (unknown === 0) return [Math.min(worst_microusd, left)];
  if (left <= 0) return [];
  const round = CEILINGS.filter((ceiling) => ceiling > worst_microusd && ceiling < left);
  return [...round.slice(0, MAX_CHOICES - 1), left];
}

function runButtons(run_id: string, ceilings: readonly number[], isChoice: boolean): Button[][] {
  const buttons = ceilings.map((ceiling): Button => ({
    label: `▶ ${isChoice ? "At" : "Run, at"} most ${dollarsUp(ceiling)}`,
    action: { screen: "confirm", run_id, ceiling },
  }));
  return [buttons.slice(0, 2), buttons.slice(2)];
}

/** There is nothing that could be confirmed. */
export function renderNotAsked(answer: Extract<AskAnswer, { no: string }>): Screen {
  const tests: Button[] = [{ label: "⬅️ Tests", action: { screen: "tests" } }, HOME];
  if (answer.no === "running") {
    const { run_id } = answer;
    const words = lines(bold(line`A run of yours is going on.`), line`The next one can begin when it has ended.`);
    return screen("ask", words, [
      [
        { label: "Look at it", action: { screen: "run", run_id, only: "all", page: 0 } },
        { label: "■ Stop it", action: { screen: "stop", run_id } },
      ],
      tests,
    ]);
  }
  const words = answer.no === "none"
    ? lines(bold(line`There are no such scenarios.`), line`The tests' screen has those that there are.`)
    : lines(
      bold(line`Nothing may be spent now.`),
      line`A cap is reached. An owner changes them in the settings; a dry run costs nothing.`,
    );
  return screen("ask", message(words, spent(answer.spend)), [tests]);
}
