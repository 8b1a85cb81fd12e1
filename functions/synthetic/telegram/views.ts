/**
 * Chats as a user's app shows them.
 *
 * @module
 */
import type { ChatState } from "./chats.ts";
import type { Chat, Message, User } from "./types.ts";
import type { World } from "./world.ts";

export interface ChatSummary {
  /** Names the chat on the users' side: `<bot id>:<user id>`, or the id of a group. */
  key: string;
  chat: Chat;
  bots: User[];
  members: User[];
  /** Grows with every change of the chat. */
  version: number;
  /** Private chats: whether the user has written yet, and has blocked the bot. */
  started: boolean;
  blocked: boolean;
  /** Such as `typing`, while the bot says so. */
  action?: string;
  last_message?: Message;
}

export interface ChatView extends ChatSummary {
  /** In their current state, oldest first; deleted ones are gone. `edit_count` is 0 for one never edited. */
  messages: (Message & { edit_count: number })[];
}

export function summaryOf(world: World, state: ChatState): ChatSummary {
  const { key, chat, members, bots, started, blocked, action } = state;
  const last = [...state.messages.values()].at(-1);
  return structuredClone({
    key,
    chat,
    bots: [...bots].map((bot) => bot.user),
    members: [...members.values()],
    version: world.events.version(key),
    started,
    blocked,
    ...(action && action.until > world.now() && { action: action.action }),
    ...(last && { last_message: last.message }),
  });
}

export function viewOf(world: World, state: ChatState): ChatView {
  const messages = [...state.messages.values()].map(({ message, edits }) => ({ ...message, edit_count: edits }));
  return { ...summaryOf(world, state), messages: structuredClone(messages) };
}
