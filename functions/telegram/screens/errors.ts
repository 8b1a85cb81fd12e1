import type { Hours } from "../../_shared/db.ts";
import { renderErrors } from "../render/errors.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";
import { lastWindow } from "./window.ts";

/** Failed runs by kind. @throws {RpcError} */
export async function errorsScreen({ db, now }: ScreenDeps, hours: Hours): Promise<Screen> {
  return renderErrors(await db.errorGroups(lastWindow(hours, now())), hours);
}
