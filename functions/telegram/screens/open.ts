/** Which screen an action opens. A new screen adds its case here and its `Action` in `callback.ts`. */
import type { Action } from "../callback.ts";
import type { Reply } from "../render/screen.ts";
import { adminsScreen } from "./admins.ts";
import { alertScreen, lookScreen } from "./alert.ts";
import { alertsScreen } from "./alerts.ts";
import { askScreen, confirmScreen } from "./ask.ts";
import { auditScreen } from "./audit.ts";
import type { ScreenDeps } from "./deps.ts";
import { errorsScreen } from "./errors.ts";
import { exportReply } from "./export.ts";
import { fixtureReply } from "./fixture.ts";
import { helpScreen } from "./help.ts";
import { homeScreen } from "./home.ts";
import { ioScreen } from "./io.ts";
import { pictureScreen } from "./picture.ts";
import { ruleScreen } from "./rule.ts";
import { resultScreen, runScreen, stopScreen, watchScreen } from "./run.ts";
import { settingsScreen } from "./settings.ts";
import { statsScreen } from "./stats.ts";
import { storageScreen } from "./storage.ts";
import { testsScreen } from "./tests.ts";
import { traceScreen } from "./trace.ts";
import { tracesScreen } from "./traces.ts";

/** @throws {RpcError} When the database fails. */
export function openScreen(deps: ScreenDeps, action: Action): Promise<Reply> {
  switch (action.screen) {
    case "home":
      return homeScreen(deps);
    case "traces":
      return tracesScreen(deps, action);
    case "trace":
      return traceScreen(deps, action);
    case "io":
      return ioScreen(deps, action);
    case "picture":
      return pictureScreen(deps, action);
    case "export":
      return exportReply(deps, action);
    case "alerts":
      return alertsScreen(deps, action);
    case "alert":
      return alertScreen(deps, action);
    case "look":
      return lookScreen(deps, action, (other) => openScreen(deps, other));
    case "rule":
      return ruleScreen(deps, action);
    case "settings":
      return settingsScreen(deps, action);
    case "admins":
      return adminsScreen(deps);
    case "audit":
      return auditScreen(deps, action);
    case "tests":
      return testsScreen(deps, action);
    case "ask":
      return askScreen(deps, action);
    case "confirm":
      return confirmScreen(deps, action);
    case "stop":
      return stopScreen(deps, action);
    case "run":
      return runScreen(deps, action);
    case "result":
      return resultScreen(deps, action);
    case "watch":
      return watchScreen(deps, action);
    case "fixture":
      return fixtureReply(deps, action);
    case "errors":
      return errorsScreen(deps, action.hours);
    case "stats":
      return statsScreen(deps, action.hours);
    case "storage":
      return storageScreen(deps);
    case "help":
      return Promise.resolve(helpScreen());
  }
}
