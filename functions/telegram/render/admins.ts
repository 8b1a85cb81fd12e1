/** Who may use the bot, in which groups, and what was refused. */
import type { Admins } from "../../_shared/db.ts";
import { bold, code, dotted, type Html, line, lines, literal, message, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";
import { count, date } from "./units.ts";

/** More do not fit with all else. */
const MAX_ROWS = 25;

const REASONS: Record<string, string> = {
  stranger: "from strangers",
  group: "in groups that are not allowed",
  wrong_secret: "with a wrong secret",
  not_an_update: "that were no updates",
  forged_data: "with buttons that the bot did not make",
  forbidden: "for want of a role",
};

export function renderAdmins({ admins, chats, refusals }: Admins): Screen {
  const people = admins.map(({ user_id, role, from_secret, added_at }) =>
    dotted(
      code(text(user_id)),
      text(role),
      from_secret ? line`by TELEGRAM_ADMIN_IDS` : line`since ${text(date(added_at))}`,
    )
  );
  const groups = chats.map(({ chat_id, added_at }) => dotted(code(text(chat_id)), line`since ${text(date(added_at))}`));
  const refused = Object.entries(refusals).map(([reason, n]) =>
    line`${text(count(n))} ${literal(REASONS[reason] ?? reason)}`
  );
  const blocks = [
    lines(bold(line`Admins`), ...shortened(people, line`nobody but those of TELEGRAM_ADMIN_IDS`)),
    lines(bold(line`Groups`), ...shortened(groups, line`none: private chats only`)),
    lines(bold(line`Refused in 7 days`), ...shortened(refused, line`nothing`)),
    lines(
      code(line`/admin add <user id> viewer|operator|owner`),
      code(line`/admin remove <user id>`),
      line`${code(line`/admin allow`)} or ${code(line`/admin deny`)} in a group`,
    ),
  ];
  return screen("admins", message(...blocks), [[
    { label: "🔄 Refresh", action: { screen: "admins" } },
    { label: "📜 Audit", action: { screen: "audit" } },
    { label: "🏠", action: { screen: "home" } },
  ]]);
}

function shortened(rows: Html[], none: Html): Html[] {
  if (rows.length === 0) return [none];
  const left = rows.length - MAX_ROWS;
  return left > 0 ? [...rows.slice(0, MAX_ROWS), line`… and ${text(left)} more`] : rows;
}
