/**
 * What an update of Telegram is called, and whose it is.
 *
 * @module
 */
import type { TraceKeys } from "./handles.ts";

/** Beside its id, an update has one field: its type, which holds the event. */
export interface Update {
  update_id: number;
}

interface Chat {
  id: number;
}

interface User {
  id: number;
}

interface Entity {
  type: string;
  offset: number;
  length: number;
}

/** What events have in common, as far as it is used. */
interface UpdateEvent {
  message_id?: number;
  message_thread_id?: number;
  is_topic_message?: boolean;
  business_connection_id?: string;
  chat?: Chat;
  from?: User;
  /** Instead of `from`: of reactions, answers to polls, business connections and managed bots. */
  user?: User;
  /** Of a boost that was added, or removed: who paid for it. */
  boost?: { source?: { user?: User } };
  source?: { user?: User };
  /** Of a business connection. */
  user_chat_id?: number;
  /** Of a button's press: the message with the button. */
  message?: UpdateEvent;
  text?: string;
  entities?: Entity[];
  caption?: string;
  caption_entities?: Entity[];
}

/** Never throws: who can reach a webhook may post anything. */
export function keysOf(update: Update): TraceKeys {
  const event = eventOf(update);
  const { chat, message_id } = event.message ?? event;
  const user = event.from ?? event.user ?? (event.boost ?? event).source?.user;
  return { update_id: update.update_id, chat_id: chat?.id ?? event.user_chat_id, user_id: user?.id, message_id };
}

/** Where an answer to an update goes, as `ctx.reply` has it; what is in `thread` is not for edits. */
export function addressOf(update: Update) {
  const event = eventOf(update);
  const { is_topic_message, message_thread_id, business_connection_id } = event.message ?? event;
  return {
    chat_id: keysOf(update).chat_id,
    business_connection_id,
    thread: is_topic_message ? { message_thread_id } : undefined,
  };
}

/**
 * The command of a message, or else the type of the update, with the kind of a message after a colon. Never throws.
 *
 * @param commands Those that were seen before; strangers must not be able to make names without end.
 */
export function pipelineOf(update: Update, commands: Set<string>): string {
  const type = typeOf(update);
  if (!/(message|_post)$/.test(type)) return type;
  const message = eventOf(update);
  const command = type.startsWith("edited_") ? undefined : commandOf(message, commands);
  if (command !== undefined) return command;
  const kind = kindOf(message);
  return kind === undefined ? type : `${type}:${kind}`;
}

/** Unknown types are called by their own field: Telegram, not a user, decides which there are. */
function typeOf(update: Update): string {
  for (const field in update) {
    if (field !== "update_id") return field;
  }
  return "update";
}

function eventOf(update: Update): UpdateEvent {
  const event = (update as unknown as Record<string, UpdateEvent | null>)[typeOf(update)];
  return typeof event === "object" && event !== null ? event : {};
}

const MAX_COMMANDS = 50;

function commandOf(
  { text, entities, caption, caption_entities }: UpdateEvent,
  commands: Set<string>,
): string | undefined {
  const written = text ?? caption;
  const marks = entities ?? caption_entities;
  if (typeof written !== "string" || !Array.isArray(marks)) return undefined;
  const mark = marks.find((entity) => entity?.offset === 0 && entity.type === "bot_command");
  const command = mark && /^\/\w{1,32}(?=@|$)/.exec(written.slice(0, mark.length))?.[0];
  if (command === undefined || commands.has(command)) return command;
  if (commands.size >= MAX_COMMANDS) return "/…";
  commands.add(command);
  return command;
}

/** What people send. The first that a message has: animations come as documents too, and venues as locations. */
const CONTENT =
  ("text photo voice video animation audio document sticker video_note story paid_media contact dice game " +
    "poll venue location checklist").split(" ");

/** Fields that a message has beside its content. */
const BESIDE = new RegExp(
  "^(date|chat|from|via_bot|quote|external_reply|entities|caption\\w*|author_signature|reply_markup|paid_star_count|" +
    "direct_messages_topic|suggested_post_info|new_chat_(participant|member)|left_chat_participant|(?!migrate_)\\w+_id|" +
    "(is|has|sender|forward|reply_to|edit|receiver|guest_bot|link_preview|show_caption)_\\w+)$",
);

/** What a message is. What happens in a chat comes as a message too, and has a field of its own like `pinned_message`. */
function kindOf(message: object): string | undefined {
  return CONTENT.find((kind) => kind in message) ?? Object.keys(message).find((field) => !BESIDE.test(field));
}
