/** What somebody is told who lacks a role. */
import type { Role } from "../../_shared/db.ts";
import { bold, lines, literal } from "./html.ts";
import { type Screen, screen } from "./screen.ts";

const WHO: Record<Role, string> = {
  viewer: "An owner can add you as an admin.",
  operator: "Operators and owners may do this. An owner can make you an operator.",
  owner: "Only owners may do this.",
};

export function renderRefusal(needs: Role): Screen {
  const what = "You may not do this.";
  const words = lines(bold(literal(what)), literal(WHO[needs]));
  return {
    ...screen("refusal", words, [[{ label: "🏠", action: { screen: "home" } }]]),
    toast: `${what} ${WHO[needs]}`,
  };
}
