/** Who started us: what they see, and whether they can be asked. */
import { createInterface } from "node:readline/promises";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";
import type { ReadStream } from "node:tty";

export interface Terminal {
  /** The report. */
  out(text: string): void;
  /** All else. */
  err(text: string): void;
  /** Somebody reads what is written to `err`, who can answer. */
  interactive: boolean;
  colours: boolean;
  columns: number;
  /** Resolves to what they have typed; to undefined when they have closed it. Rejects when `signal` aborts. */
  ask(question: string, signal: AbortSignal): Promise<string | undefined>;
}

const CTRL_C = 3;
/** What the terminal has kept is there at once. */
const DROP_MS = 20;

/** @param interrupt Called when Ctrl-C is pressed while they are asked. */
export function processTerminal(redact: (text: string) => string, interrupt: () => void): Terminal {
  const { stdin, stdout, stderr } = process;
  return {
    out: (text) => void stdout.write(redact(text)),
    err: (text) => void stderr.write(redact(text)),
    interactive: Boolean(stdin.isTTY && stderr.isTTY),
    colours: Boolean(stdout.isTTY && stderr.isTTY) && !process.env["NO_COLOR"],
    get columns() {
      return stderr.columns || 80;
    },
    async ask(question, signal) {
      await dropTyped(stdin, interrupt);
      const lines = createInterface({ input: stdin, output: stderr });
      lines.on("SIGINT", interrupt);
      const closed = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
      try {
        return await Promise.race([lines.question(redact(question), { signal }), closed]);
      } finally {
        lines.close();
      }
    },
  };
}

/** What was typed before a question could be read is no answer to it. */
async function dropTyped(stdin: ReadStream, interrupt: () => void): Promise<void> {
  // Otherwise a line without its Enter stays in the terminal, and whoever presses Enter later sends it.
  stdin.setRawMode(true);
  const drop = (typed: Uint8Array) => typed.includes(CTRL_C) && interrupt();
  stdin.on("data", drop);
  await sleep(DROP_MS);
  stdin.off("data", drop).pause();
}
