import { allows } from "../access.ts";
import type { Screen } from "../render/screen.ts";
import { renderTrace, type TraceParams } from "../render/trace.ts";
import type { ScreenDeps } from "./deps.ts";

/** One trace with its steps. @throws {RpcError} */
export async function traceScreen({ db, now, actor }: ScreenDeps, params: TraceParams): Promise<Screen> {
  return renderTrace(await db.getTrace(params.trace_id), params, now(), allows(actor.role, "operator"));
}
