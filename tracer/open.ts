/**
 * The traces that run: announced when they take long, ended when nobody else does it.
 *
 * @module
 */
import type { Reporter } from "./report.ts";
import { background, type Timer } from "./timers.ts";
import { context, type OpenTrace } from "./trace.ts";

/** Traces that may run at once; beyond it, the oldest is one that nobody will end. */
const MAX_OPEN = 10_000;

export class OpenTraces {
  readonly #announceAfterMs: number;
  readonly #announce: (trace: OpenTrace) => void;
  readonly #reporter: Reporter;
  /** In order of their start. */
  readonly #open = new Set<OpenTrace>();
  #timer: Timer | undefined;

  constructor(announceAfterMs: number, announce: (trace: OpenTrace) => void, reporter: Reporter) {
    this.#announceAfterMs = announceAfterMs;
    this.#announce = announce;
    this.#reporter = reporter;
  }

  add(trace: OpenTrace): void {
    if (this.#open.size >= MAX_OPEN) {
      for (const oldest of this.#open) {
        if (!oldest.ended) {
          this.#reporter.once("never_ended", `A trace was never ended: ${oldest.pipeline}.`, oldest.pipeline);
        }
        abandon(oldest, "never ended");
        break;
      }
    }
    this.#open.add(trace);
    if (this.#timer === undefined) this.#arm(this.#announceAfterMs);
  }

  delete(trace: OpenTrace): void {
    this.#open.delete(trace);
  }

  /** Ends all of them, as failed but for those that only wait for background tasks. */
  close(): void {
    for (const trace of this.#open) abandon(trace, "still running when the tracer was closed");
    clearTimeout(this.#timer);
  }

  #arm(ms: number): void {
    this.#timer = context.run(undefined, () => background(() => this.#announceDue(), ms));
  }

  /** One timer for all traces: it goes off when the oldest one not yet announced is due. */
  #announceDue(): void {
    this.#timer = undefined;
    for (const trace of this.#open) {
      if (trace.announced) continue;
      const restMs = this.#announceAfterMs - (performance.now() - trace.startTime);
      if (restMs > 0) return this.#arm(restMs);
      trace.announced = true;
      this.#announce(trace);
    }
  }
}

function abandon(trace: OpenTrace, why: string): void {
  if (!trace.ended) trace.fail(why);
  trace.finish();
}
