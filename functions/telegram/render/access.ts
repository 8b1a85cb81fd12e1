/** What a change of admins or groups has come to. */
import type { AdminChange, Refused, Role } from "../../_shared/db.ts";
import { bold, code, type Html, line, lines, literal, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

type Change = Exclude<AdminChange, Refused>;

export function renderAdminChange(user_id: number, change: Change): Screen {
  return screen("admin_change", changed(code(text(user_id)), change), [[
    { label: "Admins", action: { screen: "admins" } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}

function changed(user: Html, change: Change): Html {
  if ("unchanged" in change) {
    return change.unchanged === "last_owner"
      ? lines(line`${user} ${bold(line`is the only owner.`)}`, line`Make somebody else an owner first.`)
      : lines(
        line`${user} ${bold(line`is an owner by TELEGRAM_ADMIN_IDS.`)}`,
        line`Take the id out of that secret first.`,
      );
  }
  const { was, role } = change;
  if (role === was) return role === null ? line`${user} was no admin.` : line`${user} was ${a(role)} already.`;
  if (role === null) return line`${user} ${bold(line`is no admin any more.`)}`;
  const now = was === null ? line`is ${a(role)} now.` : line`is ${a(role)} now, and was ${a(was)}.`;
  return line`${user} ${bold(now)}`;
}

const a = (role: Role): Html => literal(role === "viewer" ? "a viewer" : `an ${role}`);

export function renderChatChange(change: "allow" | "deny" | "not_a_group"): Screen {
  const words = {
    allow: lines(bold(line`Admins are answered in this group now.`), line`Everybody in it sees the answers.`),
    deny: bold(line`Nobody is answered in this group any more.`),
    not_a_group: line`This is for groups: send ${
      code(line`/admin allow`)
    } in one. In private, admins are always answered.`,
  }[change];
  return screen("chat_change", words, change === "deny" ? [] : [[{ label: "🏠", action: { screen: "home" } }]]);
}
