/** Stub of part ENGINE. */
import type { Role } from "../../_shared/db.ts";
import { bold, line, message, text } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

export function renderRefusal(needs: Role): Screen {
  return screen("refusal", message(bold(line`That needs the role ${text(needs)}.`)), [[{
    label: "🏠",
    action: { screen: "home" },
  }]]);
}
