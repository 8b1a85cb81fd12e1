/**
 * The note that a running stack leaves in its folder, for `status`, `down` and whoever else wants to use it.
 *
 * @module
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Failure } from "./failure.ts";
import { withLock } from "./lock.ts";
import { hasEnded, isAlive, type ProcessId, processId } from "./processes.ts";
import type { Settings } from "./settings.ts";
import type { Stack, StackInfo } from "./stack.ts";

export interface StackState {
  /** The process that runs the stack; all parts end with it. */
  owner: ProcessId;
  /** Who that is, for messages: "npm run stack -- up". */
  started_by: string;
  /** The settings it was started with. */
  settings: Settings;
  parts: (ProcessId & { name: string; log: string })[];
  /** Absent until everything is up. */
  info?: StackInfo;
}

const PART_ENDS_MS = 10_000;

const file = (dir: string) => join(dir, "state.json");

/** The state of the stack in `dir`, or undefined when none runs. A note that a crash left behind does not count. */
export function readState(dir: string): StackState | undefined {
  const state = readNote(dir);
  return state && isAlive(state.owner) ? state : undefined;
}

function readNote(dir: string): StackState | undefined {
  try {
    return JSON.parse(readFileSync(file(dir), "utf8")) as StackState;
  } catch {
    return undefined;
  }
}

/** Names of the parts that should run and do not. */
export const deadParts = ({ parts }: StackState): string[] =>
  parts.filter((part) => !isAlive(part)).map(({ name }) => name);

/**
 * Declares this process the owner of the stack in `dir`.
 *
 * @throws {Failure} when another process owns it.
 */
export function claimStack(dir: string, startedBy: string, settings: Settings): Promise<void> {
  return withLock(join(dir, "lock"), async () => {
    const other = readNote(dir);
    if (other && isAlive(other.owner)) {
      const owner = `${other.started_by}, process ${other.owner.pid}`;
      throw other.info
        ? new Failure(`The stack is already running: ${owner}.`, "Stop that one first: npm run stack -- down")
        : new Failure(`The stack is just being started or stopped: ${owner}.`, "Try again in a moment.");
    }
    // The parts of an owner that was killed are ending, and hold their ports and data until then.
    for (const part of other?.parts ?? []) await hasEnded(part, PART_ENDS_MS);
    writeNote(dir, { owner: processId()!, started_by: startedBy, settings, parts: [] });
  });
}

/** Adds what runs, and where. */
export function noteStack(dir: string, stack: Stack): void {
  const claim = readState(dir);
  if (claim?.owner.pid !== process.pid) throw new Error(`${file(dir)} is not ours`);
  const parts = stack.children.flatMap(({ name, pid, log }) => {
    const id = processId(pid);
    return id ? [{ ...id, name, log }] : [];
  });
  writeNote(dir, { ...claim, parts, info: stack.info });
}

function writeNote(dir: string, state: StackState): void {
  writeFileSync(`${file(dir)}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${file(dir)}.new`, file(dir));
}

export function releaseStack(dir: string): void {
  if (readState(dir)?.owner.pid === process.pid) rmSync(file(dir), { force: true });
}
