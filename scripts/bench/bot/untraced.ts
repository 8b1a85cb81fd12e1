/** Takes the place of `tracer/telegraf.ts` in a bot that is not traced. */
export * from "../../../tracer/telegraf.ts";

export const traceUpdates = () => (_: unknown, next: () => Promise<void>): Promise<void> => next();
