import { renderCandidates, renderNotFound } from "../render/find.ts";
import type { Reply } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";
import { openScreen } from "./open.ts";

/** The trace whose id begins so; several when it is not clear which. @throws {RpcError} */
export async function findScreen(deps: ScreenDeps, prefix: string): Promise<Reply> {
  const found = await deps.db.findTrace(prefix);
  if (found === null) return renderNotFound(prefix);
  if ("candidates" in found) return renderCandidates(prefix, found);
  return await openScreen(deps, { screen: "trace", trace_id: found.trace_id, back: { to: "home" } });
}
