/** The admin bot in a scripted Telegram, and what people do in it. */
import type { Update } from "telegraf/types";
import type { Db } from "../../../functions/_shared/db.ts";
import { createBotCall } from "../../../functions/telegram/bot_api.ts";
import { createBot } from "../../../functions/telegram/bot.ts";
import { encodeAction } from "../../../functions/telegram/callback.ts";
import type { LogRecord } from "../../../functions/telegram/log.ts";
import { noRuns } from "./runs_fixture.ts";
import { scriptedTelegram } from "./scripted_telegram.ts";

export const ADMIN = 1001;
export const TRACE = "019525be-1f07-7ac0-8000-000000000001";
export const HOME = encodeAction({ screen: "home" });
export const TRACES = encodeAction({ screen: "traces" });

const TOKEN = "123456:AB-secret";

/** @param meanwhile What happens whenever it would sleep, for which nobody waits here. */
export async function givenBot(
  db: Db,
  { username, meanwhile }: { username?: string | undefined; meanwhile?: () => Promise<unknown> } = {},
) {
  const telegram = await scriptedTelegram();
  const logged: LogRecord[] = [];
  const slept: number[] = [];
  const bot = createBot({
    token: TOKEN,
    username,
    api: createBotCall({ token: TOKEN, apiRoot: telegram.apiRoot }),
    adminIds: [ADMIN],
    db,
    ...noRuns,
    log: (record) => void logged.push(record),
    now: () => new Date(),
    async sleep(ms) {
      slept.push(ms);
      await meanwhile?.();
    },
  });
  return { ...telegram, bot, logged, slept, methods: () => telegram.calls.map((call) => call.method) };
}

const chat = (id: number) => ({ id, type: "private", first_name: "Ada" });
export const from = (id = ADMIN) => ({ id, is_bot: false, first_name: "Ada" });

export const said = (text: string): Update =>
  ({
    update_id: 1,
    message: {
      message_id: 5,
      date: 1738324991,
      chat: chat(ADMIN),
      from: from(),
      text,
      ...(text.startsWith("/") && {
        entities: [{ type: "bot_command", offset: 0, length: text.split(" ")[0]!.length }],
      }),
    },
  }) as Update;

/** A button under a message of one's private chat. */
export const pressed = (data: string, update_id = 2, { user = ADMIN, message_id = 7 } = {}): Update =>
  ({
    update_id,
    callback_query: {
      id: "42",
      from: from(user),
      chat_instance: "1",
      data,
      message: { message_id, date: 1738324991, chat: chat(user), text: "old" },
    },
  }) as Update;
