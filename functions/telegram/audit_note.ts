/**
 * What the audit says of an action that was refused before the database was asked: in the words that the database has for it.
 *
 * @module
 */
import type { Action } from "./callback.ts";
import { valueOf } from "./render/settings.ts";

/** What `tracegram.admin_audit` calls an action (sql/63_audit.sql). */
export function auditName(action: Action): string {
  switch (action.screen) {
    case "io":
    case "fixture":
      return "read_io";
    case "ask":
    case "confirm":
    case "stop":
      return "run_tests";
    case "alert":
      return action.act ? `alert_${action.act}` : action.screen;
    case "rule":
      return "change_rule";
    case "settings":
      return "change_settings";
    default:
      return action.screen;
  }
}

/** To what. Where a screen was opened from is none of it. */
export function auditDetail(action: Action): object {
  switch (action.screen) {
    case "alert":
      return { alert_id: action.alert_id };
    case "rule": {
      const { screen: _, rule, ...after } = action;
      return { rule, after };
    }
    case "settings":
      return { after: action.set ? valueOf(action.set) : {} };
    default: {
      const { screen: _, ...detail } = action;
      return "back" in detail ? (({ back: _, ...rest }) => rest)(detail) : detail;
    }
  }
}
