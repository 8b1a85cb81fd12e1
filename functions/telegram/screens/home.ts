import { renderHome } from "../render/home.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

/** How things stand. @throws {RpcError} */
export async function homeScreen({ db, now }: ScreenDeps): Promise<Screen> {
  return renderHome(await db.overview(), now());
}
