/**
 * One JSON line an event.
 *
 * @module
 */

/** `level` is `warn` for what somebody should look at. */
export interface LogRecord {
  level: "info" | "warn";
  event: string;
  [field: string]: unknown;
}

export type Log = (record: LogRecord) => void;

export const logLine: Log = (record) => console.log(JSON.stringify(record));

/**
 * An error for the log, without the bot token: every address of the Bot API holds it, and network errors quote the
 * address, in their message and in the head of their stack.
 */
export function describe(error: unknown): { error: string; stack?: string[] } {
  const message = String(error).replace(/bot\d+:[\w-]+/g, "bot[token]");
  if (!(error instanceof Error)) return { error: message };
  const frames = (error.stack ?? "").split("\n").filter((row) => /^\s+at /.test(row));
  return { error: message, stack: frames.slice(0, 8).map((row) => row.trim()) };
}
