/**
 * `/admin add`, `remove`, `allow`, `deny`: who may use the bot, and in which groups.
 *
 * @module
 */
import type { Role } from "../_shared/db.ts";
import { renderAdminChange, renderChatChange } from "./render/access.ts";
import { renderRefusal } from "./render/refusal.ts";
import type { Screen } from "./render/screen.ts";
import type { ScreenDeps } from "./screens/deps.ts";

export type AdminCommand =
  | { do: "add"; user_id: number; role: Role }
  | { do: "remove"; user_id: number }
  | { do: "allow" | "deny" };

/** Null when the words ask for something else. */
export function parseAdminWords(words: string): AdminCommand | null {
  const [verb, id = "", role = "", ...rest] = words.trim().toLowerCase().split(/\s+/);
  const user_id = /^[1-9]\d{0,15}$/.test(id) && Number.isSafeInteger(Number(id)) ? Number(id) : null;
  if (rest.length > 0) return null;
  if ((verb === "allow" || verb === "deny") && id === "") return { do: verb };
  if (verb === "remove" && user_id !== null && role === "") return { do: "remove", user_id };
  if (verb === "add" && user_id !== null && (role === "viewer" || role === "operator" || role === "owner")) {
    return { do: "add", user_id, role };
  }
  return null;
}

/** @param isSecret Whether the secret names a user. @throws {RpcError} */
export async function runAdminCommand(
  { db, actor }: ScreenDeps,
  command: AdminCommand,
  chat: { isGroup: boolean; isSecret: (user_id: number) => boolean },
): Promise<Screen> {
  if (!("user_id" in command)) {
    if (!chat.isGroup) return renderChatChange("not_a_group");
    const answer = await db.allowChat(actor.user_id, actor.chat_id, command.do === "allow");
    return "refused" in answer ? renderRefusal(answer.refused) : renderChatChange(command.do);
  }
  const { user_id } = command;
  const role = command.do === "add" ? command.role : null;
  const change = await db.setAdmin(actor.user_id, user_id, role, chat.isSecret(user_id));
  return "refused" in change ? renderRefusal(change.refused) : renderAdminChange(user_id, change);
}
