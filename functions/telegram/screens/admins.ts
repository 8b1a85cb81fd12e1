import { renderAdmins } from "../render/admins.ts";
import type { Screen } from "../render/screen.ts";
import type { ScreenDeps } from "./deps.ts";

/** Who may use the bot. @throws {RpcError} */
export const adminsScreen = async ({ db }: ScreenDeps): Promise<Screen> => renderAdmins(await db.listAdmins());
