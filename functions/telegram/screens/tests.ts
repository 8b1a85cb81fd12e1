import type { Screen } from "../render/screen.ts";
import { renderTests } from "../render/tests.ts";
import type { ScreenDeps } from "./deps.ts";

/** The scenarios, the newest runs, and what was spent. @throws {RpcError} */
export async function testsScreen({ db, now }: ScreenDeps, { page = 0 }: { page?: number }): Promise<Screen> {
  return renderTests(await db.syntheticOverview(), page, now());
}
