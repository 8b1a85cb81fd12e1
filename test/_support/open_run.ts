/** A run of synthetic tests that is going on, and its message in the chat of who has asked for it. */
import { createDb } from "../../functions/_shared/db.ts";
import { alertSecret } from "../../functions/_shared/secret.ts";
import type { Taken } from "../../functions/_shared/synthetic_work.ts";
import { type AdminStack, lastOf } from "./admin.ts";
import { entry, outcome } from "./synthetic.ts";

/** One scenario has failed, with that trace; another one is running; nobody works on the rest. */
export async function openRun(stack: AdminStack, user: number, traceId: string): Promise<void> {
  const db = createDb(stack.info.api_url, stack.info.service_role_key);
  const { chat } = stack.person(user);
  const priced = { expected_microusd: 1200, worst_microusd: 3400 };
  // No bundle has them: who is asked to run them does not.
  const names = Array.from({ length: 20 }, (_, i) => `nobody-has-${i}`);
  await db.registerScenarios(
    names.map((name) => entry(name, { smoke: true, priced: { smoke: priced, release: null } })),
  );
  const asked = await db.askRun(user, { tier: "smoke", mode: "live", chat_id: user });
  if (!("confirm_until" in asked)) throw new Error(JSON.stringify(asked));
  const run = await db.confirmRun(user, asked.run_id, asked.worst_microusd);
  if (!("token" in run)) throw new Error(JSON.stringify(run));
  const taken = await db.takeScenario(run, "somebody") as Taken;
  await db.takeScenario(run, "somebody");
  const failures = Array.from({ length: 9 }, (_, i) => ({
    turn: i,
    expectation: "text",
    message: "it does not contain “refund”",
    diff: ["- refund", "+ hi"],
  }));
  await db.finishScenario(run, taken, outcome({ state: "failed", failures, trace_ids: [traceId] }));
  const told = await fetch(stack.info.functions["telegram"]!, {
    method: "POST",
    headers: { "x-tracegram-secret": await alertSecret(stack.info.webhook_secret) },
    body: JSON.stringify({ event: "synthetic_run", run_id: run.run_id }),
  });
  if (told.status !== 202) throw new Error(await told.text());
  await stack.telegram.client.until(chat, (view) => /Smoke tests · 1 of 20/.test(lastOf(view).text ?? ""), 20_000);
}
