/**
 * `answerCallbackQuery`.
 *
 * @module
 */
import { badRequest } from "../errors.ts";
import { flag, text } from "../params.ts";
import type { Method } from "../world.ts";

/** Most characters of a notification. */
const MAX_ANSWER = 200;

export const answerCallbackQuery: Method = ({ world, bot, params }) => {
  const content = text(params, "text");
  if (content.length > MAX_ANSWER) throw badRequest("MESSAGE_TOO_LONG");
  const url = text(params, "url");
  const { chat, answer } = world.queries.answer(bot, text(params, "callback_query_id"), {
    ...(content && { text: content }),
    show_alert: flag(params, "show_alert"),
    ...(url && { url }),
  });
  world.events.emit({ chat, kind: "answer", answer });
  return true;
};
