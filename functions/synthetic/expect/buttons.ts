/**
 * `buttons`: labels under the bot's last message.
 *
 * @module
 */
import { diffLines } from "./diff.ts";
import { type Held, quoted, type Unmet, unmet } from "./met.ts";
import { buttonsOf } from "./words.ts";

export function expectButtons(expected: string[] | undefined, { last }: Held): Unmet[] {
  if (expected === undefined) return [];
  const there = buttonsOf(last);
  const missing = expected.filter((label) => !there.includes(label));
  if (missing.length === 0) return [];
  const names = missing.map(quoted).join(", ");
  const message = missing.length === 1 ? `There is no button ${names}` : `There are no buttons ${names}`;
  return [unmet("buttons", message, diffLines(expected, there))];
}
