import type { SyntheticRun } from "../../_shared/db.ts";
import { allows } from "../access.ts";
import type { Action } from "../callback.ts";
import { renderNotYours } from "../render/confirm.ts";
import { renderRefusal } from "../render/refusal.ts";
import { renderResult } from "../render/result.ts";
import { renderNoRun, renderRun } from "../render/run.ts";
import { isBooking, isOver, renderRunMessage } from "../render/run_message.ts";
import type { Screen } from "../render/screen.ts";
import type { Actor, ScreenDeps } from "./deps.ts";
import { failureScreen } from "./failure.ts";

/** After so many milliseconds calls that were broken off may be booked. Workers hear of a stop within a second. */
const SETTLES_MS = 1500;

type Params<S> = Omit<Extract<Action, { screen: S }>, "screen">;

/** A run, a page of its scenarios at a time. @throws {RpcError} */
export async function runScreen(deps: ScreenDeps, { run_id, only, page }: Params<"run">): Promise<Screen> {
  const run = await deps.db.getRun(run_id);
  return run === null ? renderNoRun() : renderRun(run, { only, page, mayStop: mayStop(deps, run) });
}

/** What spends any operator may stop; a question is for who has asked it. */
const mayStop = ({ actor }: ScreenDeps, run: SyntheticRun): boolean =>
  allows(actor.role, "operator") && !isOthers(actor, run);

const isOthers = ({ user_id }: Actor, { state, asked_by }: SyntheticRun): boolean =>
  state === "asked" && asked_by !== user_id;

/** One scenario of a run. @throws {RpcError} */
export async function resultScreen({ db }: ScreenDeps, { run_id, position, page }: Params<"result">): Promise<Screen> {
  const run = await db.getRun(run_id);
  return run === null ? renderNoRun() : renderResult(run, { position, page });
}

/**
 * Stops a run, or takes it back before it has begun, and shows it. Its own message is another one, and whoever works on the
 * run may be dead: so it is told from here. @throws {RpcError}
 */
export async function stopScreen(deps: ScreenDeps, { run_id }: Params<"stop">): Promise<Screen> {
  const { db, actor } = deps;
  const answer = await db.stopRun(actor.user_id, run_id);
  if ("refused" in answer) return renderRefusal(answer.refused);
  if ("no" in answer && answer.no === "not_yours") return renderNotYours();
  if ("state" in answer && answer.state === "stopped") await deps.tellRun(run_id);
  const run = await db.getRun(run_id);
  return run === null ? renderNoRun() : stopped(deps, run);
}

/** Calls that were broken off are booked a moment later, and nobody else edits this message: so it is looked at again. */
function stopped(deps: ScreenDeps, run: SyntheticRun): Screen {
  const screen = renderRun(run, { only: "all", page: 0, mayStop: mayStop(deps, run) });
  if (!isBooking(run)) return screen;
  return {
    ...screen,
    async again() {
      await deps.sleep(SETTLES_MS);
      const now = await deps.db.getRun(run.run_id);
      return now === null ? null : stopped(deps, now);
    },
  };
}

/**
 * A button of a run's own message. What the message shows anew is shown there; all else, a failure as well, comes as a new
 * message.
 */
export async function watchScreen(deps: ScreenDeps, { run_id, press }: Params<"watch">): Promise<Screen> {
  const { db, actor } = deps;
  try {
    if (press === "failures" || press === "details") {
      return fresh(await runScreen(deps, { run_id, only: press === "failures" ? "failed" : "all", page: 0 }));
    }
    if (press === "stop") {
      const answer = await db.stopRun(actor.user_id, run_id);
      if ("refused" in answer) return fresh(renderRefusal(answer.refused));
    }
    const run = await db.getRun(run_id);
    return run === null ? fresh(renderNoRun()) : ofMessage(deps, run);
  } catch (error) {
    return fresh(failureScreen(error, { screen: "run", run_id, only: "all", page: 0 }));
  }
}

/**
 * runs.ts edits the message as well, and its last edit, the report, must not be overtaken by this one: so once the run is
 * over, it is looked at again.
 */
function ofMessage(deps: ScreenDeps, run: SyntheticRun): Screen {
  return {
    ...renderRunMessage(run),
    again: async () => {
      const now = await deps.db.getRun(run.run_id);
      return now !== null && isOver(now.state) && now.version !== run.version ? ofMessage(deps, now) : null;
    },
  };
}

const fresh = (screen: Screen): Screen => ({ ...screen, fresh: true });
