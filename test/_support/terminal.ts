/** `npm run synthetic` as an author runs it: in a copy of the repository with a `bot.ts` of its own, as a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { claimStack, noteStack } from "../../scripts/stack/state.ts";
import type { Stack } from "../../scripts/stack/stack.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PARTS = ["docs/scenario.schema.json", "examples", "functions", "package.json", "scripts", "tracer"];

export interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
}

export interface Run {
  readonly child: ChildProcess;
  /** What it has written so far. */
  readonly seen: { out: string; err: string };
  readonly ended: Promise<Ended>;
}

export interface Workplace {
  dir: string;
  /** @param prefix A program that runs the rest of the command. */
  start(args: readonly string[], options?: { prefix?: string[]; env?: Record<string, string> }): Run;
  /** On a terminal: `out` is all that is seen, and what `stdin` gets is typed. The program is util-linux's `script`. */
  onTerminal(args: readonly string[]): Run;
  remove(): void;
}

/**
 * @param env What each process has besides the machine's own: neither `CI` nor keys come in from outside.
 * @param bot A file to take the place of `bot.ts`; its imports must hold in both places.
 * @param stack The one that is `npm run stack`'s there.
 */
export async function makeWorkplace(
  { env = {}, bot, stack }: { env?: Record<string, string>; bot?: string; stack?: Stack } = {},
): Promise<Workplace> {
  const dir = mkdtempSync(join(tmpdir(), "workplace-"));
  for (const part of PARTS) cpSync(join(ROOT, part), join(dir, part), { recursive: true });
  symlinkSync(join(ROOT, "node_modules"), join(dir, "node_modules"));
  if (bot) cpSync(join(ROOT, bot), join(dir, "functions/synthetic/bot.ts"));
  if (stack) {
    const local = join(dir, ".stack/local");
    mkdirSync(local, { recursive: true });
    await claimStack(local, "a test", {});
    noteStack(local, stack);
  }
  const { PATH = "", HOME = "", TMPDIR } = process.env;
  function start(command: readonly string[], more: Record<string, string> = {}): Run {
    const [program, ...args] = command;
    const child = spawn(program!, args, {
      cwd: dir,
      env: { PATH, HOME, ...(TMPDIR && { TMPDIR }), ...env, ...more },
    });
    const seen = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => seen.out += text);
    child.stderr.setEncoding("utf8").on("data", (text: string) => seen.err += text);
    const ended = new Promise<Ended>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code, signal) => resolve({ code, signal, ...seen }));
    });
    return { child, seen, ended };
  }
  const command = (args: readonly string[]) => [process.execPath, "--import", "tsx", "scripts/synthetic.ts", ...args];
  return {
    dir,
    start: (args, { prefix = [], env } = {}) => start([...prefix, ...command(args)], env),
    onTerminal: (args) => start(["script", "-qefc", `exec ${command(args).join(" ")}`, "/dev/null"]),
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}

export const readIn = ({ dir }: Workplace, file: string): string => readFileSync(join(dir, file), "utf8");
