/**
 * `json`: what JSON paths (RFC 9535) find in the bot's last message, in its text, or in the last trace.
 *
 * @module
 */
import { jsonpath } from "json-p3";
import type { JsonExpect } from "../scenario.ts";
import { beside, diffTexts } from "./diff.ts";
import { type Held, listed, quoted, type Unmet, unmet } from "./met.ts";
import { readPattern } from "./pattern.ts";
import { wordsOf } from "./words.ts";

/** What is wrong with a path, in words; undefined: nothing. */
export function pathProblem(path: string): string | undefined {
  try {
    jsonpath.compile(path);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

export function expectJson(expected: JsonExpect | JsonExpect[] | undefined, held: Held): Unmet[] {
  return listed(expected).flatMap((one) => compare(one, held));
}

function compare(wanted: JsonExpect, held: Held): Unmet[] {
  const { of = "message", path, equals, matches, count } = wanted;
  const document = documentOf(of, held);
  if ("problem" in document) return [unmet("json", document.problem, document.diff)];
  const found = jsonpath.query(path, document.value as Parameters<typeof jsonpath.query>[1]).values();
  const where = `${path} of the ${of}`;
  const failures: Unmet[] = [];
  if (count !== undefined && found.length !== count) {
    failures.push(unmet("json", `${where} finds ${found.length}, and not ${count}`, beside([], found.map(quoted))));
  }
  if (found.length === 0) {
    if (count === 0) return failures;
    if (count === undefined) failures.push(unmet("json", `${where} finds nothing`, beside(soughtIn(wanted), [])));
    return failures;
  }
  const first = found[0];
  if ("equals" in wanted && canonical(first) !== canonical(equals)) {
    failures.push(unmet("json", `${where} is not what it should be`, diffTexts(canonical(equals), canonical(first))));
  }
  if (matches !== undefined) {
    const text = typeof first === "string" ? first : JSON.stringify(first);
    if (!readPattern(matches).test(text)) {
      failures.push(unmet("json", `${where} does not match ${matches}`, beside([matches], text.split("\n"))));
    }
  }
  return failures;
}

type Document = { value: unknown } | { problem: string; diff?: string[] };

function documentOf(of: NonNullable<JsonExpect["of"]>, { last, seen }: Held): Document {
  if (of === "trace") {
    const value = seen.traces.at(-1);
    return value ? { value } : { problem: "There is no trace" };
  }
  if (!last) return { problem: `There is no ${of}: the bot has said nothing` };
  if (of === "message") return { value: last };
  const text = wordsOf(last);
  try {
    return { value: JSON.parse(unfenced(text)) };
  } catch (error) {
    return { problem: `The text is no JSON: ${(error as Error).message}`, diff: beside([], text.split("\n")) };
  }
}

/** LLMs like to put it into a fence, which Telegram shows as code or not at all. */
const unfenced = (text: string): string => /^\s*```(?:json)?\n(.*)\n```\s*$/s.exec(text)?.[1] ?? text;

const soughtIn = ({ equals, matches }: JsonExpect): string[] =>
  equals !== undefined ? canonical(equals).split("\n") : matches !== undefined ? [matches] : [];

/** Readable, and the same whatever the order of its keys. */
function canonical(value: unknown): string {
  const sorted = (_: string, inner: unknown) =>
    typeof inner === "object" && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
      : inner;
  return JSON.stringify(value, sorted, 2) ?? "undefined";
}
