/**
 * Sending a file beside the message that it was asked for in: as it is made, so that none is held as a whole.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import { call, callOnce, type SendDeps } from "./calls.ts";
import { describe } from "./log.ts";
import { startProgress } from "./progress.ts";
import type { Export } from "./render/screen.ts";
import type { Target } from "./send.ts";

/** What must be left of the update's time when the file is sent, to take the line of progress away. */
const SPARE_MS = 2000;

/** `given_up`: Telegram asked for a longer wait than there is time for. */
export type Sent = "sent" | "given_up";

/** @throws What reading the file throws, and what Telegram refuses. */
export async function sendExport(deps: SendDeps, target: Target, file: Export): Promise<Sent> {
  const progress = startProgress(deps, target);
  try {
    for (let again = false;; again = true) {
      try {
        await sendOnce(deps, target, file, progress.say);
        deps.showing({ name: file.name, chars: file.caption.length });
        return "sent";
      } catch (error) {
        if (!(error instanceof TelegramError) || error.code !== 429) throw error;
        const wait_ms = (error.parameters?.retry_after ?? 1) * 1000;
        if (again || wait_ms + SPARE_MS > deps.left()) return "given_up";
        // The pieces are gone, and made once more.
        await deps.sleep(wait_ms);
      }
    }
  } finally {
    await progress.end();
  }
}

async function sendOnce(deps: SendDeps, target: Target, file: Export, say: (line: string) => void): Promise<void> {
  const { chat_id, message_thread_id } = target;
  const before = file.caption;
  const topic = message_thread_id === undefined ? {} : { message_thread_id };
  const sent = await callOnce(
    deps,
    "sendDocument",
    { chat_id, ...topic, caption: before },
    { document: { content: file.content(say), filename: file.filename } },
    Math.max(0, deps.left() - SPARE_MS),
  );
  // What the file holds is known only now.
  const { message_id } = sent as { message_id: number };
  if (file.caption !== before) {
    await call(deps, "editMessageCaption", { chat_id, message_id, caption: file.caption }).catch((error: unknown) =>
      deps.log({ level: "info", event: "caption_not_edited", ...describe(error) })
    );
  }
}
