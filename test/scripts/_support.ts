/** Scripts as child processes, on a stack folder of their own, and what is left of them. */
import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject, test as base } from "vitest";
import { isAlive, processId } from "../../scripts/stack/processes.ts";
import { STACK_DIR, stackDir } from "../../scripts/stack/stack.ts";
import { ANY_PORTS } from "../_support/global.ts";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** What is empty here is also not taken from the developer's `.env`. */
const CLEAN = {
  PATH: process.env["PATH"] ?? "",
  HOME: process.env["HOME"] ?? "",
  TELEGRAM_API_ROOT: "",
  TELEGRAM_BOT_TOKEN: "",
  TELEGRAM_BOT_USERNAME: "",
  TELEGRAM_WEBHOOK_SECRET: "",
  TELEGRAM_ADMIN_IDS: "",
  OPENROUTER_API_KEY: "",
  OPENROUTER_BASE_URL: "",
  OPENROUTER_MODEL: "",
};

export interface Folder {
  dir: string;
  /** The variables that make a script use this folder, and nothing of the developer's settings. */
  env: Record<string, string>;
}

/** `test` with a deployed stack's folder of its own. With the test ends whatever runs in it. */
export const test = base
  // deno-lint-ignore no-empty-pattern -- vitest reads the fixtures that are asked for from the pattern
  .extend("folder", ({}, { onCleanup }) => {
    sweep();
    const folder = makeFolder();
    onCleanup(async () => {
      for (const pid of processesOf(folder.dir)) kill(pid);
      await untilNone(folder.dir);
      rmSync(folder.dir, { recursive: true, force: true });
    });
    return folder;
  });

function makeFolder(): Folder {
  const { pid, startTick } = processId()!;
  const dir = mkdtempSync(join(STACK_DIR, `local-test-${pid}-${startTick}-`));
  const name = basename(dir).replace(/^local-/, "");
  if (stackDir(name) !== dir) throw new Error(`${dir} is not the folder of the stack ${name}`);
  // `cp -a` keeps the owner: as root, Postgres' data is not root's.
  execFileSync("cp", ["-a", `${inject("template")}/.`, dir]);
  return { dir, env: { ...CLEAN, ...ANY_PORTS, STACK_NAME: name } };
}

/** Removes what test runs that were killed have left. */
function sweep(): void {
  for (const name of readdirSync(STACK_DIR)) {
    const [, pid, startTick] = /^local-test-(\d+)-(\d+)-/.exec(name) ?? [];
    if (pid && startTick && !isAlive({ pid: Number(pid), startTick })) {
      for (const left of processesOf(join(STACK_DIR, name))) kill(left);
      rmSync(join(STACK_DIR, name), { recursive: true, force: true });
    }
  }
}

/** For commands that start nothing. */
export const NO_FOLDER: Folder = { dir: "", env: { PATH: CLEAN.PATH } };

/** Every process of the stack in `dir`, known by its variables, its arguments or the log that it writes. */
export function processesOf(dir: string): number[] {
  const variable = `STACK_NAME=${basename(dir).replace(/^local-/, "")}\0`;
  return readdirSync("/proc").map(Number).filter((pid) => {
    if (!pid || pid === process.pid || !processId(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/environ`, "utf8").includes(variable) ||
        commandLine(pid).includes(`${dir}/`) ||
        readlinkSync(`/proc/${pid}/fd/2`).startsWith(`${dir}/`);
    } catch {
      return false; // it has ended meanwhile, or is another user's
    }
  });
}

/** Empty for a process that is gone. */
export function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Waits until the stack in `dir` has no process. Resolves to the command lines of those that stay. */
export async function untilNone(dir: string): Promise<string[]> {
  const deadline = Date.now() + 15_000;
  while (processesOf(dir).length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  return processesOf(dir).map(commandLine);
}

export interface Run {
  pid: number;
  /** All that it has written so far, both streams in one. */
  output(): string;
  /** Resolves to the match, as soon as the output has it. Rejects when the script ends without. */
  shows(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves when it has ended and all of its output is here. A signal counts as the shell counts it. */
  ended: Promise<{ code: number; output: string }>;
  /** As a terminal does it: to the whole process group. */
  signal(signal: NodeJS.Signals): void;
}

export const stack = (folder: Folder, args: string[], env: Record<string, string> = {}): Run =>
  runScript("scripts/stack/cli.ts", args, { ...folder.env, ...env });

export const demo = (folder: Folder, args: string[], env: Record<string, string> = {}): Run =>
  runScript("scripts/demo/demo.ts", args, { ...folder.env, ...env });

/** What package.json runs, in a process group of its own. */
function runScript(script: string, args: string[], env: Record<string, string>): Run {
  const child = spawn(process.execPath, ["--import", "tsx", script, ...args], {
    cwd: ROOT,
    env,
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      child.emit("output");
    });
  }
  const ended = new Promise<{ code: number; output: string }>((resolve) => {
    child.once("close", (code, signal) => {
      resolve({ code: code ?? 128 + (signal === "SIGINT" ? 2 : signal === "SIGKILL" ? 9 : 15), output });
    });
  });
  return {
    pid: child.pid!,
    output: () => output,
    ended,
    signal: (signal) => void process.kill(-child.pid!, signal),
    shows: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(output);
          if (found) resolve(found);
        };
        child.on("output", look);
        look();
        void ended.then(({ code }) => reject(new Error(`ended (${code}) without ${pattern}:\n${output}`)));
      }),
  };
}

/** Ends a process of this test's own, if it is still there. */
export function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // it has ended
  }
}
