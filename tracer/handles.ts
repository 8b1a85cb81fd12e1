/// <reference lib="esnext.disposable" preserve="true" />
/**
 * What a bot's author holds while a trace runs.
 *
 * No method throws or waits. After the trace has ended, all of them do nothing.
 *
 * @module
 */

/** Telegram's own keys of the update that started a run. */
export interface TraceKeys {
  update_id?: number | undefined;
  chat_id?: number | undefined;
  user_id?: number | undefined;
  message_id?: number | undefined;
}

/** What is known of an LLM call. What is not known is left out, never 0. */
export interface LlmCall {
  model?: string | undefined;
  input_tokens?: number | undefined;
  /** Those of `input_tokens` that came from a cache. */
  cached_tokens?: number | undefined;
  output_tokens?: number | undefined;
  /** Those of `output_tokens` that were reasoning. */
  reasoning_tokens?: number | undefined;
  /** Micro-dollars. */
  cost_microusd?: number | undefined;
  /** Kept in full for errors and a sample of the rest. A value that is not a string is stored as JSON. */
  request?: unknown;
  response?: unknown;
}

/** A step as it has just started. */
export interface StartedStep {
  name: string;
  /** Milliseconds from the start of the trace, as it will be stored. */
  offset_ms: number;
}

interface Handle<Name extends string> {
  /** Starts a step below this one, to be ended by hand. It takes no part in the async context; see {@link run}. */
  startStep(name: Name): Step<Name>;
  /** Runs `fn` so that the steps it starts attach here. Ends nothing. */
  run<T>(fn: () => T): T;
  /** Marks as failed, with the error's message. */
  fail(error: unknown): void;
  /** Ends it; a second call does nothing. */
  end(): void;
  [Symbol.dispose](): void;
}

export interface Trace<Name extends string = string> extends Handle<Name> {
  /** The trace id, a UUIDv7. */
  readonly id: string;
  readonly ended: boolean;
  /** Adds or replaces keys of the update, such as the id of the message that the bot answered with. */
  set(keys: TraceKeys): void;
  /** Calls `listener` at the start of each step; a second listener takes the place of the first. */
  onStep(listener: (step: StartedStep) => void): void;
}

export interface Step<Name extends string = string> extends Handle<Name> {
  /** Records an LLM call. A second call adds to what the first has told. */
  llm(call: LlmCall): void;
}
