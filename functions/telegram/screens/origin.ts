import type { Reply } from "../render/screen.ts";
import { renderUsage } from "../render/usage.ts";
import type { ScreenDeps } from "./deps.ts";

/** The trace that produced a message. */
export function originScreen(_deps: ScreenDeps, chat_id: number, message_id: number): Promise<Reply> {
  return Promise.resolve(renderUsage(`trace of ${chat_id}:${message_id}`));
}
