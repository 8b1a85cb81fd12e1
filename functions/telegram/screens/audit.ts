import { renderAudit } from "../render/audit.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

const ENTRIES_PER_PAGE = 12;

/** What admins did, page by page. @throws {RpcError} */
export async function auditScreen({ db, actor }: ScreenDeps, { before }: { before?: number }): Promise<Screen> {
  const from = before !== undefined && { before };
  const audit = await db.listAudit(actor.user_id, { ...from, limit: ENTRIES_PER_PAGE + 1 });
  if ("refused" in audit) return renderRefusal(audit.refused);
  const { entries } = audit;
  return renderAudit(entries.slice(0, ENTRIES_PER_PAGE), entries.length > ENTRIES_PER_PAGE, before);
}
