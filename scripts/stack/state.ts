/**
 * The note that a running stack leaves in its folder, for `status`, `down` and whoever else wants to use it.
 *
 * @module
 */
import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { Failure } from "./failure.ts";
import { isAlive, type ProcessId, processId } from "./processes.ts";
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

const file = (dir: string) => join(dir, "state.json");

/** The state of the stack in `dir`, or undefined when none runs. A note that a crash left behind does not count. */
export function readState(dir: string): StackState | undefined {
  try {
    const state = JSON.parse(readFileSync(file(dir), "utf8")) as StackState;
    return isAlive(state.owner) ? state : undefined;
  } catch {
    return undefined;
  }
}

/**
 * Declares this process the owner of the stack in `dir`.
 *
 * @throws {Failure} when another process owns it.
 */
export function claimStack(dir: string, startedBy: string, settings: Settings): void {
  mkdirSync(dir, { recursive: true });
  const other = readState(dir);
  if (other) {
    throw new Failure(
      `The stack is already running: ${other.started_by}, process ${other.owner.pid}.`,
      "Stop that one first: npm run stack -- down",
    );
  }
  rmSync(file(dir), { force: true });
  const claim: StackState = { owner: processId()!, started_by: startedBy, settings, parts: [] };
  try {
    // Of two that start at the same moment, one makes the file.
    writeFileSync(file(dir), JSON.stringify(claim), { flag: "wx", mode: 0o600 });
  } catch (error) {
    throw new Failure("The stack is being started by another process.", "Wait for it: npm run stack -- status", error);
  }
}

/** Adds what runs, and where. */
export function noteStack(dir: string, stack: Stack): void {
  const claim = readState(dir);
  if (claim?.owner.pid !== process.pid) throw new Error(`${file(dir)} is not ours`);
  const parts = stack.children.flatMap(({ name, pid, log }) => {
    const id = processId(pid);
    return id ? [{ ...id, name, log }] : [];
  });
  const state: StackState = { ...claim, parts, info: stack.info };
  writeFileSync(`${file(dir)}.new`, JSON.stringify(state, null, 2), { mode: 0o600 });
  renameSync(`${file(dir)}.new`, file(dir));
}

export function releaseStack(dir: string): void {
  if (readState(dir)?.owner.pid === process.pid) rmSync(file(dir), { force: true });
}
