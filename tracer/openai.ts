/**
 * Traces the calls of the official `openai` client, and of those that are made like it.
 *
 * The client is changed in place, at its `create` methods and its `fetch`: what these return is the client's own, with
 * an ear at the point where an answer has been read. The types are structural; `openai` itself is not imported.
 *
 * @module
 */
import type { Step } from "./handles.ts";
import { OpenAICall } from "./openai_call.ts";
import { OPENAI_PRICES } from "./openai_prices.ts";
import type { PriceTable } from "./prices.ts";
import { context } from "./trace.ts";
import type { Tracer } from "./tracer.ts";

export { OPENAI_PRICES } from "./openai_prices.ts";
export type { Price, PriceTable } from "./prices.ts";

/** The part of the `openai` client that is used. */
export interface OpenAIClient {
  /** Chat completions. */
  readonly chat: { readonly completions: Resource };
  /** Responses, where the client has them. */
  readonly responses?: Resource;
  /** Embeddings, where the client has them. */
  readonly embeddings?: Resource;
}

interface Resource {
  create(...args: never[]): unknown;
}

/** How calls are recorded. */
export interface TraceOpenAIOptions<Name extends string = string> {
  /**
   * Name of the steps, or how to tell it from the body of the request.
   *
   * @default `llm.chat`, `llm.responses` or `llm.embeddings`; also where a function fails or returns nothing
   */
  step?: Name | ((request: Readonly<Record<string, unknown>>) => Name | undefined) | undefined;
  /** For answers that do not tell their cost. @default {@link OPENAI_PRICES} */
  prices?: PriceTable | undefined;
}

type Method = (...args: unknown[]) => unknown;
type Fetch = (...args: unknown[]) => Promise<Response>;

/** Clients that are traced, and the `fetch` that they have since. */
const traced = new WeakSet<object>();
/** The call that runs in a context. */
const calls = new WeakMap<object, OpenAICall>();

/**
 * Records each call of `chat.completions.create`, `responses.create` and `embeddings.create`, and so of the helpers that
 * are built on them, as a step of the trace that it runs in. Outside any trace, nothing is recorded.
 *
 * - Streams pass through event by event; the step ends with the stream. Tokens are known if the request asks for them
 *   (`stream_options: { include_usage: true }`).
 * - Attempts that the client repeats are steps below the call, `llm.retry`.
 * - With `asResponse()` alone, the body is the bot's: the step ends with the headers and has no answer.
 *
 * @param client Changed in place; a second call for the same client does nothing. Copies made by its `withOptions` are
 * traced too.
 * @returns The client.
 */
export function traceOpenAI<C extends OpenAIClient, Name extends string>(
  client: C,
  tracer: Tracer<Name>,
  options: TraceOpenAIOptions<NoInfer<Name>> = {},
): C {
  if (traced.has(client)) return client;
  traced.add(client);
  const { prices = OPENAI_PRICES } = options;

  const patch = (resource: Resource | undefined, standard: string) => {
    if (resource === undefined) return;
    const create = resource.create as Method;
    const patched: Method = (...args) => {
      const trace = tracer.currentTrace();
      if (trace === undefined) return create.apply(resource, args);
      const request = args[0] as Record<string, unknown> | undefined;
      const step = (tracer as Tracer).startStep(nameOf(options.step, request) ?? standard);
      return run(step, request, prices, () => create.apply(resource, args));
    };
    Object.assign(resource, { create: patched });
  };
  patch(client.chat?.completions, "llm.chat");
  patch(client.responses, "llm.responses");
  patch(client.embeddings, "llm.embeddings");

  const { fetch, withOptions } = client as { fetch?: unknown; withOptions?: unknown };
  if (typeof fetch === "function" && !traced.has(fetch)) Object.assign(client, { fetch: seeAttempts(fetch as Fetch) });
  if (typeof withOptions === "function") {
    const copy: Method = (...args) => traceOpenAI(withOptions.apply(client, args) as C, tracer, options);
    Object.assign(client, { withOptions: copy });
  }
  return client;
}

function nameOf(
  step: TraceOpenAIOptions["step"],
  request: Record<string, unknown> | undefined,
): string | undefined {
  if (typeof step !== "function") return step;
  try {
    return step(request ?? {});
  } catch {
    return undefined;
  }
}

function run(
  step: Step,
  request: Record<string, unknown> | undefined,
  prices: PriceTable,
  create: () => unknown,
): unknown {
  const call = new OpenAICall(step, prices);
  call.record({ model: request?.["model"] as string | undefined, request });
  try {
    return call.follow(step.run(() => {
      const store = context.getStore();
      if (store) calls.set(store, call);
      return create();
    }));
  } catch (error) {
    call.failed(error);
    throw error;
  }
}

function seeAttempts(fetch: Fetch): Fetch {
  const send: Fetch = (...args) => {
    const store = context.getStore();
    const call = store && calls.get(store);
    // The client calls it without a `this`, and some implementations insist on that.
    const attempt = () => fetch.apply(undefined, args);
    return call === undefined ? attempt() : call.attempts.send(attempt);
  };
  traced.add(send);
  return send;
}
