/**
 * `text`: what the bot's last message says.
 *
 * @module
 */
import type { TextExpect } from "../scenario.ts";
import { beside, diffTexts } from "./diff.ts";
import { type Held, listed, quoted, type Unmet, unmet } from "./met.ts";
import { readPattern } from "./pattern.ts";
import { wordsOf } from "./words.ts";

export function expectText(expected: TextExpect | TextExpect[] | undefined, { last }: Held): Unmet[] {
  const wanted = listed(expected);
  if (wanted.length === 0) return [];
  if (!last) return [unmet("text", "There is no text: the bot has said nothing")];
  const text = wordsOf(last);
  return wanted.flatMap((one) => compare(one, text));
}

function compare({ equals, contains, not_contains, matches }: TextExpect, text: string): Unmet[] {
  const there = text.split("\n");
  const failures: Unmet[] = [];
  if (equals !== undefined && text !== equals) {
    failures.push(unmet("text", "The text is not what it should be", diffTexts(equals, text)));
  }
  if (contains !== undefined && !text.includes(contains)) {
    failures.push(unmet("text", `The text does not contain ${quoted(contains)}`, beside(contains.split("\n"), there)));
  }
  if (not_contains !== undefined && text.includes(not_contains)) {
    failures.push(unmet("text", `The text contains ${quoted(not_contains)}, which it must not`, beside([], there)));
  }
  if (matches !== undefined && !readPattern(matches).test(text)) {
    failures.push(unmet("text", `The text does not match ${matches}`, beside([matches], there)));
  }
  return failures;
}
