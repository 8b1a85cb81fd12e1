/**
 * What the middleware for Telegraf and the one for grammY share: which trace an update becomes, and what is recorded of
 * the calls that its handlers make to Telegram.
 *
 * @module
 */
import { automaticStep, inTrace } from "./automatic.ts";
import type { Trace } from "./handles.ts";
import type { Tracer } from "./tracer.ts";
import { keysOf, pipelineOf, type Update } from "./update_keys.ts";

/** What `traceUpdates` adds to a context: `new Telegraf<Context & Traced>(…)`, `new Bot<Context & Traced>(…)`. */
export interface Traced<Name extends string = string> {
  /** The trace of this update. Its `id` is what a user who complains can tell you, and what a log line can hold. */
  trace: Trace<Name>;
}

/** The part of a context that both libraries have in common. */
export interface UpdateContext {
  readonly update: Update;
}

/** How updates are traced. */
export interface TraceUpdatesOptions<C extends UpdateContext> {
  /**
   * Name of the pipeline, or how to tell it from the update.
   *
   * @default the command, such as `/start`, or else the type of the update, such as `message:photo` or `callback_query`.
   * Users can write commands that no bot has: from the 51st different one on, all others are called `/…`.
   */
  pipeline?: string | ((ctx: C) => string | undefined) | undefined;
  /**
   * Record calls to Telegram that are made through the context as steps `tg.<method>`. @default true
   *
   * A step ends with Telegram's answer, and its error is Telegram's, such as `429: Too Many Requests: retry after 5`.
   */
  apiCalls?: boolean | undefined;
}

/** A call to Telegram by an update's handlers: `call` makes it, and what it resolves to is passed on. */
export type FollowCall = <T>(method: string, payload: unknown, call: () => Promise<T>) => Promise<T>;

/** The middleware, but for the way into the client of the library: `follow` sends all its calls through a function. */
export function updateTracer<C extends UpdateContext>(
  tracer: Tracer,
  { pipeline, apiCalls = true }: TraceUpdatesOptions<C>,
  follow: (ctx: C, followCall: FollowCall) => void,
): (ctx: C, next: () => Promise<void>) => Promise<void> {
  const commands = new Set<string>();
  return (ctx, next) => {
    const keys = keysOf(ctx.update);
    const name = nameOf(pipeline, ctx) ?? pipelineOf(ctx.update, commands);
    return tracer.trace(name, (trace) => {
      const followCall: FollowCall = async (method, payload, call) => {
        if (!inTrace() || method === "getUpdates") return await call();
        const answer = await (apiCalls ? automaticStep(tracer, `tg.${method}`, call, refusalIn) : call());
        // A message leads to the trace behind it.
        const message_id = sentTo(keys.chat_id, answer, payload);
        if (message_id !== undefined) trace.set({ message_id });
        return answer;
      };
      try {
        // Of a context that takes none it fails without throwing.
        Reflect.set(ctx, "trace", trace);
        follow(ctx, followCall);
      } catch {
        // A client that is frozen or missing: the handler runs all the same, and its calls are no steps.
      }
      return next();
    }, keys);
  };
}

function nameOf<C extends UpdateContext>(pipeline: TraceUpdatesOptions<C>["pipeline"], ctx: C): string | undefined {
  try {
    const name = typeof pipeline === "function" ? pipeline(ctx) : pipeline;
    if (typeof name === "string" && name !== "") return name;
  } catch {
    // The bot goes on, and the trace gets the usual name.
  }
  return undefined;
}

interface ApiAnswer {
  ok?: boolean;
  result?: unknown;
  error_code?: number;
  description?: string;
}

/** grammY's transformers get a refusal as an answer; Telegraf throws it, with the same words. */
function refusalIn(answer: unknown): string | undefined {
  const { ok, error_code, description } = (answer ?? {}) as ApiAnswer;
  return ok === false ? `${error_code}: ${description}` : undefined;
}

interface Message {
  message_id?: number;
  chat?: { id: number };
}

/** Id of the last message of an answer, if it is one in the chat. Copies have no chat but the one they were sent to. */
function sentTo(chatId: number | undefined, answer: unknown, payload: unknown): number | undefined {
  const { ok, result } = (answer ?? {}) as ApiAnswer;
  const messages = ok === undefined ? answer : result;
  const last = (Array.isArray(messages) ? messages.at(-1) : messages) as Message | true | null | undefined;
  if (typeof last !== "object" || last === null) return undefined;
  const chat = last.chat?.id ?? (payload as { chat_id?: unknown } | undefined)?.chat_id;
  // Of an update without a chat it is none: NaN equals nothing.
  return Number(chat) === chatId ? last.message_id : undefined;
}
