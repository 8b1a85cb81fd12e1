/**
 * A line that says how far something is: a message of its own, that goes when it is done.
 *
 * @module
 */
import { type CallDeps, callOnce } from "./calls.ts";
import { describe } from "./log.ts";
import type { Target } from "./send.ts";

/** What is done within it needs no line. */
const FIRST_MS = 1500;
/** Telegram slows down a chat that has more than about a message a second. */
const EVERY_MS = 2000;

export interface Progress {
  /** Never waits, never throws. Of what is said too often, the latest is shown. */
  say: (line: string) => void;
  /** Takes the line away. Never throws. */
  end: () => Promise<void>;
}

export function startProgress(deps: CallDeps, { chat_id, message_thread_id }: Target): Progress {
  let due = performance.now() + FIRST_MS;
  let message_id: number | undefined;
  let running = Promise.resolve();
  let idle = true;

  async function show(text: string): Promise<void> {
    try {
      if (message_id !== undefined) {
        await callOnce(deps, "editMessageText", { chat_id, message_id, text });
        return;
      }
      const topic = message_thread_id === undefined ? {} : { message_thread_id };
      const sent = await callOnce(deps, "sendMessage", { chat_id, ...topic, text, disable_notification: true });
      message_id = (sent as { message_id: number }).message_id;
    } catch (error) {
      // A 429 too: the file matters more.
      due = Infinity;
      deps.log({ level: "info", event: "progress_not_shown", ...describe(error) });
    }
  }

  return {
    say(line) {
      if (!idle || performance.now() < due) return;
      idle = false;
      due = performance.now() + EVERY_MS;
      running = show(line).finally(() => idle = true);
    },
    async end() {
      due = Infinity;
      await running;
      if (message_id === undefined) return;
      await callOnce(deps, "deleteMessage", { chat_id, message_id }).catch((error: unknown) =>
        deps.log({ level: "info", event: "progress_not_removed", ...describe(error) })
      );
    },
  };
}
