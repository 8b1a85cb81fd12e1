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
    case "ask":
    case "confirm":
    case "stop":
    case "fixture":
      return "operator";
    case "alert":
      return action.act ? "operator" : "viewer";
    case "rule":
    case "settings":
      return hasEffect(action) ? "owner" : "viewer";
    case "admins":
    case "audit":
      return "owner";
    default:
      return "viewer";
  }
}

/** Whether an action changes something: it is done whether or not it will be shown, and never without a claim. */
export function hasEffect(action: Action): boolean {
  switch (action.screen) {
    case "alert":
      return action.act !== undefined;
    case "look":
      return action.press !== "reason" && action.press !== "alerts";
    case "rule":
      return action.enabled !== undefined || action.threshold !== undefined;
    case "settings":
      return action.set !== undefined;
    case "ask":
      // It costs nothing, and is not asked about once more.
      return action.mode === "replay";
    case "confirm":
    case "stop":
      return true;
    case "watch":
      return action.press === "stop";
    default:
      return false;
  }
}
