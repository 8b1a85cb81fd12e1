import { RpcError } from "../../_shared/errors.ts";
import type { RuleChanges } from "../../_shared/db.ts";
import { allows } from "../access.ts";
import { renderRefusal } from "../render/refusal.ts";
import { renderRule, renderUnknownRule } from "../render/rule.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

/** An alert rule, after it was changed if that was asked. @throws {RpcError} */
export async function ruleScreen(
  { db, actor }: ScreenDeps,
  { rule, enabled, threshold }: { rule: string } & RuleChanges,
): Promise<Screen> {
  const mayChange = allows(actor.role, "owner");
  const changes = { ...(enabled !== undefined && { enabled }), ...(threshold !== undefined && { threshold }) };
  if (Object.keys(changes).length > 0) {
    try {
      const answer = await db.adminChangeRule(actor.user_id, rule, changes);
      return "refused" in answer ? renderRefusal(answer.refused) : renderRule(answer, { mayChange, changed: true });
    } catch (error) {
      // There is none of that name, and those that there are follow; or its limit cannot be that.
      if (!(error instanceof RpcError && error.code === "TG040")) throw error;
    }
  }
  const { rules } = await db.listAlerts({ openOnly: true, limit: 1 });
  const found = rules.find((known) => known.rule === rule);
  if (!found) return renderUnknownRule(rule, rules);
  return renderRule(found, { mayChange, changed: Object.keys(changes).length > 0 && "refused" });
}
