import type { ListFilter } from "../../_shared/db.ts";
import type { Action } from "../callback.ts";
import type { Screen } from "../render/screen.ts";
import { renderTraces } from "../render/traces.ts";
import type { ScreenDeps } from "./deps.ts";

const TRACES_PER_PAGE = 10;

/** A page of a list: the newest of all traces without parameters. @throws {RpcError} */
export async function tracesScreen(
  { db, now }: ScreenDeps,
  { filter, change, cursor }: Omit<Extract<Action, { screen: "traces" }>, "screen">,
): Promise<Screen> {
  return renderTraces(await db.listView({ filterId: filter, change, cursor, limit: TRACES_PER_PAGE }), now());
}

/** The first page under a filter that a command has named. @throws {RpcError} */
export async function filteredScreen({ db, now }: ScreenDeps, filter: ListFilter): Promise<Screen> {
  return renderTraces(await db.listView({ filter, limit: TRACES_PER_PAGE }), now());
}
