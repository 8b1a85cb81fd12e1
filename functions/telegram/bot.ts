/**
 * The admin bot: commands and buttons in, screens out. Who may use it is decided here too.
 *
 * @module
 */
import { type Context, Telegraf } from "telegraf";
import { message } from "telegraf/filters";
import type { Update } from "telegraf/types";
import type { AdminResponse } from "../_shared/db.ts";
import { type Action, decodeAction } from "./callback.ts";
import { createLatest } from "./latest.ts";
import { describe, type Log } from "./log.ts";
import { UpdateRecord } from "./record.ts";
import { MAX_VISIBLE } from "./render/html.ts";
import type { Screen } from "./render/screen.ts";
import type { ScreenDeps } from "./screens/deps.ts";
import { failureScreen } from "./screens/failure.ts";
import { openScreen } from "./screens/open.ts";
import { usageScreen } from "./screens/usage.ts";
import { answer, isTransient, type SendDeps, show, type Target } from "./send.ts";

/** A page does not wait longer than this, in milliseconds, for Telegram to take the answer to the press that asks for it. */
const ANSWER_WAIT_MS = 1000;
/** `/admin`, `/admin@name`, and what follows. Of the text alone: not every sender of updates marks its commands. */
const ADMIN_COMMAND = /^\/admin(?:@(\w+))?(?:\s+(.*))?$/is;

/** Longest handling of one update, in milliseconds: room for a slow query and one wait for Telegram's rate limit. */
const HANDLER_TIMEOUT_MS = 30_000;

export interface BotOptions extends Omit<ScreenDeps, "actor"> {
  token: string;
  /** Without the `@`; needed only for commands that name the bot, such as `/admin@my_bot`. */
  username?: string | undefined;
  apiRoot: string;
  adminIds: readonly number[];
  log: Log;
  /** Waits for Telegram's rate limit. */
  sleep: (ms: number) => Promise<void>;
}

export interface Bot {
  /** Whether the update is a message or a pressed button of an admin, in a private chat. */
  admits(update: Update): boolean;
  /** Never throws. */
  handle(update: Update): Promise<Handling>;
}

export interface Handling {
  /** False when the update could not be handled now, but may be when it is delivered again. */
  handled: boolean;
  responses: AdminResponse[];
}

export function createBot(options: BotOptions): Bot {
  const { token, username = "", apiRoot, log } = options;
  const telegraf = new Telegraf(token, {
    handlerTimeout: HANDLER_TIMEOUT_MS,
    telegram: { apiRoot, webhookReply: false },
  });
  // Preset, for a cold start would ask Telegram for it. What is not known here is not used.
  telegraf.botInfo = {
    id: Number(token.split(":")[0]),
    is_bot: true,
    first_name: "Tracegram",
    username,
    can_join_groups: false,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
  };
  // Telegraf's own handler prints the whole update and sets the exit code of the process.
  telegraf.catch((error) => {
    throw error;
  });
  const records = new WeakMap<Update, UpdateRecord>();
  addHandlers(telegraf, options, (ctx) => records.get(ctx.update)!);

  const admins = new Set(options.adminIds);
  return {
    admits(update) {
      const { from, chat } = partiesOf(update);
      return chat?.type === "private" && from !== undefined && admins.has(from.id);
    },
    async handle(update) {
      const record = new UpdateRecord();
      records.set(update, record);
      try {
        await telegraf.handleUpdate(update);
        return { handled: true, responses: record.responses };
      } catch (error) {
        const transient = isTransient(error);
        log({ level: "warn", event: "update_failed", update_id: update.update_id, transient, ...describe(error) });
        // A refusal or a mistake of ours would be the same each time, and Telegram would send it for a day.
        return { handled: !transient, responses: record.responses };
      }
    },
  };
}

/** Sender and chat, of the kinds of update that the bot answers. */
export function partiesOf(update: Partial<Update.MessageUpdate & Update.CallbackQueryUpdate>) {
  const from = update.message?.from ?? update.callback_query?.from;
  return { from, chat: update.message?.chat ?? update.callback_query?.message?.chat };
}

function addHandlers(telegraf: Telegraf, options: BotOptions, recordOf: (ctx: Context) => UpdateRecord): void {
  const latest = createLatest();

  telegraf.hears(ADMIN_COMMAND, async (ctx) => {
    const [, name, words = ""] = ctx.match;
    const isForUs = !name || !options.username || name.toLowerCase() === options.username.toLowerCase();
    if (isForUs && words.trim().toLowerCase() === "traces") await respond(ctx, { screen: "traces" });
    else await deliver(ctx, { chat_id: ctx.chat.id }, usageScreen(), performance.now());
  });

  // Also /start, and whatever else an admin writes.
  telegraf.on(message("text"), (ctx) => deliver(ctx, { chat_id: ctx.chat.id }, usageScreen(), performance.now()));

  telegraf.on("callback_query", async (ctx) => {
    const answered = answer(sending(ctx), ctx.callbackQuery.id);
    const under = ctx.callbackQuery.message;
    if (!under) return await answered;
    const data: unknown = "data" in ctx.callbackQuery ? ctx.callbackQuery.data : null;
    const action = typeof data === "string" ? decodeAction(data) : null;
    // Presses queue in the order they came, not in the order in which their answers reach Telegram.
    await latest(`${under.chat.id}:${under.message_id}`, async (isNewest) => {
      await atMost(ANSWER_WAIT_MS, answered);
      await respond(ctx, action ?? { screen: "traces" }, under.message_id, isNewest);
    });
    await answered;
  });

  /** Opens the screen and shows it, unless a newer press will replace it at once. */
  async function respond(ctx: Context, action: Action, message_id?: number, isNewest = () => true): Promise<void> {
    const started = performance.now();
    const actor = { user_id: ctx.from!.id, chat_id: ctx.chat!.id, role: "owner" } as const;
    const deps = { db: recordOf(ctx).timed(options.db), now: options.now, actor };
    const screen = await openScreen(deps, action).catch((error: unknown) => {
      options.log({ level: "warn", event: "screen_failed", screen: action.screen, ...describe(error) });
      return failureScreen(error, action);
    });
    if (!isNewest()) return;
    const isEdit = message_id !== undefined && !("fresh" in screen && screen.fresh);
    const target = { chat_id: ctx.chat!.id, ...(isEdit && { message_id }) };
    await deliver(ctx, target, screen as Screen, started);
  }

  async function deliver(ctx: Context, target: Target, screen: Screen, started: number): Promise<void> {
    recordOf(ctx).showing(screen);
    const shown = await show(sending(ctx), target, screen);
    const ms = Math.round(performance.now() - started);
    const level = screen.chars > MAX_VISIBLE || shown === "given_up" ? "warn" : "info";
    options.log({ level, event: "response", screen: screen.name, chars: screen.chars, ms, shown });
  }

  const sending = (ctx: Context): SendDeps => ({
    telegram: ctx.telegram,
    log: options.log,
    sleep: options.sleep,
    rateLimited: (retryAfterS) => recordOf(ctx).rateLimited(retryAfterS),
  });
}

/** Waits for `promise`, but not longer than `ms`. */
async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  await Promise.race([promise, new Promise((resolve) => timer = setTimeout(resolve, ms))]);
  clearTimeout(timer);
}
