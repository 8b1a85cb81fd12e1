import { renderNoOrigin } from "../render/find.ts";
import type { Reply } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";
import { openScreen } from "./open.ts";

/** The trace whose run has sent a message. @throws {RpcError} */
export async function originScreen(deps: ScreenDeps, chatId: number, messageId: number): Promise<Reply> {
  const trace_id = await deps.db.traceOfMessage(chatId, messageId);
  if (trace_id === null) return renderNoOrigin();
  return await openScreen(deps, { screen: "trace", trace_id, back: { to: "home" } });
}
