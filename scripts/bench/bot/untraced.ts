/** Takes the place of `tracer/telegraf.ts` in a bot that is not traced. */
import type { BotTracer } from "./worker.ts";

export * from "../../../tracer/telegraf.ts";

export const traceUpdates = (tracer: BotTracer) => (_: unknown, next: () => Promise<void>): Promise<void> =>
  tracer.trace("", () => next());
