import { allows } from "../access.ts";
import type { Screen } from "../render/screen.ts";
import { renderTests } from "../render/tests.ts";
import type { ScreenDeps } from "./deps.ts";

/** The scenarios, the newest runs, and what was spent. @throws {RpcError} */
export async function testsScreen({ db, now, actor }: ScreenDeps, { page = 0 }: { page?: number }): Promise<Screen> {
  return renderTests(await db.syntheticOverview(), { page, now: now(), mayRun: allows(actor.role, "operator") });
}
