// Which message a reply with /trace asks about, and the trace that it opens, on the real database.
import type { Message } from "telegraf/types";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createDb } from "../../../functions/_shared/db.ts";
import { commandReply } from "../../../functions/telegram/commands.ts";
import type { Screen } from "../../../functions/telegram/render/screen.ts";
import type { ScreenDeps } from "../../../functions/telegram/screens/deps.ts";
import type { WireTrace } from "../../../tracer/wire.ts";
import { startTestStack, type TestStack } from "../../_support/stack.ts";
import { makeTrace } from "../../_support/traces.ts";
import { noRuns } from "./runs_fixture.ts";

const ADMIN = { id: 1001, is_bot: false, first_name: "Ada" };
const BOT = { id: 7001, is_bot: true, first_name: "Bot" };
const GROUP = { id: -100, type: "supergroup", title: "Team" };
const CHANNEL = { id: -200, type: "channel", title: "News" };
const PRIVATE = { id: ADMIN.id, type: "private", first_name: "Ada" };

const began = Math.floor(Date.now() / 1000) - 60;
/** Each ran for ten seconds, and its last message in its chat is 20. */
const run = (keys: Partial<WireTrace>) =>
  makeTrace({ started_at: began * 1000, duration_ms: 10_000, message_id: 20, ...keys });
const RUNS = {
  group: run({ chat_id: GROUP.id, user_id: 5 }),
  channel: run({ chat_id: CHANNEL.id }),
  own: run({ chat_id: ADMIN.id, user_id: ADMIN.id }),
};

let stack: TestStack;
let deps: ScreenDeps;

beforeAll(async () => {
  stack = await startTestStack();
  const db = createDb(stack.info.api_url, stack.info.service_role_key);
  deps = {
    db,
    now: () => new Date(),
    actor: { user_id: ADMIN.id, chat_id: GROUP.id, role: "owner" },
    ...noRuns,
  };
  await db.ingestTraces(stack.info.ingest_key, Object.values(RUNS));
});
afterAll(() => stack?.end());

const date = began + 4;
const bots = { type: "user", sender_user: BOT, date };
const users = { type: "user", sender_user: ADMIN, date };

test.for<[string, object, keyof typeof RUNS | null]>([
  ["a message of a bot in a group", { chat: GROUP, reply_to_message: { from: BOT, message_id: 18, date } }, "group"],
  ["the last one", { chat: GROUP, reply_to_message: { from: BOT, message_id: 20, date } }, "group"],
  ["a message of a person", { chat: GROUP, reply_to_message: { from: ADMIN, message_id: 18, date } }, null],
  ["a bot's, when none ran", { chat: GROUP, reply_to_message: { from: BOT, message_id: 18, date: date + 30 } }, null],
  ["one of this bot", { chat: PRIVATE, reply_to_message: { from: BOT, message_id: 18, date } }, "own"],
  ["one's own", { chat: PRIVATE, reply_to_message: { from: ADMIN, message_id: 18, date } }, null],
  ["of another group", { chat: PRIVATE, external_reply: { chat: GROUP, message_id: 18, origin: bots } }, "group"],
  ["a person's there", { chat: PRIVATE, external_reply: { chat: GROUP, message_id: 18, origin: users } }, null],
  ["of another private chat", { chat: PRIVATE, external_reply: { origin: bots } }, "own"],
  ["a person's there", { chat: PRIVATE, external_reply: { origin: users } }, null],
  [
    "a bot's that was forwarded",
    { chat: PRIVATE, reply_to_message: { message_id: 3, date, forward_origin: bots } },
    "own",
  ],
  [
    "a person's that was forwarded",
    { chat: PRIVATE, reply_to_message: { message_id: 3, date, forward_origin: users } },
    null,
  ],
  [
    "a post of a channel that was forwarded",
    {
      chat: PRIVATE,
      reply_to_message: { message_id: 3, forward_origin: { type: "channel", chat: CHANNEL, message_id: 18, date } },
    },
    "channel",
  ],
  ["nothing", { chat: PRIVATE }, null],
])("/trace as a reply to %s", async ([, message, of]) => {
  const asked = {
    command: { name: "trace", words: "" } as const,
    reply: { message_id: 99, date: date + 9, from: ADMIN, text: "/trace", ...message } as Message.TextMessage,
    isGroup: false,
  };
  const never = () => {
    throw new Error("it opens nothing else");
  };
  const options = { adminIds: [ADMIN.id], token: `${BOT.id}:secret` };
  const screen = await commandReply(deps, options, asked, { changing: () => {}, open: never, failed: never }) as Screen;
  if (of === null) expect(screen.name).not.toBe("trace");
  else expect(screen.html).toContain(RUNS[of].trace_id);
});
