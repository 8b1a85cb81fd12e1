/**
 * Programs that the stack runs, and their certain end.
 *
 * Each child is the leader of its own process group, so that Ctrl-C in a terminal reaches only us and we stop them in order;
 * and the kernel ends it when we die without a chance to (`setpriv --pdeathsig`).
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, openSync, readFileSync } from "node:fs";
import { dirname } from "node:path";

export interface ChildOptions {
  name: string;
  command: readonly string[];
  env?: Record<string, string>;
  /** Both output streams are appended to this file. */
  log: string;
  /** Asks for an orderly end. @default "SIGTERM" */
  stopSignal?: "SIGTERM" | "SIGINT";
  /** Further arguments of `setpriv`, such as another user. */
  privileges?: readonly string[];
}

export interface Child {
  readonly name: string;
  readonly pid: number;
  readonly log: string;
  /** False once the process has ended. */
  running(): boolean;
  /** Resolves to why it ended: "exit code 1", "signal SIGKILL". */
  readonly ended: Promise<string>;
  /** Ends it: the stop signal, and SIGKILL after 10 s. */
  stop(): Promise<void>;
}

/** Variables without which programs misbehave; nothing else of our environment reaches a child. */
const INHERITED = ["PATH", "HOME", "LANG", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE"];

export function startChild(options: ChildOptions): Child {
  const { name, command, log, stopSignal = "SIGTERM", privileges = [] } = options;
  mkdirSync(dirname(log), { recursive: true });
  const output = openSync(log, "a");
  const inherited = INHERITED.flatMap((key) => process.env[key] === undefined ? [] : [[key, process.env[key]!]]);
  const child = spawn("setpriv", ["--pdeathsig", stopSignal, ...privileges, "--", ...command], {
    detached: true,
    stdio: ["ignore", output, output],
    env: { ...Object.fromEntries(inherited), ...options.env },
  });
  const ended = new Promise<string>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ? `signal ${signal}` : `exit code ${code}`));
  });
  const running = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null;
  return { name, pid: child.pid ?? -1, log, running, ended, stop: () => stop(child, ended, stopSignal, running) };
}

async function stop(child: ChildProcess, ended: Promise<string>, signal: NodeJS.Signals, running: () => boolean) {
  if (!running()) return;
  child.kill(signal);
  const timer = setTimeout(() => child.kill("SIGKILL"), 10_000);
  await ended;
  clearTimeout(timer);
}

/** The last lines of a child's log, for an error message. */
export function logTail(file: string, lines = 8): string {
  try {
    return readFileSync(file, "utf8").trimEnd().split("\n").slice(-lines).join("\n  ");
  } catch {
    return "(no log)";
  }
}

/** Waits until `check` succeeds; fails at once, with the log's end, when the child ends first. */
export async function untilReady(child: Child, check: () => Promise<unknown>, timeoutMs = 30_000): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return void await check();
    } catch (error) {
      if (!child.running()) {
        throw new Error(`${child.name} ended at start (${await child.ended}):\n  ${logTail(child.log)}`);
      }
      if (Date.now() > deadline) {
        await child.stop();
        throw new Error(`${child.name} is not ready after ${timeoutMs / 1000} s`, { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
