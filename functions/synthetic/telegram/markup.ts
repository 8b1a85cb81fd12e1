/**
 * Inline keyboards, checked as Telegram checks them.
 *
 * @module
 */
import { badRequest } from "./errors.ts";
import { checkedLink } from "./links.ts";
import { json, type Params } from "./params.ts";
import type { InlineButton, InlineKeyboard } from "./types.ts";

/** Most bytes of `callback_data`, in UTF-8. */
export const MAX_CALLBACK_DATA = 64;
const MAX_BUTTONS = 100;
const MAX_BUTTONS_A_ROW = 8;

/**
 * The keyboard to show, or undefined for none (an empty keyboard is none). Keyboards that replace the user's own
 * (`keyboard`, `remove_keyboard`, `force_reply`) are refused, because nothing here could show them.
 *
 * @throws {ApiError} 400 as Telegram words it.
 */
export function readInlineKeyboard(params: Params): InlineKeyboard | undefined {
  const markup = json(params, "reply_markup", "can't parse reply keyboard markup JSON object");
  if (markup === undefined) return undefined;
  if (typeof markup !== "object" || markup === null || Array.isArray(markup)) {
    throw badRequest("object expected as reply markup");
  }
  if (!("inline_keyboard" in markup)) {
    if (Object.keys(markup).length === 0) return undefined;
    throw badRequest("this Bot API stand-in supports inline keyboards only");
  }
  const rows: unknown = markup.inline_keyboard;
  if (!Array.isArray(rows)) throw badRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array');
  const keyboard = rows.map((row: unknown) => {
    if (!Array.isArray(row)) {
      throw badRequest('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays');
    }
    return row.map(readButton);
  }).filter((row) => row.length > 0);

  // Telegram has been seen to show wider rows; eight is what its documentation of clients promises.
  if (keyboard.flat().length > MAX_BUTTONS || keyboard.some((row) => row.length > MAX_BUTTONS_A_ROW)) {
    throw badRequest("reply markup is too long");
  }
  return keyboard.length > 0 ? { inline_keyboard: keyboard } : undefined;
}

function readButton(value: unknown): InlineButton {
  const refuse = (complaint: string) => badRequest(`can't parse inline keyboard button: ${complaint}`);
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw refuse("InlineKeyboardButton must be an Object");
  }
  const { text, url, callback_data } = value as Record<string, unknown>;
  if (typeof text !== "string") throw refuse('Field "text" must be of type String');
  if (text.trim() === "") throw badRequest("BUTTON_TEXT_INVALID");
  if (url !== undefined && typeof url !== "string") throw refuse('Field "url" must be of type String');
  if (url) {
    const link = checkedLink(url);
    if (!link) throw badRequest(`inline keyboard button URL '${url}' is invalid: Wrong HTTP URL`);
    return { text, url: link };
  }
  if (callback_data === undefined) throw refuse("Text buttons are unallowed in the inline keyboard");
  if (typeof callback_data !== "string") throw refuse('Field "callback_data" must be of type String');
  const bytes = new TextEncoder().encode(callback_data).length;
  if (bytes === 0 || bytes > MAX_CALLBACK_DATA) throw badRequest("BUTTON_DATA_INVALID");
  return { text, callback_data };
}
