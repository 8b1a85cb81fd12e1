/** What is wrong with a scenario although it has the form of one. */
import { pathProblem } from "../../functions/synthetic/expect/json.ts";
import { patternProblem } from "../../functions/synthetic/expect/pattern.ts";
import { ACTS } from "../../functions/synthetic/runner/validate.ts";
import type { Expect, JsonExpect, Scenario, TextExpect, Turn } from "../../functions/synthetic/scenario.ts";
import { type Finding, type Path, pathWords } from "./problem.ts";

const TEXT_WAYS = ["equals", "contains", "not_contains", "matches"] as const;

/** Telegram's. */
const MAX_TEXT = 4096;
const MAX_CAPTION = 1024;
const MAX_DATA_BYTES = 64;

/** @param scenario Of the right form. */
export function* bySense(scenario: Scenario): Generator<Finding> {
  for (const [i, turn] of scenario.turns.entries()) {
    yield* ofTurn(turn, ["turns", i], i === 0);
    if (turn.expect) yield* ofExpect(turn.expect, ["turns", i, "expect"]);
  }
  if (scenario.expect) yield* ofExpect(scenario.expect, ["expect"]);
}

function* ofTurn(turn: Turn, path: Path, first: boolean): Generator<Finding> {
  const here = pathWords(path);
  const acts = ACTS.filter((act) => turn[act] !== undefined);
  if (acts.length === 0) {
    yield { path, message: `${here} does nothing. Give it one of ${ACTS.join(", ")}.` };
  }
  if (acts.length > 1) {
    yield { path, message: `${here} does ${acts.length} things: ${acts.join(", ")}. Make a turn of each.` };
  }
  if (first && (acts[0] === "press" || acts[0] === "press_data")) {
    yield { path, message: `${here} presses a button, and the bot has sent none yet. Begin with another turn.` };
  }
  const texts: [string, string | undefined, Path, number][] = [
    ["say", turn.say, [...path, "say"], MAX_TEXT],
    ["photo.caption", turn.photo?.caption, [...path, "photo", "caption"], MAX_CAPTION],
    ["document.caption", turn.document?.caption, [...path, "document", "caption"], MAX_CAPTION],
  ];
  for (const [name, text, at, most] of texts) {
    if (text !== undefined && text.length > most) {
      yield {
        path: at,
        message: `${here}.${name} is longer than Telegram takes: ${text.length} characters of ${most}.`,
      };
    }
  }
  if (turn.say?.trim() === "") yield { path: [...path, "say"], message: `${here}.say is empty. Nobody can send that.` };
  const bytes = new TextEncoder().encode(turn.press_data ?? "x").length;
  if (bytes === 0 || bytes > MAX_DATA_BYTES) {
    yield {
      path: [...path, "press_data"],
      message: `${here}.press_data has 1 to ${MAX_DATA_BYTES} bytes, not ${bytes}.`,
    };
  }
}

function* ofExpect(expect: Expect, path: Path): Generator<Finding> {
  for (const { item, at } of items(expect.text, [...path, "text"])) yield* ofText(item, at);
  for (const { item, at } of items(expect.toast, [...path, "toast"])) yield* ofText(item, at);
  for (const { item, at } of items(expect.json, [...path, "json"])) yield* ofJson(item, at);
  for (const [step, ms] of Object.entries(expect.max_step_ms ?? {})) {
    const at = [...path, "max_step_ms", step];
    if (ms < 0) yield { path: at, message: `${pathWords(at)} must be at least 0, not ${ms}.` };
  }
  const both = (expect.steps ?? []).find((step) => expect.not_steps?.includes(step));
  if (both) {
    const message = `${pathWords(path)} wants the step \`${both}\`, and wants that it has not run.`;
    yield { path: [...path, "not_steps"], message };
  }
  if (expect.judge?.rubric.trim() === "") {
    yield { path: [...path, "judge", "rubric"], message: `${pathWords(path)}.judge.rubric is empty.` };
  }
}

function* ofText(text: TextExpect, path: Path): Generator<Finding> {
  if (TEXT_WAYS.every((way) => text[way] === undefined)) {
    yield { path, message: `${pathWords(path)} expects nothing. Give it one of ${TEXT_WAYS.join(", ")}.` };
  }
  yield* ofRegex(text.matches, [...path, "matches"]);
}

function* ofJson(json: JsonExpect, path: Path): Generator<Finding> {
  const at = [...path, "path"];
  const problem = pathProblem(json.path);
  if (problem) {
    const message = `${pathWords(at)} is no JSON path, such as \`$.reply_markup\`: \`${json.path}\`, ${problem}.`;
    yield { path: at, message };
  }
  yield* ofRegex(json.matches, [...path, "matches"]);
}

function* ofRegex(pattern: string | undefined, path: Path): Generator<Finding> {
  const problem = pattern === undefined ? undefined : patternProblem(pattern);
  if (problem) yield { path, message: `${pathWords(path)} is no regular expression: ${problem}.` };
}

function items<T>(value: T | T[] | undefined, path: Path): { item: T; at: Path }[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value.map((item, i) => ({ item, at: [...path, i] })) : [{ item: value, at: path }];
}
