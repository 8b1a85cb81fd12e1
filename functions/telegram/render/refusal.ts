import type { Role } from "../../_shared/db.ts";
import { bold, line, lines, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

/** What needs a role that the reader does not have. */
export function renderRefusal(needs: Role): Screen {
  const said = lines(bold(line`This needs the role ${text(needs)}.`), line`An owner gives roles.`);
  return screen("refusal", said, [[{ label: "🏠", action: { screen: "home" } }]]);
}
