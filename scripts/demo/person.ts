/**
 * A person with a Telegram app, over the users' side of the local Telegram (`functions/synthetic/telegram/client_http.ts`).
 *
 * @module
 */
import type { UserProfile } from "../../functions/synthetic/telegram/client.ts";
import type { ChatView } from "../../functions/synthetic/telegram/views.ts";

export type ShownMessage = ChatView["messages"][number];

export interface Person {
  /** Writes to the bot. Resolves to the message's id. */
  write(text: string): Promise<number>;
  /** Resolves to the bot's first message after message `id` that `done` accepts. @throws after `timeoutMs`. */
  answer(id: number, done: (message: ShownMessage) => boolean, timeoutMs: number): Promise<ShownMessage>;
}

export async function openChat(telegramUrl: string, user: UserProfile, bot: string): Promise<Person> {
  await call("POST", "users", user);
  const { key } = await call<ChatView>("POST", "chats", { user: user.id, bot });

  return {
    async write(text) {
      return (await call<ShownMessage>("POST", `chats/${key}/messages`, { text })).message_id;
    },
    async answer(id, done, timeoutMs) {
      const deadline = Date.now() + timeoutMs;
      for (let view = await call<ChatView>("GET", `chats/${key}`);;) {
        const found = view.messages.find((m) => m.message_id > id && m.from.is_bot && done(m));
        if (found) return found;
        if (Date.now() > deadline) {
          throw new Error(`${bot} has not answered ${user.first_name} within ${timeoutMs / 1000} s`);
        }
        view = await call<ChatView>("GET", `chats/${key}?after=${view.version}&timeout=1`);
      }
    },
  };

  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`${telegramUrl}/client/${path}`, {
      method,
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    if (!response.ok) throw new Error(`the local Telegram refused ${path}: ${await response.text()}`);
    return await response.json() as T;
  }
}
