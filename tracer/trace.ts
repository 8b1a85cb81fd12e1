/**
 * One running trace: what is kept of it in memory until it has ended.
 *
 * Times are `performance.now()` readings; `offsetMs` rounds them, once.
 *
 * @module
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { CaptureRules } from "./capture.ts";
import type { StartedStep, Trace, TraceKeys } from "./handles.ts";
import type { OpenStep, OpenTask } from "./step.ts";
import { errorText, type Mask } from "./text.ts";
import { type Timer, timerMs } from "./timers.ts";
import { uuidv7 } from "./uuid.ts";

export type Node = OpenTrace | OpenStep | OpenTask;

/** Where new steps attach: the innermost step that runs here, or the trace itself. One per process. */
export const context = new AsyncLocalStorage<Node | undefined>();

export const KEYS = ["update_id", "chat_id", "user_id", "message_id"] as const;

/** What a trace needs of its tracer. */
export interface TraceOwner {
  readonly release: string | undefined;
  readonly mask: Mask;
  /** Names as they travel: masked and cut, by what they were. */
  readonly names: Map<string, string>;
  /** Share of the traces without an error whose requests and responses are kept. */
  readonly captureRate: number;
  readonly captureRules: CaptureRules;
  /** Longest that a trace whose handler is over waits for its background tasks. */
  readonly backgroundMs: number;
  startStep(name: string, parent: Node): OpenStep;
  background(fn: () => unknown, parent: Node): void;
  /** Called once, when the trace has ended. */
  ended(trace: OpenTrace): void;
  /** A background task has failed which has no trace, or none any more. */
  taskFailed(error: unknown): void;
}

const whole = (ms: number): number => Math.max(0, Math.round(ms) || 0);

export class OpenTrace implements Trace {
  readonly pipeline: string;
  /** Epoch milliseconds: whole, whatever a test has put in the clock's place. */
  readonly startedAt = whole(Date.now());
  readonly startTime = performance.now();
  readonly keys: TraceKeys = {};
  readonly owner: TraceOwner;
  readonly trace = this;
  readonly name = undefined;
  /** What steps below it give as `parent`, as {@link OpenStep.position} is for nested ones. */
  readonly position = 0;
  readonly inTask = false;
  readonly steps: OpenStep[] = [];
  ended = false;
  /** Background tasks that run. */
  tasks = 0;
  timer: Timer | undefined = undefined;
  /** Set when nothing more is recorded. */
  endTime: number | undefined = undefined;
  error: string | undefined = undefined;
  /** The trace or one of its steps has failed: its requests and responses are kept. */
  failed = false;
  announced = false;
  listener: ((step: StartedStep) => void) | undefined = undefined;
  #id: string | undefined = undefined;

  constructor(pipeline: string, keys: TraceKeys | undefined, owner: TraceOwner) {
    this.pipeline = pipeline;
    this.owner = owner;
    if (keys) this.set(keys);
  }

  /** Made when it is asked for, which is after the handler unless the bot does it. */
  get id(): string {
    return this.#id ??= uuidv7(this.startedAt);
  }

  set(keys: TraceKeys): void {
    if (this.endTime !== undefined) return;
    for (const key of KEYS) if (keys?.[key] !== undefined) this.keys[key] = keys[key];
  }

  onStep(listener: (step: StartedStep) => void): void {
    this.listener = listener;
  }

  /** Whole milliseconds since the start, of a clock that may have gone backward. All times are rounded here, so that no step sticks out of the one around it. */
  offsetMs(time: number): number {
    return whole(time - this.startTime);
  }

  startStep(name: string): OpenStep {
    return this.owner.startStep(name, this);
  }

  background(fn: () => unknown): void {
    const here = context.getStore();
    this.owner.background(fn, here?.trace === this ? here : this);
  }

  run<T>(fn: () => T): T {
    return context.run(this, fn);
  }

  fail(error: unknown): void {
    if (this.endTime !== undefined) return;
    this.error = errorText(error);
    this.failed = true;
  }

  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (this.tasks === 0) return this.finish();
    // This timer keeps the process alive: without it, a task that waits for ever would take the trace with it.
    this.timer = context.run(undefined, () => setTimeout(() => this.finish(), timerMs(this.owner.backgroundMs)));
  }

  /** As `end`, but waits for no task. */
  finish(): void {
    if (this.endTime !== undefined) return;
    this.ended = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
    this.endTime = performance.now();
    this.owner.ended(this);
  }

  [Symbol.dispose](): void {
    this.end();
  }
}
