/**
 * Every method of the Bot API that this stand-in has, by its lower-case name: names are not case-sensitive.
 *
 * @module
 */
import type { Method } from "../world.ts";
import { sendChatAction } from "./actions.ts";
import { answerCallbackQuery } from "./callbacks.ts";
import { deleteMyCommands, getMyCommands, setMyCommands } from "./commands.ts";
import { deleteMessage, deleteMessages } from "./deletion.ts";
import { editMessageCaption, editMessageMedia, getFile, sendDocument, sendPhoto } from "./media.ts";
import { editMessageReplyMarkup, editMessageText, sendMessage } from "./messages.ts";
import { getChat, getMe } from "./profile.ts";
import { sendRichMessage } from "./rich.ts";
import { deleteWebhook, getUpdates, getWebhookInfo, setWebhook } from "./updates.ts";

const METHODS: Readonly<Record<string, Method>> = {
  answerCallbackQuery,
  deleteMessage,
  deleteMessages,
  deleteMyCommands,
  deleteWebhook,
  editMessageCaption,
  editMessageMedia,
  editMessageReplyMarkup,
  editMessageText,
  getChat,
  getFile,
  getMe,
  getMyCommands,
  getUpdates,
  getWebhookInfo,
  sendChatAction,
  sendDocument,
  sendMessage,
  sendPhoto,
  sendRichMessage,
  setMyCommands,
  setWebhook,
};

const BY_LOWER_CASE = new Map(
  Object.entries(METHODS).map(([name, method]) => [name.toLowerCase(), { name, method }]),
);

export const findMethod = (name: string): { name: string; method: Method } | undefined =>
  BY_LOWER_CASE.get(name.toLowerCase());
