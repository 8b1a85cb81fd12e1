/**
 * What a tracer can be told, and what it tells of itself.
 *
 * @module
 */
import type { DeliveryStats } from "./account.ts";
import type { CaptureOptions } from "./capture.ts";
import type { DeliveryOptions } from "./delivery.ts";
import type { OnError } from "./report.ts";
import type { StepTable } from "./steps.ts";
import type { Mask } from "./text.ts";
import type { Transport } from "./transport.ts";

/** What a tracer can be told. */
export interface TracerOptions<Steps extends StepTable = StepTable> extends DeliveryOptions {
  /** Address of the ingest function. Without it, and without a transport, nothing can be sent. */
  url?: string | undefined;
  /** An ingest key. */
  key?: string | undefined;
  /** Instead of `url` and `key`. */
  transport?: Transport | undefined;
  /** From `defineSteps`; then no other step names compile. */
  steps?: Steps | undefined;
  /** Version of the bot, such as a git revision. */
  release?: string | undefined;
  /** Which requests and responses are kept. @default those of all errors, and of a tenth of the other traces */
  capture?: CaptureOptions<keyof Steps & string> | undefined;
  /**
   * Runs over every request, response, error and name (of pipelines, steps, models, the release) before it leaves the process,
   * after the built-in masks; over a name not each time. If it throws or
   * returns no string, "[mask failed]" is sent instead. Of a text too long to be kept whole, it gets what is kept and 4,096
   * characters more.
   */
  mask?: Mask | undefined;
  /** Built-in masks for keys, tokens, passwords, e-mail addresses, phone and card numbers. @default true */
  defaultMasks?: boolean | undefined;
  /** Called once for each cause of lost or distorted data. @default a line on `console.warn` */
  onError?: OnError | undefined;
  /** A trace that has run for this long, in milliseconds, is announced before its end. @default 10000 */
  announceAfterMs?: number | undefined;
  /** Longest that a trace waits for its background tasks once its handler is over, in milliseconds. @default 30000 */
  backgroundMs?: number | undefined;
  /** Flush on SIGTERM, SIGINT and when the process runs out of work. @default true, unless `waitUntil` is given */
  flushOnExit?: boolean | undefined;
  /**
   * Serverless platforms: keeps the instance alive until the promise settles. It is given background tasks, and traces as they
   * are sent, each as soon as it ends.
   *
   * On Cloudflare pass `waitUntil` of `cloudflare:workers`, or `(sent) => ctx.waitUntil(sent)`; there
   * `flushOnExit` has nothing to do.
   *
   * @default that of Supabase's edge runtime (`EdgeRuntime.waitUntil`) or of Vercel's current request, where there is one
   */
  waitUntil?: ((settled: Promise<unknown>) => void) | undefined;
}

/** What a tracer tells of itself. All counts are since it was made. */
export interface TracerStats extends DeliveryStats {
  /** Steps that ran outside any trace, or started after their trace had ended. */
  orphanSteps: number;
  /** Steps beyond the 1,000th of their trace. They run, and are not recorded. */
  excessSteps: number;
}
