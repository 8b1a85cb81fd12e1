/**
 * Screens as the Bot API takes them.
 *
 * @module
 */
import { encodeAction } from "./callback.ts";
import type { Files } from "./multipart.ts";
import type { Picture, Screen } from "./render/screen.ts";

/** A screen as the parameters of the two methods that can show it. */
export interface Form {
  isPicture?: true;
  files?: Files;
  edit: { method: string; content: object };
  send: { method: string; content: object };
}

export function textForm(screen: Screen): Form {
  const content = {
    text: screen.html,
    parse_mode: "HTML",
    link_preview_options: { is_disabled: true },
    reply_markup: keyboardOf(screen),
  };
  return { edit: { method: "editMessageText", content }, send: { method: "sendMessage", content } };
}

export function richForm(screen: Screen, html: string): Form {
  // Untrusted text is in it, in which Telegram would find links and commands of its own accord.
  const content = { rich_message: { html, skip_entity_detection: true }, reply_markup: keyboardOf(screen) };
  return { edit: { method: "editMessageText", content }, send: { method: "sendRichMessage", content } };
}

export function pictureForm(screen: Picture): Form {
  const caption = { caption: screen.html, parse_mode: "HTML" };
  const files = { photo: { content: screen.png, filename: `${screen.name}.png` } };
  const reply_markup = keyboardOf(screen);
  return {
    isPicture: true,
    files,
    edit: {
      method: "editMessageMedia",
      content: { media: { type: "photo", media: "attach://photo", ...caption }, reply_markup },
    },
    send: { method: "sendPhoto", content: { ...caption, reply_markup } },
  };
}

const keyboardOf = (screen: Screen) => ({
  inline_keyboard: screen.keyboard.map((row) =>
    row.map(({ label, action }) => ({ text: label, callback_data: encodeAction(action) }))
  ),
});
