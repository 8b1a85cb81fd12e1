/**
 * What a message of an admin is answered with.
 *
 * @module
 */
import type { Message } from "telegraf/types";
import type { SentMessage } from "../_shared/db.ts";
import { hasEffect } from "./access.ts";
import { runAdminCommand } from "./admin_command.ts";
import { type Action, decodeAction } from "./callback.ts";
import { type Command as Parsed, parseCommand } from "./command.ts";
import type { Command, HeadOptions } from "./head.ts";
import { refusal } from "./open_allowed.ts";
import { renderNoOrigin } from "./render/find.ts";
import type { Reply } from "./render/screen.ts";
import { askScreen } from "./screens/ask.ts";
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
  /** Told before anything is changed. */
  changing: () => void;
  open: (action: Action) => Promise<Reply>;
  /** What stands in for a screen that could not be opened, with `action` to try again. */
  failed: (error: unknown, action: Action) => Reply;
}

/** @throws {RpcError} When the database fails. */
export async function commandReply(
  deps: ScreenDeps,
  { adminIds, token }: HeadOptions & { token: string },
  { command, reply, isGroup }: Asked,
  { unclaimed, changing, open, failed }: Ways,
): Promise<Reply> {
  if (!command) return usageScreen();
  if (command.name === "trace" && command.words === "") {
    const origin = originOf(reply, Number(token.split(":")[0]));
    if (origin === "untold") return renderNoOrigin();
    return origin ? await originScreen(deps, origin) : usageScreen();
  }
  const parsed = parseCommand(wordsOf(command));
  switch (parsed.kind) {
    case "open":
      return await open(parsed.action);
    case "filter":
      // A button has no room for the filter: trying again leads to all traces.
      return await filteredScreen(deps, parsed.filter).catch((error: unknown) => failed(error, { screen: "traces" }));
    case "ask":
      // Nor for the scenarios' names.
      return await asked(deps, parsed, { unclaimed, changing }).catch((error: unknown) =>
        failed(error, { screen: "tests" })
      );
    case "find":
      return await findScreen(deps, parsed.prefix);
    case "admin":
      if (unclaimed) throw unclaimed;
      changing();
      return await runAdminCommand(deps, parsed, { isGroup, isSecret: (user_id) => adminIds.includes(user_id) });
    case "usage":
      return usageScreen(parsed.unknown, parsed.why);
  }
}

async function asked(
  deps: ScreenDeps,
  { tier, mode, scenarios }: Extract<Parsed, { kind: "ask" }>,
  { unclaimed, changing }: Pick<Ways, "unclaimed" | "changing">,
): Promise<Reply> {
  const action = { screen: "ask", tier, mode } as const;
  if (unclaimed && hasEffect(action)) throw unclaimed;
  const refused = await refusal(deps, action);
  if (refused) return refused;
  if (hasEffect(action)) changing();
  return await askScreen(deps, { tier, mode, scenarios });
}

function wordsOf({ name, words }: Command): string {
  if (name === "admin") return words;
  return name === "trace" ? `trace ${words}` : name === "help" ? "help" : "";
}

/**
 * The message that a `/trace` replies to: in the same chat, in another group or channel, or what was forwarded. Of a private
 * chat Telegram tells no more than when a bot sent it: then it is looked for in that of the admin. `untold`: no run's.
 */
function originOf(message: Message.TextMessage, botId: number): SentMessage | "untold" | null {
  const { external_reply: external, reply_to_message: replied, from, chat } = message;
  const forwarded = external?.origin ?? (replied && "forward_origin" in replied ? replied.forward_origin : undefined);
  if (!forwarded) {
    if (!replied) return null;
    if (isScreen(replied) || (chat.type === "private" && replied.from?.id !== botId)) return "untold";
    return { chat_id: chat.id, message_id: replied.message_id, sent_at: replied.from?.is_bot ? sentAt(replied) : null };
  }
  const isUsers = forwarded.type === "user" && !forwarded.sender_user.is_bot;
  // Each origin has a date, whatever Telegraf's types say.
  const sent_at = isUsers ? null : sentAt(forwarded as typeof forwarded & { date: number });
  if (external?.chat && external.message_id !== undefined) {
    return { chat_id: external.chat.id, message_id: external.message_id, sent_at };
  }
  if (forwarded.type === "channel") return { chat_id: forwarded.chat.id, message_id: forwarded.message_id, sent_at };
  return forwarded.type === "user" && sent_at && from ? { chat_id: from.id, message_id: null, sent_at } : "untold";
}

/** Whether the buttons under a message are the admin bot's. */
const isScreen = (message: object): boolean =>
  "reply_markup" in message &&
  (message as Message.TextMessage).reply_markup!.inline_keyboard.flat()
    .some((button) => "callback_data" in button && decodeAction(button.callback_data) !== null);

const sentAt = ({ date }: { date: number }): Date => new Date(date * 1000);
