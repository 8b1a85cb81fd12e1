/**
 * Shapes of the Bot API, as far as this stand-in speaks it. Names and fields are Telegram's own.
 *
 * @module
 */
import type { RichMessage } from "./rich/types.ts";

export interface User {
  id: number;
  is_bot: boolean;
  first_name: string;
  last_name?: string;
  username?: string;
  language_code?: string;
}

export interface Chat {
  id: number;
  type: "private" | "group" | "supergroup";
  title?: string;
  first_name?: string;
  last_name?: string;
  username?: string;
}

/** `offset` and `length` are in UTF-16 code units. */
export interface Entity {
  type: string;
  offset: number;
  length: number;
  url?: string;
  language?: string;
  custom_emoji_id?: string;
  /** Of a `date_time`: epoch seconds, and how to show them. */
  unix_time?: number;
  date_time_format?: string;
}

export interface FormattedText {
  text: string;
  entities: Entity[];
}

export interface InlineButton {
  text: string;
  callback_data?: string;
  url?: string;
}

export interface InlineKeyboard {
  inline_keyboard: InlineButton[][];
}

export interface Document {
  file_id: string;
  file_unique_id: string;
  file_name?: string;
  mime_type?: string;
  /** Bytes. */
  file_size: number;
}

/** One of the sizes in which Telegram keeps a picture. */
export interface PhotoSize {
  file_id: string;
  file_unique_id: string;
  width: number;
  height: number;
  /** Bytes. */
  file_size: number;
}

/** Where a forwarded message comes from. */
export interface MessageOrigin {
  type: "user";
  sender_user: User;
  date: number;
}

/** Dates are epoch seconds. A message is a text, a document, a picture or a rich message. */
export interface Message {
  message_id: number;
  from: User;
  chat: Chat;
  date: number;
  edit_date?: number;
  forward_origin?: MessageOrigin;
  reply_to_message?: Message;
  text?: string;
  entities?: Entity[];
  rich_message?: RichMessage;
  document?: Document;
  /** Smallest first. */
  photo?: PhotoSize[];
  caption?: string;
  caption_entities?: Entity[];
  show_caption_above_media?: true;
  has_media_spoiler?: true;
  reply_markup?: InlineKeyboard;
}

export interface CallbackQuery {
  id: string;
  from: User;
  message: Message;
  chat_instance: string;
  data: string;
}

export interface Update {
  update_id: number;
  message?: Message;
  callback_query?: CallbackQuery;
}

/** Every kind of update Telegram knows; the stand-in produces the first two. */
export const UPDATE_TYPES = [
  "message",
  "callback_query",
  "edited_message",
  "channel_post",
  "edited_channel_post",
  "business_connection",
  "business_message",
  "edited_business_message",
  "deleted_business_messages",
  "message_reaction",
  "message_reaction_count",
  "inline_query",
  "chosen_inline_result",
  "shipping_query",
  "pre_checkout_query",
  "purchased_paid_media",
  "poll",
  "poll_answer",
  "my_chat_member",
  "chat_member",
  "chat_join_request",
  "chat_boost",
  "removed_chat_boost",
];

/** The Bot API's `File`. */
export interface TelegramFile {
  file_id: string;
  file_unique_id: string;
  file_size: number;
  /** Below `/file/bot<token>/`. */
  file_path: string;
}
