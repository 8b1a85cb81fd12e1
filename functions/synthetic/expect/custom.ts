/**
 * `check`: the author's own function.
 *
 * @module
 */
import type { Expect } from "../scenario.ts";
import type { Seen } from "./seen.ts";
import { type Unmet, unmet } from "./met.ts";

/** Assertion libraries say more in further lines, with the same signs as ours. */
export async function expectCheck(check: Expect["check"], seen: Seen): Promise<Unmet[]> {
  if (!check) return [];
  try {
    await check(structuredClone(seen));
    return [];
  } catch (error) {
    const [first = "", ...rest] = String(Object(error).message || `It threw ${error}`).split("\n");
    return [unmet("check", first, rest.filter((line) => line.trim() !== "").slice(0, 60))];
  }
}
