import type { Screen } from "../render/screen.ts";
import { renderStorage } from "../render/storage.ts";
import type { ScreenDeps } from "./deps.ts";

/** What is stored, and how long it will fit. @throws {RpcError} */
export async function storageScreen({ db }: ScreenDeps): Promise<Screen> {
  return renderStorage(await db.traceStorage());
}
