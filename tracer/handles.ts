/// <reference lib="esnext.disposable" preserve="true" />
/**
 * What a bot's author holds while a trace runs.
 *
 * No method throws or waits. After the trace has been sent, all of them do nothing.
 *
 * @module
 */

/** Telegram's own keys of the update that started a run. */
export interface TraceKeys {
  /** Of the update. */
  update_id?: number | undefined;
  /** Of the chat; negative of a group or channel. */
  chat_id?: number | undefined;
  /** Of the person, never of a channel. */
  user_id?: number | undefined;
  /** Of the message that the bot answered with, or else the one that it answered to. */
  message_id?: number | undefined;
}

/** What is known of an LLM call. What is not known is left out, never 0. */
export interface LlmCall {
  /** That answered, as the provider calls it. */
  model?: string | undefined;
  /** Of the request, cached ones included. */
  input_tokens?: number | undefined;
  /** Those of `input_tokens` that came from a cache. */
  cached_tokens?: number | undefined;
  /** Of the answer, reasoning included. */
  output_tokens?: number | undefined;
  /** Those of `output_tokens` that were reasoning. */
  reasoning_tokens?: number | undefined;
  /** Micro-dollars. */
  cost_microusd?: number | undefined;
  /** Milliseconds from the start of the step to the first token of a streamed answer. Left out when it is after the step's end. */
  first_token_ms?: number | undefined;
  /**
   * Kept for errors and a sample of the rest (`CaptureOptions`), masked. A value that is not a string is stored as JSON, as
   * it is now: what the bot does to it later does not matter.
   */
  request?: unknown;
  /** As `request`. */
  response?: unknown;
}

/** A step as it has just started. */
export interface StartedStep {
  /** As it is recorded. */
  name: string;
  /** Milliseconds from the start of the trace, as it will be stored. */
  offset_ms: number;
}

/** For structured logs: where a line was written. Empty outside any trace. */
export interface LogFields {
  /** Of the trace that runs here. */
  trace_id?: string;
  /** The innermost step; absent where none is around. */
  step?: string;
}

interface Handle<Name extends string> {
  /** Starts a step below this one, to be ended by hand. It takes no part in the async context; see {@link run}. */
  startStep(name: Name): Step<Name>;
  /**
   * Runs `fn` so that the steps it starts attach here. Ends nothing. For callbacks that are called from elsewhere, by a pool
   * or an emitter that was there before the trace: `pool.submit(() => step.run(done))`. `AsyncResource.bind(done)` does it too.
   */
  run<T>(fn: () => T): T;
  /** Marks as failed, with the error's message. */
  fail(error: unknown): void;
  /** Ends it; a second call does nothing. */
  end(): void;
  /** `using step = tracer.startStep("llm")` ends it with its block. */
  [Symbol.dispose](): void;
}

/** One run of a pipeline, while it goes on. */
export interface Trace<Name extends string = string> extends Handle<Name> {
  /** The trace id, a UUIDv7. */
  readonly id: string;
  /** Its handler is over. Background tasks may still add to it. */
  readonly ended: boolean;
  /** Adds or replaces keys of the update, such as the id of the message that the bot answered with. */
  set(keys: TraceKeys): void;
  /**
   * Calls `listener` at the start of each step until the trace has ended; a second listener takes the place of the first.
   */
  onStep(listener: (step: StartedStep) => void): void;
  /**
   * Runs `fn` at once, as a task that may outlive the handler: `trace.background(() => updateMemory(chat))`. Its steps belong
   * to the step around it. There is nothing to await, and nothing is thrown: an error marks the trace as failed.
   *
   * The trace is sent when its last task is over, and its duration includes the tasks. After `backgroundMs` from the end of
   * the handler (`TracerOptions`, 30 s) it is sent anyhow, with the steps that still run in a task as `detached`.
   */
  background(fn: () => unknown): void;
}

/** One step of a trace, while it goes on. */
export interface Step<Name extends string = string> extends Handle<Name> {
  /** Records an LLM call. A second call adds to what the first has told. */
  llm(call: LlmCall): void;
}

/** What a wrapper around a client needs of a tracer. Any `Tracer` will do, whatever its table of steps. */
export interface StepTracer {
  /** The trace that runs here. */
  currentTrace(): Trace | undefined;
  /** As `Tracer.step`. */
  step<T>(name: string, fn: (step: Step) => PromiseLike<T>): Promise<T>;
  /** As `Tracer.step`. */
  step<T>(name: string, fn: (step: Step) => T): T;
  /** As `Tracer.startStep`. */
  startStep(name: string): Step;
}
