import type { RunWish } from "../../_shared/db.ts";
import { renderAsk, renderNotAsked } from "../render/ask.ts";
import { renderBegan, renderNotConfirmed } from "../render/confirm.ts";
import { renderNoScenario } from "../render/no_scenario.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

/** Which scenarios are to run; without names all of the tier. */
export interface Asked extends Pick<RunWish, "tier" | "scenarios"> {
  mode: "live" | "replay";
}

/** What a run would cost, with a button that runs it. A replay begins. @throws {RpcError} */
export async function askScreen(deps: ScreenDeps, { tier, mode, scenarios }: Asked): Promise<Screen> {
  const { db, actor, runner } = deps;
  const answer = await db.askRun(actor.user_id, {
    tier,
    mode,
    ...(scenarios && { scenarios }),
    chat_id: actor.chat_id,
    runner_url: runner.url,
  });
  if ("refused" in answer) return renderRefusal(answer.refused);
  if ("no" in answer) return answer.no === "none" && await noScenario(deps, scenarios) || renderNotAsked(answer);
  return mode === "replay" ? await confirmScreen(deps, { run_id: answer.run_id, ceiling: 0 }) : renderAsk(answer);
}

/** Undefined when all are there that were named. @throws {RpcError} */
async function noScenario({ db }: ScreenDeps, named: readonly string[] = []): Promise<Screen | undefined> {
  if (named.length === 0) return undefined;
  const there = (await db.syntheticOverview()).scenarios.map(({ name }) => name);
  const unknown = named.filter((name) => !there.includes(name));
  return unknown.length > 0 ? renderNoScenario(unknown, there) : undefined;
}

/** Begins a run that may spend up to what its button said. @throws {RpcError} */
export async function confirmScreen(
  { db, actor, runner }: ScreenDeps,
  { run_id, ceiling }: { run_id: string; ceiling: number },
): Promise<Screen> {
  const answer = await db.confirmRun(actor.user_id, run_id, ceiling);
  if ("refused" in answer) return renderRefusal(answer.refused);
  if ("no" in answer) return renderNotConfirmed(answer.no, run_id);
  const { token, runner_url } = answer;
  const isReached = runner_url !== null && await runner.begin({ run_id, token, runner_url });
  return renderBegan(answer, isReached);
}
