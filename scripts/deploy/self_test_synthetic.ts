/** The synthetic function has the scenarios of this folder, tells the database of them, and runs nothing unasked. */
import { Failure } from "../stack/failure.ts";
import { type Answer, saidBy } from "./http.ts";
import { eventually } from "./project.ts";
import type { SelfTest } from "./self_test.ts";

/** @param wanted How many scenarios were uploaded. */
export async function testSynthetic(test: SelfTest, wanted: number): Promise<{ detail: string }> {
  const { project, settings } = test;
  const registered = await answered(test, () => project.get("synthetic"), (answer) => {
    return answer.status === 200 && answer.body?.scenarios === wanted;
  });
  if (!registered.right) throw unexpected(registered.last, `the question for its ${wanted} scenarios`);

  // Of a run that nobody has confirmed: nothing can be paid.
  const forged = { run_id: crypto.randomUUID(), token: "of-nobody" };
  const refused = await answered(test, () => project.post("synthetic", forged, {}), ({ status }) => status === 401);
  if (!refused.right) throw unexpected(refused.last, "a run with a wrong token");

  const paid = settings.unpaid === null ? "" : `; paid runs cannot: ${settings.unpaid}`;
  return { detail: `knows ${wanted} scenarios, and refuses a forged run${paid}` };
}

async function answered(
  { waitMs, signal }: SelfTest,
  ask: () => Promise<Answer>,
  isRight: (answer: Answer) => boolean,
): Promise<{ last: Answer; right: boolean }> {
  let last: Answer = { status: 0, body: "no answer" };
  const right = await eventually(async () => {
    last = await ask().catch((error: Error) => {
      signal.throwIfAborted();
      return { status: 0, body: error.message };
    });
    return isRight(last) || undefined;
  }, { waitMs, signal });
  return { last, right: right === true };
}

function unexpected(last: Answer, what: string): Failure {
  return new Failure(
    `The synthetic function answers ${what} with ${saidBy(last)}`,
    "Its log says more: dashboard, Edge Functions, synthetic, Logs. Then npm run deploy again.",
  );
}
