import type { Reply } from "../render/screen.ts";
import { renderUsage } from "../render/usage.ts";
import type { ScreenDeps } from "./deps.ts";

/** The trace whose id begins so. */
export function findScreen(_deps: ScreenDeps, prefix: string): Promise<Reply> {
  return Promise.resolve(renderUsage(`trace ${prefix}`));
}
