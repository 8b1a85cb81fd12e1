import type { Hours } from "../../_shared/db.ts";
import type { Screen } from "../render/screen.ts";
import { renderStats } from "../render/stats.ts";
import type { ScreenDeps } from "./deps.ts";
import { lastWindow } from "./window.ts";

/** How the bot did, against the window before. @throws {RpcError} */
export async function statsScreen({ db, now }: ScreenDeps, hours: Hours): Promise<Screen> {
  const to = now();
  return renderStats(await db.traceStats(lastWindow(hours, to)), hours, to);
}
