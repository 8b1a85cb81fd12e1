/**
 * What a message of an admin is answered with.
 *
 * @module
 */
import type { Message } from "telegraf/types";
import { runAdminCommand } from "./admin_command.ts";
import { type Action, decodeAction } from "./callback.ts";
import { parseCommand } from "./command.ts";
import type { Command, HeadOptions } from "./head.ts";
import { renderNoOrigin } from "./render/find.ts";
import type { Reply } from "./render/screen.ts";
import type { ScreenDeps } from "./screens/deps.ts";
import { findScreen } from "./screens/find.ts";
import { originScreen } from "./screens/origin.ts";
import { filteredScreen } from "./screens/traces.ts";
import { usageScreen } from "./screens/usage.ts";

/** A message; `command` is null when it is none. */
export interface Asked {
  command: Command | null;
  reply: Message.TextMessage;
  isGroup: boolean;
}

export interface Ways {
  /** Why the update is not claimed: then nothing is changed for it. */
  unclaimed?: unknown;
  open: (action: Action) => Promise<Reply>;
  /** What stands in for a screen that could not be opened, with `action` to try again. */
  failed: (error: unknown, action: Action) => Reply;
}

/** @throws {RpcError} When the database fails. */
export async function commandReply(
  deps: ScreenDeps,
  { adminIds, token }: HeadOptions & { token: string },
  { command, reply, isGroup }: Asked,
  { unclaimed, open, failed }: Ways,
): Promise<Reply> {
  if (!command) return usageScreen();
  if (command.name === "trace" && command.words === "") {
    const origin = originOf(reply, Number(token.split(":")[0]));
    if (origin === "untold") return renderNoOrigin();
    return origin ? await originScreen(deps, origin.chat_id, origin.message_id) : usageScreen();
  }
  const parsed = parseCommand(wordsOf(command));
  switch (parsed.kind) {
    case "open":
      return await open(parsed.action);
    case "filter":
      // A button has no room for the filter: trying again leads to all traces.
      return await filteredScreen(deps, parsed.filter).catch((error: unknown) => failed(error, { screen: "traces" }));
    case "find":
      return await findScreen(deps, parsed.prefix);
    case "admin":
      if (unclaimed) throw unclaimed;
      return await runAdminCommand(deps, parsed, { isGroup, isSecret: (user_id) => adminIds.includes(user_id) });
    case "usage":
      return usageScreen(parsed.unknown);
  }
}

function wordsOf({ name, words }: Command): string {
  if (name === "admin") return words;
  return name === "trace" ? `trace ${words}` : name === "help" ? "help" : "";
}

/**
 * The message that a `/trace` replies to, where Telegram tells its id: in the same chat, in another group or channel, or of
 * a forwarded post of a channel. Of what was forwarded from a private chat, it does not. In private, messages are counted by
 * each bot for itself: only this bot's own are told apart, and of these its screens are of no run.
 */
function originOf(
  message: Message.TextMessage,
  botId: number,
): { chat_id: number; message_id: number } | "untold" | null {
  const { external_reply: external, reply_to_message: replied } = message;
  if (external?.chat && external.message_id !== undefined) {
    return { chat_id: external.chat.id, message_id: external.message_id };
  }
  if (!replied) return null;
  const forwarded = "forward_origin" in replied ? replied.forward_origin : undefined;
  if (forwarded) {
    return forwarded.type === "channel" ? { chat_id: forwarded.chat.id, message_id: forwarded.message_id } : "untold";
  }
  const isElse = message.chat.type === "private" && replied.from?.id !== botId;
  return isElse || isScreen(replied) ? "untold" : { chat_id: message.chat.id, message_id: replied.message_id };
}

/** Whether the buttons under a message are the admin bot's. */
const isScreen = (message: object): boolean =>
  "reply_markup" in message &&
  (message as Message.TextMessage).reply_markup!.inline_keyboard.flat()
    .some((button) => "callback_data" in button && decodeAction(button.callback_data) !== null);
