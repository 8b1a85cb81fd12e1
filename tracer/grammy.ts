/**
 * grammY: one trace per update, and a message that shows how far its handling is.
 *
 * The types are structural; grammY itself is not imported.
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

/** The part of grammY's `Context` that is used. */
export interface GrammyContext extends UpdateContext {
  /** The update's API object. */
  readonly api: object;
  /** The bot itself. */
  readonly me?: { id: number } | undefined;
}

type Call = (method: string, payload: object, signal?: unknown) => Promise<unknown>;

interface Api {
  raw: Record<string, (payload: object) => Promise<unknown>>;
  config: { use(transformer: (prev: Call, ...call: Parameters<Call>) => Promise<unknown>): void };
}

/**
 * Traces everything that comes after it: `bot.use(traceUpdates(tracer))`. The trace is `ctx.trace`, for which the
 * context's type is `Context & Traced`. What a handler throws is recorded and passed on to the bot as it is.
 *
 * Calls to Telegram through `ctx` are recorded, outside the transformers of `bot.api`: of a call that one of them repeats,
 * the step shows the last answer. Calls through `bot.api` are not recorded.
 */
export function traceUpdates<C extends GrammyContext>(
  tracer: Tracer,
  options: TraceUpdatesOptions<C> = {},
): (ctx: C, next: () => Promise<void>) => Promise<void> {
  return updateTracer(tracer, options, (ctx, followCall) => {
    // grammY makes an API object of its own for each update: nothing has to be undone.
    (ctx.api as Api).config?.use((prev, method, payload, signal) =>
      followCall(method, payload, () => prev(method, payload, signal))
    );
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
  ctx: GrammyContext & { readonly trace?: Trace },
  steps: StepTable,
  options?: ProgressMessageOptions,
): ProgressMessage {
  const { raw } = ctx.api as Api;
  return progressMessage(ctx, ctx.me?.id, (method, payload) => raw[method]!(payload), steps, options);
}
