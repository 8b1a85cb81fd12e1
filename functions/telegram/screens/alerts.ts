import { renderAlertHistory, renderAlerts } from "../render/alerts.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

const ALERTS_PER_PAGE = 10;

/** The open alerts with the rules, or a page of all there were. @throws {RpcError} */
export async function alertsScreen(
  { db, now }: ScreenDeps,
  { all, before }: { all: boolean; before?: number },
): Promise<Screen> {
  const list = await db.listAlerts({ openOnly: !all, limit: ALERTS_PER_PAGE, ...(before !== undefined && { before }) });
  return all ? renderAlertHistory(list, before, now()) : renderAlerts(list, now());
}
