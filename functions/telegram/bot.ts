/**
 * The admin bot: commands and buttons in, screens out.
 *
 * @module
 */
import { type Context, Telegraf } from "telegraf";
import { message } from "telegraf/filters";
import type { Update } from "telegraf/types";
import type { Answered, Db, Lane, Role } from "../_shared/db.ts";
import type { BotCall } from "./bot_api.ts";
import { type Action, decodeAction } from "./callback.ts";
import { allows, hasEffect, needs } from "./access.ts";
import { isTransient, type SendDeps } from "./calls.ts";
import { commandReply } from "./commands.ts";
import { commandOf, type HeadOptions } from "./head.ts";
import { holdLane, leaveLane } from "./lane.ts";
import { createLatest } from "./latest.ts";
import { describe, type Log } from "./log.ts";
import { openAllowed } from "./open_allowed.ts";
import { UpdateRecord } from "./record.ts";
import { MAX_VISIBLE } from "./render/html.ts";
import type { Reply, Screen } from "./render/screen.ts";
import type { ScreenDeps } from "./screens/deps.ts";
import { failureScreen } from "./screens/failure.ts";
import { answer, show, type Target } from "./send.ts";
import { sendExport } from "./send_export.ts";

/** A page does not wait longer than this, in milliseconds, for Telegram to take the answer to the press that asks for it. */
const ANSWER_WAIT_MS = 1000;
/** Nor does the answer to a press wait longer, in milliseconds, for what it changes: it might have to say that it may not. */
const CHANGE_WAIT_MS = 500;
/** Longest `retry_after` that is waited for, in seconds. A person has left by then. */
const MAX_RETRY_AFTER_S = 15;
/** Longest handling of one update, in milliseconds: half of its claim, so that nobody else is at it meanwhile. */
const HANDLER_TIMEOUT_MS = 30_000;
/** How often a message is looked at again, see {@link Screen.again}. */
const MAX_AGAIN = 3;

export interface BotOptions extends Omit<ScreenDeps, "actor">, HeadOptions {
  token: string;
  api: BotCall;
  log: Log;
}

/** What the database said when the update was claimed. Without it, nothing may be changed. */
export interface Admission {
  role: Role;
  lane: Lane;
  rich: boolean;
  /** Why there is no claim. */
  unclaimed?: unknown;
}

export interface Bot {
  /** Never throws. */
  handle(update: Update, admission: Admission): Promise<Handling>;
}

export interface Handling extends Answered {
  /** False when the update could not be handled now, but may be when it is delivered again. */
  handled: boolean;
  /**
   * What goes on after the update was answered: Telegram delivers those of a chat one after the other, each when the one
   * before it was answered. It is not delivered again, and ends with `handled` true. Never rejects.
   */
  later?: Promise<Handling>;
}

/** An update while it is handled. */
export interface Handled {
  admission: Admission;
  record: UpdateRecord;
  /** When it must have ended, on the clock of `performance.now`. */
  until: number;
  /** A change was begun: it must not be made again, after what admins have done since. */
  changing: boolean;
  /** What is left to be done without anybody waiting for it. */
  later?: Promise<unknown>;
}

export function createBot(options: BotOptions): Bot {
  const { token, username = "", log } = options;
  // It routes updates; calls are made by bot_api.ts.
  const telegraf = new Telegraf(token, { handlerTimeout: HANDLER_TIMEOUT_MS });
  // Preset, for a cold start would ask Telegram for it. What is not known here is not used.
  telegraf.botInfo = {
    id: Number(token.split(":")[0]),
    is_bot: true,
    first_name: "Tracegram",
    username,
    can_join_groups: true,
    can_read_all_group_messages: false,
    supports_inline_queries: false,
  };
  // Telegraf's own handler prints the whole update and sets the exit code of the process.
  telegraf.catch((error) => {
    throw error;
  });
  const handling = new WeakMap<Update, Handled>();
  addHandlers(telegraf, options, (ctx) => handling.get(ctx.update)!);

  return {
    async handle(update, admission) {
      const record = new UpdateRecord(admission.rich);
      const handled: Handled = { admission, record, until: performance.now() + HANDLER_TIMEOUT_MS, changing: false };
      handling.set(update, handled);
      try {
        await telegraf.handleUpdate(update);
        const done = () => ({ handled: true, ...record.answered });
        if (!handled.later) return done();
        const later = handled.later.catch((error: unknown) => failed(error, handled)).then(done);
        return { ...done(), later };
      } catch (error) {
        // A refusal or a mistake of ours would be the same each time, and Telegram would send it for a day. And who does not
        // see what became of a change looks again.
        return { handled: !failed(error, handled) || handled.changing, ...record.answered };
      }

      /** Whether it may succeed later. */
      function failed(error: unknown, { changing, later }: Handled): boolean {
        const transient = isTransient(error);
        const how = { transient, changing, answered: later !== undefined };
        log({ level: "warn", event: "update_failed", update_id: update.update_id, ...how, ...describe(error) });
        return transient;
      }
    },
  };
}

function addHandlers(telegraf: Telegraf, options: BotOptions, handledOf: (ctx: Context) => Handled): void {
  const latest = createLatest();

  telegraf.on(message("text"), async (ctx) => {
    const started = performance.now();
    const isGroup = ctx.chat.type !== "private";
    const command = commandOf(ctx.message.text, options, isGroup);
    const asked = { command, reply: ctx.message, isGroup };
    const handled = handledOf(ctx);
    const { unclaimed } = handled.admission;
    const changing = () => void (handled.changing = true);
    const ways = { unclaimed, changing, open: (action: Action) => open(ctx, action), failed };
    const reply = await commandReply(depsOf(ctx), options, asked, ways).catch((error: unknown) =>
      failed(error, { screen: "home" })
    );
    const message_thread_id = ctx.message.is_topic_message ? ctx.message.message_thread_id : undefined;
    await deliver(ctx, { chat_id: ctx.chat.id, message_thread_id }, reply, started);
  });

  telegraf.on("callback_query", async (ctx) => {
    const started = performance.now();
    const { id, message: under } = ctx.callbackQuery;
    if (!under) return await answer(sending(ctx), id);
    // What is of an earlier version leads home (head.ts has refused everything else).
    const data = "data" in ctx.callbackQuery ? ctx.callbackQuery.data : "";
    const action = decodeAction(data) ?? { screen: "home" };
    const handled = handledOf(ctx);
    const { admission } = handled;
    // A change is made, whatever will be shown of it; and what is refused is said in the answer to the press.
    const isAtOnce = hasEffect(action) || !allows(admission.role, needs(action));
    const changing = isAtOnce ? open(ctx, action) : undefined;
    const soon = changing && await atMost(CHANGE_WAIT_MS, changing);
    if (soon && "toast" in soon) return await toast(ctx, id, soon, started);
    const answered = answer(sending(ctx), id);
    const changed = await changing;
    // Presses queue in the order they came, not in the order in which their answers reach Telegram.
    let sendFile: (() => Promise<void>) | undefined;
    const turn = latest(`${under.chat.id}:${under.message_id}`, ctx.update.update_id, async (isNewest) => {
      await atMost(ANSWER_WAIT_MS, answered);
      if (!await holdLane(options, ctx.update.update_id, admission.lane, isNewest)) return;
      const reply = changed ?? await open(ctx, action);
      if (!isNewest()) return;
      const isPicture = "photo" in under;
      const message_thread_id = "is_topic_message" in under && under.is_topic_message
        ? under.message_thread_id
        : undefined;
      const isEdit = !("fresh" in reply && reply.fresh);
      const edited = isEdit ? { message_id: under.message_id, isPicture } : {};
      const send = () => deliver(ctx, { chat_id: under.chat.id, message_thread_id, ...edited }, reply, started);
      if ("content" in reply) sendFile = send;
      else await send();
    });
    const shown = turn.then(async () => {
      if (sendFile && await leaveLane(options, ctx.update.update_id)) await sendFile();
    });
    const ended = Promise.all([shown, answered]);
    // Who waits would keep the press from coming that will be shown instead.
    if (admission.lane === "wait") handled.later = ended;
    else await ended;
  });

  /** What an action is answered with; a failure is a screen, too. */
  async function open(ctx: Context, action: Action): Promise<Reply> {
    const handled = handledOf(ctx);
    try {
      if (hasEffect(action) && !handled.admission.unclaimed) handled.changing = true;
      return await openAllowed(depsOf(ctx), action, handled.admission);
    } catch (error) {
      return failed(error, action);
    }
  }

  function failed(error: unknown, action: Action): Reply {
    options.log({ level: "warn", event: "screen_failed", screen: action.screen, ...describe(error) });
    return failureScreen(error, action);
  }

  async function deliver(ctx: Context, target: Target, reply: Reply, started: number): Promise<void> {
    const chars = "content" in reply ? reply.caption.length : reply.chars;
    const shown = "content" in reply
      ? await sendExport(sending(ctx), target, reply)
      : await show(sending(ctx), target, reply);
    const ms = Math.round(performance.now() - started);
    const level = chars > MAX_VISIBLE || shown === "given_up" ? "warn" : "info";
    options.log({ level, event: "response", screen: reply.name, chars, ms, shown });
    if ("again" in reply && (shown === "edited" || shown === "unchanged")) await showAgain(ctx, target, reply);
  }

  /** The message is not touched: it may be another one's, and the answer is seen by who has pressed alone. */
  async function toast(ctx: Context, id: string, { name, toast }: Screen, started: number): Promise<void> {
    const chars = toast!.length;
    sending(ctx).showing({ name, chars });
    await answer(sending(ctx), id, toast);
    const ms = Math.round(performance.now() - started);
    options.log({ level: "info", event: "response", screen: name, chars, ms, shown: "toast" });
  }

  /** What cannot be shown again is not a failure of the press. */
  async function showAgain(ctx: Context, target: Target, shown: Screen): Promise<void> {
    try {
      let next = await shown.again?.();
      for (let i = 0; next && i < MAX_AGAIN; i++) {
        const again = await show(sending(ctx), target, next);
        options.log({ level: "info", event: "shown_again", screen: next.name, shown: again });
        next = await next.again?.();
      }
    } catch (error) {
      options.log({ level: "warn", event: "not_shown_again", screen: shown.name, ...describe(error) });
    }
  }

  function depsOf(ctx: Context): ScreenDeps {
    const { record, admission } = handledOf(ctx);
    const actor = { user_id: ctx.from!.id, chat_id: ctx.chat!.id, role: admission.role };
    const db = admission.unclaimed ? awayDb(options.db, admission.unclaimed) : options.db;
    const { now, sleep, runner, tellRun } = options;
    return { db: record.timed(db), now, sleep, actor, runner, tellRun };
  }

  function sending(ctx: Context): SendDeps {
    const { record, until } = handledOf(ctx);
    return {
      api: options.api,
      log: options.log,
      sleep: options.sleep,
      left: () => until - performance.now(),
      maxRetryAfterS: MAX_RETRY_AFTER_S,
      rateLimited: (retryAfterS) => record.rateLimited(retryAfterS),
      showing: (shown) => record.showing(shown),
      rich: record.rich,
    };
  }
}

/** A database that has just failed is not waited for once more. */
const awayDb = (db: Db, error: unknown): Db =>
  Object.fromEntries(Object.keys(db).map((name) => [name, () => Promise.reject(error)])) as unknown as Db;

/** Waits for `promise`, but not longer than `ms`. */
async function atMost<T>(ms: number, promise: Promise<T>): Promise<T | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<undefined>((resolve) => timer = setTimeout(resolve, ms, undefined));
  return await Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
