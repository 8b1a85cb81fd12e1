/**
 * Everything that a scenario expects of a turn, or of the whole conversation, but for its judge.
 *
 * @module
 */
import type { Expect } from "../scenario.ts";
import { expectButtons } from "./buttons.ts";
import { expectCheck } from "./custom.ts";
import { expectJson } from "./json.ts";
import { expectLimits } from "./limits.ts";
import type { Held, Unmet } from "./met.ts";
import { expectSteps } from "./steps.ts";
import { expectText, expectToast } from "./text.ts";

/** What is not met, in the order of `Expect`. */
export async function unmetOf(expected: Expect, held: Held): Promise<Unmet[]> {
  return [
    ...expectText(expected.text, held),
    ...expectButtons(expected.buttons, held),
    ...expectToast(expected.toast, held),
    ...expectJson(expected.json, held),
    ...expectSteps(expected, held),
    ...expectLimits(expected, held),
    ...await expectCheck(expected.check, held.seen),
  ];
}
