/**
 * Opening a screen for somebody who may see it.
 *
 * @module
 */
import { allows, hasEffect, needs } from "./access.ts";
import { auditDetail, auditName } from "./audit_note.ts";
import type { Action } from "./callback.ts";
import { renderRefusal } from "./render/refusal.ts";
import type { Reply, Screen } from "./render/screen.ts";
import type { ScreenDeps } from "./screens/deps.ts";
import { openScreen } from "./screens/open.ts";

/**
 * @param admission.unclaimed Why the update is not claimed: then it may come again, and nothing is changed for it.
 * @throws {RpcError} When the database fails.
 */
export async function openAllowed(
  deps: ScreenDeps,
  action: Action,
  { unclaimed }: { unclaimed?: unknown },
): Promise<Reply> {
  if (unclaimed && hasEffect(action)) throw unclaimed;
  return await refusal(deps, action) ?? await openScreen(deps, action);
}

/** What somebody is told who may not do it, and the audit too; null: they may. @throws {RpcError} */
export async function refusal({ db, actor }: ScreenDeps, action: Action): Promise<Screen | null> {
  const needed = needs(action);
  if (allows(actor.role, needed)) return null;
  await db.refuseAction(actor.user_id, needed, auditName(action), auditDetail(action));
  return renderRefusal(needed);
}
