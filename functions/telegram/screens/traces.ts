import type { PageCursor } from "../../_shared/db.ts";
import type { Screen } from "../render/screen.ts";
import { renderTraces } from "../render/traces.ts";
import type { ScreenDeps } from "./deps.ts";

const TRACES_PER_PAGE = 10;

/** A page of the list: the newest traces without a cursor. @throws {RpcError} */
export async function tracesScreen({ db, now }: ScreenDeps, params: { cursor?: PageCursor }): Promise<Screen> {
  return renderTraces(await db.listTraces({ limit: TRACES_PER_PAGE, ...params }), now());
}
