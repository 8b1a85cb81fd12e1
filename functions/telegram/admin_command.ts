/**
 * `/admin add`, `remove`, `allow`, `deny`: who may use the bot, and in which groups.
 *
 * @module
 */
import type { Command } from "./command.ts";
import { renderAdminChange, renderChatChange } from "./render/access.ts";
import { renderUsage } from "./render/usage.ts";
import { renderRefusal } from "./render/refusal.ts";
import type { Screen } from "./render/screen.ts";
import type { ScreenDeps } from "./screens/deps.ts";

export type AdminCommand = Extract<Command, { kind: "admin" }>;

/** @param isSecret Whether the secret names a user. @throws {RpcError} */
export async function runAdminCommand(
  { db, actor }: ScreenDeps,
  command: AdminCommand,
  chat: { isGroup: boolean; isSecret: (user_id: number) => boolean },
): Promise<Screen> {
  const { verb, user_id, role = null } = command;
  if (verb === "allow" || verb === "deny") {
    if (!chat.isGroup) return renderChatChange("not_a_group");
    const answer = await db.allowChat(actor.user_id, actor.chat_id, verb === "allow");
    return "refused" in answer ? renderRefusal(answer.refused) : renderChatChange(verb);
  }
  // Who is added without a word about the role may look, and no more.
  const given = verb === "add" ? role ?? "viewer" : null;
  if (user_id === undefined) return renderUsage(verb, "id");
  const change = await db.setAdmin(actor.user_id, user_id, given, chat.isSecret(user_id));
  return "refused" in change ? renderRefusal(change.refused) : renderAdminChange(user_id, change);
}
