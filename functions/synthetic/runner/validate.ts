/**
 * What is wrong with a scenario itself: told before its bot is made, and before anything is paid.
 *
 * @module
 */
import type { Failure } from "../../_shared/synthetic_work.ts";
import { pathProblem } from "../expect/json.ts";
import { listed, type Unmet, unmet } from "../expect/met.ts";
import { patternProblem } from "../expect/pattern.ts";
import type { Expect, Scenario, Turn } from "../scenario.ts";
import { todosOf } from "./todo.ts";

/** What a turn is one of. */
export const ACTS = ["say", "press", "press_data", "photo", "document"] as const satisfies (keyof Turn)[];

export function problemsOf(scenario: Scenario): Failure[] {
  const { turns, expect } = scenario;
  if (turns.length === 0) return [{ turn: 0, ...unmet("bot", "The scenario has no turns") }];
  const problems = turns.flatMap((turn, i) => {
    const acts = ACTS.filter((act) => turn[act] !== undefined);
    const wrong = acts.length === 1 ? [] : [
      unmet("bot", `A turn is one of ${ACTS.join(", ")}, and not ${acts.length === 0 ? "none" : acts.join(" and ")}`),
    ];
    return [...wrong, ...expectProblems(turn.expect)].map((one): Failure => ({ turn: i + 1, ...one }));
  });
  return [
    ...problems,
    ...expectProblems(expect).map((one): Failure => ({ turn: 0, ...one })),
    ...todosOf(scenario).map(todoProblem),
  ];
}

function todoProblem(path: readonly (string | number)[]): Failure {
  const expectation = path.includes("expect") ? String(path[path.indexOf("expect") + 1]) : "bot";
  return {
    turn: path[0] === "turns" ? Number(path[1]) + 1 : 0,
    ...unmet(expectation, `\`${path.at(-1)}\` still says TODO: nothing was sent, or paid for`),
  };
}

function expectProblems({ text, toast, json }: Expect = {}): Unmet[] {
  const problems: Unmet[] = [];
  const pattern = (name: string, matches: string | undefined) => {
    const problem = matches === undefined ? undefined : patternProblem(matches);
    if (problem) problems.push(unmet(name, `${matches} is no regular expression: ${problem}`));
  };
  for (const { matches } of listed(text)) pattern("text", matches);
  for (const { matches } of listed(toast)) pattern("toast", matches);
  for (const { path, matches } of listed(json)) {
    const problem = pathProblem(path);
    if (problem) problems.push(unmet("json", `${path} is no JSON path: ${problem}`));
    pattern("json", matches);
  }
  return problems;
}
