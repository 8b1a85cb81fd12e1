/** What Telegram is told about the bot: where updates go, and which commands its admins see. */
import { type BotApi, Refused } from "./telegram.ts";

const ALLOWED_UPDATES = ["message", "callback_query"];
/** Each connection may be an isolate of the function and a connection to the database; admins are few. */
const MAX_CONNECTIONS = 10;

const COMMANDS = [
  { command: "admin", description: "How your bot does: health, traces, errors, costs, alerts" },
  { command: "trace", description: "In reply to a message of your bot: the trace that made it" },
  { command: "help", description: "What /admin understands" },
];

export interface Admission {
  /** Admins who have a chat with the bot. */
  reachable: number[];
  notes: string[];
}

/** A bot cannot write to somebody who never wrote to it. */
export async function admit(bot: BotApi, admins: readonly number[], username: string): Promise<Admission> {
  const reachable: number[] = [];
  const notes: string[] = [];
  for (const id of admins) {
    try {
      await bot.call("getChat", { chat_id: id });
      reachable.push(id);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      notes.push(
        `${id} has not started the bot: open https://t.me/${username}, press Start, then npm run deploy again`,
      );
    }
  }
  return { reachable, notes };
}

/** Always, for Telegram does not say which secret it has. Returns what a person should know about the one before. */
export async function setWebhook(bot: BotApi, url: string, secret: string): Promise<string[]> {
  const { url: before } = await bot.call("getWebhookInfo");
  await bot.call("setWebhook", {
    url,
    secret_token: secret,
    allowed_updates: ALLOWED_UPDATES,
    max_connections: MAX_CONNECTIONS,
    drop_pending_updates: false,
  });
  return before === "" || before === url ? [] : [`the bot's updates went to ${before} before`];
}

export async function webhookPlan(bot: BotApi, url: string): Promise<string> {
  const { url: now } = await bot.call("getWebhookInfo");
  return now === url ? "would set the webhook again" : `would set the webhook to ${url}, now ${now || "none"}`;
}

/** In the admins' own chats: nobody else is shown commands that would not be answered. */
export async function setCommands(bot: BotApi, admins: readonly number[]): Promise<void> {
  for (const chat_id of admins) {
    await bot.call("setMyCommands", { commands: COMMANDS, scope: { type: "chat", chat_id } });
  }
}
