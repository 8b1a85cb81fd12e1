/**
 * Telegraf: one trace per update, and a message that shows how far its handling is.
 *
 * The types are structural; Telegraf itself is not imported.
 *
 * @module
 */
import type { Trace } from "./handles.ts";
import { type ProgressMessage, progressMessage, type ProgressMessageOptions } from "./progress_message.ts";
import type { StepTable } from "./steps.ts";
import type { Tracer } from "./tracer.ts";
import { type TraceUpdatesOptions, type UpdateContext, updateTracer } from "./updates.ts";

export type { ProgressMessage, ProgressMessageOptions } from "./progress_message.ts";
export type { Traced, TraceUpdatesOptions } from "./updates.ts";

/** The part of Telegraf's `Context` that is used. */
export interface TelegrafContext extends UpdateContext {
  /** The update's client. */
  readonly telegram: object;
  /** The bot itself. */
  readonly botInfo?: { id: number } | undefined;
}

interface Client {
  callApi(method: string, payload: object, ...rest: unknown[]): Promise<unknown>;
}

/**
 * Traces everything that comes after it: `bot.use(traceUpdates(tracer))`. The trace is `ctx.trace`, for which the
 * context's type is `Context & Traced`. What a handler throws is recorded and passed on to the bot as it is.
 *
 * Calls to Telegram through `ctx` are recorded; those through `bot.telegram` are not.
 */
export function traceUpdates<C extends TelegrafContext>(
  tracer: Tracer,
  options: TraceUpdatesOptions<C> = {},
): (ctx: C, next: () => Promise<void>) => Promise<void> {
  return updateTracer(tracer, options, (ctx, followCall) => {
    // Telegraf makes a client of its own for each update: nothing has to be undone.
    const client = ctx.telegram as Client;
    const { callApi } = client;
    if (typeof callApi !== "function") return;
    client.callApi = (method, payload, ...rest) =>
      followCall(method, payload, () => callApi.call(client, method, payload, ...rest));
  });
}

/**
 * Sends a message with the first label of `steps`, and edits it to the label of each step that starts in this update's
 * trace, as often as Telegram allows. It works in the background: the handler waits for `done` alone.
 *
 * @example
 * const shown = progress(ctx, steps);
 * const answer = await tracer.step("llm.answer", () => llm(ctx.message.text));
 * await shown.done(answer);
 */
export function progress(
  ctx: TelegrafContext & { readonly trace?: Trace },
  steps: StepTable,
  options?: ProgressMessageOptions,
): ProgressMessage {
  const client = ctx.telegram as Client;
  return progressMessage(ctx, ctx.botInfo?.id, (method, payload) => client.callApi(method, payload), steps, options);
}
