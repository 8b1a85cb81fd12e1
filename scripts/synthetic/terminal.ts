/** Who started us: what they see, and whether they can be asked. */
import { createInterface } from "node:readline/promises";
import process from "node:process";

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
