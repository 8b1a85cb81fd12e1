/**
 * LLM calls of any provider, recorded as steps with their tokens, cost and texts.
 *
 * @module
 */
import type { LlmCall, Step } from "./handles.ts";
import { costOf, type PriceTable } from "./prices.ts";
import type { OpenStep } from "./step.ts";
import type { Tracer } from "./tracer.ts";
import { hasOtherPrice, usageOf } from "./usage.ts";

export type { Price, PriceTable } from "./prices.ts";

/** What is known of a call. */
export interface LlmRecord extends LlmCall {
  /**
   * The provider's usage object, as it came: OpenAI's, OpenRouter's, Anthropic's or Gemini's. Fields given beside it
   * count for more.
   */
  usage?: unknown;
}

/** A call that is over. */
export interface PastLlmCall extends LlmRecord {
  /** Epoch milliseconds. @default so that it ends now */
  started_at?: number | undefined;
  /** Milliseconds. @default until now if `started_at` is given, else 0 */
  duration_ms?: number | undefined;
  /** What the call failed with. */
  error?: unknown;
}

/** How calls are recorded. */
export interface LlmOptions {
  /** For calls whose cost the provider does not tell. @default no table: their cost is not known */
  prices?: PriceTable | undefined;
}

/** Takes what becomes known of a call while it runs. No method throws. */
export interface LlmRecorder {
  /** Adds to what was told before. The cost comes from `usage`, or else from the table of prices. */
  record(known: LlmRecord): void;
  /** The first token of a streamed answer has come. Later calls do nothing. */
  firstToken(): void;
}

/** Writes what becomes known of a call into its step. */
export class StepRecorder implements LlmRecorder {
  readonly #step: Step;
  readonly #start = performance.now();
  readonly #known: LlmCall = {};
  #prices: PriceTable | undefined;

  constructor(step: Step, prices: PriceTable | undefined) {
    this.#step = step;
    this.#prices = prices;
  }

  record(record: LlmRecord): void {
    let all: LlmCall = record;
    try {
      const { usage, request, response, ...call } = record;
      const known = this.#known;
      Object.assign(known, told(usageOf(usage)), told(call));
      if (hasOtherPrice(usage)) this.#prices = undefined;
      const cost_microusd = known.cost_microusd ?? costOf(known, this.#prices);
      all = { ...known, cost_microusd, request, response };
    } catch {
      // A usage that cannot be read or counted, such as one of big integers: the rest is known all the same.
    }
    this.#step.llm(all);
  }

  firstToken(): void {
    // Rounded down, or else it could come after the rounded end of the step.
    if (this.#known.first_token_ms === undefined) {
      this.record({ first_token_ms: Math.floor(performance.now() - this.#start) });
    }
  }
}

/**
 * Records an LLM call as a step: one that is over, or one that `call` makes and tells of.
 *
 * ```ts
 * const text = await recordLlm(tracer, "llm.answer", async (llm) => {
 *   llm.record({ request: messages });
 *   const answer = await anthropic.messages.create({ model, messages, max_tokens });
 *   llm.record({ model: answer.model, usage: answer.usage, response: answer.content });
 *   return answer.content;
 * });
 * ```
 *
 * What a function returns or throws passes through, as with `tracer.step`.
 */
export function recordLlm<Name extends string, T>(
  tracer: Tracer<Name>,
  name: NoInfer<Name>,
  call: (llm: LlmRecorder) => T,
  options?: LlmOptions,
): T;
export function recordLlm<Name extends string>(
  tracer: Tracer<Name>,
  name: NoInfer<Name>,
  call: PastLlmCall,
  options?: LlmOptions,
): void;
export function recordLlm(
  tracer: Tracer,
  name: string,
  call: PastLlmCall | ((llm: LlmRecorder) => unknown),
  { prices }: LlmOptions = {},
): unknown {
  if (typeof call === "function") return tracer.step(name, (step) => call(new StepRecorder(step, prices)));

  const { started_at, duration_ms, error, ...record } = call;
  const step = tracer.startStep(name);
  new StepRecorder(step, prices).record(record);
  if (error !== undefined) step.fail(error);
  const now = performance.now();
  const start = now - (started_at === undefined ? duration_ms ?? 0 : Date.now() - started_at);
  endAsPast(step, start, duration_ms === undefined ? now : start + duration_ms);
  return undefined;
}

/**
 * Ends a step that was over before it was started, at readings of `performance.now()`. Times that do not fit between the
 * start of its trace and now are moved there: the server would refuse the trace.
 */
export function endAsPast(step: Step, start: number, end: number): void {
  const { trace } = step as OpenStep;
  const now = performance.now();
  const startTime = Math.min(Math.max(trace.startTime, start || 0), now);
  Object.assign(step, { startTime, endTime: Math.min(Math.max(startTime, end || 0), now) });
}

/** Without what is undefined or null, which would cover what is known already. */
const told = (call: LlmCall): LlmCall =>
  Object.fromEntries(Object.entries(call).filter(([, value]) => (value ?? undefined) !== undefined));
