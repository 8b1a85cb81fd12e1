// Real processes of both runtimes that a bot may run on.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { denoProgram } from "../../../scripts/stack/functions.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

/** Command lines that run a TypeScript file, by the runtime's name. */
export const runtimes = {
  Node: [process.execPath, "--import", "tsx"],
  // The program itself: npm's `deno` is a wrapper that would survive its end, or the other way round.
  Deno: [denoProgram(), "run", "--no-lock", "--quiet", "--allow-net=127.0.0.1", "--allow-env", "--allow-run"],
};

export interface Running {
  child: ChildProcess;
  /** What it has written so far. */
  output(): string;
  /** Exit code or signal, and what it wrote to stderr. */
  ended: Promise<{ code: number | null; signal: string | null; stderr: string }>;
}

/** Resolves when the process has written something. Kills it when the test is over. */
export async function start([command, ...args]: string[]): Promise<Running> {
  const child = spawn(command!, args, { cwd: ROOT, stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => stdout += chunk);
  child.stderr.on("data", (chunk) => stderr += chunk);
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, stderr }));
  await Promise.race([
    once(child.stdout, "data"),
    ended.then((end) => Promise.reject(new Error(`The bot ended: ${JSON.stringify(end)}`))),
  ]);
  return { child, output: () => stdout, ended };
}
