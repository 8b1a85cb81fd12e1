/**
 * Methods for messages of text: `sendMessage`, `editMessageText`, and `editMessageReplyMarkup`, which is for all kinds.
 *
 * @module
 */
import { badRequest } from "../errors.ts";
import { MAX_TEXT, readFormatted } from "../formatting.ts";
import { readInlineKeyboard } from "../markup.ts";
import { type Params, text } from "../params.ts";
import type { FormattedText } from "../types.ts";
import type { Method } from "../world.ts";
import { contentOf, edit, messageToEdit, send, textFields } from "./posting.ts";
import { readRichMessage } from "./rich.ts";

export const sendMessage: Method = ({ world, bot, params }) => {
  const content = readText(params);
  if (content.text.length > MAX_TEXT) throw badRequest("message is too long");
  return send({ world, bot, params }, textFields(content));
};

/** Texts and rich messages turn into each other; a picture or a document does not turn back into either. */
export const editMessageText: Method = ({ world, bot, params }) => {
  const rich = world.features.hasRich(chatKey({ world, bot, params })) ? readRichMessage(params) : undefined;
  if (rich && text(params, "text") !== "") throw badRequest("text and rich message can't be specified simultaneously");
  const content = rich ? undefined : readText(params);
  const markup = readInlineKeyboard(params);
  const target = messageToEdit({ world, bot, params });
  const { text: before, rich_message } = target.message;
  if (before === undefined && !rich_message) throw badRequest("there is no text in the message to edit");
  // Sending says "message is too long"; for an edit Telegram passes its inner error on.
  if (content && content.text.length > MAX_TEXT) throw badRequest("MESSAGE_TOO_LONG");
  return edit({ world, bot }, target, content ? textFields(content) : { rich_message: rich! }, markup);
};

export const editMessageReplyMarkup: Method = ({ world, bot, params }) => {
  const markup = readInlineKeyboard(params);
  const target = messageToEdit({ world, bot, params });
  return edit({ world, bot }, target, contentOf(target.message), markup);
};

/** Of the chat that is meant, also where the bot may not act in it. */
function chatKey({ world, bot, params }: Omit<Parameters<Method>[0], "signal">): string {
  return world.chats.keyFor(bot, text(params, "chat_id"));
}

function readText(params: Params): FormattedText {
  if (text(params, "text") === "") throw badRequest("message text is empty");
  const content = readFormatted(params, "text");
  if (content.text === "") throw badRequest("text must be non-empty");
  return content;
}
