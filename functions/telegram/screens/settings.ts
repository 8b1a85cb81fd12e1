import { allows } from "../access.ts";
import { renderRefusal } from "../render/refusal.ts";
import type { Screen } from "../render/screen.ts";
import { changesOf, type Picked, renderDrops, renderSettings } from "../render/settings.ts";
import type { ScreenDeps } from "./deps.ts";

/** The settings, after a button has changed one; what would delete data is asked about first. @throws {RpcError} */
export async function settingsScreen(
  { db, actor }: ScreenDeps,
  { set }: { set?: Picked & { sure?: number } },
): Promise<Screen> {
  const mayChange = allows(actor.role, "owner");
  const settings = await db.getSettings();
  const changes = set && changesOf(set, settings);
  if (!set || !changes) return renderSettings(settings, { mayChange, changed: false });

  const answer = await db.adminChangeSettings(actor.user_id, changes, set.sure ?? 0);
  if ("refused" in answer) return renderRefusal(answer.refused);
  if (answer.drops) return renderDrops({ setting: set.setting, choice: set.choice }, changes, answer.drops);
  return renderSettings(answer.settings, { mayChange, changed: true });
}
