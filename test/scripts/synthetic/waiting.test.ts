import { expect, test } from "vitest";
import type { Store } from "../../../functions/synthetic/suite/ports.ts";
import { noticingWaits } from "../../../scripts/synthetic/waiting.ts";

const TAKEN = { kind: "taken", position: 1, scenario: "a", repeat: 1, attempt: 1 } as const;
const WAIT = { kind: "wait" } as const;

/** Two lanes ask at once, and are answered in this order. */
async function asked(...answers: [lane: 0 | 1, answer: Awaited<ReturnType<Store["take"]>>][]): Promise<number> {
  let told = 0;
  const lanes: ((answer: Awaited<ReturnType<Store["take"]>>) => void)[] = [];
  const take: Store["take"] = () => new Promise((resolve) => lanes.push(resolve));
  const store = noticingWaits({ take } as Store, () => told++);
  const taking = [store.take(), store.take()];
  for (const [lane, answer] of answers) {
    lanes[lane]!(answer);
    await taking[lane];
  }
  return told;
}

test("who waits for the other lane of this process says nothing, in whichever order they are answered", async () => {
  expect(await asked([1, TAKEN], [0, WAIT])).toBe(0);
  expect(await asked([0, WAIT], [1, TAKEN])).toBe(0);
});

test("when neither lane has got anything, it is said once", async () => {
  expect(await asked([0, WAIT], [1, WAIT])).toBe(1);
});
