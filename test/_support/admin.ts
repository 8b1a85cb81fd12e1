/** Admins in their private chats with the admin bot, on a stack of the test file's own. */
import { expect } from "vitest";
import type { ChatView } from "../../functions/synthetic/telegram/views.ts";
import type { Update } from "../../functions/synthetic/telegram/types.ts";
import type { TelegramOptions } from "../../functions/synthetic/telegram/telegram.ts";
import { startTestStack, type TestStack } from "./stack.ts";

export const ADMIN_BOT = "tracegram_admin_bot";

export interface AdminStack extends TestStack {
  admins: readonly number[];
  /** Opens the chat of a user, of an admin when left out, with the bot. */
  person(user?: number): Person;
  /** Each update that Telegram posts to the bot, and the status of each attempt. */
  posted: { update: Update; statuses: number[] }[];
}

export interface Person {
  chat: string;
  /** Sends a text, and comes back when the bot has accepted it. */
  say(text: string): Promise<ChatView>;
  /** Presses a button of the last message, by its label, and comes back when the bot has accepted it. */
  press(label: string): Promise<ChatView>;
  /** Presses what no button carries. */
  forge(data: string): Promise<ChatView>;
  view(): ChatView;
}

/** Telegram is as strict as ever, but its clock moves on a second with each thing a {@link Person} does. */
export async function startAdminStack(telegram: Partial<TelegramOptions> = {}): Promise<AdminStack> {
  const admins = [1001, 1002, 1003];
  const posted: AdminStack["posted"] = [];
  const accepted = new Map<string, () => void>();
  let ahead = 0;

  /** What the update is about, as its sender knows it. */
  const nameOf = ({ callback_query, message }: Update) =>
    callback_query?.id ?? `${message!.chat.id}:${message!.message_id}`;

  const watch: typeof fetch = async (url, init) => {
    const update = JSON.parse(String(init!.body)) as Update;
    const known = posted.find((p) => p.update.update_id === update.update_id);
    const { statuses } = known ?? posted[posted.push({ update, statuses: [] }) - 1]!;
    const response = await fetch(url, init);
    statuses.push(response.status);
    if (response.ok) accepted.get(nameOf(update))?.();
    return response;
  };
  const stack = await startTestStack({
    env: { TELEGRAM_ADMIN_IDS: admins.join(",") },
    telegram: {
      now: () => Date.now() + ahead,
      delivery: { firstRetryMs: 20, maxRetryMs: 100 },
      users: [{ id: 1002, first_name: "Grace" }, { id: 1003, first_name: "Edsger" }, {
        id: 6666,
        first_name: "Mallory",
      }],
      ...telegram,
      fetch: watch,
    },
  });
  const { client } = stack.telegram;

  function person(user = admins[0]!): Person {
    const chat = client.openChat(user, ADMIN_BOT).key;
    async function settled(act: () => string): Promise<ChatView> {
      ahead += 1000;
      // Nothing is posted before this function waits, so it misses nothing.
      const name = act();
      await new Promise<void>((resolve) => accepted.set(name, resolve));
      return client.chat(chat);
    }
    const press = (button: { label: string } | { data: string; forged: true }) =>
      settled(() => client.press({ chat, message_id: lastOf(client.chat(chat)).message_id, ...button }));
    return {
      chat,
      view: () => client.chat(chat),
      say: (text) => settled(() => `${user}:${client.send({ chat, text }).message_id}`),
      press: (label) => press({ label }),
      forge: (data) => press({ data, forged: true }),
    };
  }
  return { ...stack, admins, posted, person };
}

export const lastOf = (view: ChatView) => view.messages.at(-1)!;

/** Rows of button labels under the last message. */
export const buttonsOf = (view: ChatView): string[][] =>
  lastOf(view).reply_markup!.inline_keyboard.map((row) => row.map((button) => button.text));

/** The label of the button in the middle of the last row. */
export const pageOf = (view: ChatView): string => buttonsOf(view).at(-1)!.find((label) => label.startsWith("Page"))!;

/** All that the bot called since `before`, none of it refused. */
export function expectNoRefusal(stack: AdminStack, before = 0): void {
  const refused = stack.telegram.client.records.calls.slice(before).filter((call) => call.status !== 200);
  expect(refused).toEqual([]);
}
