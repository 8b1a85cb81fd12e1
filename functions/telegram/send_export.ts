/**
 * Sending a file beside the message that it was asked for in.
 *
 * @module
 */
import { call, type SendDeps } from "./calls.ts";
import type { Export } from "./render/screen.ts";
import type { Target } from "./send.ts";

/** @throws What reading the file throws, and what Telegram refuses. */
export async function sendExport(deps: SendDeps, target: Target, file: Export): Promise<"sent"> {
  const { chat_id, message_thread_id } = target;
  deps.showing({ name: file.name, chars: file.caption.length });
  await call(deps, "sendDocument", {
    chat_id,
    ...(message_thread_id !== undefined && { message_thread_id }),
    caption: file.caption,
  }, { document: { content: file.content(() => {}), filename: file.filename } });
  return "sent";
}
