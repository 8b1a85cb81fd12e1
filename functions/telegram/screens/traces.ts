import type { ListFilter, PageCursor } from "../../_shared/db.ts";
import type { Screen } from "../render/screen.ts";
import { renderTraces } from "../render/traces.ts";
import type { ScreenDeps } from "./deps.ts";

const TRACES_PER_PAGE = 10;

/** A page of the list: the newest traces without a cursor. @throws {RpcError} */
export async function tracesScreen({ db, now }: ScreenDeps, params: { cursor?: PageCursor }): Promise<Screen> {
  return renderTraces(await db.listTraces({ limit: TRACES_PER_PAGE, ...params }), now());
}

/** The top of a filtered list. @throws {RpcError} */
export async function filteredScreen({ db, now }: ScreenDeps, filter: ListFilter): Promise<Screen> {
  const { order, status, pipeline } = filter;
  const options = { ...(order && { order }), ...(status && { status }), ...(pipeline && { pipeline }) };
  return renderTraces(await db.listTraces({ limit: TRACES_PER_PAGE, ...options }), now());
}
