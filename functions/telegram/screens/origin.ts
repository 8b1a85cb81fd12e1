import type { SentMessage } from "../../_shared/db.ts";
import { renderNoOrigin } from "../render/find.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";
import { traceScreen } from "./trace.ts";

/** The trace whose run has sent a message. @throws {RpcError} */
export async function originScreen(deps: ScreenDeps, message: SentMessage): Promise<Screen> {
  const origin = await deps.db.traceOfMessage(message);
  if (origin === null) return renderNoOrigin();
  return await traceScreen(deps, { trace_id: origin.trace_id, back: { to: "home" }, likely: !origin.exact });
}
