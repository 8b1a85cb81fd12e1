/** Which screen an action opens. A new screen adds its case here and its `Action` in `callback.ts`. */
import type { Action } from "../callback.ts";
import type { Reply } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";
import { exportReply } from "./export.ts";
import { ioScreen } from "./io.ts";
import { pictureScreen } from "./picture.ts";
import { traceScreen } from "./trace.ts";
import { tracesScreen } from "./traces.ts";
import { usageScreen } from "./usage.ts";

/** @throws {RpcError} When the database fails. */
export function openScreen(deps: ScreenDeps, action: Action): Promise<Reply> {
  switch (action.screen) {
    case "traces":
      return tracesScreen(deps, action.cursor ? { cursor: action.cursor } : {});
    case "trace":
      return traceScreen(deps, action);
    case "io":
      return ioScreen(deps, action);
    case "picture":
      return pictureScreen(deps, action);
    case "export":
      return exportReply(deps, action);
    default:
      return Promise.resolve(usageScreen());
  }
}
