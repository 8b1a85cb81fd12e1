/**
 * Shows a user what the bot is at, in one Telegram message, from the very steps that are traced.
 *
 * @module
 */
import type { StartedStep, Trace } from "./handles.ts";
import type { StepTable } from "./steps.ts";
import { background } from "./timers.ts";
import { context } from "./trace.ts";

export interface ProgressOptions {
  /** Label of each step that is shown; a step without one changes nothing. */
  steps: StepTable;
  /** Shortest time between two edits, in milliseconds. Telegram allows one message a second in a chat. @default 1000 */
  minIntervalMs?: number;
}

export interface Progress {
  /** Edits that failed. The bot goes on without them. */
  readonly failed: number;
  /**
   * Shows nothing more, and resolves when no edit is under way (after 5 s at the latest), so that the message can take
   * the answer. Never rejects.
   */
  stop(): Promise<void>;
}

const MAX_STOP_MS = 5000;

/**
 * Edits a message to the label of the step that has just started. Never in the step's way: edits run in the background,
 * one at a time, and while one has to wait only the newest label is kept. Ends with the trace at the latest; call
 * `stop` before the same message is edited into the answer.
 *
 * @param trace `tracer.currentTrace()`; without one, nothing is shown.
 * @param edit Such as `(label) => ctx.telegram.editMessageText(chatId, messageId, undefined, label)`. It is told the
 * step too, with the name and the start that are recorded. It does not run in the trace.
 */
export function showProgress(
  trace: Trace | undefined,
  edit: (label: string, step: StartedStep) => Promise<unknown>,
  { steps, minIntervalMs = 1000 }: ProgressOptions,
): Progress {
  let newest: StartedStep | undefined;
  let underWay: Promise<unknown> | undefined;
  let shown: string | undefined;
  let running = false;
  let stopped = false;
  let failed = 0;

  trace?.onStep((step) => {
    if (stopped || !Object.hasOwn(steps, step.name)) return;
    newest = step;
    if (!running) void context.run(undefined, editAll);
  });

  async function editAll(): Promise<void> {
    running = true;
    await sleep(0);
    while (newest !== undefined && !stopped && !trace?.ended) {
      const step = newest;
      newest = undefined;
      // Telegram refuses an edit that changes nothing.
      if (steps[step.name] === shown) continue;
      const attempt = editOnce(step);
      underWay = attempt;
      const askedMs = await attempt;
      underWay = undefined;
      if (askedMs > 0) newest ??= step;
      await sleep(Math.max(askedMs, minIntervalMs));
    }
    running = false;
  }

  /** @returns How long Telegram asks to wait before it is tried again, in milliseconds; 0 if there is no more to do. */
  async function editOnce(step: StartedStep): Promise<number> {
    try {
      await edit(steps[step.name]!, step);
      shown = steps[step.name];
      return 0;
    } catch (error) {
      failed += 1;
      return retryAfterMs(error);
    }
  }

  return {
    get failed() {
      return failed;
    },
    async stop() {
      stopped = true;
      await Promise.race([underWay, sleep(MAX_STOP_MS)]);
    },
  };
}

const sleep = (ms: number) => new Promise<void>((resolve) => background(resolve, ms));

/** Telegram's answer to too many requests, as the errors of Telegraf and grammY carry it. */
function retryAfterMs(error: unknown): number {
  const seconds = (error as { parameters?: { retry_after?: unknown } } | undefined)?.parameters?.retry_after;
  return typeof seconds === "number" ? seconds * 1000 : 0;
}
