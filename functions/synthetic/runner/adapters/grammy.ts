/**
 * grammY: its own client, with a `fetch` into the Telegram in memory. The author's transformers stay where they are.
 *
 * @module
 */
import type { User } from "../../telegram/types.ts";
import type { Adapted, AdaptOptions } from "./adapter.ts";
import { readForm } from "./grammy_form.ts";
import { LAUNCHED } from "./launched.ts";
import { bytesOf } from "./telegraf_body.ts";
import type { TelegramPort } from "./telegram_port.ts";

type Call = (method: string, payload: object, signal?: AbortSignal) => Promise<unknown>;
type Transformer = (prev: Call, method: string, payload: object, signal?: AbortSignal) => Promise<unknown>;

interface Api {
  raw: Record<string, (payload: object) => Promise<unknown>>;
  config: { use(...transformers: Transformer[]): void; installedTransformers(): Transformer[] };
}

/** The part of a grammY bot that is used. */
interface GrammyBot {
  token: string;
  api: Api;
  clientConfig: object | undefined;
  botInfo: object;
  errorHandler(error: unknown): unknown;
  isRunning?(): boolean;
  start(): Promise<void>;
  handleUpdate(update: object): Promise<void>;
}

export function isGrammy(bot: unknown): bot is GrammyBot {
  const { api, errorHandler, handleUpdate } = Object(bot) as Partial<GrammyBot>;
  return typeof api?.config?.installedTransformers === "function" && typeof errorHandler === "function" &&
    typeof handleUpdate === "function";
}

export async function adaptGrammy(bot: GrammyBot, { port, me }: AdaptOptions): Promise<Adapted> {
  const running = bot.isRunning?.() ?? false;
  // Each update's client is made from it.
  bot.clientConfig = { ...bot.clientConfig, fetch: fetchInto(port) };
  const inMemory = await callOf(bot);
  // The bot's own client is there already, and may be held by anybody: whatever it is asked goes another way, through
  // the transformers that it had so far.
  const before = bot.api.config.installedTransformers();
  const call = before.reduce<Call>((prev, next) => (...args) => next(prev, ...args), inMemory);
  bot.api.config.use((_, ...args) => call(...args));
  bot.botInfo = grammyInfo(me);
  bot.start = () => Promise.reject(new Error(LAUNCHED));

  return {
    async handleUpdate(update) {
      try {
        await bot.handleUpdate(update);
      } catch (error) {
        // As grammY does it when it polls.
        await bot.errorHandler(error);
      }
    },
    launched: () => running || (bot.isRunning?.() ?? false),
  };
}

/** What grammY's client does below all transformers, with the bot's settings. */
async function callOf({ api, token, clientConfig }: GrammyBot): Promise<Call> {
  const { raw, config } = new (api.constructor as new (token: string, config?: object) => Api)(token, clientConfig);
  let inner: Call | undefined;
  config.use((prev) => {
    inner = prev;
    return Promise.resolve({ ok: true, result: true });
  });
  await raw.getMe!({});
  return inner!;
}

interface FetchInit {
  body?: unknown;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

function fetchInto(port: TelegramPort) {
  return async (url: string | URL, { body, headers, signal }: FetchInit = {}): Promise<Response> => {
    if (signal?.aborted) throw new DOMException("The operation was aborted.", "AbortError");
    const method = String(url).split(/[?#]/)[0]!.split("/").at(-1)!;
    if (typeof body === "string") return await port.post(method, body);
    const { "content-type": type = "" } = headers ?? {};
    return await port.post(method, async () => readForm(await bytesOf(body) ?? new Uint8Array(), type));
  };
}

const grammyInfo = (me: User): object => ({
  ...me,
  can_join_groups: true,
  can_read_all_group_messages: false,
  supports_inline_queries: false,
  can_connect_to_business: false,
  has_main_web_app: false,
  has_topics_enabled: false,
  allows_users_to_create_topics: false,
});
