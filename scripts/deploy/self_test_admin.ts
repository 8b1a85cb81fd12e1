/**
 * The round trip: a message of the bot's with a button in an admin's chat, its press as Telegram would post it, and the
 * function turns the message into the screen. Telegram says itself whether it did.
 *
 * @module
 */
import { encodeAction } from "../../functions/telegram/callback.ts";
import { TRY_AGAIN } from "../../functions/telegram/render/failure.ts";
import { Failure } from "../stack/failure.ts";
import { saidBy } from "./http.ts";
import { eventually } from "./project.ts";
import type { SelfTest } from "./self_test.ts";
import { updateId } from "./self_test_webhook.ts";
import { Refused } from "./telegram.ts";

interface Message {
  message_id: number;
  chat: object;
  text?: string;
  reply_to_message?: Message;
  reply_markup?: { inline_keyboard: { text: string }[][] };
}

const TEXT = "Tracegram is being deployed: its self-test presses this button …";
const HOME = encodeAction({ screen: "home" });

export async function testAdmin(test: SelfTest): Promise<{ detail: string; notes?: string[] }> {
  const sent = await sendButton(test);
  if (!sent) {
    throw new Failure(
      "All is deployed, but no admin has started the bot, so it could not be seen to work.",
      `Open https://t.me/${test.username}, press Start, and run npm run deploy again.`,
    );
  }
  const began = performance.now();
  await press(test, sent);
  const ms = Math.round(performance.now() - began);
  await readBack(test, sent);
  return { detail: `the bot opened its first screen for ${sent.admin} (${ms} ms)`, ...await updatesWait(test) };
}

/** To the first admin that takes it: one may have blocked the bot. */
async function sendButton({ bot, admins }: SelfTest): Promise<{ admin: number; message: Message } | undefined> {
  for (const admin of admins) {
    try {
      const message = await bot.call("sendMessage", {
        chat_id: admin,
        text: TEXT,
        disable_notification: true,
        reply_markup: { inline_keyboard: [[{ text: "Open", callback_data: HOME }]] },
      });
      return { admin, message };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
    }
  }
  return undefined;
}

async function press({ project, settings, waitMs, signal }: SelfTest, { admin, message }: Sent): Promise<void> {
  const update_id = updateId();
  const from = { id: admin, is_bot: false, first_name: "npm run deploy" };
  const update = {
    update_id,
    // Telegram does not know this query: the bot must do without its answer, as with one that is too old.
    callback_query: { id: String(-update_id), from, message, chat_instance: "0", data: HOME },
  };
  let last = "";
  const handled = await eventually(async () => {
    const headers = { "x-telegram-bot-api-secret-token": settings.webhookSecret };
    const answer = await project.post("telegram", update, headers).catch((error: Error) => {
      signal.throwIfAborted();
      return { status: 0, body: error.message };
    });
    last = saidBy(answer);
    // It is said again when the first answer was lost.
    return answer.status === 200 || undefined;
  }, { waitMs, signal });
  if (!handled) {
    throw new Failure(
      `The telegram function does not answer a button: ${last}`,
      "Its log says why: dashboard, Edge Functions, telegram, Logs. Then run npm run deploy again.",
    );
  }
}

type Sent = { admin: number; message: Message };

/** What a reply answers is told with it: so it shows what the message has become. */
async function readBack({ bot, project }: SelfTest, { admin, message }: Sent): Promise<void> {
  const reply: Message = await bot.call("sendMessage", {
    chat_id: admin,
    text: `Tracegram is deployed. /admin opens this at any time.`,
    disable_notification: true,
    reply_parameters: { message_id: message.message_id },
  });
  const shown = reply.reply_to_message;
  const isFailure = shown?.reply_markup?.inline_keyboard.flat().some(({ text }) => text === TRY_AGAIN);
  if (shown?.text !== undefined && shown.text !== TEXT && !isFailure) return;
  const log = "Its log says why: dashboard, Edge Functions, telegram, Logs. Then run npm run deploy again.";
  await bot.call("deleteMessage", { chat_id: admin, message_id: reply.message_id });
  throw isFailure
    ? new Failure(`The bot shows: ${shown!.text!.split("\n")[0]}`, log)
    : new Failure(`${project.functionUrl("telegram")} took the press of a button, but has not shown a screen.`, log);
}

/** Updates that came before may still be on their way; what failed since is no good sign. */
async function updatesWait({ bot, project }: SelfTest): Promise<{ notes?: string[] }> {
  const info = await bot.call("getWebhookInfo");
  if (info.url !== project.functionUrl("telegram")) {
    throw new Failure(
      `Somebody has set the bot's webhook to ${info.url || "nothing"} meanwhile.`,
      "Look what else uses this bot's token, then run npm run deploy again.",
    );
  }
  const waiting = Number(info.pending_update_count);
  if (waiting === 0) return {};
  const why = info.last_error_message ? `, last error: ${info.last_error_message}` : "";
  return { notes: [`${waiting} updates wait at Telegram${why}`] };
}
