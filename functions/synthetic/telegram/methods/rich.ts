/**
 * `sendRichMessage`, and the `rich_message` of `editMessageText`. Rich messages are read from HTML only.
 *
 * @module
 */
import { ApiError, badRequest } from "../errors.ts";
import { hasLoneSurrogate } from "../html.ts";
import { json, type Params, text } from "../params.ts";
import { parseBlocks } from "../rich/blocks.ts";
import { checkRichLimits } from "../rich/limits.ts";
import { contentRequired } from "../rich/texts.ts";
import type { RichMessage } from "../rich/types.ts";
import type { Method } from "../world.ts";
import { send } from "./posting.ts";

export const sendRichMessage: Method = ({ world, bot, params }) => {
  // As from a server that is older than rich messages.
  if (!world.features.hasRich(world.chats.keyFor(bot, text(params, "chat_id")))) {
    throw new ApiError(404, "Not Found: method not found");
  }
  const message = readRichMessage(params);
  if (!message) throw badRequest("rich message must be non-empty");
  return send({ world, bot, params }, { rich_message: message });
};

/** Undefined when there is none. @throws {ApiError} 400 when it cannot be read, or is beyond a limit. */
export function readRichMessage(params: Params): RichMessage | undefined {
  const input = json(params, "rich_message", "can't parse rich message JSON object");
  if (input === undefined) return undefined;
  if (typeof input !== "object" || input === null || Array.isArray(input)) {
    throw badRequest("object expected as rich message");
  }
  const { html, markdown, blocks, media, is_rtl } = input as Record<string, unknown>;
  if ([html, markdown, blocks].filter((way) => way !== undefined).length > 1) {
    throw badRequest("exactly one of the fields html, markdown, and blocks must be used");
  }
  if (markdown !== undefined || blocks !== undefined || media !== undefined) {
    throw badRequest("this Bot API stand-in supports rich messages in HTML only, without media");
  }
  if (html === undefined || html === "") throw badRequest("rich message must be non-empty");
  if (typeof html !== "string") throw badRequest('field "html" must be of type String');
  if (hasLoneSurrogate(html)) throw badRequest("strings must be encoded in UTF-8");
  const parsed = parseBlocks(html);
  if (parsed.length === 0) throw contentRequired();
  checkRichLimits(parsed);
  return { blocks: parsed, ...(is_rtl === true && { is_rtl: true }) };
}
