/**
 * Every method of the Bot API that this stand-in has, by its lower-case name: names are not case-sensitive.
 *
 * @module
 */
import type { Method } from "../world.ts";
import { answerCallbackQuery } from "./callbacks.ts";
import {
  deleteMessage,
  editMessageReplyMarkup,
  editMessageText,
  sendChatAction,
  sendDocument,
  sendMessage,
} from "./messages.ts";
import { deleteMyCommands, getChat, getMe, getMyCommands, setMyCommands } from "./profile.ts";
import { deleteWebhook, getUpdates, getWebhookInfo, setWebhook } from "./updates.ts";

const METHODS: Readonly<Record<string, Method>> = {
  answerCallbackQuery,
  deleteMessage,
  deleteMyCommands,
  deleteWebhook,
  editMessageReplyMarkup,
  editMessageText,
  getChat,
  getMe,
  getMyCommands,
  getUpdates,
  getWebhookInfo,
  sendChatAction,
  sendDocument,
  sendMessage,
  setMyCommands,
  setWebhook,
};

const BY_LOWER_CASE = new Map(
  Object.entries(METHODS).map(([name, method]) => [name.toLowerCase(), { name, method }]),
);

export const findMethod = (name: string): { name: string; method: Method } | undefined =>
  BY_LOWER_CASE.get(name.toLowerCase());
