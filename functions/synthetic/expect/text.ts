/**
 * `text` and `toast`: what the bot's last message says, and its answer to a pressed button.
 *
 * @module
 */
import type { TextExpect } from "../scenario.ts";
import { beside, diffTexts } from "./diff.ts";
import { type Held, listed, quoted, type Unmet, unmet } from "./met.ts";
import { readPattern } from "./pattern.ts";
import { toastsOf, wordsOf } from "./words.ts";

export function expectText(expected: TextExpect | TextExpect[] | undefined, { last }: Held): Unmet[] {
  const wanted = listed(expected);
  if (wanted.length === 0) return [];
  if (!last) return [unmet("text", "There is no text: the bot has said nothing")];
  const text = wordsOf(last);
  return wanted.flatMap((one) => compare(one, "text", text));
}

export function expectToast(expected: TextExpect | TextExpect[] | undefined, { seen }: Held): Unmet[] {
  const wanted = listed(expected);
  const toast = toastsOf(seen.calls).at(-1);
  if (toast === undefined && wanted.length > 0) {
    return [unmet("toast", "There is no toast: no pressed button was answered with a text")];
  }
  return wanted.flatMap((one) => compare(one, "toast", toast!));
}

function compare({ equals, contains, not_contains, matches }: TextExpect, what: string, text: string): Unmet[] {
  const there = text.split("\n");
  const failures: Unmet[] = [];
  if (equals !== undefined && text !== equals) {
    failures.push(unmet(what, `The ${what} is not what it should be`, diffTexts(equals, text)));
  }
  if (contains !== undefined && !text.includes(contains)) {
    failures.push(unmet(what, `The ${what} does not contain ${quoted(contains)}`, beside(contains.split("\n"), there)));
  }
  if (not_contains !== undefined && text.includes(not_contains)) {
    failures.push(unmet(what, `The ${what} contains ${quoted(not_contains)}, which it must not`, beside([], there)));
  }
  if (matches !== undefined && !readPattern(matches).test(text)) {
    failures.push(unmet(what, `The ${what} does not match ${matches}`, beside([matches], there)));
  }
  return failures;
}
