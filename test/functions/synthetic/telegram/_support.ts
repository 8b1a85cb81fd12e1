/**
 * A Telegram with one bot, Ada's started chat with it, and a clock that stands until a test moves it.
 *
 * @module
 */
import { createTelegram, type TelegramOptions } from "../../../../functions/synthetic/telegram/telegram.ts";

export const TOKEN = "7001:AAtest-token_A";
export const OTHER_TOKEN = "7002:AAtest-token_B";
export const ADA = { id: 1001, first_name: "Ada", username: "ada" };
export const BOB = { id: 1002, first_name: "Bob" };
/** Key of Ada's chat with the first bot. */
export const CHAT = "7001:1001";
export const START = Date.UTC(2026, 0, 2, 3, 4, 5);

export function setUp(options: Partial<TelegramOptions> = {}) {
  const clock = { now: START };
  const telegram = createTelegram({
    bots: [{ token: TOKEN, username: "first_bot" }, { token: OTHER_TOKEN, username: "other_bot" }],
    users: [ADA, BOB],
    now: () => clock.now,
    ...options,
  });
  telegram.client.openChat(ADA.id, "first_bot");
  telegram.client.send({ chat: CHAT, text: "/start" });

  /** Calls the Bot API as the first bot. */
  // deno-lint-ignore no-explicit-any -- answers differ by method, and tests look into them
  async function api(method: string, params: Record<string, unknown> = {}, token = TOKEN): Promise<any> {
    const response = await telegram.handle(
      new Request(`http://telegram.test/bot${token}/${method}`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(params),
      }),
    );
    return await response.json();
  }
  /** Sends to Ada's chat as the first bot. */
  const say = (text: string, extra: object = {}) => api("sendMessage", { chat_id: ADA.id, text, ...extra });

  return { telegram, client: telegram.client, clock, api, say };
}

export const badRequest = (description: string) => ({
  ok: false,
  error_code: 400,
  description: `Bad Request: ${description}`,
});

export const keyboard = (...labels: string[]) => ({
  inline_keyboard: [labels.map((label) => ({ text: label, callback_data: label.toLowerCase() }))],
});
