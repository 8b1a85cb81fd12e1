/**
 * Methods about the bot itself and its chats: `getMe` and `getChat`.
 *
 * @module
 */
import { text } from "../params.ts";
import type { Method } from "../world.ts";

export const getMe: Method = ({ bot }) => ({
  ...bot.user,
  can_join_groups: true,
  can_read_all_group_messages: bot.readsGroups,
  supports_inline_queries: false,
});

export const getChat: Method = ({ world, bot, params }) => world.chats.forBot(bot, text(params, "chat_id")).chat;
