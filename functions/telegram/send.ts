/**
 * How a screen gets into a chat: which calls are made, and how each refusal is met.
 *
 * @module
 */
import { TelegramError } from "telegraf";
import { call, type CallDeps, callOnce, refusedWith, type SendDeps } from "./calls.ts";
import { type Form, pictureForm, richForm, textForm } from "./form.ts";
import { describe } from "./log.ts";
import type { Files } from "./multipart.ts";
import type { Picture, Screen } from "./render/screen.ts";

/** A chat, and the message in it to edit; without one, a new message is sent. */
export interface Target {
  chat_id: number;
  message_id?: number;
  /** The topic of a forum that new messages go to. */
  message_thread_id?: number | undefined;
  /** The message is a picture, whose place no text can take. */
  isPicture?: boolean;
}

/** `given_up`: Telegram asked for a longer wait than there is time for. */
export type Shown = "edited" | "unchanged" | "sent" | "given_up";

/** What became of an edit. `gone`: the message cannot be edited any more. `other`: not from text to picture or back. */
type Edited = "edited" | "unchanged" | "gone" | "other";

/**
 * Shows a screen in the message of `target`, or in a new one where that cannot be edited any more. A text that follows a
 * picture is a new message, too, and the picture is deleted before: a press that finds none left is another one's double.
 *
 * @throws {TelegramError} What Telegram refuses for other reasons. @throws {NoAnswer}
 */
export async function show(deps: SendDeps, under: Target, screen: Screen | Picture): Promise<Shown> {
  try {
    let target = under;
    if (under.isPicture && under.message_id !== undefined && !("png" in screen)) {
      const { message_id, ...chat } = under;
      if (!await remove(deps, under.chat_id, message_id)) return "unchanged";
      target = chat;
    }
    const shown = await showRich(deps, target, screen);
    if (shown) return shown;
    deps.showing(screen);
    return (await replace(deps, target, "png" in screen ? pictureForm(screen) : textForm(screen))).shown;
  } catch (error) {
    if (error instanceof TelegramError && error.code === 429) return "given_up";
    throw error;
  }
}

/** Undefined where the screen has no rich form that Telegram takes. */
async function showRich(deps: SendDeps, target: Target, screen: Screen | Picture): Promise<Shown | undefined> {
  if ("png" in screen || !screen.rich || !deps.rich.accepted) return undefined;
  try {
    const { shown } = await replace(deps, target, richForm(screen, screen.rich.html));
    deps.showing({ name: `${screen.name}.rich`, chars: screen.rich.chars });
    return shown;
  } catch (error) {
    if (!(error instanceof TelegramError && [400, 404].includes(error.code))) throw error;
    // What only this message is refused for may be taken in the next one.
    if (isUnknown(error)) deps.rich.accepted = false;
    deps.log({ level: "info", event: "rich_refused", remembered: !deps.rich.accepted, ...describe(error) });
    return undefined;
  }
}

/** Ends the spinner of a pressed button, with a word if there is one. A press that is too old to be answered is shown all the same. */
export async function answer(deps: CallDeps, callback_query_id: string, text?: string): Promise<void> {
  try {
    const alert = text === undefined ? {} : { text, show_alert: true };
    await callOnce(deps, "answerCallbackQuery", { callback_query_id, ...alert });
  } catch (error) {
    deps.log({ level: "info", event: "callback_not_answered", ...describe(error) });
  }
}

/**
 * Edits, or takes the old message away and sends.
 *
 * @returns `message_id`: of the message that shows it now.
 */
export async function replace(
  deps: CallDeps,
  { chat_id, message_id, message_thread_id }: Target,
  form: Form,
): Promise<{ shown: Exclude<Shown, "given_up">; message_id: number }> {
  let edited: Edited = "gone";
  if (message_id !== undefined) {
    edited = await tryEdit(deps, form.edit.method, { ...form.edit.content, chat_id, message_id }, form.files);
    if (edited === "edited" || edited === "unchanged") return { shown: edited, message_id };
    if (edited === "other" && !await remove(deps, chat_id, message_id)) return { shown: "unchanged", message_id };
  }
  const topic = message_thread_id === undefined ? {} : { message_thread_id };
  const sent = await call(deps, form.send.method, { ...form.send.content, ...topic, chat_id }, form.files);
  return { shown: "sent", message_id: (sent as { message_id: number }).message_id };
}

async function tryEdit(deps: CallDeps, method: string, payload: object, files?: Files): Promise<Edited> {
  try {
    await call(deps, method, payload, files);
    return "edited";
  } catch (error) {
    if (refusedWith(error, /message is not modified/)) return "unchanged";
    if (refusedWith(error, /message (to edit )?(is )?not found|message can't be edited|MESSAGE_ID_INVALID/)) {
      return "gone";
    }
    if (refusedWith(error, /there is no (text|media|caption) in the message to edit/)) return "other";
    throw error;
  }
}

/** A server without rich messages does not know the method, or sees neither text nor what it calls a message in the edit. */
function isUnknown(error: TelegramError): boolean {
  return error.code === 404 ||
    /message text is empty|rich.*(not (supported|allowed|found)|unsupported)/i.test(error.description);
}

/** What cannot be deleted any more stays where it is. @returns False when it was not there any more. */
async function remove(deps: CallDeps, chat_id: number, message_id: number): Promise<boolean> {
  try {
    await call(deps, "deleteMessage", { chat_id, message_id });
  } catch (error) {
    deps.log({ level: "info", event: "message_not_deleted", ...describe(error) });
    return !refusedWith(error, /message to delete not found/);
  }
  return true;
}
