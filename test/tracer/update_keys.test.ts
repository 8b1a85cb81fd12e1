import { describe, expect, test } from "vitest";
import { UPDATE_TYPES } from "../../functions/synthetic/telegram/types.ts";
import { keysOf, pipelineOf, type Update } from "../../tracer/update_keys.ts";

const user = { id: 20, is_bot: false, first_name: "U" };
const chat = { id: -1001, type: "supergroup", title: "G" };
const update = (fields: object) => ({ update_id: 1, ...fields }) as Update;
/** Fields as Telegram orders them: what is beside the content comes before it, and after it. */
const message = (content: object) => ({
  message_id: 30,
  message_thread_id: 3,
  from: user,
  sender_chat: chat,
  sender_boost_count: 1,
  chat,
  date: 1,
  edit_date: 2,
  forward_origin: {},
  forward_date: 1,
  is_topic_message: true,
  is_automatic_forward: true,
  reply_to_message: { message_id: 1, text: "x" },
  external_reply: { photo: [] },
  quote: {},
  via_bot: user,
  has_protected_content: true,
  media_group_id: "1",
  author_signature: "me",
  paid_star_count: 1,
  business_connection_id: "b",
  sender_business_bot: user,
  sender_tag: "t",
  effect_id: "e",
  ...content,
  caption: "c",
  caption_entities: [],
  show_caption_above_media: true,
  has_media_spoiler: true,
  link_preview_options: {},
  reply_markup: {},
});

describe("keysOf", () => {
  test.each<[string, object, object]>([
    ["message", message({ text: "t" }), { chat_id: -1001, user_id: 20, message_id: 30 }],
    ["edited_message", message({ text: "t" }), { chat_id: -1001, user_id: 20, message_id: 30 }],
    // A channel is nobody.
    ["channel_post", { message_id: 4, chat, sender_chat: chat, text: "t" }, { chat_id: -1001, message_id: 4 }],
    ["business_message", { message_id: 5, chat, from: user, business_connection_id: "b" }, {
      chat_id: -1001,
      user_id: 20,
      message_id: 5,
    }],
    ["business_connection", { id: "b", user, user_chat_id: 20, date: 1 }, { chat_id: 20, user_id: 20 }],
    ["deleted_business_messages", { chat, message_ids: [1, 2] }, { chat_id: -1001 }],
    ["message_reaction", { chat, message_id: 6, user, date: 1 }, { chat_id: -1001, user_id: 20, message_id: 6 }],
    ["message_reaction", { chat, message_id: 6, actor_chat: chat }, { chat_id: -1001, message_id: 6 }],
    ["message_reaction_count", { chat, message_id: 7, reactions: [] }, { chat_id: -1001, message_id: 7 }],
    ["inline_query", { id: "q", from: user }, { user_id: 20 }],
    ["chosen_inline_result", { result_id: "r", from: user, inline_message_id: "i" }, { user_id: 20 }],
    ["callback_query", { id: "c", from: user, message: { message_id: 8, chat, from: { id: 7001 } } }, {
      chat_id: -1001,
      user_id: 20,
      message_id: 8,
    }],
    ["callback_query", { id: "c", from: user, inline_message_id: "i" }, { user_id: 20 }],
    ["shipping_query", { id: "s", from: user }, { user_id: 20 }],
    ["pre_checkout_query", { id: "p", from: user, total_amount: 1 }, { user_id: 20 }],
    ["purchased_paid_media", { from: user, paid_media_payload: "p" }, { user_id: 20 }],
    ["poll", { id: "p", question: "?" }, {}],
    ["poll_answer", { poll_id: "p", user, option_ids: [] }, { user_id: 20 }],
    ["my_chat_member", { chat, from: user, date: 1 }, { chat_id: -1001, user_id: 20 }],
    ["chat_join_request", { chat, from: user, user_chat_id: 20 }, { chat_id: -1001, user_id: 20 }],
    ["chat_boost", { chat, boost: { source: { source: "premium", user } } }, { chat_id: -1001, user_id: 20 }],
    ["removed_chat_boost", { chat, source: { source: "gift_code", user } }, { chat_id: -1001, user_id: 20 }],
    ["managed_bot", { user, bot: { id: 1 } }, { user_id: 20 }],
  ])("%s %j", (type, event, keys) => {
    const found = keysOf(update({ [type]: event }));
    expect(JSON.parse(JSON.stringify(found))).toEqual({ update_id: 1, ...keys });
  });

  test.each([{}, { message: null }, { message: "text" }, { message: { chat: null, from: 7 } }, { callback_query: 1 }])(
    "%j, which is no update of Telegram's, throws nothing",
    (fields) => {
      expect(keysOf(update(fields))).toEqual({ update_id: 1 });
    },
  );
});

describe("pipelineOf", () => {
  const messages = UPDATE_TYPES.filter((type) => /(message|_post)$/.test(type));

  test("every type of update has its own name", () => {
    expect(messages).toHaveLength(6);
    for (const type of UPDATE_TYPES) {
      const name = pipelineOf(update({ [type]: messages.includes(type) ? message({ text: "t" }) : { id: "x" } }));
      expect(name).toBe(messages.includes(type) ? `${type}:text` : type);
    }
    expect(pipelineOf(update({ of_tomorrow: {} }))).toBe("of_tomorrow");
    expect(pipelineOf(update({}))).toBe("update");
  });

  test.each([
    ["photo", { photo: [] }],
    ["animation", { animation: {}, document: {} }],
    ["venue", { location: {}, venue: {} }],
    ["paid_media", { paid_media: {} }],
    ["successful_payment", { successful_payment: {} }],
    ["web_app_data", { web_app_data: {} }],
    ["new_chat_members", { new_chat_participant: {}, new_chat_member: {}, new_chat_members: [] }],
    ["left_chat_member", { left_chat_participant: {}, left_chat_member: {} }],
    ["pinned_message", { pinned_message: {} }],
    ["migrate_to_chat_id", { migrate_to_chat_id: -1 }],
    ["migrate_from_chat_id", { migrate_from_chat_id: -1 }],
    ["forum_topic_created", { forum_topic_created: {} }],
    ["users_shared", { users_shared: {} }],
    ["chat_background_set", { chat_background_set: {} }],
    ["live_photo", { live_photo: {} }],
    ["hologram_of_tomorrow", { hologram_of_tomorrow: {} }],
  ])("a message of kind %s", (kind, content) => {
    for (const type of messages) expect(pipelineOf(update({ [type]: message(content) }))).toBe(`${type}:${kind}`);
    expect(pipelineOf(update({ message: content }))).toBe(`message:${kind}`);
  });

  test("a message with nothing, or that is no message, is called by its type", () => {
    for (const event of [{}, null, "text", message({})]) expect(pipelineOf(update({ message: event }))).toBe("message");
  });

  const bot_command = (text: string, offset = 0, length = text.split(" ")[0]!.length) =>
    update({ message: { text, entities: [{ type: "bot_command", offset, length }] } });

  test.each([
    ["/start", bot_command("/start")],
    ["/start", bot_command("/start payload-that-says-who")],
    ["/start", bot_command("/start@first_bot now")],
    ["/Make_2", bot_command("/Make_2")],
    [
      "/photo",
      update({
        channel_post: {
          photo: [],
          caption: "/photo",
          caption_entities: [{ type: "bot_command", offset: 0, length: 6 }],
        },
      }),
    ],
    [
      "/bold",
      update({
        message: {
          text: "/bold",
          entities: [{ type: "bold", offset: 0, length: 5 }, { type: "bot_command", offset: 0, length: 5 }],
        },
      }),
    ],
    ["message:text", bot_command("see /start", 4, 6)],
    ["message:text", update({ message: { text: "/start", entities: [{ type: "bold", offset: 0, length: 6 }] } })],
    ["message:text", update({ message: { text: "/start" } })],
    [
      "message:text",
      update({
        message: {
          text: "/start and /stop",
          entities: [{ type: "code", offset: 0, length: 6 }, { type: "bot_command", offset: 11, length: 5 }],
        },
      }),
    ],
    // None of these is marked as a command by Telegram, so somebody else has sent them.
    ["message:text", bot_command(`/${"x".repeat(33)}`)],
    ["message:text", bot_command("/stärt")],
    ["message:text", bot_command("/")],
    ["message:text", update({ message: { text: "/x", entities: "no" } })],
    ["message:text", update({ message: { text: 7, entities: [null] } })],
    [
      "edited_message:text",
      update({
        edited_message: { text: "/start", entities: [{ type: "bot_command", offset: 0, length: 6 }] },
      }),
    ],
  ])("%s of %j", (name, given) => expect(pipelineOf(given)).toBe(name));
});
