/**
 * One running trace and its steps: what is kept in memory until the trace has ended.
 *
 * Times are `performance.now()` readings; `offsetMs` rounds them, once.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { LlmCall, StartedStep, Step, Trace, TraceKeys } from "./handles.ts";
import { errorText, ioText } from "./text.ts";
import { uuidv7 } from "./uuid.ts";

export type Node = OpenTrace | OpenStep;

/** Where new steps attach: the innermost step that runs here, or the trace itself. One per process. */
export const context = new AsyncLocalStorage<Node | undefined>();

/** What a trace needs of its tracer. */
export interface TraceOwner {
  startStep(name: string, parent: Node): OpenStep;
  /** Called once, when the trace has ended. */
  ended(trace: OpenTrace): void;
}

export class OpenTrace implements Trace {
  readonly pipeline: string;
  /** Epoch milliseconds. */
  readonly startedAt = Date.now();
  readonly startTime = performance.now();
  readonly id = uuidv7(this.startedAt);
  readonly keys: TraceKeys = {};
  readonly owner: TraceOwner;
  readonly trace = this;
  /** What steps below it give as `parent`, as {@link OpenStep.position} is for nested ones. */
  readonly position = 0;
  readonly steps: OpenStep[] = [];
  endTime: number | undefined = undefined;
  error: string | undefined = undefined;
  /** The trace or one of its steps has failed: its requests and responses are kept. */
  failed = false;
  announced = false;
  listener: ((step: StartedStep) => void) | undefined = undefined;

  constructor(pipeline: string, keys: TraceKeys | undefined, owner: TraceOwner) {
    this.pipeline = pipeline;
    this.owner = owner;
    if (keys) this.set(keys);
  }

  set({ update_id, chat_id, user_id, message_id }: TraceKeys): void {
    if (this.ended) return;
    if (update_id !== undefined) this.keys.update_id = update_id;
    if (chat_id !== undefined) this.keys.chat_id = chat_id;
    if (user_id !== undefined) this.keys.user_id = user_id;
    if (message_id !== undefined) this.keys.message_id = message_id;
  }

  get ended(): boolean {
    return this.endTime !== undefined;
  }

  onStep(listener: (step: StartedStep) => void): void {
    this.listener = listener;
  }

  /** Whole milliseconds since the start. All times are rounded here, so that no step sticks out of the one around it. */
  offsetMs(time: number): number {
    return Math.round(time - this.startTime);
  }

  startStep(name: string): OpenStep {
    return this.owner.startStep(name, this);
  }

  run<T>(fn: () => T): T {
    return context.run(this, fn);
  }

  fail(error: unknown): void {
    if (this.ended) return;
    this.error = errorText(error);
    this.failed = true;
  }

  end(): void {
    if (this.ended) return;
    this.endTime = performance.now();
    this.owner.ended(this);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

export class OpenStep implements Step {
  readonly trace: OpenTrace;
  readonly name: string;
  /** Position in the trace, counted from 1. */
  readonly position: number;
  /** Position of the enclosing step; 0 at the top level. */
  readonly parent: number;
  readonly startTime = performance.now();
  /** Stays undefined when the step outlives its trace. */
  endTime: number | undefined = undefined;
  error: string | undefined = undefined;
  /** Everything but the texts. */
  call: LlmCall | undefined = undefined;
  request: string | undefined = undefined;
  response: string | undefined = undefined;

  constructor(name: string, parent: Node, position: number) {
    this.trace = parent.trace;
    this.name = name;
    this.position = position;
    this.parent = parent.position;
  }

  startStep(name: string): OpenStep {
    return this.trace.owner.startStep(name, this);
  }

  run<T>(fn: () => T): T {
    return context.run(this, fn);
  }

  llm({ request, response, ...call }: LlmCall): void {
    if (this.trace.ended) return;
    this.call = { ...this.call, ...call };
    // Texts are made now: the author may go on changing the objects, as with an array of messages.
    this.request = ioText(request) ?? this.request;
    this.response = ioText(response) ?? this.response;
  }

  fail(error: unknown): void {
    if (this.trace.ended) return;
    this.error = errorText(error);
    this.trace.failed = true;
  }

  end(): void {
    if (this.trace.ended) return;
    this.endTime ??= performance.now();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
