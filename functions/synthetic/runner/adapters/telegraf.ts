/**
 * Telegraf: the clients of a bot and of its contexts call the Telegram in memory.
 *
 * @module
 */
import process from "node:process";
import { TelegramError } from "telegraf";
import type { Adapted, AdaptOptions } from "./adapter.ts";
import { LAUNCHED } from "./launched.ts";
import { includesMedia, jsonBody, uploadBody } from "./telegraf_body.ts";

interface Client {
  callApi(method: string, payload: object, options?: { signal?: AbortSignal }): Promise<unknown>;
  options: { webhookReply?: boolean };
}

type ContextType = new (update: object, client: Client, ...rest: unknown[]) => object;

/** The part of a Telegraf bot that is used. */
interface TelegrafBot {
  telegram: Client;
  options: { contextType: ContextType; handlerTimeout: number };
  botInfo?: object;
  polling?: unknown;
  webhookServer?: unknown;
  launch(): Promise<void>;
  handleUpdate(update: object): Promise<unknown>;
}

export function isTelegraf(bot: unknown): bot is TelegrafBot {
  const { telegram, options, handleUpdate } = Object(bot) as Partial<TelegrafBot>;
  return typeof telegram?.callApi === "function" && typeof options?.contextType === "function" &&
    typeof handleUpdate === "function";
}

export function adaptTelegraf(bot: TelegrafBot, { port, me, timeoutMs, download }: AdaptOptions): Adapted {
  const callApi: Client["callApi"] = async (method, payload, { signal } = {}) => {
    signal?.throwIfAborted();
    const body = includesMedia(payload) ? () => uploadBody(payload, download) : jsonBody(payload);
    const response = await port.post(method, body);
    signal?.throwIfAborted();
    // As the real client tells what went wrong.
    if (response.status >= 500) {
      throw new TelegramError({ error_code: response.status, description: response.statusText }, { method, payload });
    }
    const answer = await response.json();
    if (!answer.ok) throw new TelegramError(answer, { method, payload });
    return answer.result;
  };
  const redirect = (client: Client) => {
    client.callApi = callApi;
    client.options.webhookReply = false;
  };

  redirect(bot.telegram);
  bot.botInfo = telegrafInfo(me);
  // Telegraf makes a client of its own for each update, and hands it to the context's constructor.
  bot.options.contextType = new Proxy(bot.options.contextType, {
    construct(type, args: ConstructorParameters<ContextType>, target) {
      redirect(args[1]);
      return Reflect.construct(type, args, target);
    },
  });
  // Its timer would stay behind where a handler hangs.
  if (bot.options.handlerTimeout >= timeoutMs) bot.options.handlerTimeout = Infinity;
  bot.launch = () => Promise.reject(new Error(LAUNCHED));

  return {
    async handleUpdate(update) {
      const { exitCode } = process;
      try {
        return await bot.handleUpdate(update);
      } catch (error) {
        // Telegraf wants the process to fail; here it is the scenario that does.
        process.exitCode = exitCode;
        throw error;
      }
    },
    launched: () => bot.polling !== undefined || bot.webhookServer !== undefined,
  };
}

const telegrafInfo = (me: object): object => ({
  ...me,
  can_join_groups: true,
  can_read_all_group_messages: false,
  supports_inline_queries: false,
});
