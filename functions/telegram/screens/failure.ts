import { RpcError } from "../../_shared/errors.ts";
import type { Action } from "../callback.ts";
import { renderFailure } from "../render/failure.ts";
import type { Screen } from "../render/screen.ts";

/** What stands in for the screen of `action` when opening it threw `error`. */
export function failureScreen(error: unknown, action: Action): Screen {
  const known = error instanceof RpcError ? error : { code: null, status: null };
  return renderFailure({ code: known.code, status: known.status }, action);
}
