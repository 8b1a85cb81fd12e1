/**
 * Shows a user what the bot is at, in one Telegram message, from the very steps that are traced.
 *
 * @module
 */
import type { StartedStep, Trace } from "./handles.ts";
import { newPace, type Pace, pause } from "./pace.ts";
import type { StepTable } from "./steps.ts";
import { background } from "./timers.ts";
import { context } from "./trace.ts";

/** What is shown, and how often. */
export interface ProgressOptions {
  /** Label of each step that is shown; a step without one changes nothing. */
  steps: StepTable;
  /** Shortest time between two edits, in milliseconds. Telegram allows one message a second in a chat. @default 1000 */
  minIntervalMs?: number | undefined;
}

/** A message that follows the steps. */
export interface Progress {
  /** Edits that failed. The bot goes on without them. */
  readonly failed: number;
  /**
   * Shows nothing more, and resolves when no edit is under way, so that the message can take the answer: to true then, or
   * to false after 5 s. Never rejects.
   */
  stop(): Promise<boolean>;
}

/** As `ProgressOptions`, for several messages of a chat. */
export interface FollowOptions extends ProgressOptions {
  /** Shared by all messages of a chat. */
  pace?: Pace;
  /** A label that is shown at once, before any step; as a step it has the name "" and the start 0. */
  first?: string;
  /** Called when there is nothing to show, which may be for the time being. */
  onIdle?: () => void;
}

const MAX_STOP_MS = 5000;

/**
 * Edits a message to the label of the step that has just started. Never in the step's way: edits run in the background,
 * one at a time, and while one has to wait only the newest label is kept. Ends with the trace at the latest; call
 * `stop` before the same message is edited into the answer.
 *
 * `progress` of the entries for Telegraf and grammY does this and the rest.
 *
 * @param trace `tracer.currentTrace()`; without one, nothing is shown.
 * @param edit Such as `(label) => ctx.telegram.editMessageText(chatId, messageId, undefined, label)`. It is told the
 * step too, with the name and the start that are recorded. It does not run in the trace.
 */
export function showProgress(
  trace: Trace | undefined,
  edit: (label: string, step: StartedStep) => Promise<unknown>,
  options: ProgressOptions,
): Progress {
  return followSteps(trace, edit, options);
}

/** As `showProgress`, with what a message in a chat needs beside. */
export function followSteps(
  trace: Trace | undefined,
  edit: (label: string, step: StartedStep) => Promise<unknown>,
  { steps, minIntervalMs = 1000, pace = newPace(), first, onIdle }: FollowOptions,
): Progress {
  let opening = first === undefined ? undefined : { label: first, step: { name: "", offset_ms: 0 } };
  let newest: { label: string; step: StartedStep } | undefined;
  let underWay: Promise<void> | undefined;
  let shown: string | undefined;
  let attempts = 0;
  let running = false;
  let stopped = false;
  let failed = 0;

  trace?.onStep((step) => {
    if (stopped || !Object.hasOwn(steps, step.name)) return;
    newest = { label: steps[step.name]!, step };
    start();
  });
  if (opening !== undefined) start();

  function start(): void {
    if (!running) void context.run(undefined, editAll);
  }

  async function editAll(): Promise<void> {
    running = true;
    await sleep(0);
    for (let next = opening ?? newest; next && !stopped && !trace?.ended; next = opening ?? newest) {
      const waitMs = Math.max(attempts === 0 ? 0 : pace.nextAt, pace.pausedUntil) - performance.now();
      if (waitMs > 0) {
        await sleep(waitMs);
        continue;
      }
      const { label, step } = next;
      if (opening) opening = undefined;
      else newest = undefined;
      // Telegram refuses an edit that changes nothing.
      if (label === shown) continue;
      await (underWay = editOnce(label, step));
      underWay = undefined;
    }
    running = false;
    onIdle?.();
  }

  async function editOnce(label: string, step: StartedStep): Promise<void> {
    attempts += 1;
    pace.nextAt = performance.now() + minIntervalMs;
    try {
      await edit(label, step);
      shown = label;
    } catch (error) {
      failed += 1;
      if (pause(pace, error) > 0) newest ??= { label, step };
    }
    pace.nextAt = Math.max(pace.nextAt, performance.now() + minIntervalMs);
  }

  return {
    get failed() {
      return failed;
    },
    async stop() {
      stopped = true;
      const ended = underWay?.then(() => true) ?? true;
      return await Promise.race([ended, sleep(MAX_STOP_MS).then(() => false)]);
    },
  };
}

const sleep = (ms: number) => new Promise<void>((resolve) => background(resolve, ms));
