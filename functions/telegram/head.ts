/**
 * What an update is about, before anybody is asked: sender, chat, and whether there is anything to answer at all.
 *
 * @module
 */
import type { CallbackQuery, Message, Update } from "telegraf/types";
import type { UpdateHead } from "../_shared/db.ts";
import { decodeAction, isOutdated } from "./callback.ts";
import { parseCommand } from "./command.ts";

/** `/admin`, `/admin@name`, and what follows. Of the text alone: not every sender of updates marks its commands. */
const COMMAND = /^\/(admin|trace|start|help)(?:@(\w+))?(?:\s+(.*))?$/is;

export interface HeadOptions {
  /** Without the `@`; needed only for commands that name the bot, such as `/admin@my_bot`. */
  username?: string | undefined;
  adminIds: readonly number[];
}

export interface Command {
  name: "admin" | "trace" | "start" | "help";
  words: string;
}

/** The command that a text is, if it is one for us. In a group, what names a bot is not ours while we do not know our name. */
export function commandOf(
  text: string,
  { username }: Pick<HeadOptions, "username">,
  isGroup: boolean,
): Command | null {
  const [, name, bot, words = ""] = COMMAND.exec(text) ?? [];
  const isForUs = !bot || (username ? bot.toLowerCase() === username.toLowerCase() : !isGroup);
  return name && isForUs ? { name: name.toLowerCase() as Command["name"], words: words.trim() } : null;
}

/**
 * `ignored`: nothing that the bot answers, whoever asks. `forged`: a button's data that no version of the bot has made.
 * `not_an_update`: its ids are none. None of them costs a query.
 */
export function headOf(update: Update, options: HeadOptions): UpdateHead | "ignored" | "forged" | "not_an_update" {
  const { message, callback_query: press } = update as { message?: Message; callback_query?: CallbackQuery };
  if (press) {
    const under = press.message;
    if (!under?.chat || !press.from || !("data" in press) || typeof press.data !== "string") return "ignored";
    if (!decodeAction(press.data) && !isOutdated(press.data)) return "forged";
    return head(update.update_id, press.from.id, under.chat, options, { message_id: under.message_id });
  }
  if (!message?.from || !message.chat || !("text" in message) || typeof message.text !== "string") return "ignored";
  const isGroup = message.chat.type !== "private";
  const command = commandOf(message.text, options, isGroup);
  if (isGroup) {
    // In a group people talk to each other, and to other bots: `/start` is ours when it says so.
    const isClear = command?.name === "admin" || command?.name === "trace" || message.text.includes("@");
    if (!command || !isClear) return "ignored";
  }
  const asked = command?.name === "admin" ? parseCommand(command.words) : null;
  const allows = asked?.kind === "admin" && asked.verb === "allow";
  return head(update.update_id, message.from.id, message.chat, options, { allows });
}

function head(
  update_id: number,
  user_id: number,
  chat: { id: number; type: string },
  { adminIds }: HeadOptions,
  { message_id = null, allows = false }: { message_id?: number | null; allows?: boolean },
): UpdateHead | "not_an_update" {
  // The database would refuse them, which would look as if it were away.
  const ids = [user_id, chat.id, ...(message_id === null ? [] : [message_id])];
  if (!ids.every(Number.isSafeInteger)) return "not_an_update";
  const bootstrap = adminIds.includes(user_id);
  return { update_id, user_id, chat_id: chat.id, chat_type: chat.type, message_id, bootstrap, allows };
}
