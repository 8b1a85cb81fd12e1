/**
 * The traces that run: announced when they take long, ended when nobody else does it.
 *
 * @module
 */
import type { Reporter } from "./report.ts";
import { background, type Timer } from "./timers.ts";
import { context, type OpenTrace } from "./trace.ts";

/** Traces that are watched at once. Beyond it, an oldest that is as old as this is one that nobody will end. */
const MAX_OPEN = 10_000;
const MAX_AGE_MS = 15 * 60_000;

export function openTraces(announceAfterMs: number, announce: (trace: OpenTrace) => void, reporter: Reporter) {
  /** In order of their start. */
  const open = new Set<OpenTrace>();
  let timer: Timer | undefined;

  function arm(ms: number): void {
    timer = context.run(undefined, () => background(announceDue, ms));
  }

  /** One timer for all traces: it goes off when the oldest one not yet announced is due. */
  function announceDue(): void {
    timer = undefined;
    for (const trace of open) {
      if (trace.announced) continue;
      const restMs = announceAfterMs - (performance.now() - trace.startTime);
      if (restMs > 0) return arm(restMs);
      trace.announced = true;
      announce(trace);
    }
  }

  return {
    add(trace: OpenTrace): void {
      if (open.size >= MAX_OPEN) {
        const oldest = open.values().next().value!;
        const { ended, pipeline, startTime } = oldest;
        // A busy bot: the new one runs and is recorded, it is only not announced, nor ended by `close`.
        if (trace.startTime - startTime < MAX_AGE_MS) return;
        if (!ended) reporter.once("never_ended", `A trace was never ended: ${pipeline}.`, pipeline);
        abandon(oldest, "never ended");
      }
      open.add(trace);
      if (timer === undefined) arm(announceAfterMs);
    },

    delete: (trace: OpenTrace) => open.delete(trace),

    /** Ends all of them, as failed but for those that only wait for background tasks. */
    close(): void {
      for (const trace of open) abandon(trace, "still running when the tracer was closed");
      clearTimeout(timer);
    },
  };
}

function abandon(trace: OpenTrace, why: string): void {
  if (!trace.ended) trace.fail(why);
  trace.finish();
}
