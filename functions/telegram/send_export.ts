/**
 * Sending a file beside the message that it was asked for in.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { call, type SendDeps } from "./calls.ts";
import type { Export } from "./render/screen.ts";
import type { Target } from "./send.ts";

/** @throws What reading the file throws, and what Telegram refuses. */
export async function sendExport(deps: SendDeps, target: Target, file: Export): Promise<"sent"> {
  const pieces: Uint8Array[] = [];
  for await (const piece of file.content(() => {})) pieces.push(piece);
  const { chat_id, message_thread_id } = target;
  deps.showing({ name: file.name, chars: file.caption.length });
  await call(deps, "sendDocument", {
    chat_id,
    ...(message_thread_id !== undefined && { message_thread_id }),
    caption: file.caption,
  }, { document: { bytes: Buffer.concat(pieces), filename: file.filename } });
  return "sent";
}
