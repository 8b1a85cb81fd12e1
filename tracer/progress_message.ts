/**
 * The message in a chat that shows how far the handling of an update is, and then takes the answer.
 *
 * @module
 */
import type { StartedStep, Trace } from "./handles.ts";
import { paceOf, pause } from "./pace.ts";
import { followSteps } from "./progress.ts";
import { isForbidden, isGone, isUnchanged, retryAfterMs } from "./refusals.ts";
import type { StepTable } from "./steps.ts";
import { context } from "./trace.ts";
import { addressOf, type Update } from "./update_keys.ts";

/** How a progress message looks. */
export interface ProgressMessageOptions {
  /** What the message says before the first step. @default the first label of the table */
  first?: string | undefined;
  /**
   * Shortest time between two edits in the chat, whichever message is edited, in milliseconds.
   *
   * @default 1500, and 3500 in groups and channels. Telegram allows one message a second, and 20 a minute in a group: this
   * leaves room for the answer.
   */
  minIntervalMs?: number | undefined;
  /** Makes the text from a label, for example with the time: `step` is as it will be stored. Of `first`, its name is "". */
  text?: ((label: string, step: StartedStep) => string) | undefined;
  /** More parameters of `sendMessage` and `editMessageText`, such as `reply_parameters`. */
  extra?: object | undefined;
}

/** A text with its format, as `fmt` of Telegraf and of grammY's parse-mode plugin make it. */
export interface FormattedText {
  text: string;
  entities?: unknown;
}

/** A progress message, and what becomes of it. */
export interface ProgressMessage {
  /** Id of the message, once it is sent; undefined if there is none. Never rejects. */
  readonly message: Promise<number | undefined>;
  /**
   * Shows nothing more, and resolves when no edit is under way: to true then, or to false after 5 s. Never rejects. The
   * message stays as it is.
   */
  stop(): Promise<boolean>;
  /**
   * Edits the message into the answer, as the last edit of all. Where it cannot be edited, since it was never sent, was
   * deleted, or an edit has been under way for 5 s and might come last, the answer is a new message.
   *
   * On 429 it waits as long as Telegram asks, if that is a minute or less, up to three times.
   *
   * @param extra More parameters of `editMessageText` and `sendMessage`, such as `parse_mode`.
   * @returns Id of the message; undefined only where the library sent it as the answer to a webhook.
   * @throws What the library throws for a call that Telegram refuses, as `ctx.reply` does.
   */
  done(text: string | FormattedText, extra?: object): Promise<number | undefined>;
}

type Call = (method: "sendMessage" | "editMessageText" | "deleteMessage", payload: object) => Promise<unknown>;

const MAX_TRIES = 4;
const MAX_WAIT_MS = 60_000;

/** @param bot Its id. Two bots of one process have different limits in the same chat. */
export function progressMessage(
  ctx: { readonly update: Update; readonly trace?: Trace },
  bot: number | undefined,
  call: Call,
  steps: StepTable,
  { first = Object.values(steps)[0] ?? "…", minIntervalMs, text, extra }: ProgressMessageOptions = {},
): ProgressMessage {
  const { trace } = ctx;
  const { thread, ...chat } = addressOf(ctx.update);
  const pace = paceOf(`${bot} ${chat.chat_id}`);
  let id: number | undefined;
  /** A message that comes after the answer has to go. */
  let answered = false;
  let resolve!: (id: number | undefined) => void;
  const message = new Promise<number | undefined>((settle) => resolve = settle);

  const shown = followSteps(trace, show, {
    steps,
    minIntervalMs: minIntervalMs ?? (Number(chat.chat_id) < 0 ? 3500 : 1500),
    pace,
    first,
    onIdle: () => id === undefined && giveUp(),
  });
  if (chat.chat_id === undefined) giveUp();

  async function show(label: string, step: StartedStep): Promise<void> {
    const content = { ...extra, text: text ? text(label, step) : label };
    try {
      if (id !== undefined) return void await call("editMessageText", { ...chat, message_id: id, ...content });
      const sent = await send(content);
      if (answered) return remove(sent);
      id = sent;
      trace?.set({ message_id: id });
      resolve(id);
      if (id === undefined) giveUp();
    } catch (error) {
      if (isUnchanged(error)) return;
      // Of a message that could not be sent, nobody knows whether it has come.
      if (isGone(error) || isForbidden(error) || (id === undefined && retryAfterMs(error) === 0)) giveUp();
      throw error;
    }
  }

  /** Undefined when the call has gone out as the answer to a webhook. */
  async function send(content: object): Promise<number | undefined> {
    const sent = await call("sendMessage", { ...chat, ...thread, ...content }) as { message_id?: number };
    return sent.message_id;
  }

  function giveUp(): void {
    void shown.stop();
    resolve(id);
  }

  function remove(message_id: number | undefined): void {
    context.run(undefined, () => call("deleteMessage", { ...chat, message_id })).catch(() => {});
  }

  async function answer(content: object): Promise<number | undefined> {
    try {
      if (id !== undefined) await call("editMessageText", { ...chat, message_id: id, ...content });
    } catch (error) {
      if (isGone(error)) id = undefined;
      else if (!isUnchanged(error)) throw error;
    }
    return id ??= await send(content);
  }

  async function stop(): Promise<boolean> {
    const settled = await shown.stop();
    resolve(id);
    return settled;
  }

  return {
    message,
    stop,
    async done(text, more) {
      const content = typeof text === "string" ? { text } : { text: text.text, entities: text.entities };
      if (!await stop()) {
        if (id !== undefined) remove(id);
        id = undefined;
      }
      answered = true;
      for (let tries = 1;; tries++) {
        const waitMs = pace.pausedUntil - performance.now();
        if (waitMs > 0 && waitMs <= MAX_WAIT_MS) await new Promise((resolve) => setTimeout(resolve, waitMs));
        try {
          return await answer({ ...content, ...more });
        } catch (error) {
          const askedMs = pause(pace, error);
          if (askedMs === 0 || askedMs > MAX_WAIT_MS || tries === MAX_TRIES) throw error;
        }
      }
    },
  };
}
