/** Admins in their private chats with the admin bot, on a stack of the test file's own. */
import { expect } from "vitest";
import type { ChatView } from "../../functions/synthetic/telegram/views.ts";
import type { TelegramOptions } from "../../functions/synthetic/telegram/telegram.ts";
import type { Update } from "../../functions/synthetic/telegram/types.ts";
import type { WireTrace } from "../../tracer/wire.ts";
import { wordsOf } from "./rich.ts";
import { startTestStack, type TestStack } from "./stack.ts";

/** What is at it for longer was left behind by an outage. */
const HANDLED_MS = 30_000;

export const ADMIN_BOT = "tracegram_admin_bot";

export interface AdminStack extends TestStack {
  admins: readonly number[];
  /** Opens the chat of a user, of an admin when left out, with the bot. */
  person(user?: number): Person;
  /** Sends traces to the ingest function as the bot does; each must be stored. */
  ingest(traces: readonly WireTrace[]): Promise<void>;
  /** Posts an update to the bot as whoever knows the secret, or as one who does not, and waits until it is handled. */
  post(update: object, secret?: string): Promise<Response>;
  /** Runs `act`, which returns the chat and id of a message or the id of a query, and waits until the bot has handled it. */
  accepted(act: () => string): Promise<void>;
  /** Waits until no update is being handled. */
  idle(): Promise<void>;
  /** Like {@link accepted}, of several that are done within a second, none waiting for what becomes of the others. */
  hurried(acts: readonly (() => string)[]): Promise<void>;
}

export interface Person {
  chat: string;
  /** Sends a text, as a reply to a message if so wanted, and comes back when the bot has handled it. */
  say(text: string, reply_to?: number): Promise<ChatView>;
  /** Presses a button of the last message, by its label, and comes back when the bot has handled it. */
  press(label: string): Promise<ChatView>;
  /** Presses what no button carries. */
  forge(data: string): Promise<ChatView>;
  view(): ChatView;
}

/**
 * Telegram is as strict as ever, in a shorter window of its rate limit; and its clock moves on a second with each thing that
 * a {@link Person} does or that is posted, so that only what is meant to reach the limit does.
 */
export async function startAdminStack(
  telegram: Partial<TelegramOptions> = {},
  { isolates = 1, synthetic = 0, env = {} }: {
    isolates?: number;
    /** Isolates of the function that runs the tests. */
    synthetic?: number;
    env?: Record<string, string>;
  } = {},
): Promise<AdminStack> {
  const admins = [1001, 1002, 1003];
  const waiting = new Map<string, () => void>();
  let ahead = 0;

  /** What the update is about, as its sender knows it. */
  const nameOf = ({ callback_query, message }: Update) =>
    callback_query?.id ?? `${message!.chat.id}:${message!.message_id}`;

  const watch: typeof fetch = async (url, init) => {
    const response = await fetch(url, init);
    if (response.ok) {
      const update = JSON.parse(String(init!.body)) as Update;
      void handled(update).then(() => waiting.get(nameOf(update))?.());
    }
    return response;
  };
  const stack = await startTestStack({
    env: { TELEGRAM_ADMIN_IDS: admins.join(","), ...env },
    isolates: { telegram: isolates, synthetic },
    telegram: {
      now: () => Date.now() + ahead,
      limits: { chat: { count: 5, ms: 1000 } },
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
  const db = stack.client("postgres");
  // A test may take the database away.
  db.on("error", () => {});
  await db.connect();

  // One after the other: a connection answers one question at a time.
  let looked: Promise<unknown> = Promise.resolve();
  function isGoingOn(update_id: unknown): Promise<boolean> {
    const going =
      "select from tracegram.seen_updates where handled_at is null and ($1::bigint is null or update_id = $1)";
    const looking = looked.then(() => db.query(going, [update_id])).then(({ rows }) => rows.length > 0, () => false);
    looked = looking;
    return looking;
  }

  /** A press may go on after it was accepted. */
  async function handled({ update_id = null }: { update_id?: unknown }): Promise<void> {
    const end = Date.now() + HANDLED_MS;
    while (Date.now() < end && await isGoingOn(update_id)) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async function accepted(act: () => string): Promise<void> {
    // The answer to what is posted meanwhile cannot be here before the next line is.
    const name = act();
    await new Promise<void>((resolve) => waiting.set(name, resolve));
  }

  async function hurried(acts: readonly (() => string)[]): Promise<void> {
    await Promise.all(acts.map(async (act, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 900 / acts.length));
      await accepted(act);
    }));
  }

  async function ingest(traces: readonly WireTrace[]): Promise<void> {
    const response = await fetch(stack.info.functions["ingest"]!, {
      method: "POST",
      headers: { authorization: `Bearer ${stack.info.ingest_key}`, "content-type": "application/json" },
      body: JSON.stringify(traces),
    });
    expect(await response.json()).toMatchObject({ rejected: 0, duplicate: 0 });
  }

  async function post(update: object, secret = stack.info.webhook_secret): Promise<Response> {
    ahead += 1000;
    const response = await fetch(stack.info.functions["telegram"]!, {
      method: "POST",
      headers: { "content-type": "application/json", "x-telegram-bot-api-secret-token": secret },
      body: JSON.stringify(update),
    });
    if (response.ok) await handled(update);
    return response;
  }

  function person(user = admins[0]!): Person {
    const chat = client.openChat(user, ADMIN_BOT).key;
    async function settled(act: () => string): Promise<ChatView> {
      ahead += 1000;
      await accepted(act);
      return client.chat(chat);
    }
    const press = (button: { label: string } | { data: string; forged: true }) =>
      settled(() => client.press({ chat, message_id: lastOf(client.chat(chat)).message_id, ...button }));
    return {
      chat,
      view: () => client.chat(chat),
      say: (text, reply_to) =>
        settled(() => `${user}:${client.send({ chat, text, ...(reply_to !== undefined && { reply_to }) }).message_id}`),
      press: (label) => press({ label }),
      forge: (data) => press({ data, forged: true }),
    };
  }
  async function end(): Promise<void> {
    await db.end().catch(() => {});
    await stack.end();
  }
  return { ...stack, end, admins, person, ingest, post, accepted, hurried, idle: () => handled({}) };
}

export const lastOf = (view: ChatView) => view.messages.at(-1)!;

/** What the last message says, rich or not. */
export const saidIn = (view: ChatView): string => wordsOf(lastOf(view));

/** What the last press was answered with over the chat, where that is more than nothing. */
export const toastIn = ({ telegram }: TestStack): string | undefined =>
  telegram.client.records.calls.findLast(({ method }) => method === "answerCallbackQuery")?.params["text"];

/** Rows of button labels under the last message. */
export const buttonsOf = (view: ChatView): string[][] =>
  lastOf(view).reply_markup!.inline_keyboard.map((row) => row.map((button) => button.text));

/** What the button of this label under the last message carries. */
export const dataOf = (view: ChatView, label: string): string =>
  lastOf(view).reply_markup!.inline_keyboard.flat().find(({ text }) => text === label)!.callback_data!;

/** The label of the button that says which page is shown. */
export const pageOf = (view: ChatView): string => buttonsOf(view).flat().find((label) => label.startsWith("Page"))!;
