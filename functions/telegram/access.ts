/**
 * What each role may do. The database asks once more, where data or settings are touched (sql/63_audit.sql).
 *
 * @module
 */
import type { Role } from "../_shared/db.ts";
import type { Action } from "./callback.ts";

const ROLES: readonly Role[] = ["viewer", "operator", "owner"];

/** Whether who `has` a role may do what `needs` one. */
export function allows(has: Role, needs: Role): boolean {
  return ROLES.indexOf(has) >= ROLES.indexOf(needs);
}

/** The role that an action takes. */
export function needs(action: Action): Role {
  switch (action.screen) {
    case "io":
      return "operator";
    case "alert":
      return action.act ? "operator" : "viewer";
    case "rule":
      return isChange(action) ? "owner" : "viewer";
    case "settings":
      return action.set ? "owner" : "viewer";
    case "admins":
      return "owner";
    default:
      return "viewer";
  }
}

/** Whether an action changes something: it is done whether or not it will be shown, and never without a claim. */
export function hasEffect(action: Action): boolean {
  return (action.screen === "alert" && action.act !== undefined) || (action.screen === "look" && isAct(action)) ||
    (action.screen === "rule" && isChange(action)) || (action.screen === "settings" && action.set !== undefined);
}

const isAct = ({ press }: Action & { screen: "look" }) => press !== "reason" && press !== "alerts";

const isChange = ({ enabled, threshold }: Action & { screen: "rule" }) =>
  enabled !== undefined || threshold !== undefined;
