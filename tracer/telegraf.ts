/**
 * Telegraf middleware: one trace per update. The types are structural; Telegraf itself is not imported.
 *
 * @module
 */
import type { Trace, TraceKeys } from "./handles.ts";
import type { Tracer } from "./tracer.ts";

/** The part of Telegraf's `Context` that is used. */
export interface UpdateContext {
  readonly update: { update_id: number };
  readonly state: object;
  readonly telegram: object;
}

export interface TraceUpdatesOptions<C extends UpdateContext> {
  /** Name of the pipeline, or how to tell it from the update. */
  pipeline: string | ((ctx: C) => string);
}

/**
 * Traces everything that comes after it: `bot.use(traceUpdates(tracer, { pipeline: "support" }))`. The trace is in
 * `ctx.state.trace`. Errors are recorded and passed on to the bot.
 */
export function traceUpdates<C extends UpdateContext>(
  tracer: Tracer,
  { pipeline }: TraceUpdatesOptions<C>,
): (ctx: C, next: () => Promise<void>) => Promise<void> {
  return (ctx, next) => {
    const keys = keysOf(ctx.update);
    return tracer.trace(nameOf(pipeline, ctx), (trace) => {
      Object.assign(ctx.state, { trace });
      followAnswers(ctx.telegram, keys.chat_id, trace);
      return next();
    }, keys);
  };
}

function nameOf<C extends UpdateContext>(pipeline: string | ((ctx: C) => string), ctx: C): string {
  if (typeof pipeline === "string") return pipeline;
  try {
    return String(pipeline(ctx));
  } catch {
    return "(unnamed)";
  }
}

interface Message {
  message_id?: number;
  chat?: { id: number };
}

/** What the kinds of updates have in common: beside its id, an update has one field, the event. */
interface UpdateEvent extends Message {
  /** Of a button's press. */
  message?: Message;
  from?: { id: number };
  /** Instead of `from`, of reactions and boosts. */
  user?: { id: number };
}

function keysOf({ update_id, ...fields }: { update_id: number }): TraceKeys {
  const event = Object.values(fields as Record<string, UpdateEvent>)[0] ?? {};
  const { chat, message_id } = event.message ?? event;
  return { update_id, chat_id: chat?.id, user_id: (event.from ?? event.user)?.id, message_id };
}

/**
 * The trace gets the id of the last message that the bot has sent to, or edited in, the chat of the update, so that a
 * message leads to the trace behind it. Telegraf makes a client of its own for each update: nothing has to be undone.
 */
function followAnswers(telegram: object, chatId: number | undefined, trace: Trace): void {
  const client = telegram as { callApi?: (...args: unknown[]) => Promise<unknown> };
  const { callApi } = client;
  if (typeof callApi !== "function") return;
  client.callApi = async (...args) => {
    const result = await callApi.apply(client, args);
    const message = result as Message | true | null | undefined;
    if (typeof message === "object" && message?.message_id !== undefined && message.chat?.id === chatId) {
      trace.set({ message_id: message.message_id });
    }
    return result;
  };
}
