/**
 * A step of a running trace, and a background task of one.
 *
 * @module
 */
import { type Captured, captured } from "./capture.ts";
import type { LlmCall, Step } from "./handles.ts";
import { errorText } from "./text.ts";
import { context, type Node, type OpenTrace } from "./trace.ts";

export class OpenStep implements Step {
  readonly trace: OpenTrace;
  readonly name: string;
  /** Position in the trace, counted from 1. */
  readonly position: number;
  /** Position of the enclosing step; 0 at the top level. */
  readonly parent: number;
  /** Runs in a background task: it may outlive its trace. */
  inTask: boolean;
  readonly startTime = performance.now();
  /** Stays undefined when the step outlives its trace. */
  endTime: number | undefined = undefined;
  error: string | undefined = undefined;
  /** Everything but the texts. */
  call: LlmCall | undefined = undefined;
  request: Captured | undefined = undefined;
  response: Captured | undefined = undefined;

  constructor(name: string, parent: Node, position: number) {
    this.trace = parent.trace;
    this.name = name;
    this.position = position;
    this.parent = parent.position;
    this.inTask = parent.inTask;
  }

  startStep(name: string): OpenStep {
    return this.trace.owner.startStep(name, this);
  }

  run<T>(fn: () => T): T {
    return context.run(this, fn);
  }

  llm(told: LlmCall): void {
    const { trace } = this;
    if (trace.endTime !== undefined) return;
    try {
      const { request, response, ...call } = told;
      // What is not known the second time does not undo what was known the first time.
      const known = Object.fromEntries(Object.entries(call).filter(([, value]) => value !== undefined));
      this.call = { ...this.call, ...known };
      // Nor of what is below a step that is never to be kept: it may be the same text.
      // deno-lint-ignore no-this-alias -- the first of a chain
      for (let step: OpenStep | undefined = this; step; step = trace.steps[step.parent - 1]) {
        if (trace.owner.captureRules.get(step.name) === "never") return;
      }
      this.request = captured(request) ?? this.request;
      this.response = captured(response) ?? this.response;
    } catch {
      // Nothing was told, or a getter fails.
    }
  }

  fail(error: unknown): void {
    if (this.trace.endTime !== undefined) return;
    this.error = errorText(error);
    this.trace.failed = true;
  }

  end(): void {
    if (this.trace.endTime !== undefined) return;
    this.endTime ??= performance.now();
  }

  [Symbol.dispose](): void {
    this.end();
  }
}

/** A background task: it holds up the end of its trace, and is no step itself. */
export class OpenTask {
  readonly trace: OpenTrace;
  /** Of the step around it. */
  readonly name: string | undefined;
  readonly position: number;
  readonly inTask = true;

  constructor({ trace, name, position }: Node) {
    this.trace = trace;
    this.name = name;
    this.position = position;
    trace.tasks += 1;
  }

  fail(error: unknown): void {
    const { trace } = this;
    if (trace.endTime !== undefined) trace.owner.taskFailed(error);
    // What the handler itself has failed with matters more.
    else if (trace.error === undefined) trace.fail(error);
  }

  end(): void {
    const { trace } = this;
    trace.tasks -= 1;
    if (trace.tasks === 0 && trace.ended) trace.finish();
  }
}
